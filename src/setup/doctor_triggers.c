/*
 * doctor_triggers.c
 *		Checks of fpgo.doctor(): the triggers that queue invoices.
 *
 * PostgreSQL looks at a trigger's arguments when it fires first, which is in a
 * customer's order.  These checks find the mapping function of each trigger as
 * the trigger would, without running it.
 *
 * Looked at are the triggers of all tables that fire.  Of a partitioned table
 * those are the copies that its partitions have.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/subtransaction.h"
#include "order/mapping.h"
#include "setup/doctor.h"
#include "tables/operators.h"

/* most faults of one kind that a row tells */
#define MAX_TOLD 3

/* A trigger that queues invoices. */
typedef struct QueueingTrigger
{
	const char *name;			/* trigger ... of ..., for messages */
	Oid			table;
	bool		is_disabled;
	bool		is_refused;		/* it does not fire after the change of a row */
	const char *function_name;	/* its first argument; NULL if it has none */
	Oid			function;		/* invalid if none was found */
	ErrorData  *error;			/* why none was found */
} QueueingTrigger;

/* Sentences that a row tells, each once, and the cure of the first. */
typedef struct Told
{
	List	   *texts;
	const char *hint;
} Told;

/* ---------- finding the triggers ---------- */

/*
 * All but those that only have copies.  What lies in a schema that the role
 * may not use is not its own.
 */
static const char *const list_triggers =
	"SELECT pg_catalog.format('trigger %I of %s', t.tgname, t.tgrelid::pg_catalog.regclass), "
	"t.tgrelid, t.tgenabled " EQ " 'D', t.tgargs, t.tgtype "
	"FROM pg_catalog.pg_trigger t "
	"JOIN pg_catalog.pg_proc p ON p.oid " EQ " t.tgfoid "
	"JOIN pg_catalog.pg_namespace n ON n.oid " EQ " p.pronamespace "
	"JOIN pg_catalog.pg_class r ON r.oid " EQ " t.tgrelid "
	"WHERE p.proname " EQ " 'enqueue_invoice_trigger' AND n.nspname " EQ " 'fpgo' "
	"AND pg_catalog.has_schema_privilege(r.relnamespace, 'USAGE') "
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger c WHERE c.tgparentid " EQ " t.oid) "
	"ORDER BY 1";

/* The first of a trigger's arguments, which end with a NUL each. */
static const char *
first_argument(bytea *arguments)
{
	const char *text = VARDATA_ANY(arguments);

	return VARSIZE_ANY_EXHDR(arguments) == 0 ? NULL : pstrdup(text);
}

/* Does the trigger raise an error whenever it fires? */
static bool
is_refused(int16 type)
{
	return !TRIGGER_FOR_AFTER(type) ||
		(!TRIGGER_FOR_ROW(type) && !TRIGGER_FOR_TRUNCATE(type));
}

static List *
find_triggers(void)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	List	   *triggers = NIL;

	SPI_connect();
	if (SPI_execute(list_triggers, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run a query of fpgo.doctor");
	spi = MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		QueueingTrigger *trigger = palloc0(sizeof(QueueingTrigger));
		bool		is_null;

		trigger->name = SPI_getvalue(row, columns, 1);
		trigger->table = DatumGetObjectId(SPI_getbinval(row, columns, 2,
														&is_null));
		trigger->is_disabled = DatumGetBool(SPI_getbinval(row, columns, 3,
														  &is_null));
		trigger->function_name =
			first_argument(DatumGetByteaPP(SPI_getbinval(row, columns, 4,
														 &is_null)));
		trigger->is_refused =
			is_refused(DatumGetInt16(SPI_getbinval(row, columns, 5,
												   &is_null)));
		triggers = lappend(triggers, trigger);
	}
	MemoryContextSwitchTo(spi);
	SPI_finish();
	return triggers;
}

static void
resolve_function(void *arg)
{
	QueueingTrigger *trigger = arg;

	if (trigger->is_refused)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("it is refused when it fires, since it does not fire after the change of a row"),
				 errhint("CREATE CONSTRAINT TRIGGER ... AFTER INSERT OR UPDATE OR DELETE ON ... DEFERRABLE INITIALLY DEFERRED FOR EACH ROW ...")));
	if (trigger->function_name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it names no function"),
				 errhint("... EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for');")));
	trigger->function = fpgo_mapping_check(trigger->function_name,
										   trigger->table);
}

