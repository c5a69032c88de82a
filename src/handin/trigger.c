/*
 * trigger.c
 *		enqueue_invoice_trigger: a shop's table queues its own invoices.
 *
 * The shop writes a function that maps a row to an order.  The trigger calls
 * the function with the newest version of the row, and queues the order that it
 * returns.  If the trigger fires again for the same order (an UPDATE, an
 * upsert), there is no second invoice: it is the order of the same row.  An
 * order that is another one by now is a version of the first.  A row that is
 * gone, or that has no order any more, withdraws what is not sent yet.
 *
 * The trigger fires after the change.  In a BEFORE trigger nobody knows yet
 * whether there will be a row, and as what.
 *
 * Whoever made the trigger chose the function, and whoever changes the row chose
 * the search_path.  Therefore the function runs as the current user, even if the
 * order is handed in as the table's owner.
 *
 * What the trigger's arguments say is kept for the statement in fn_extra, and
 * with it the function, which order/mapping finds and calls.  Everything else
 * is allocated in the context of the row, which the executor resets.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "handin/condition.h"
#include "handin/enqueue.h"
#include "handin/fault.h"
#include "handin/generated.h"
#include "handin/missed.h"
#include "handin/moved.h"
#include "handin/newest.h"
#include "handin/primary_key.h"
#include "handin/source.h"
#include "handin/source_table.h"
#include "handin/trigger.h"
#include "handin/withdraw.h"
#include "order/mapping.h"

PG_FUNCTION_INFO_V1(fpgo_enqueue_invoice_trigger);

/* how the trigger should be made, for hints */
#define RECOMMENDED \
	"CREATE CONSTRAINT TRIGGER ... AFTER INSERT OR UPDATE OR DELETE ON ... DEFERRABLE INITIALLY DEFERRED FOR EACH ROW ..."

/* What the trigger's arguments say, and what is found out once. */
typedef struct Arguments
{
	const char *function;		/* its name, as the trigger has it */
	const char *server;			/* NULL: the one fpgo.server names */
	bool		records_invalid;
	bool		ignores_delete;
	bool		as_owner;		/* hand in as the table's owner */
	Oid			as_role;		/* or as this role; InvalidOid: neither */
	FpgoOnChange on_change;
	MemoryContext context;		/* of the statement */
	FpgoPrimaryKey *key;
	FpgoWatch	watch;
	FpgoMapping *mapping;		/* this and the next: NULL until a row is mapped */
	FpgoGenerated *generated;
} Arguments;

/* A row, and how far it came; for the error context, too. */
typedef struct Doing
{
	Relation	table;
	HeapTuple	row;			/* the newest version */
	const Arguments *arguments;
	const FpgoSource *source;	/* this and the next may be NULL */
	const FpgoSource *former;
	bool		former_is_own;	/* the row got it in this transaction */
	bool		fires_early;	/* before the transaction commits */
	bool		is_returned;	/* the function has returned */
	bool		is_mapped;		/* the order is there, and being queued */
	FpgoRowOrder order;			/* its handin is NULL for no invoice */
} Doing;

/* ---------- the trigger's arguments ---------- */

/* An argument NAME=VALUE; NULL if it is another one. */
static const char *
value_of(const char *argument, const char *name)
{
	size_t		len = strlen(name);

	if (strncmp(argument, name, len) != 0 || argument[len] != '=' ||
		argument[len + 1] == '\0')
		return NULL;
	return argument + len + 1;
}

/* The value's place in a list that ends with NULL; -1 if it is not there. */
static int
find_value(const char *argument, const char *name, const char *const *values)
{
	const char *value = value_of(argument, name);

	for (int i = 0; value != NULL && values[i] != NULL; i++)
	{
		if (strcmp(value, values[i]) == 0)
			return i;
	}
	return -1;
}

