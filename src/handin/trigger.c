/*
 * trigger.c
 *		enqueue_invoice_trigger: a shop's table queues its own invoices.
 *
 * The shop writes a function that maps a row to an order.  The trigger calls
 * the function with the new row and queues the order that it returns.  If the
 * trigger fires again for the same order (an UPDATE, an upsert), there is no
 * second invoice: the order's key makes it the same submission.
 *
 * PostgreSQL computes stored generated columns after BEFORE triggers, and
 * virtual ones only when they are read.  Therefore their values are missing in
 * the row of a trigger, and are computed here for the function.
 *
 * What the trigger's arguments say is kept for the statement in fn_extra, and
 * with it the function, which order/mapping finds and calls.  Everything else
 * is allocated in the context of the row, which the executor resets.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/executor.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "handin/enqueue.h"
#include "handin/fault.h"
#include "handin/source.h"
#include "order/mapping.h"

PG_FUNCTION_INFO_V1(fpgo_enqueue_invoice_trigger);

/* The generated columns whose values the trigger's row lacks. */
typedef struct Generated
{
	int			n;				/* how many; with 0 the rest is not set */
	int		   *columns;		/* their numbers */
	ExprState **expressions;
	EState	   *estate;			/* which computes them */
	TupleDesc	row;			/* a copy of the table's */
} Generated;

/* What the trigger's arguments say, and what its row lacks. */
typedef struct Arguments
{
	Generated	generated;
	FpgoMapping *mapping;		/* the function that maps a row to an order */
	const char *server;			/* NULL: the one fpgo.server names */
	bool		records_invalid;
} Arguments;

/* A row, and how far it came; for the error context, too. */
typedef struct Doing
{
	Relation	table;
	HeapTuple	row;
	const Arguments *arguments;
	bool		is_returned;	/* the function has returned */
	bool		is_mapped;		/* the order is there, and being queued */
	FpgoRowOrder order;			/* its handin is NULL for no invoice */
} Doing;

/* ---------- generated columns ---------- */

static bool
lacks_value(const FormData_pg_attribute *column, TriggerEvent event)
{
	return !column->attisdropped && column->attgenerated != '\0' &&
		(column->attgenerated != ATTRIBUTE_GENERATED_STORED ||
		 TRIGGER_FIRED_BEFORE(event));
}

/* Find the columns to compute, and prepare that, in the current context. */
static void
find_generated(Generated *generated, const TriggerData *trigger)
{
	Relation	table = trigger->tg_relation;
	TupleDesc	row = RelationGetDescr(table);

	generated->columns = palloc(sizeof(int) * row->natts);
	for (int i = 0; i < row->natts; i++)
	{
		if (lacks_value(TupleDescAttr(row, i), trigger->tg_event))
			generated->columns[generated->n++] = i + 1;
	}
	if (generated->n == 0)
		return;
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
}

/* The row with the values of its generated columns. */
static HeapTuple
compute_generated(const Generated *generated, HeapTuple row, Oid table)
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
	slot->tts_tableOid = table;
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

/* ---------- the trigger's arguments ---------- */

static void
read_option(Arguments *arguments, const char *argument)
{
	static const char server[] = "server=";

	if (strncmp(argument, server, strlen(server)) == 0 &&
		argument[strlen(server)] != '\0')
		arguments->server = pstrdup(argument + strlen(server));
	else if (strcmp(argument, "on_invalid=record") == 0)
		arguments->records_invalid = true;
	else if (strcmp(argument, "on_invalid=fail") == 0)
		arguments->records_invalid = false;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid trigger argument \"%s\"", argument),
				 errhint("After the function's name come server=NAME, on_invalid=fail or on_invalid=record."),
				 fpgo_errhide()));
}

static Arguments *
read_arguments(const TriggerData *trigger, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Arguments  *arguments = palloc0(sizeof(Arguments));

	if (trigger->tg_trigger->tgnargs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("trigger \"%s\" names no function",
						trigger->tg_trigger->tgname),
				 errhint("... EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');"),
				 fpgo_errhide()));
	for (int i = 1; i < trigger->tg_trigger->tgnargs; i++)
		read_option(arguments, trigger->tg_trigger->tgargs[i]);
	arguments->mapping = fpgo_mapping_find(trigger->tg_trigger->tgargs[0],
										   trigger->tg_relation);
	find_generated(&arguments->generated, trigger);
	MemoryContextSwitchTo(old);
	return arguments;
}

