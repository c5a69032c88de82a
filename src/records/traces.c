/*
 * traces.c
 *		What stays of orders that were purged.
 *
 * Part of the records (see submissions.c).  fpgo.purge takes away all versions
 * of an order, and leaves a trace: digests of its key and its row, the hash of
 * the order, its uuid and its state.  So the same order handed in again is still
 * the same, and another one is still another one.
 *
 * A hand-in looks for submissions first and for traces afterwards.  The purge
 * makes the trace in the transaction that deletes the submissions.  So whoever
 * misses the submission sees the trace.
 *
 * A trace is never sent and never changed by a hand-in.  If a further version is
 * handed in, the order's first submission is made again of the trace, with what
 * is known of it.  From then on its order is like any other.
 *
 * Keys may say something about persons.  A trace has a digest of its key, which
 * nobody can try out without the database's hash key.  A key that fpgo made of an
 * order's hash and a role is digested without the role: a role may be renamed.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

#include "base/fpgo.h"
#include "records/keyed_hash.h"
#include "records/origins.h"
#include "records/traces.h"
#include "tables/operators.h"
#include "tables/statement.h"

#define TABLE "trace"

/* ---------- statements ---------- */

#define COLUMNS \
	"SELECT submission, day, hash_rule, for_good, state::pg_catalog.text," \
	" server, source, order_hash, newest_hash, order_uuid, role, mapping" \
	" FROM fpgo_internal." TABLE " "

static FpgoStatement by_key_statement = {
	.sql = COLUMNS "WHERE key " EQ " $1 AND server " BYTEWISE EQ " $2",
	.n_parameters = 2,
	.types = {BYTEAOID, TEXTOID},
	.sees_latest = true
};

static FpgoStatement by_source_statement = {
	.sql = COLUMNS "WHERE source " EQ " $1 AND server " BYTEWISE EQ " $2",
	.n_parameters = 2,
	.types = {BYTEAOID, TEXTOID},
	.sees_latest = true
};

static FpgoStatement by_number_statement = {
	.sql = COLUMNS "WHERE submission " EQ " $1 LIMIT 1",
	.n_parameters = 1,
	.types = {INT8OID}
};

static FpgoStatement by_order_statement = {
	.sql = COLUMNS "WHERE order_uuid " EQ " $1 AND server " BYTEWISE EQ " $2"
	" LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID},
	.sees_latest = true
};

static FpgoStatement revive_statement = {
	.sql = "INSERT INTO fpgo_internal.submission (id, server, key, order_hash,"
	"  role, state, attempts, order_uuid, error, created_at, settled_at,"
	"  hash_rule, source, for_good, mapping, origin)"
	" OVERRIDING SYSTEM VALUE"
	" SELECT submission, server, $2,"
	"  CASE WHEN order_hash IS NULL THEN ''::pg_catalog.bytea"
	"   ELSE order_hash END, role, state,"
	"  CASE WHEN order_hash IS NULL THEN 0 ELSE 1 END, order_uuid,"
	"  CASE WHEN state " NE " 'accepted'"
	"   THEN 'Its record was purged, and made again of what stays.' END,"
	"  day, day, hash_rule, source,"
	"  CASE WHEN for_good AND state " EQ " 'cancelled' THEN true END, mapping, $3"
	" FROM fpgo_internal." TABLE " WHERE submission " EQ " $1 LIMIT 1"
	" ON CONFLICT (id) DO NOTHING",
	.n_parameters = 3,
	.types = {INT8OID, TEXTOID, INT8OID}
};

static FpgoStatement take_back_statement = {
	.sql = "INSERT INTO fpgo_internal.event (submission, at, role, what, reason)"
	" SELECT submission, day, 'a person', CASE WHEN for_good"
	"  THEN 'queued to cancelled for good' ELSE 'queued to cancelled' END,"
	"  'Who took it back, and why, was purged.'"
	" FROM fpgo_internal." TABLE " WHERE submission " EQ " $1"
	" AND for_good IS NOT NULL AND state " EQ " 'cancelled' LIMIT 1",
	.n_parameters = 1,
	.types = {INT8OID}
};