static void
read_option(Arguments *arguments, const char *argument)
{
	static const char *const on_invalid[] = {"fail", "record", NULL};
	static const char *const on_delete[] = {"tell", "ignore", NULL};
	static const char *const role[] = {"owner", NULL};
	static const char *const on_change[] = {
		[FPGO_CHANGE_ERROR] = "error",
		[FPGO_CHANGE_REPLACE] = "replace",
		[FPGO_CHANGE_UPDATE] = "update",
		NULL
	};
	int			found;

	if (value_of(argument, "server") != NULL)
		arguments->server = pstrdup(value_of(argument, "server"));
	else if ((found = find_value(argument, "on_invalid", on_invalid)) >= 0)
		arguments->records_invalid = found == 1;
	else if ((found = find_value(argument, "on_delete", on_delete)) >= 0)
		arguments->ignores_delete = found == 1;
	else if ((found = find_value(argument, "on_change", on_change)) >= 0)
		arguments->on_change = found;
	else if (find_value(argument, "role", role) == 0)
		arguments->as_owner = true;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid trigger argument \"%s\"", argument),
				 errhint("After the function's name come server=NAME, on_invalid=fail or record, on_change=error, replace or update, on_delete=tell or ignore, role=owner."),
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
	arguments->context = context;
	arguments->function = pstrdup(trigger->tg_trigger->tgargs[0]);
	arguments->on_change = FPGO_CHANGE_REPLACE;
	for (int i = 1; i < trigger->tg_trigger->tgnargs; i++)
		read_option(arguments, trigger->tg_trigger->tgargs[i]);
	arguments->key = fpgo_primary_key_read(trigger->tg_relation);
	arguments->watch = fpgo_missed_watch(trigger, arguments->key->top,
										 arguments->ignores_delete);
	MemoryContextSwitchTo(old);
	return arguments;
}

/* Find the mapping function, unless that has been done. */
static void
require_mapping(Arguments *arguments, Relation table)
{
	MemoryContext old = MemoryContextSwitchTo(arguments->context);

	if (arguments->mapping == NULL)
	{
		arguments->mapping = fpgo_mapping_find(arguments->function, table);
		arguments->generated = fpgo_generated_prepare(table);
	}
	MemoryContextSwitchTo(old);
}

/* ---------- as whom ---------- */

/* Who the current user was. */
typedef struct User
{
	Oid			role;
	int			context;
} User;

/* Become the one who hands in. */
static User
become_hander(const Arguments *arguments, Relation table)
{
	User		caller;

	GetUserIdAndSecContext(&caller.role, &caller.context);
	if (OidIsValid(arguments->as_role) || arguments->as_owner)
		SetUserIdAndSecContext(OidIsValid(arguments->as_role) ?
							   arguments->as_role :
							   RelationGetForm(table)->relowner,
							   caller.context |
							   SECURITY_LOCAL_USERID_CHANGE);
	return caller;
}

/* Be the caller again.  After an error PostgreSQL does that. */
static void
become(const User *caller)
{
	SetUserIdAndSecContext(caller->role, caller->context);
}

/* ---------- an order that is not wanted any more ---------- */

#define ROW_DELETED "Withdrawn: its row was deleted."

/* Is the version of a row this transaction's? */
static bool
is_own_row(HeapTuple row)
{
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
}

static void
withdraw(const Arguments *arguments, Relation table, const FpgoGiven *given,
		 const char *why)
{
	User		caller = become_hander(arguments, table);

	fpgo_withdraw_row(arguments->server, given, why);
	become(&caller);
}

static void
withdraw_deleted(const Arguments *arguments, Relation table,
				 const FpgoSource *source)
{
	const FpgoGiven given = {.source = source};

	if (!arguments->ignores_delete)
		withdraw(arguments, table, &given, ROW_DELETED);
}

/*
 * The same, by the primary key that the row of an event had before it.  Another
 * row may have that key by now, which was inserted or got it.
 */
static void
withdraw_former(const Arguments *arguments, Relation table,
				const FpgoSource *former, bool is_own)
{
	const FpgoGiven given = {.former_source = former,.former_is_own = is_own};

	if (!arguments->ignores_delete)
		withdraw(arguments, table, &given, ROW_DELETED);
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
		/* an error of fpgo's; the row may be in the statement */
		fpgo_errhide();
		errcontext("queueing the order of a row of table %s", table);
		if (doing->fires_early && geterrcode() == ERRCODE_CHECK_VIOLATION)
			errcontext("if rows of the order come later in the transaction, the trigger must be DEFERRABLE INITIALLY DEFERRED");
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
	User		caller;

	if (!fpgo_mapping_call(arguments->mapping, doing->row, doing->table,
						   &result))
		return;
	doing->is_returned = true;
	given.order = fpgo_mapping_read(arguments->mapping, result,
									&given.spelling);
	doing->is_mapped = true;
	given.table = name_table(doing->table);
	given.source = doing->source;
	given.former_source = doing->former;
	given.former_is_own = doing->former_is_own;
	given.on_change = arguments->on_change;
	caller = become_hander(arguments, doing->table);
	doing->order = fpgo_enqueue_prepare(&given, arguments->server,
										arguments->records_invalid);
	become(&caller);
}

