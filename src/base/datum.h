/*
 * datum.h
 *		Texts as values of SQL types.
 */
#ifndef FPGO_DATUM_H
#define FPGO_DATUM_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* A decimal text as numeric; NULL as null. */
static inline Datum
fpgo_numeric_datum(const char *decimal, bool *is_null)
{
	*is_null = decimal == NULL;
	return decimal == NULL ? (Datum) 0 :
		DirectFunctionCall3(numeric_in, CStringGetDatum(decimal),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* A text; NULL as null. */
static inline Datum
fpgo_text_datum(const char *text, bool *is_null)
{
	*is_null = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

#endif							/* FPGO_DATUM_H */
