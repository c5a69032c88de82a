/*
 * condition.c
 *		The WHEN condition of a trigger, asked again.
 *
 * PostgreSQL asks when the event happens.  If the transaction changed the row
 * after that, the condition may be false of the row that is handed in.  What is
 * done here is what trigger.c of PostgreSQL does.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/primnodes.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "handin/condition.h"

/* The condition, ready for rows in the slots of a join. */
static ExprState *
prepare_condition(const TriggerData *trigger, EState *estate)
{
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);
	Relation	table = trigger->tg_relation;
	Node	   *condition = stringToNode(trigger->tg_trigger->tgqual);
	ExprState  *state;

	condition = fpgo_expand_generated(condition, table, PRS2_OLD_VARNO);
	condition = fpgo_expand_generated(condition, table, PRS2_NEW_VARNO);
	ChangeVarNodes(condition, PRS2_OLD_VARNO, INNER_VAR, 0);
	ChangeVarNodes(condition, PRS2_NEW_VARNO, OUTER_VAR, 0);
	state = ExecPrepareQual(make_ands_implicit((Expr *) condition), estate);
	MemoryContextSwitchTo(old);
	return state;
}

static TupleTableSlot *
make_slot(Relation table, HeapTuple row)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(table),
													&TTSOpsHeapTuple);

	ExecStoreHeapTuple(row, slot, false);
	slot->tts_tableOid = RelationGetRelid(table);
	return slot;
}

bool
fpgo_condition_holds(const TriggerData *trigger, HeapTuple row)
{
	EState	   *estate;
	ExprState  *state;
	ExprContext *context;
	bool		holds;

	if (trigger->tg_trigger->tgqual == NULL)
		return true;
	estate = CreateExecutorState();
	state = prepare_condition(trigger, estate);
	context = GetPerTupleExprContext(estate);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		context->ecxt_innertuple = make_slot(trigger->tg_relation,
											 trigger->tg_trigtuple);
	context->ecxt_outertuple = make_slot(trigger->tg_relation, row);
	holds = ExecQual(state, context);
	ExecDropSingleTupleTableSlot(context->ecxt_outertuple);
	if (context->ecxt_innertuple != NULL)
		ExecDropSingleTupleTableSlot(context->ecxt_innertuple);
	FreeExecutorState(estate);
	return holds;
}