/* The row that an order is made of, and which one it was before. */
static FpgoGiven
name_sources(const Doing *doing)
{
	return (FpgoGiven) {.source = doing->source,.former_source = doing->former,
			.former_is_own = doing->former_is_own};
}

static void
record_fault(Doing *doing, const char *sentence)
{
	const FpgoSource *source = doing->source;
	const FpgoGiven given = name_sources(doing);
	User		caller;

	doing->is_mapped = true;
	caller = become_hander(doing->arguments, doing->table);
	(void) fpgo_enqueue_fault(doing->arguments->server, &given,
							  source != NULL ? fpgo_source_key(source) :
							  fpgo_fault_key(doing->row, doing->table),
							  sentence);
	become(&caller);
}

/*
 * Makes the order; if that fails because of the row, records it instead, and
 * returns false.  The subtransaction gets no transaction id unless the shop's
 * function writes.
 */
static bool
make_order_or_record(Doing *doing)
{
	ErrorData  *error = fpgo_subtransaction_run(make_order, doing);
	const char *sentence;

	if (error == NULL)
		return true;
	sentence = fpgo_fault_sentence(error, doing->is_returned ? NULL :
								   fpgo_mapping_name(doing->arguments->mapping));
	if (sentence == NULL)
		ReThrowError(error);
	record_fault(doing, sentence);
	return false;
}

/* The row has no order: what was handed in of it before is not wanted. */
static void
withdraw_unwanted(const Doing *doing, const char *why)
{
	FpgoGiven	given = name_sources(doing);

	withdraw(doing->arguments, doing->table, &given, why);
}

/* Returns the submission's number, 0 if the row has none now. */
static int64
queue_row(Arguments *arguments, Doing *doing)
{
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_doing, .arg = doing};
	int64		id = 0;

	require_mapping(arguments, doing->table);
	error_context_stack = &callback;
	doing->row = fpgo_generated_complete(arguments->generated, doing->row);
	if (!arguments->records_invalid)
		make_order(doing);
	else if (!make_order_or_record(doing))
	{
		error_context_stack = callback.previous;
		return 0;
	}
	doing->is_mapped = true;
	if (doing->order.handin != NULL)
	{
		User		caller = become_hander(arguments, doing->table);

		id = fpgo_enqueue_prepared(&doing->order);
		become(&caller);
	}
	else
		withdraw_unwanted(doing,
						  "Withdrawn: its row has no order any more.");
	error_context_stack = callback.previous;
	return id;
}

/* ---------- events ---------- */

/* Is there a row with the primary key of this one? */
static bool
exists(const Arguments *arguments, Relation table, HeapTuple row)
{
	return arguments->key->n_columns > 0 &&
		fpgo_primary_key_exists(arguments->key, table, row);
}

/*
 * The row is in another place now, of which the trigger hears by an INSERT
 * event.
 */
static void
require_insert(const TriggerData *trigger)
{
	if (!TRIGGER_FOR_INSERT(trigger->tg_trigger->tgtype))
		fpgo_missed_raise(trigger->tg_relation);
}

/*
 * Where the row came from if it was moved here.  If another one had moved away
 * and was inserted nowhere, that one is gone.
 */
static const FpgoSource *
take_moved(const Arguments *arguments, const TriggerData *trigger,
		   bool *is_own)
{
	Relation	table = trigger->tg_relation;
	HeapTuple	inserted = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ?
	trigger->tg_trigtuple : NULL;
	bool		is_here;
	const FpgoSource *former = fpgo_moved_take(arguments->watch.trigger, table,
											   inserted, &is_here, is_own);

	if (former != NULL && !is_here)
	{
		withdraw_deleted(arguments, table, former);
		return NULL;
	}
	return former;
}