/* The triggers, with their functions or with what is wrong. */
static List *
examine_triggers(void)
{
	List	   *triggers = find_triggers();
	ListCell   *cell;

	foreach(cell, triggers)
	{
		QueueingTrigger *trigger = lfirst(cell);

		if (trigger->is_disabled)
			continue;
		trigger->error = fpgo_subtransaction_run(resolve_function, trigger);
		if (trigger->error != NULL &&
			ERRCODE_TO_CATEGORY(trigger->error->sqlerrcode) ==
			ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(trigger->error);
	}
	return triggers;
}

/* ---------- telling ---------- */

static void
tell(Told *told, const char *text, const char *hint)
{
	ListCell   *cell;

	foreach(cell, told->texts)
	{
		if (strcmp(lfirst(cell), text) == 0)
			return;
	}
	if (told->texts == NIL)
		told->hint = hint;
	told->texts = lappend(told->texts, unconstify(char *, text));
}

/* The first sentences, and how many more there are. */
static const char *
join(const List *sentences)
{
	StringInfoData joined;

	initStringInfo(&joined);
	for (int i = 0; i < Min(list_length(sentences), MAX_TOLD); i++)
	{
		const char *sentence = list_nth(sentences, i);

		appendStringInfo(&joined, "%s%c%s", i > 0 ? "  " : "",
						 pg_ascii_toupper((unsigned char) sentence[0]),
						 sentence + 1);
	}
	if (list_length(sentences) > MAX_TOLD)
		appendStringInfo(&joined, "  And %d more.",
						 list_length(sentences) - MAX_TOLD);
	return joined.data;
}

/* ---------- is there a function, and may it be run? ---------- */

/*
 * Each role that may write to the table, or to one that it is a partition of,
 * and may not execute the function; and the statement that grants what it
 * lacks.  Parameters: the table, the function.
 */
static const char *const find_hindered =
	"WITH tables AS (SELECT $1 AS oid UNION SELECT pg_catalog.pg_partition_ancestors($1)), "
	"writers AS ("
	" SELECT a.grantee FROM tables t JOIN pg_catalog.pg_class c ON c.oid " EQ " t.oid,"
	"  pg_catalog.aclexplode(COALESCE(c.relacl, pg_catalog.acldefault('r', c.relowner))) a"
	"  WHERE a.privilege_type " EQ " ANY ('{INSERT,UPDATE}')"
	" UNION SELECT a.grantee FROM tables t JOIN pg_catalog.pg_attribute c ON c.attrelid " EQ " t.oid,"
	"  pg_catalog.aclexplode(c.attacl) a WHERE a.privilege_type " EQ " ANY ('{INSERT,UPDATE}')), "
	"named AS (SELECT w.grantee, p.oid AS function, p.pronamespace AS schema,"
	"  CASE WHEN w.grantee " EQ " 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(w.grantee)) END AS role"
	" FROM writers w, pg_catalog.pg_proc p, pg_catalog.pg_class c WHERE p.oid " EQ " $2 AND c.oid " EQ " $1"
	" AND pg_catalog.has_schema_privilege(w.grantee, c.relnamespace, 'USAGE')) "
	"SELECT w.role, CASE WHEN pg_catalog.has_function_privilege(w.grantee, w.function, 'EXECUTE')"
	"  THEN pg_catalog.format('GRANT USAGE ON SCHEMA %s TO %s;', w.schema::pg_catalog.regnamespace, w.role)"
	"  ELSE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s;', w.function::pg_catalog.regprocedure, w.role) END "
	"FROM named w WHERE NOT pg_catalog.has_function_privilege(w.grantee, w.function, 'EXECUTE')"
	" OR NOT pg_catalog.has_schema_privilege(w.grantee, w.schema, 'USAGE') ORDER BY 1";

static void
tell_hindered(const QueueingTrigger *trigger, Told *told)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Oid			types[] = {OIDOID, OIDOID};
	Datum		values[] = {ObjectIdGetDatum(trigger->table),
	ObjectIdGetDatum(trigger->function)};

	SPI_connect();
	if (SPI_execute_with_args(find_hindered, 2, types, values, NULL, true,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not run a query of fpgo.doctor");
	spi = MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;

		tell(told,
			 psprintf("%s: role %s may write to the table, and may not execute %s.",
					  trigger->name, SPI_getvalue(row, columns, 1),
					  format_procedure(trigger->function)),
			 SPI_getvalue(row, columns, 2));
	}
	MemoryContextSwitchTo(spi);
	SPI_finish();
}

/* An error's message, and the first line of its DETAIL. */
static const char *
describe_fault(const QueueingTrigger *trigger)
{
	const char *detail = trigger->error->detail;

	return psprintf("%s: %s.%s%s", trigger->name, trigger->error->message,
					detail != NULL ? "  " : "",
					detail != NULL ?
					pnstrdup(detail, strcspn(detail, "\n")) : "");
}

/* One of the copies of a trigger stands for all that have the same fault. */
static bool
is_told(List *faulty, const ErrorData *error)
{
	ListCell   *cell;

	foreach(cell, faulty)
	{
		const ErrorData *other = lfirst(cell);

		if (strcmp(other->message, error->message) == 0 &&
			(error->detail == NULL ? other->detail == NULL :
			 other->detail != NULL &&
			 strcmp(other->detail, error->detail) == 0))
			return true;
	}
	return false;
}

FpgoDiagnosis
fpgo_check_triggers(FpgoExamination *examination)
{
	List	   *triggers = examine_triggers();
	List	   *faulty = NIL;
	List	   *disabled = NIL;
	Told		told = {NIL, NULL};
	ListCell   *cell;

	foreach(cell, triggers)
	{
		QueueingTrigger *trigger = lfirst(cell);

		if (trigger->is_disabled)
			disabled = lappend(disabled,
							   psprintf("%s is disabled, and queues nothing.",
										trigger->name));
		else if (trigger->error == NULL)
			tell_hindered(trigger, &told);
		else if (!is_told(faulty, trigger->error))
		{
			faulty = lappend(faulty, trigger->error);
			tell(&told, describe_fault(trigger), trigger->error->hint);
		}
	}
	if (told.texts != NIL)
		return fpgo_wrong(join(told.texts), told.hint);
	if (triggers == NIL)
		return fpgo_right("No table has a trigger that queues invoices.");
	return fpgo_right(psprintf("Triggers that queue invoices: %d.  %s",
							   list_length(triggers), disabled != NIL ?
							   join(disabled) :
							   "Each finds its function."));
}

/* ---------- does the function depend on the search path? ---------- */

/* Are the names in its body looked up by whatever path the caller has? */
static bool
depends_on_path(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	const FormData_pg_proc *form;
	Datum		settings;
	bool		is_unset;
	bool		has_no_body;
	bool		depends;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	settings = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig,
							   &is_unset);
	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody,
						   &has_no_body);
	depends = has_no_body && form->prolang != ClanguageId &&
		form->prolang != INTERNALlanguageId;
	if (depends && !is_unset)
	{
		Datum	   *elements;
		int			n;

		deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false,
						  TYPALIGN_INT, &elements, NULL, &n);
		for (int i = 0; i < n; i++)
			depends = depends &&
				strncmp(TextDatumGetCString(elements[i]), "search_path=",
						strlen("search_path=")) != 0;
	}
	ReleaseSysCache(tuple);
	return depends;
}

