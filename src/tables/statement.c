/*
 * statement.c
 *		Statements on fpgo's own tables, run as their owner.
 *
 * Users have no right on these tables.  fpgo's functions run as their caller,
 * and become the tables' owner for one statement at a time.  Triggers and
 * expressions that others put on the tables then run as the owner, and in
 * three ways they are kept apart from the caller:
 *
 * - they cannot reach temporary objects of the session (security-restricted
 *   operation);
 * - names are looked up in a fixed search_path, and not in the caller's;
 * - settings that they change are restored when the statement ends.
 *
 * Where there is no such trigger or expression (foreign_code.c), most rows are
 * found and written without a statement (row_direct.c).
 *
 * No error is caught here.  The switch of users ends with its statement: at
 * every commit and rollback the user is the one that the transaction began
 * with.  PostgreSQL itself restores that user when a statement fails.
 * Messages of PostgreSQL that may quote a row are replaced, since the row has
 * an order.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/datum.h"
#include "base/fpgo.h"
#include "tables/row_direct.h"
#include "tables/statement.h"

#define TABLE_SCHEMA "fpgo_internal"

/* those that fpgo_table_oid() knows, and then the others */
static const char *const table_names[] = {
	"submission", "payload", "attempt", "event", "hash_key",
	"account", "allowance", "callback", "callback_rejection", "early_callback",
	"gateway_order", "hold", "likeness", "origin", "seat", "sighting",
	"source_table", "status_change", "streak", "trace"
};

#define N_TABLES_KNOWN 5

const char *const fpgo_table_written[FPGO_N_TABLES_WRITTEN] = {
	"submission", "attempt", "payload"
};

/*
 * The tables' numbers and their owner, which every statement needs.  They are
 * looked up once, and again after a change of any relation.
 */
static struct
{
	bool		is_valid;
	Oid			owner;
	Oid			odd_table;		/* one of another owner; InvalidOid if none */
	Oid			tables[N_TABLES_KNOWN];
	Oid			submission_ids; /* a sequence; InvalidOid if not asked for */
}			known;

static void
forget_known(Datum arg, int cache, uint32 hash)
{
	known.is_valid = false;
}

Oid
fpgo_table_find(const char *name)
{
	Oid			schema = get_namespace_oid(TABLE_SCHEMA, true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

bool
fpgo_table_exist(void)
{
	return OidIsValid(fpgo_table_find(table_names[0]));
}

static Oid
find_table(const char *name)
{
	Oid			table = get_relname_relid(name,
										  get_namespace_oid(TABLE_SCHEMA,
															false));

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", TABLE_SCHEMA,
						name),
				 errhint("CREATE EXTENSION fpgo;"),
				 fpgo_errhide()));
	return table;
}

