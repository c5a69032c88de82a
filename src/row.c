/*
 * row.c
 *		A row written without a statement.
 *
 * An INSERT of one row spends more time on being set up than on writing it.
 * Where nothing is hung on the table, what is left of it is what PostgreSQL
 * does for a row that a subscription receives: NOT NULL constraints, the table,
 * its indexes, unique ones too.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "row.h"

static HeapTuple
form_tuple(TupleDesc columns, Datum *values, const char *nulls)
{
	bool	   *is_null = palloc(sizeof(bool) * columns->natts);

	for (int i = 0; i < columns->natts; i++)
		is_null[i] = nulls[i] == 'n';
	return heap_form_tuple(columns, values, is_null);
}

void
fpgo_row_insert(Oid table, Datum *values, const char *nulls)
{
	Relation	relation = table_open(table, NoLock);
	EState	   *estate = CreateExecutorState();
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
	ResultRelInfo *target = makeNode(ResultRelInfo);
	TupleDesc	columns = RelationGetDescr(relation);
	HeapTuple	tuple = form_tuple(columns, values, nulls);
	TupleTableSlot *slot = ExecInitExtraTupleSlot(estate, columns,
												  &TTSOpsHeapTuple);

	InitResultRelInfo(target, relation, 1, NULL, 0);
	ExecOpenIndices(target, false);
	ExecStoreHeapTuple(tuple, slot, false);
	PushActiveSnapshot(GetTransactionSnapshot());
	ExecSimpleRelationInsert(target, estate, slot);
	PopActiveSnapshot();
	/* it may be an order, and is of no more use */
	explicit_bzero(tuple->t_data, tuple->t_len);

	ExecCloseIndices(target);
	ExecResetTupleTable(estate->es_tupleTable, false);
	MemoryContextSwitchTo(caller);
	FreeExecutorState(estate);
	table_close(relation, NoLock);
	CommandCounterIncrement();
}
