/*
 * row_table.c
 *		A table that rows are written to without the executor.
 *
 * For each row the executor finds out which indexes the table has and what
 * belongs into them, and prepares the conditions of partial indexes.  Here that
 * is done once, and kept by the process as long as neither the table nor one of
 * its indexes changes.
 *
 * Table and indexes themselves are open for one row only, and indexes are locked
 * for as long, as in the executor.  So a transaction may change them after it has
 * handed in an order, and savepoints and errors find nothing open.  Taking the
 * locks brings news of changes.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "tables/row_table.h"

/* The columns that get a value, as PostgreSQL counts them in a set. */
static Bitmapset *
written_columns(const FpgoRowPlan *plan)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < plan->n_columns; i++)
		columns = bms_add_member(columns, plan->columns[i].column -
								 FirstLowInvalidHeapAttributeNumber);
	return columns;
}

/* Find out what belongs into the indexes, which are open afterwards. */
static void
make(FpgoRowTable *kept, const FpgoRowPlan *plan)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	kept->estate = CreateExecutorState();
	MemoryContextSwitchTo(kept->estate->es_query_cxt);
	fpgo_init_range_table(kept->estate, kept->table, written_columns(plan));
	kept->info = makeNode(ResultRelInfo);
	InitResultRelInfo(kept->info, kept->table, 1, NULL, 0);
	ExecOpenIndices(kept->info, plan->kind == FPGO_ROW_INSERT &&
					OidIsValid(plan->index));
	kept->indexes = palloc(sizeof(Oid) * (kept->info->ri_NumIndices + 1));
	for (int i = 0; i < kept->info->ri_NumIndices; i++)
		kept->indexes[i] = RelationGetRelid(kept->info->ri_IndexRelationDescs[i]);
	kept->looked_at = plan->looked_at;
	MemoryContextSwitchTo(old);
}

static void
open_indexes(FpgoRowTable *kept)
{
	kept->info->ri_RelationDesc = kept->table;
	for (int i = 0; i < kept->info->ri_NumIndices; i++)
		kept->info->ri_IndexRelationDescs[i] = index_open(kept->indexes[i],
														  RowExclusiveLock);
}

void
fpgo_row_table_open(FpgoRowTable *kept, const FpgoRowPlan *plan)
{
	if (kept->estate != NULL &&
		(kept->is_open || kept->looked_at != plan->looked_at))
	{
		FreeExecutorState(kept->estate);
		kept->estate = NULL;
	}
	kept->is_open = true;
	kept->table = table_open(plan->table, NoLock);
	if (kept->estate == NULL)
		make(kept, plan);
	else
		open_indexes(kept);
	kept->row = AllocSetContextCreate(CurrentMemoryContext, "fpgo row",
									  ALLOCSET_DEFAULT_SIZES);
	kept->caller = MemoryContextSwitchTo(kept->row);
	/* what an index keeps while rows are inserted goes with the row */
	for (int i = 0; i < kept->info->ri_NumIndices; i++)
		kept->info->ri_IndexRelationInfo[i]->ii_Context = kept->row;
}

void
fpgo_row_table_close(FpgoRowTable *kept)
{
	EState	   *estate = kept->estate;

	for (int i = 0; i < kept->info->ri_NumIndices; i++)
	{
		IndexInfo  *info = kept->info->ri_IndexRelationInfo[i];
		Relation	index = kept->info->ri_IndexRelationDescs[i];

		fpgo_end_index_inserts(index, info);
		info->ii_AmCache = NULL;
		index_close(index, RowExclusiveLock);
		kept->info->ri_IndexRelationDescs[i] = NULL;
	}
	ExecResetTupleTable(estate->es_tupleTable, false);
	estate->es_tupleTable = NIL;
	if (estate->es_per_tuple_exprcontext != NULL)
	{
		ResetPerTupleExprContext(estate);
		estate->es_per_tuple_exprcontext->ecxt_scantuple = NULL;
	}
	MemoryContextSwitchTo(kept->caller);
	MemoryContextDelete(kept->row);
	table_close(kept->table, NoLock);
	kept->is_open = false;
	CommandCounterIncrement();
}