static Oid
find_owner(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for fpgo's table %u", table);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * A table that belongs to another owner than the first one; InvalidOid if
 * there is none.  The SQL objects of 1.0 lack some of the tables.
 */
static Oid
find_odd_table(Oid owner)
{
	for (int i = 1; i < (int) lengthof(table_names); i++)
	{
		Oid			table = fpgo_table_find(table_names[i]);

		if (OidIsValid(table) && find_owner(table) != owner)
			return table;
	}
	return InvalidOid;
}

static void
require_known(void)
{
	static bool is_registered = false;

	if (known.is_valid)
		return;
	if (!is_registered)
	{
		CacheRegisterSyscacheCallback(RELOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_known, (Datum) 0);
		is_registered = true;
	}
	/* a change that this process hears of meanwhile sets it to false */
	known.is_valid = true;
	PG_TRY();
	{
		for (int i = 0; i < N_TABLES_KNOWN; i++)
			known.tables[i] = find_table(table_names[i]);
		known.owner = find_owner(known.tables[0]);
		known.odd_table = find_odd_table(known.owner);
		known.submission_ids = InvalidOid;
	}
	PG_CATCH();
	{
		known.is_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

Oid
fpgo_table_oid(const char *name)
{
	require_known();
	for (int i = 0; i < N_TABLES_KNOWN; i++)
	{
		if (strcmp(table_names[i], name) == 0)
			return known.tables[i];
	}
	elog(ERROR, "fpgo has no table \"%s\"", name);
}

int64
fpgo_table_next_submission(void)
{
	require_known();
	if (!OidIsValid(known.submission_ids))
		known.submission_ids = find_table("submission_id_seq");
	return nextval_internal(known.submission_ids, false);
}

Oid
fpgo_table_owner(void)
{
	require_known();
	return known.owner;
}

/*
 * A statement runs as one role.  If its tables had several owners, what one of
 * them hangs on a table would run with the rights of another.
 */
void
fpgo_table_require_one_owner(void)
{
	const char *owner;
	const char *odd_table;

	require_known();
	if (!OidIsValid(known.odd_table))
		return;
	owner = GetUserNameFromId(known.owner, false);
	odd_table = get_rel_name(known.odd_table);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("tables of fpgo have different owners"),
			 errdetail("Table %s.%s belongs to role \"%s\", and %s.%s to role \"%s\".",
					   TABLE_SCHEMA, table_names[0], owner,
					   TABLE_SCHEMA, odd_table,
					   GetUserNameFromId(find_owner(known.odd_table), false)),
			 errhint("One role must own them all: ALTER TABLE %s.%s OWNER TO %s;",
					 TABLE_SCHEMA, odd_table, quote_identifier(owner)),
			 fpgo_errhide()));
}

void
fpgo_table_lock_all(void)
{
	for (int i = 0; i < FPGO_N_TABLES_WRITTEN; i++)
	{
		if (!ConditionalLockRelationOid(fpgo_table_oid(fpgo_table_written[i]),
										RowExclusiveLock))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("could not obtain lock on relation \"%s.%s\"",
							TABLE_SCHEMA, fpgo_table_written[i])));
	}
}

/* A plan that fits any parameters: planning would cost more than running. */
static void
prepare(FpgoStatement *statement)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql,
										  statement->n_parameters,
										  statement->types,
										  CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "could not plan a statement of fpgo: %s",
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	statement->plan = plan;
}

static void
forget_plan(FpgoStatement *statement)
{
	SPI_freeplan(statement->plan);
	statement->plan = NULL;
}

