/*
 * row_table.h
 *		A table that rows are written to without the executor.
 */
#ifndef FPGO_ROW_TABLE_H
#define FPGO_ROW_TABLE_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/rel.h"

#include "tables/row_plan.h"

/*
 * What a process keeps of the table of one statement, from row to row.  All
 * zero at first.
 */
typedef struct FpgoRowTable
{
	uint64		looked_at;		/* as in the plan that it was made for */
	EState	   *estate;			/* NULL: nothing is kept; else its memory has
								 * all that is */
	ResultRelInfo *info;
	Oid		   *indexes;
	bool		is_open;		/* also after an error in between */
	/* while it is open */
	Relation	table;
	MemoryContext row;			/* for what is needed for one row */
	MemoryContext caller;
} FpgoRowTable;

/*
 * Open the table of a plan and its indexes, to write one row.  The table is
 * locked, and the plan was good when it was.  Opening indexes may bring news of
 * changes, so ask afterwards whether it still is (fpgo_foreign_code_holds).
 * The current memory context becomes the row's.
 *
 * Closing makes the row visible to the next command.  After an error nothing
 * need be closed.
 */
extern void fpgo_row_table_open(FpgoRowTable *kept, const FpgoRowPlan *plan);
extern void fpgo_row_table_close(FpgoRowTable *kept);

#endif							/* FPGO_ROW_TABLE_H */