static FpgoStatement take_statement = {
	.sql = "UPDATE fpgo_internal." TABLE " SET source = $2"
	" WHERE submission " EQ " $1 AND (source IS NULL OR source " EQ " $2)",
	.n_parameters = 2,
	.types = {INT8OID, BYTEAOID},
	.sees_latest = true
};

static FpgoStatement free_statement = {
	.sql = "WITH freed AS (UPDATE fpgo_internal." TABLE
	"  SET for_good = NULL, order_hash = NULL, newest_hash = NULL"
	"  WHERE submission " EQ " $1 AND for_good IS NOT NULL"
	"  RETURNING submission)"
	" INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" SELECT DISTINCT submission, $2, 'cancelled to free', $3 FROM freed",
	.n_parameters = 3,
	.types = {INT8OID, TEXTOID, TEXTOID}
};

/* ---------- reading ---------- */

/* Was anything ever purged?  An empty table is not even planned for. */
static bool
are_there(void)
{
	Oid			oid = fpgo_table_find(TABLE);
	Relation	table;
	bool		are_there;

	/* the SQL objects of 1.0 have no such table */
	if (!OidIsValid(oid))
		return false;
	table = table_open(oid, AccessShareLock);
	are_there = RelationGetNumberOfBlocks(table) > 0;
	table_close(table, NoLock);
	return are_there;
}

/* Reads a hash; false if the column is NULL. */
static bool
read_hash(uint8 hash[FPGO_HASH_BYTES], int row, int column)
{
	bool		is_null;
	Datum		value = fpgo_get_datum(row, column, &is_null);
	bytea	   *bytes;

	if (is_null)
		return false;
	bytes = DatumGetByteaPP(value);
	memcpy(hash, VARDATA_ANY(bytes),
		   Min(VARSIZE_ANY_EXHDR(bytes), FPGO_HASH_BYTES));
	return true;
}

static TimestampTz
read_day(int row, int column)
{
	bool		is_null;
	Datum		value = fpgo_get_datum(row, column, &is_null);

	return DatumGetTimestampTz(DirectFunctionCall1(date_timestamptz, value));
}

/* The version that decided about the order; key: NULL if it is not known. */
static FpgoVersion *
read_trace(int row, const char *key, MemoryContext context)
{
	FpgoVersion *trace = MemoryContextAllocZero(context, sizeof(FpgoVersion));
	FpgoSubmission *submission = &trace->submission;
	bool		is_null;
	bool		has_hash;
	Datum		value;

	submission->id = fpgo_get_int64(row, 1);
	submission->settled_at = read_day(row, 2);
	value = fpgo_get_datum(row, 3, &is_null);
	submission->hash_rule = is_null ? FPGO_RULE_1_0 : DatumGetInt16(value);
	value = fpgo_get_datum(row, 4, &is_null);
	trace->is_taken_back = !is_null;
	trace->for_good = !is_null && DatumGetBool(value);
	submission->state = fpgo_state_parse(fpgo_get_text(row, 5, context));
	submission->server = fpgo_get_text(row, 6, context);
	trace->has_source = read_hash(trace->source, row, 7);
	has_hash = read_hash(submission->order_hash, row, 8);
	submission->order_uuid = fpgo_get_text(row, 10, context);
	/* whether there was an address is not known: it is gone in any case */
	submission->bank_id_url = submission->order_uuid ? "" : NULL;
	submission->role = fpgo_get_text(row, 11, context);
	trace->mapping = fpgo_get_text(row, 12, context);
	trace->order = submission->id;
	trace->key = key != NULL ? key :
		MemoryContextStrdup(context,
							fpgo_trace_unknown_key(submission->id));
	trace->was_sent = has_hash;
	trace->is_trace = true;
	return trace;
}

