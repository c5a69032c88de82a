/*
 * arguments.h
 *		Arguments of SQL functions.
 */
#ifndef FPGO_ARGUMENTS_H
#define FPGO_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

/* Argument n, from 0, a text; NULL if it is null. */
static inline char *
fpgo_text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(n));
}

#endif							/* FPGO_ARGUMENTS_H */
