/*
 * row_direct.h
 *		A row found or written without the executor.
 */
#ifndef FPGO_ROW_DIRECT_H
#define FPGO_ROW_DIRECT_H

#include "postgres.h"

#include "tables/row_plan.h"
#include "tables/row_table.h"

/*
 * Do what a plan does, with these parameters (nulls as for SPI: 'n' or ' ').
 * The table must have no foreign code and be locked (fpgo_foreign_code_lock).
 * What is kept of it must be the statement's own.
 *
 * Returns true if that is done, and sets n to the number of rows.  Returns
 * false, having changed nothing, if a row conflicts, is missing, differs or
 * changes, or if a look-up finds a row.  The caller then uses the executor.
 * Raises what the statement would raise.
 */
extern bool fpgo_row_direct_run(const FpgoRowPlan *plan, FpgoRowTable *table,
								const Datum *values, const char *nulls,
								uint64 *n);

#endif							/* FPGO_ROW_DIRECT_H */