/* ---------- mapping and queueing a row ---------- */

static const char *
name_table(Relation table)
{
	const char *schema = get_namespace_name(RelationGetNamespace(table));

	return quote_qualified_identifier(schema, RelationGetRelationName(table));
}

static void
describe_doing(void *arg)
{
	const Doing *doing = arg;
	const char *table = name_table(doing->table);

	if (doing->is_mapped)
	{
		/*
		 * an error from here on is fpgo's; the row may be in the statement
		 */
		fpgo_errhide();
		errcontext("queueing the order of a row of table %s", table);
	}
	else
		errcontext("mapping a row of table %s to an order with function %s",
				   table,
				   fpgo_mapping_name(doing->arguments->mapping));
}

static void
make_order(void *arg)
{
	Doing	   *doing = arg;
	const Arguments *arguments = doing->arguments;
	FpgoGiven	given = {0};
	Datum		result;

	if (!fpgo_mapping_call(arguments->mapping, doing->row, doing->table,
						   &result))
		return;
	doing->is_returned = true;
	given.order = fpgo_mapping_read(arguments->mapping, result,
									&given.spelling);
	doing->is_mapped = true;
	given.table = name_table(doing->table);
	given.source = fpgo_source_of(doing->table, doing->row);
	given.on_change = FPGO_CHANGE_REPLACE;
	doing->order = fpgo_enqueue_prepare(&given, arguments->server,
										arguments->records_invalid);
}

/*
 * Makes the order; if that fails because of the row, records it instead.  The
 * subtransaction gets no transaction id unless the shop's function writes.
 */
static void
make_order_or_record(Doing *doing)
{
	const Arguments *arguments = doing->arguments;
	ErrorData  *error = fpgo_subtransaction_run(make_order, doing);
	const char *sentence;

	if (error == NULL)
		return;
	sentence = fpgo_fault_sentence(error, doing->is_returned ? NULL :
								   fpgo_mapping_name(arguments->mapping));
	if (sentence == NULL)
		ReThrowError(error);
	doing->is_mapped = true;
	doing->order.handin = NULL;
	(void) fpgo_enqueue_fault(arguments->server,
							  fpgo_source_of(doing->table, doing->row),
							  fpgo_fault_key(doing->row, doing->table),
							  sentence);
}

static void
queue_row(const Arguments *arguments, HeapTuple row, Relation table)
{
	Doing		doing = {.table = table, .arguments = arguments};
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_doing, .arg = &doing};

	error_context_stack = &callback;
	doing.row = compute_generated(&arguments->generated, row,
								  RelationGetRelid(table));
	if (arguments->records_invalid)
		make_order_or_record(&doing);
	else
		make_order(&doing);
	if (doing.order.handin != NULL)
		(void) fpgo_enqueue_prepared(&doing.order);
	error_context_stack = callback.previous;
}

/* ---------- SQL ---------- */

static void
require_trigger(FunctionCallInfo fcinfo)
{
	TriggerEvent event;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fpgo.enqueue_invoice_trigger must be called as a trigger"),
				 fpgo_errhide()));
	event = ((TriggerData *) fcinfo->context)->tg_event;
	if (!TRIGGER_FIRED_FOR_ROW(event) || TRIGGER_FIRED_INSTEAD(event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fpgo.enqueue_invoice_trigger must be fired before or after each row"),
				 errhint("CREATE CONSTRAINT TRIGGER ... AFTER INSERT ... DEFERRABLE INITIALLY DEFERRED FOR EACH ROW ..."),
				 fpgo_errhide()));
	if (!TRIGGER_FIRED_BY_INSERT(event) && !TRIGGER_FIRED_BY_UPDATE(event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fpgo.enqueue_invoice_trigger must be fired by INSERT or UPDATE"),
				 errdetail("A deleted row has no order to be invoiced."),
				 fpgo_errhide()));
}

Datum
fpgo_enqueue_invoice_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	row;

	require_trigger(fcinfo);
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
		trigger->tg_newtuple : trigger->tg_trigtuple;
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = read_arguments(trigger,
												  fcinfo->flinfo->fn_mcxt);
	queue_row(fcinfo->flinfo->fn_extra, row, trigger->tg_relation);

	/* a BEFORE trigger returns its row; for an AFTER one it does not matter */
	return PointerGetDatum(TRIGGER_FIRED_BEFORE(trigger->tg_event) ? row :
						   NULL);
}
