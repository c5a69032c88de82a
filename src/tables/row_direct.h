/*
 * row_direct.h
 *		A row found or written without the executor.
 */
#ifndef FPGO_ROW_DIRECT_H
#define FPGO_ROW_DIRECT_H

#include "postgres.h"

#include "tables/row_plan.h"

/*
 * Do what a plan does, with these parameters (nulls as for SPI: 'n' or ' '),
 * on a table that has no foreign code and is locked (see foreign_code.h).
 * Returns true if it is done, and how many rows there are.  Returns false,
 * having changed nothing, if a row conflicts, is missing, differs or changes,
 * or if a look-up finds a row; the caller then uses the executor.  Raises what
 * the statement would.
 */
extern bool fpgo_row_direct_run(const FpgoRowPlan *plan, const Datum *values,
								const char *nulls, uint64 *n);

#endif							/* FPGO_ROW_DIRECT_H */