/*
 * The source that the row of an event had before its primary key was changed.
 * is_own receives whether the row got that one in this transaction.
 */
static const FpgoSource *
find_former(const Arguments *arguments, const TriggerData *trigger,
			HeapTuple newest, bool *is_own)
{
	Relation	table = trigger->tg_relation;
	HeapTuple	before = trigger->tg_trigtuple;
	const FpgoSource *former = take_moved(arguments, trigger, is_own);
	const FpgoSource *origin;

	if (former == NULL && before != newest && arguments->key->n_columns > 0 &&
		fpgo_primary_key_differs(arguments->key, table, before, newest))
	{
		former = fpgo_source_of(arguments->key, table, before);
		*is_own = is_own_row(before);
	}
	if (former == NULL)
		return NULL;
	origin = fpgo_moved_origin(former);
	*is_own = *is_own && origin == former;
	return origin;
}

/* The row of an INSERT or UPDATE event is not in the table any more. */
static void
handle_absent(const Arguments *arguments, const TriggerData *trigger,
			  HeapTuple row, FpgoFate fate)
{
	Relation	table = trigger->tg_relation;
	const FpgoSource *source = fpgo_source_of(arguments->key, table, row);
	bool		is_own;
	const FpgoSource *former = find_former(arguments, trigger, row, &is_own);

	if (fate == FPGO_ROW_MOVED)
	{
		require_insert(trigger);
		if (!TRIGGER_FOR_DELETE(trigger->tg_trigger->tgtype))
			fpgo_missed_raise(table);
		if (former != NULL && source != NULL)
			fpgo_moved_note(former, source);
		return;
	}
	if (former != NULL && TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		withdraw_deleted(arguments, table, former);
	else if (former != NULL)
		withdraw_former(arguments, table, former, is_own);
	if (exists(arguments, table, row))
		require_insert(trigger);
	else
		withdraw_deleted(arguments, table, source);
}

static void
handle_row(Arguments *arguments, const TriggerData *trigger)
{
	Relation	table = trigger->tg_relation;
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
	trigger->tg_newtuple : trigger->tg_trigtuple;
	Doing		doing = {.table = table,.arguments = arguments,.row = row,
	.fires_early = !trigger->tg_trigger->tginitdeferred};
	FpgoFate	fate = FPGO_ROW_THERE;

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		fpgo_missed_see(&arguments->watch, table, trigger->tg_trigtuple);
	/* rows of foreign tables have one version that can be seen */
	if (RelationGetForm(table)->relkind != RELKIND_FOREIGN_TABLE)
		doing.row = fpgo_newest_version(table, row, &fate);
	if (doing.row == NULL)
	{
		handle_absent(arguments, trigger, row, fate);
		return;
	}
	doing.source = fpgo_source_of(arguments->key, table, doing.row);
	doing.former = find_former(arguments, trigger, doing.row,
							   &doing.former_is_own);
	if (doing.row != row && !fpgo_condition_holds(trigger, doing.row))
	{
		withdraw_unwanted(&doing,
						  "Withdrawn: its row does not meet the trigger's condition any more.");
		/* once the condition is true again, an event tells */
		if (TRIGGER_FOR_UPDATE(trigger->tg_trigger->tgtype) &&
			trigger->tg_trigger->tgnattr == 0)
			return;
	}
	else
		(void) queue_row(arguments, &doing);
	fpgo_missed_handed_in(&arguments->watch, table, doing.row, doing.source);
}

static void
handle_delete(const Arguments *arguments, const TriggerData *trigger)
{
	Relation	table = trigger->tg_relation;
	HeapTuple	row = trigger->tg_trigtuple;
	bool		is_own = is_own_row(row);
	const FpgoSource *source;
	const FpgoSource *origin;

	fpgo_missed_see(&arguments->watch, table, row);
	(void) take_moved(arguments, trigger, &(bool) {false});
	source = fpgo_source_of(arguments->key, table, row);
	if (source == NULL)
		return;
	if (RelationGetForm(table)->relkind != RELKIND_FOREIGN_TABLE &&
		fpgo_newest_is_moved(row))
	{
		require_insert(trigger);
		origin = fpgo_moved_origin(source);
		fpgo_moved_away(arguments->watch.trigger, table, row, origin,
						is_own && origin == source);
	}
	else if (arguments->ignores_delete)
		return;
	else if (exists(arguments, table, row))
	{
		require_insert(trigger);
		withdraw_former(arguments, table, source, is_own);
	}
	else
		withdraw_deleted(arguments, table, source);
}

/*
 * TRUNCATE names no rows.  What is queued of a partition cannot be told from
 * what is queued of the others.
 */
static void
handle_truncate(const Arguments *arguments, Relation table)
{
	FpgoTableName name;
	User		caller;

	fpgo_missed_see_truncate(table);
	if (arguments->ignores_delete)
		return;
	if (RelationGetForm(table)->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("orders of partition %s cannot be withdrawn by TRUNCATE",
						name_table(table)),
				 errhint("Delete the rows, or create the trigger on the partitioned table and truncate that."),
				 fpgo_errhide()));
	name = fpgo_source_table_name(RelationGetRelid(table));
	caller = become_hander(arguments, table);
	fpgo_withdraw_table(arguments->server,
						psprintf("%s.%s", name.schema, name.name),
						"Withdrawn: its table was truncated.");
	become(&caller);
}