/* Adds a trace: the version that decided and, if it is another, the newest. */
static List *
add_trace(List *traces, int row, const char *key, MemoryContext context)
{
	FpgoVersion *trace = read_trace(row, key, context);
	FpgoVersion *newest = MemoryContextAlloc(context, sizeof(FpgoVersion));
	MemoryContext old = MemoryContextSwitchTo(context);

	traces = lappend(traces, trace);
	*newest = *trace;
	if (read_hash(newest->submission.order_hash, row, 9))
	{
		/* it was not accepted, and nobody waits for it */
		newest->submission.state = trace->is_taken_back ?
			FPGO_STATE_CANCELLED : FPGO_STATE_REFUSED;
		newest->was_sent = true;
		traces = lappend(traces, newest);
	}
	MemoryContextSwitchTo(old);
	return traces;
}

/* ---------- keys ---------- */

const char *
fpgo_trace_unknown_key(int64 submission)
{
	return psprintf("(purged %lld)", (long long) submission);
}

/* Bytes of the hash, in hexadecimal digits, and the slash of a keyless key. */
#define KEYLESS_LEN (2 * FPGO_HASH_BYTES + 1)

static bool
may_be_keyless(const char *key)
{
	return strspn(key, "0123456789abcdef") == KEYLESS_LEN - 1 &&
		key[KEYLESS_LEN - 1] == '/';
}

/* Is it a role's own, or one of a role that was renamed or is gone? */
static bool
is_of_role(const char *role, const char *own)
{
	return strcmp(role, own) == 0 || !OidIsValid(get_role_oid(role, true));
}

static int
run_by_key(const char *account, const char *key, int len)
{
	FpgoParameters p = {0};
	uint8		digest[FPGO_KEY_DIGEST_BYTES];

	fpgo_key_digest(key, len, digest);
	fpgo_put_bytes(&p, digest, FPGO_KEY_DIGEST_BYTES);
	fpgo_put_text(&p, account);
	return fpgo_statement_run(&by_key_statement, &p);
}

/* Adds the traces of a key. */
static List *
add_of_key(List *traces, const char *account, const char *key,
		   MemoryContext context)
{
	int			n = run_by_key(account, key, strlen(key));

	for (int i = 0; i < n; i++)
		traces = add_trace(traces, i, key, context);
	if (!may_be_keyless(key))
		return traces;
	n = run_by_key(account, key, KEYLESS_LEN);
	for (int i = 0; i < n; i++)
	{
		if (is_of_role(fpgo_get_text(i, 11, CurrentMemoryContext),
					   key + KEYLESS_LEN))
			traces = add_trace(traces, i, key, context);
	}
	return traces;
}

int
fpgo_trace_key_len(const FpgoVersion *version)
{
	const uint8 *hash = version->submission.order_hash;

	if (!may_be_keyless(version->key))
		return strlen(version->key);
	for (int i = 0; i < FPGO_HASH_BYTES; i++)
	{
		if (strncmp(version->key + 2 * i, psprintf("%02x", hash[i]), 2) != 0)
			return strlen(version->key);
	}
	return KEYLESS_LEN;
}

const char *
fpgo_trace_find_former_key(const FpgoHandIn *handin, const char *beginning)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *key = NULL;
	int			n;

	if (!are_there())
		return NULL;
	SPI_connect();
	n = run_by_key(handin->account, beginning, strlen(beginning));
	for (int i = 0; i < n && key == NULL; i++)
	{
		const char *role = fpgo_get_text(i, 11, caller);

		if (is_of_role(role, handin->role))
			key = role;
	}
	SPI_finish();
	return key == NULL ? NULL : psprintf("%s%s", beginning, key);
}

int64
fpgo_trace_find_unsourced(const FpgoHandIn *handin,
						  const uint8 hash[FPGO_HASH_BYTES])
{
	char		beginning[KEYLESS_LEN + 1];
	int64		found = 0;
	int			n;

	if (!are_there())
		return 0;
	for (int i = 0; i < FPGO_HASH_BYTES; i++)
		snprintf(beginning + 2 * i, 3, "%02x", hash[i]);
	strcpy(beginning + KEYLESS_LEN - 1, "/");
	SPI_connect();
	n = run_by_key(handin->account, beginning, KEYLESS_LEN);
	for (int i = 0; i < n && found == 0; i++)
	{
		const FpgoVersion *trace = read_trace(i, NULL, CurrentMemoryContext);

		if (trace->submission.state == FPGO_STATE_ACCEPTED &&
			trace->submission.hash_rule == FPGO_RULE_1_0 &&
			(!trace->has_source ||
			 memcmp(trace->source, handin->source->digest,
					FPGO_HASH_BYTES) == 0) &&
			is_of_role(trace->submission.role, handin->role))
			found = trace->order;
	}
	SPI_finish();
	return found;
}

