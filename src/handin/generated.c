/*
 * generated.c
 *		The values of virtual generated columns in the row of a trigger.
 *
 * PostgreSQL computes virtual generated columns when they are read.  Therefore
 * their values are missing in the row of a trigger, and are computed here for
 * the function that maps the row.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"

#include "handin/generated.h"

struct FpgoGenerated
{
	int			n;				/* how many; with 0 the rest is not set */
	int		   *columns;		/* their numbers */
	ExprState **expressions;
	EState	   *estate;			/* which computes them */
	TupleDesc	row;			/* a copy of the table's */
};

static bool
lacks_value(const FormData_pg_attribute *column)
{
	return !column->attisdropped && column->attgenerated != '\0' &&
		column->attgenerated != ATTRIBUTE_GENERATED_STORED;
}

FpgoGenerated *
fpgo_generated_prepare(Relation table)
{
	FpgoGenerated *generated = palloc0(sizeof(FpgoGenerated));
	TupleDesc	row = RelationGetDescr(table);

	generated->columns = palloc(sizeof(int) * row->natts);
	for (int i = 0; i < row->natts; i++)
	{
		if (lacks_value(TupleDescAttr(row, i)))
			generated->columns[generated->n++] = i + 1;
	}
	if (generated->n == 0)
		return generated;
	generated->estate = CreateExecutorState();
	generated->row = CreateTupleDescCopyConstr(row);
	generated->expressions = palloc(sizeof(ExprState *) * generated->n);
	for (int i = 0; i < generated->n; i++)
	{
		Expr	   *expression = (Expr *)
		build_column_default(table, generated->columns[i]);

		if (expression == NULL)
			elog(ERROR, "no generation expression found for column number %d of table \"%s\"",
				 generated->columns[i], RelationGetRelationName(table));
		generated->expressions[i] = ExecPrepareExpr(expression,
													generated->estate);
	}
	return generated;
}

HeapTuple
fpgo_generated_complete(const FpgoGenerated *generated, HeapTuple row)
{
	ExprContext *context;
	TupleTableSlot *slot;
	Datum	   *values;
	bool	   *nulls;

	if (generated->n == 0)
		return row;
	values = palloc(sizeof(Datum) * generated->n);
	nulls = palloc(sizeof(bool) * generated->n);
	slot = MakeSingleTupleTableSlot(generated->row, &TTSOpsHeapTuple);
	ExecStoreHeapTuple(row, slot, false);
	slot->tts_tableOid = row->t_tableOid;
	context = GetPerTupleExprContext(generated->estate);
	context->ecxt_scantuple = slot;
	for (int i = 0; i < generated->n; i++)
		values[i] = ExecEvalExprSwitchContext(generated->expressions[i],
											  context, &nulls[i]);
	row = heap_modify_tuple_by_cols(row, generated->row, generated->n,
									generated->columns, values, nulls);
	ExecDropSingleTupleTableSlot(slot);
	ResetExprContext(context);
	return row;
}
