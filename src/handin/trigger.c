/*
 * trigger.c
 *		enqueue_invoice_trigger: a shop's table queues its own invoices.
 *
 * The shop writes a function that maps a row to an order.  The trigger calls
 * the function with the new row and queues the order that it returns.  If the
 * trigger fires again for the same order (an UPDATE, an upsert), there is no
 * second invoice: the order's key makes it the same submission.
 *
 * On a partitioned or inherited table a trigger fires on the child, which has
 * a row type of its own.  The function usually takes the parent's row.
 * Therefore functions for the row of every ancestor are looked for, and the
 * row is converted by column names.
 *
 * PostgreSQL computes stored generated columns after BEFORE triggers, and
 * virtual ones only when they are read.  Therefore their values are missing in
 * the row of a trigger, and are computed here for the function.
 *
 * The function found and its arguments are kept for the statement in fn_extra.
 * Everything else is allocated in the context of the row, which the executor
 * resets.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "handin/enqueue.h"
#include "order/spellings.h"

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

/* The function of a trigger, and how it is called. */
typedef struct Mapping
{
	Generated	generated;
	FmgrInfo	function;		/* maps a row to an order */
	const char *name;			/* its name for messages */
	Oid			result;			/* type it returns, domains looked through */
	TupleDesc	row;			/* type it takes; NULL: the table's own */
	TupleConversionMap *conversion; /* to it; NULL if none is needed */
	const char *server;			/* NULL: the one fpgo.server names */
	bool		records_invalid;
} Mapping;

/* For the error context: the row, and how far it came. */
typedef struct Doing
{
	Relation	table;
	const Mapping *mapping;
	bool		is_mapped;		/* the order is there, and being queued */
} Doing;

/* ---------- finding the function ---------- */

/*
 * Can a function that takes this type be called with a row of the table?  The
 * row can be passed as it is (the table's own type, or record), or as the row
 * of an ancestor or of the table's OF type.
 */
static bool
takes_own_row(Oid type, Relation table)
{
	return type == RelationGetForm(table)->reltype || type == RECORDOID;
}

static bool
takes_converted_row(Oid type, Relation table)
{
	const FormData_pg_class *form = RelationGetForm(table);

	return (OidIsValid(form->reloftype) && type == form->reloftype) ||
		typeInheritsFrom(form->reltype, type);
}

/* Is the first type nearer to the table than the second? */
static bool
is_nearer(Oid type, Oid other, Relation table)
{
	if (type == RelationGetForm(table)->reltype)
		return true;
	if (takes_own_row(other, table))
		return other == RECORDOID;
	return type != RECORDOID && typeInheritsFrom(type, other);
}

/* The function of this name whose argument is nearest to the table's row. */
static Oid
find_function(List *name, Relation table, Oid *argument)
{
	Oid			found = InvalidOid;
	FuncCandidateList candidate;

	for (candidate = FuncnameGetCandidates(name, 1, NIL, false, false, false,
										   true);
		 candidate != NULL; candidate = candidate->next)
	{
		Oid			type = candidate->args[0];

		if (!takes_own_row(type, table) && !takes_converted_row(type, table))
			continue;
		if (get_func_prokind(candidate->oid) != PROKIND_FUNCTION)
			continue;
		if (!OidIsValid(found) || is_nearer(type, *argument, table))
		{
			found = candidate->oid;
			*argument = type;
		}
	}
	return found;
}

/* How the function should be declared: with the row of the whole table. */
static const char *
advise_signature(List *name, Relation table)
{
	Oid			type = RelationGetForm(table)->reltype;

	if (RelationGetForm(table)->relispartition)
	{
		List	   *ancestors =
			get_partition_ancestors(RelationGetRelid(table));

		type = get_rel_type_id(llast_oid(ancestors));
	}
	return funcname_signature_string(NameListToString(name), 1, NIL, &type);
}

static Oid
require_function(const char *text, Relation table, Oid *argument)
{
	List	   *name;
	Oid			function;
	const char *advised;

	/* a name with its argument, as \df shows it, is no name of a function */
	if (strchr(text, '(') != NULL && strchr(text, '"') == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid function name \"%s\"", text),
				 errhint("Name the function without its argument."),
				 fpgo_errhide()));
	name = textToQualifiedNameList(cstring_to_text(text));
	function = find_function(name, table, argument);
	if (OidIsValid(function))
		return function;
	advised = advise_signature(name, table);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function %s does not exist", advised),
			 errdetail("The trigger's first argument names the function that maps a row of the table to an order."),
			 errhint("CREATE FUNCTION %s RETURNS fpgo.invoice_order ...; or name another function.",
					 advised),
			 fpgo_errhide()));
}

static Oid
invoice_order_type(void)
{
	Oid			schema = get_namespace_oid("fpgo", false);

	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum(fpgo_order_shape.type_name),
						   ObjectIdGetDatum(schema));
}

/* The type the function returns, domains looked through, if it is an order. */
static Oid
require_result(Oid function, const char *name)
{
	Oid			declared = get_func_rettype(function);
	Oid			type = getBaseType(declared);

	if (get_func_retset(function) ||
		(type != TEXTOID && type != JSONBOID && type != invoice_order_type()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s does not return an order", name),
				 errdetail("It returns %s%s; fpgo.invoice_order, jsonb or text is expected.",
						   get_func_retset(function) ? "a set of " : "",
						   format_type_be(declared)),
				 fpgo_errhide()));
	return type;
}