static bool
is_qualified(const char *function_name)
{
	text	   *name = cstring_to_text(function_name);

	return list_length(textToQualifiedNameList(name)) > 1;
}

static void
tell_path(const QueueingTrigger *trigger, Told *told)
{
	const char *schema =
		get_namespace_name(get_func_namespace(trigger->function));
	const char *function = format_procedure_qualified(trigger->function);

	if (depends_on_path(trigger->function))
		tell(told,
			 psprintf("function %s sets no search_path of its own.", function),
			 psprintf("ALTER FUNCTION %s SET search_path = %s, pg_temp;  Add the other schemas that the function needs.",
					  function, quote_identifier(schema)));
	if (!is_qualified(trigger->function_name))
	{
		const char *name =
			quote_qualified_identifier(schema,
									   get_func_name(trigger->function));

		tell(told,
			 psprintf("%s names its function without a schema.",
					  trigger->name),
			 psprintf("Create the trigger again, with the name %s.",
					  quote_literal_cstr(name)));
	}
}

FpgoDiagnosis
fpgo_check_search_path(FpgoExamination *examination)
{
	Told		told = {NIL, NULL};
	ListCell   *cell;

	foreach(cell, examine_triggers())
	{
		const QueueingTrigger *trigger = lfirst(cell);

		if (OidIsValid(trigger->function))
			tell_path(trigger, &told);
	}
	if (told.texts == NIL)
		return fpgo_right("No trigger's function depends on the search_path of the session.");
	return fpgo_wrong(psprintf("%s  A restore, a subscription or autovacuum has another search_path than the shop, and finds other tables, or none.",
							   join(told.texts)), told.hint);
}
