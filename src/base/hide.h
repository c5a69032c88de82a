/*
 * hide.h
 *		Keeps statements out of the server log.
 */
#ifndef FPGO_HIDE_H
#define FPGO_HIDE_H

#include "postgres.h"

/*
 * A callback for error_context_stack: errors and messages within it,
 * PostgreSQL's too, are logged without statement and context.
 */
extern void fpgo_hide_statement(void *arg);

#endif							/* FPGO_HIDE_H */