/* Asked for every row, since the user may change within a statement. */
static void
require_execute(Oid function)
{
	AclResult	result = fpgo_function_aclcheck(function, GetUserId(),
												ACL_EXECUTE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
}

/* ---------- the trigger's arguments ---------- */

static void
read_option(Mapping *mapping, const char *argument)
{
	static const char server[] = "server=";

	if (strncmp(argument, server, strlen(server)) == 0 &&
		argument[strlen(server)] != '\0')
		mapping->server = pstrdup(argument + strlen(server));
	else if (strcmp(argument, "on_invalid=record") == 0)
		mapping->records_invalid = true;
	else if (strcmp(argument, "on_invalid=fail") == 0)
		mapping->records_invalid = false;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid trigger argument \"%s\"", argument),
				 errhint("After the function's name come server=NAME, on_invalid=fail or on_invalid=record."),
				 fpgo_errhide()));
}

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

/* ---------- the function and the arguments together ---------- */

static Mapping *
make_mapping(const TriggerData *trigger, MemoryContext context)
{
	Relation	table = trigger->tg_relation;
	MemoryContext old = MemoryContextSwitchTo(context);
	Mapping    *mapping = palloc0(sizeof(Mapping));
	Oid			argument = InvalidOid;
	Oid			function;

	if (trigger->tg_trigger->tgnargs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("trigger \"%s\" names no function",
						trigger->tg_trigger->tgname),
				 errhint("... EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');"),
				 fpgo_errhide()));
	for (int i = 1; i < trigger->tg_trigger->tgnargs; i++)
		read_option(mapping, trigger->tg_trigger->tgargs[i]);

	function = require_function(trigger->tg_trigger->tgargs[0], table,
								&argument);
	mapping->name = format_procedure(function);
	mapping->result = require_result(function, mapping->name);
	if (!takes_own_row(argument, table))
	{
		mapping->row = lookup_rowtype_tupdesc_copy(argument, -1);
		mapping->conversion = convert_tuples_by_name(RelationGetDescr(table),
													 mapping->row);
	}
	find_generated(&mapping->generated, trigger);
	fmgr_info_cxt(function, &mapping->function, context);
	MemoryContextSwitchTo(old);
	return mapping;
}

/* ---------- mapping and queueing a row ---------- */

static void
describe_doing(void *arg)
{
	const Doing *doing = arg;
	const char *schema =
		get_namespace_name(RelationGetNamespace(doing->table));
	const char *table =
		quote_qualified_identifier(schema,
								   RelationGetRelationName(doing->table));

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
				   table, doing->mapping->name);
}

static Datum
row_datum(const Mapping *mapping, HeapTuple row, Relation table)
{
	row = compute_generated(&mapping->generated, row, RelationGetRelid(table));
	if (mapping->conversion != NULL)
		row = execute_attr_map_tuple(row, mapping->conversion);
	return heap_copy_tuple_as_datum(row, mapping->row ? mapping->row :
									RelationGetDescr(table));
}

/* What the function makes of the row; NULL for no invoice. */
static Jsonb *
map_row(Mapping *mapping, HeapTuple row, Relation table)
{
	LOCAL_FCINFO(call, 1);
	Datum		result;

	require_execute(mapping->function.fn_oid);
	InvokeFunctionExecuteHook(mapping->function.fn_oid);
	InitFunctionCallInfoData(*call, &mapping->function, 1, InvalidOid, NULL,
							 NULL);
	call->args[0].value = row_datum(mapping, row, table);
	call->args[0].isnull = false;

	/*
	 * A function that reads the order's lines is STABLE.  Without a new
	 * snapshot it would not see what the statement itself has done.
	 */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	result = FunctionCallInvoke(call);
	PopActiveSnapshot();

	if (call->isnull)
		return NULL;
	if (mapping->result == JSONBOID)
		return DatumGetJsonbP(result);
	if (mapping->result == TEXTOID)
	{
		text	   *json = DatumGetTextPP(result);

		return fpgo_order_from_text(VARDATA_ANY(json),
									VARSIZE_ANY_EXHDR(json));
	}
	return fpgo_order_from_composite(result);
}

static void
queue_row(Mapping *mapping, HeapTuple row, Relation table)
{
	Doing		doing = {.table = table, .mapping = mapping};
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_doing, .arg = &doing};
	Jsonb	   *order;

	error_context_stack = &callback;
	order = map_row(mapping, row, table);
	doing.is_mapped = true;
	if (order != NULL && mapping->records_invalid)
		(void) fpgo_enqueue_or_record(order, mapping->server);
	else if (order != NULL)
		(void) fpgo_enqueue(order, mapping->server, NULL, true);
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
		fcinfo->flinfo->fn_extra = make_mapping(trigger,
												fcinfo->flinfo->fn_mcxt);
	queue_row(fcinfo->flinfo->fn_extra, row, trigger->tg_relation);

	/* a BEFORE trigger returns its row; for an AFTER one it does not matter */
	return PointerGetDatum(TRIGGER_FIRED_BEFORE(trigger->tg_event) ? row :
						   NULL);
}
