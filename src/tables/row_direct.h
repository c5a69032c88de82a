/*
 * row_direct.h
 *		A row found or written without the executor.
 */
#ifndef FPGO_ROW_DIRECT_H
#define FPGO_ROW_DIRECT_H

#include "postgres.h"

#include "tables/row_plan.h"

/*
 * Do what such a plan does, with these parameters (nulls as for SPI:
 * 'n' or ' ') on tables that are bare and locked (see foreign_code.h).  True if it is
 * done, for n rows; false, and nothing is changed, if it is a case for the
 * executor: a row is in the way or is found, or none is found to change, or
 * somebody changes it at the same time.
 * Raises what the statement would.
 */
extern bool fpgo_row_run(const FpgoRowPlan *plan, const Datum *values,
						 const char *nulls, uint64 *n);

#endif							/* FPGO_ROW_DIRECT_H */