/* ---------- finding ---------- */

List *
fpgo_traces_find(const FpgoHandIn *handin, MemoryContext context)
{
	const FpgoSource *sources[] = {handin->source, handin->former_source};
	List	   *traces = NIL;

	if (!are_there())
		return NIL;
	if (handin->key != NULL)
		traces = add_of_key(traces, handin->account, handin->key, context);
	for (int i = 0; i < (int) lengthof(sources); i++)
	{
		FpgoParameters p = {0};
		int			n;

		if (sources[i] == NULL)
			continue;
		fpgo_put_bytes(&p, sources[i]->digest, FPGO_HASH_BYTES);
		fpgo_put_text(&p, handin->account);
		n = fpgo_statement_run(&by_source_statement, &p);
		for (int row = 0; row < n; row++)
		{
			int64		order = fpgo_get_int64(row, 1);
			bool		is_known = false;
			ListCell   *cell;

			foreach(cell, traces)
				is_known = is_known ||
					((FpgoVersion *) lfirst(cell))->order == order;
			if (!is_known)
				traces = add_trace(traces, row, NULL, context);
		}
	}
	return traces;
}

List *
fpgo_traces_find_key(const char *account, const char *key)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *traces;

	if (!are_there())
		return NIL;
	SPI_connect();
	traces = add_of_key(NIL, account, key, caller);
	SPI_finish();
	return traces;
}

static const FpgoVersion *
find_one(FpgoStatement *statement, FpgoParameters *p)
{
	MemoryContext caller = CurrentMemoryContext;
	const FpgoVersion *trace = NULL;

	SPI_connect();
	if (fpgo_statement_run(statement, p) > 0)
		trace = read_trace(0, NULL, caller);
	SPI_finish();
	return trace;
}

const FpgoVersion *
fpgo_trace_find(int64 submission)
{
	FpgoParameters p = {0};

	if (!are_there())
		return NULL;
	fpgo_put_int64(&p, submission);
	return find_one(&by_number_statement, &p);
}

const FpgoVersion *
fpgo_trace_find_order(const char *account, const char *order_uuid,
					  bool may_wait)
{
	FpgoParameters p = {0};
	Oid			table = fpgo_table_find(TABLE);

	if (!may_wait && OidIsValid(table) &&
		!ConditionalLockRelationOid(table, AccessShareLock))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not obtain lock on relation \"%s.%s\"",
						"fpgo_internal", TABLE),
				 fpgo_errhide()));
	if (!are_there())
		return NULL;
	fpgo_put_text(&p, order_uuid);
	fpgo_put_text(&p, account);
	return find_one(&by_order_statement, &p);
}

/* ---------- changing ---------- */

bool
fpgo_trace_take(int64 submission, const FpgoSource *source)
{
	FpgoParameters p = {0};
	int			n;

	SPI_connect();
	fpgo_put_int64(&p, submission);
	fpgo_put_bytes(&p, source->digest, FPGO_HASH_BYTES);
	n = fpgo_statement_run(&take_statement, &p);
	SPI_finish();
	return n > 0;
}

bool
fpgo_trace_revive(const FpgoVersion *trace)
{
	FpgoParameters p = {0};

	fpgo_put_int64(&p, trace->order);
	fpgo_put_text(&p, trace->key);
	fpgo_put_int64(&p, fpgo_origin_here());
	if (fpgo_statement_run(&revive_statement, &p) == 0)
		return false;
	p.n = 1;
	if (trace->is_taken_back)
		fpgo_statement_run(&take_back_statement, &p);
	return true;
}

void
fpgo_trace_free(int64 submission, const char *reason)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, submission);
	fpgo_put_text(&p, GetUserNameFromId(GetUserId(), false));
	fpgo_put_text(&p, reason);
	fpgo_statement_run(&free_statement, &p);
	SPI_finish();
}