static void
set_for_statement(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Plan for tables that grow.  A plan is kept for long.  Made while the queue
 * is empty, it would scan whole tables, which may have a million rows an hour
 * later.  Without scans plans look costly, and costly plans are compiled: jit
 * is off too.
 */
static void
avoid_scans(const FpgoStatement *statement)
{
	set_for_statement("enable_seqscan", "off");
	set_for_statement("jit", "off");
	if (statement->is_ordered)
		set_for_statement("enable_sort", "off");
}

/*
 * pgaudit logs every statement that the executor runs, and may be set to log the
 * parameters as well: an order is one of them.  The statement stays in its trail.
 */
static void
hide_parameters(void)
{
	static const char name[] = "pgaudit.log_parameter";

	if (GetConfigOption(name, true, false) != NULL)
		(void) set_config_option(name, "off", PGC_SUSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

static bool
has_safe_path(void)
{
	return strcmp(namespace_search_path, FPGO_SAFE_PATH) == 0;
}

/* PostgreSQL's cached plan of a statement. */
static CachedPlanSource *
source_of(const FpgoStatement *statement)
{
	return linitial(SPI_plan_get_plan_sources(statement->plan));
}

static uint64
run_plan(FpgoStatement *statement, Datum *values, const char *nulls)
{
	int			result;

	if (statement->sees_latest)
		result = SPI_execute_snapshot(statement->plan, values, nulls,
									  GetLatestSnapshot(), InvalidSnapshot,
									  false, true, 0);
	else
		result = SPI_execute_plan(statement->plan, values, nulls, false, 0);

	if (result < 0)
		elog(ERROR, "could not run a statement of fpgo: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Runs the plan with a fixed search_path, and with settings local to the
 * statement, since triggers and the like may run.  Where there are none, that
 * is done nevertheless: a statement takes many times as long.
 */
static uint64
run_guarded(FpgoStatement *statement, Datum *values, const char *nulls)
{
	int			level = NewGUCNestLevel();
	bool		is_safe = has_safe_path();
	bool		has_plan;
	CachedPlanSource *source;
	int			generation;
	uint64		n;

	if (!is_safe)
		set_for_statement("search_path", FPGO_SAFE_PATH);
	hide_parameters();
	if (statement->plan == NULL)
		prepare(statement);
	source = source_of(statement);
	generation = source->generation;
	has_plan = fpgo_foreign_code_has_plan(source) && fpgo_has_path_of(source);
	if (!has_plan)
		avoid_scans(statement);
	n = run_plan(statement, values, nulls);
	fpgo_foreign_code_look(&statement->foreign_code, source);
	/* news that came with a lock has made it be planned without avoid_scans() */
	if (has_plan && source->generation != generation)
		forget_plan(statement);
	AtEOXact_GUC(false, level);
	return n;
}

/*
 * Finds or writes a row without a statement, if that is all that the statement
 * does and its tables have no foreign code.  Then no name is looked up, and no
 * setting is changed.  Returns false, having changed nothing, if that is not
 * allowed or if the row needs the executor.
 */
static bool
run_direct(FpgoStatement *statement, Datum *values, const char *nulls,
		   uint64 *n)
{
	const FpgoForeignCode *foreign_code = &statement->foreign_code;

	/* a row is found by the transaction's snapshot */
	if (statement->sees_latest && IsolationUsesXactSnapshot())
		return false;
	return statement->plan != NULL &&
		fpgo_foreign_code_lock(foreign_code, source_of(statement)) &&
		fpgo_row_direct_run(&foreign_code->row_plan, &statement->row_table,
							values, nulls, n);
}

/*
 * Most tables of what went wrong are empty.  To plan the first look into them
 * would take a process longer than to send an order.
 */
static bool
finds_nothing(const FpgoStatement *statement)
{
	Relation	table;
	bool		is_empty;

	if (statement->only_of == NULL || statement->plan != NULL)
		return false;
	table = table_open(find_table(statement->only_of), AccessShareLock);
	is_empty = !table->rd_rel->relhassubclass &&
		RelationGetNumberOfBlocks(table) == 0;
	table_close(table, NoLock);
	return is_empty;
}

static uint64
execute(FpgoStatement *statement, Datum *values, const char *nulls)
{
	Oid			caller;
	int			context;
	bool		lacks_snapshot = !ActiveSnapshotSet();
	uint64		n;

	fpgo_table_require_one_owner();
	if (finds_nothing(statement))
		return 0;
	/* a process that waits for the network has no snapshot */
	if (lacks_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(fpgo_table_owner(),
						   context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	if (!run_direct(statement, values, nulls, &n))
		n = run_guarded(statement, values, nulls);
	SetUserIdAndSecContext(caller, context);
	if (lacks_snapshot)
		PopActiveSnapshot();
	return n;
}

void
fpgo_statement_redact(ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (category != ERRCODE_DATA_EXCEPTION &&
		category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		return;
	/* the message of a violated constraint has the constraint's name only */
	if (category == ERRCODE_DATA_EXCEPTION)
		error->message = pstrdup("a value does not fit what was added to the tables of fpgo");
	error->detail = pstrdup("PostgreSQL's own words about it are left out, since they may quote the order.");
	error->detail_log = NULL;
	error->hint = NULL;
	error->context = NULL;
	error->internalquery = NULL;
}

static void
wipe(Datum value)
{
	explicit_bzero(VARDATA_ANY(DatumGetPointer(value)),
				   VARSIZE_ANY_EXHDR(DatumGetPointer(value)));
}

static void
wipe_secrets(FpgoParameters *p)
{
	for (int i = 0; i < p->n; i++)
	{
		if (p->are_secret[i])
			wipe(p->values[i]);
	}
}

uint64
fpgo_statement_run(FpgoStatement *statement, FpgoParameters *p)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile uint64 n = 0;

	Assert(p->n == statement->n_parameters);
	PG_TRY();
	{
		n = execute(statement, p->values, p->nulls);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		wipe_secrets(p);
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		fpgo_statement_redact(error);
		ReThrowError(error);
	}
	PG_END_TRY();
	wipe_secrets(p);
	return n;
}

/* ---------- parameters and results ---------- */

void
fpgo_put_datum(FpgoParameters *p, Datum value, bool is_null)
{
	Assert(p->n < FPGO_MAX_PARAMETERS);
	p->values[p->n] = value;
	p->are_secret[p->n] = false;
	p->nulls[p->n++] = is_null ? 'n' : ' ';
}

void
fpgo_put_null(FpgoParameters *p)
{
	fpgo_put_datum(p, (Datum) 0, true);
}

void
fpgo_put_numeric(FpgoParameters *p, const char *decimal)
{
	bool		is_null;
	Datum		value = fpgo_numeric_datum(decimal, &is_null);

	fpgo_put_datum(p, value, is_null);
}

void
fpgo_put_bytes(FpgoParameters *p, const uint8 *bytes, int len)
{
	bytea	   *value;

	if (bytes == NULL)
	{
		fpgo_put_null(p);
		return;
	}
	value = palloc(VARHDRSZ + len);
	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), bytes, len);
	fpgo_put_datum(p, PointerGetDatum(value), false);
}

void
fpgo_put_text(FpgoParameters *p, const char *text)
{
	fpgo_put_datum(p, text ? CStringGetTextDatum(text) : (Datum) 0,
				   text == NULL);
}

void
fpgo_put_secret(FpgoParameters *p, const char *text)
{
	fpgo_put_text(p, text);
	p->are_secret[p->n - 1] = text != NULL;
}

void
fpgo_put_texts(FpgoParameters *p, const char *const *texts)
{
	Datum	   *elements;
	int			n = 0;

	if (texts == NULL)
	{
		fpgo_put_null(p);
		return;
	}
	while (texts[n] != NULL)
		n++;
	elements = palloc(sizeof(Datum) * (n + 1));
	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	fpgo_put_datum(p, PointerGetDatum(construct_array(elements, n, TEXTOID, -1,
													  false, TYPALIGN_INT)),
				   false);
}

void
fpgo_put_int64(FpgoParameters *p, int64 value)
{
	fpgo_put_datum(p, Int64GetDatum(value), false);
}

void
fpgo_put_int(FpgoParameters *p, int value)
{
	fpgo_put_datum(p, Int32GetDatum(value), false);
}

Datum
fpgo_get_datum(int row, int column, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, is_null);
}

int64
fpgo_get_int64(int row, int column)
{
	bool		is_null;
	Datum		value = fpgo_get_datum(row, column, &is_null);

	return is_null ? 0 : DatumGetInt64(value);
}

const char *
fpgo_get_text(int row, int column, MemoryContext context)
{
	bool		is_null;
	Datum		value = fpgo_get_datum(row, column, &is_null);
	bool		lacks_snapshot;
	MemoryContext old;
	text	   *unpacked;
	const char *copy;

	if (is_null)
		return NULL;
	/* a large text lies in a TOAST table, which is read by a snapshot */
	lacks_snapshot = VARATT_IS_EXTERNAL(DatumGetPointer(value)) &&
		!ActiveSnapshotSet();
	if (lacks_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(context);
	unpacked = DatumGetTextPP(value);
	copy = text_to_cstring(unpacked);
	/* it may be an order */
	if (PointerGetDatum(unpacked) != value)
	{
		wipe(PointerGetDatum(unpacked));
		pfree(unpacked);
	}
	MemoryContextSwitchTo(old);
	if (lacks_snapshot)
		PopActiveSnapshot();
	return copy;
}