/* ---------- without an event ---------- */

/* What an UPDATE that changes nothing would tell the trigger. */
static TriggerData
make_event(Relation table, Trigger *trigger, HeapTuple row)
{
	TriggerData event = {.type = T_TriggerData,
		.tg_event = TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW |
		TRIGGER_EVENT_AFTER,
		.tg_relation = table,.tg_trigger = trigger,
	.tg_trigtuple = row,.tg_newtuple = row};

	return event;
}

bool
fpgo_trigger_is_for(Relation table, Trigger *trigger, const char *account)
{
	Oid			function = LookupFuncName(list_make2(makeString("fpgo"),
													 makeString("enqueue_invoice_trigger")),
										  0, NULL, false);
	TriggerData event = make_event(table, trigger, NULL);
	const Arguments *arguments;

	if (trigger->tgfoid != function || !TRIGGER_FOR_ROW(trigger->tgtype) ||
		trigger->tgenabled == TRIGGER_DISABLED)
		return false;
	arguments = read_arguments(&event, CurrentMemoryContext);
	return strcmp(fpgo_account_recorded_name(arguments->server), account) == 0;
}

int64
fpgo_trigger_hand_in(Relation table, Trigger *trigger, HeapTuple row,
					 Oid role, bool raises)
{
	TriggerData event = make_event(table, trigger, row);
	Arguments  *arguments = read_arguments(&event, CurrentMemoryContext);
	Doing		doing = {.table = table,.arguments = arguments,.row = row};

	arguments->as_role = role;
	arguments->records_invalid = arguments->records_invalid && !raises;
	doing.source = fpgo_source_of(arguments->key, table, row);
	return queue_row(arguments, &doing);
}

/* ---------- SQL ---------- */

pg_noreturn static void
raise_protocol(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("%s", message),
			 errhint(RECOMMENDED),
			 fpgo_errhide()));
}

static void
require_trigger(FunctionCallInfo fcinfo)
{
	TriggerEvent event;

	if (!CALLED_AS_TRIGGER(fcinfo))
		raise_protocol("fpgo.enqueue_invoice_trigger must be called as a trigger");
	event = ((TriggerData *) fcinfo->context)->tg_event;
	if (!TRIGGER_FIRED_AFTER(event))
		raise_protocol("fpgo.enqueue_invoice_trigger must be fired after the change of a row");
	if (!TRIGGER_FIRED_FOR_ROW(event) && !TRIGGER_FIRED_BY_TRUNCATE(event))
		raise_protocol("fpgo.enqueue_invoice_trigger must be fired for each row");
}

Datum
fpgo_enqueue_invoice_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Arguments  *arguments;

	require_trigger(fcinfo);
	/* a temporary table may be written to where fpgo's may not */
	fpgo_submission_require_writable();
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = read_arguments(trigger,
												  fcinfo->flinfo->fn_mcxt);
	arguments = fcinfo->flinfo->fn_extra;
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		handle_truncate(arguments, trigger->tg_relation);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		handle_delete(arguments, trigger);
	else
		handle_row(arguments, trigger);

	/* of an AFTER trigger it does not matter */
	return PointerGetDatum(NULL);
}
