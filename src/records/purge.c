/*
 * purge.c
 *		Takes away the records of orders that were finished long ago.
 *
 * Part of the records (see submissions.c).  An order is purged with all its
 * versions and all that hangs on them, and leaves a trace (traces.c).  It is not
 * purged as long as one of its versions is not finished, or was finished too
 * lately.
 *
 * Whoever adds a version to an order locks the order's first submission against
 * that (insert.c).  The purge locks every submission of an order, and waits for
 * none: what is locked stays until the next purge.  Then it looks once more, by
 * a newer snapshot.  So no version comes to an order while it is purged.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/day.h"
#include "records/keyed_hash.h"
#include "records/purge.h"
#include "records/taken_back.h"
#include "records/traces.h"
#include "records/versions.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* so many submissions are looked at in one go */
#define N_LOOKED 1000

/* ---------- statements ---------- */

#define IS_OVER(s) \
	"(" s ".state " EQ " ANY ('{accepted,refused,superseded,cancelled}')" \
	" AND COALESCE(" s ".settled_at, " s ".created_at) " LT " $2)"

/*
 * fpgo 1.0 did not record the row of an order without reference.  The payload
 * may be all that tells it is this row's (unsourced.c).
 */
#define IS_PAYLOAD_NEEDED \
	"(s.version IS NULL AND s.hash_rule IS NULL AND s.reference IS NULL" \
	" AND s.source IS NULL AND EXISTS (SELECT FROM fpgo_internal.payload p" \
	"  WHERE p.submission " EQ " s.id))"

/* the first submission of each order tells whether all are finished */
static FpgoStatement look_statement = {
	.sql = "SELECT l.id, l.is_first AND l.is_over AND NOT l.is_payload_needed"
	" AND NOT EXISTS"
	"  (SELECT FROM fpgo_internal.submission o"
	"   WHERE o.first_version " EQ " l.id AND NOT " IS_OVER("o") ")"
	" FROM (SELECT s.id, s.first_version IS NULL AS is_first,"
	"   " IS_OVER("s") " AS is_over, " IS_PAYLOAD_NEEDED " AS is_payload_needed"
	"  FROM fpgo_internal.submission s WHERE s.id " GT " $1"
	"  ORDER BY s.id LIMIT " CppAsString2(N_LOOKED) ") l ORDER BY l.id",
	.n_parameters = 2,
	.types = {INT8OID, TIMESTAMPTZOID},
	.sees_latest = true
};

static FpgoStatement lock_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE id " EQ " ANY ($1) OR first_version " EQ " ANY ($1)"
	" FOR UPDATE SKIP LOCKED",
	.n_parameters = 1,
	.types = {INT8ARRAYOID},
	.sees_latest = true
};

#define TRACE_TYPES \
	INT8OID, DATEOID, INT2OID, BOOLOID, TEXTOID, TEXTOID, BYTEAOID, \
	BYTEAOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID

static FpgoStatement insert_trace_statement = {
	.sql = "INSERT INTO fpgo_internal.trace (submission, day, hash_rule,"
	"  for_good, state, server, source, order_hash, newest_hash, order_uuid,"
	"  role, mapping, key)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
	" ON CONFLICT (submission, key) DO NOTHING",
	.n_parameters = 13,
	.types = {TRACE_TYPES, BYTEAOID},
	.sees_latest = true
};

/* the traces of an order that was purged before, under whatever keys */
static FpgoStatement update_trace_statement = {
	.sql = "UPDATE fpgo_internal.trace SET day = $2, hash_rule = $3,"
	"  for_good = $4, state = $5, server = $6, source = $7, order_hash = $8,"
	"  newest_hash = $9, order_uuid = $10, role = $11, mapping = $12"
	" WHERE submission " EQ " $1",
	.n_parameters = 12,
	.types = {TRACE_TYPES},
	.sees_latest = true
};

/* orders of the gateway's, with their servers */
#define OF_ORDERS(r) \
	" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))" \
	"  AS o (order_uuid, server)" \
	" WHERE " r ".order_uuid " EQ " o.order_uuid AND " r ".server " EQ " o.server"

#define OF_SUBMISSIONS(r) " WHERE " r " " EQ " ANY ($1)"

#define DELETE_FROM(table, condition) \
	{ \
		.sql = "DELETE FROM fpgo_internal." table " r" condition, \
		.sees_latest = true \
	}

static FpgoStatement of_submissions_statements[] = {
	DELETE_FROM("payload", OF_SUBMISSIONS("r.submission")),
	DELETE_FROM("attempt", OF_SUBMISSIONS("r.submission")),
	DELETE_FROM("event", OF_SUBMISSIONS("r.submission")),
	DELETE_FROM("likeness", OF_SUBMISSIONS("r.submission")),
	DELETE_FROM("early_callback", " USING fpgo_internal.callback c"
	" WHERE c.submission " EQ " ANY ($1) AND r.callback " EQ " c.id"),
	DELETE_FROM("callback", OF_SUBMISSIONS("r.submission")
	" AND NOT EXISTS (SELECT FROM fpgo_internal.submission s"
	"  WHERE s.order_uuid " EQ " r.order_uuid)"),
	{
		/* one of another order, whose address named this one */
		.sql = "UPDATE fpgo_internal.callback SET submission = NULL"
		" WHERE submission " EQ " ANY ($1)",
		.sees_latest = true
	},
	DELETE_FROM("submission", OF_SUBMISSIONS("r.id")),
};

static FpgoStatement of_orders_statements[] = {
	DELETE_FROM("early_callback", OF_ORDERS("r")),
	DELETE_FROM("callback", OF_ORDERS("r")),
	DELETE_FROM("status_change", OF_ORDERS("r")),
	DELETE_FROM("gateway_order", OF_ORDERS("r")),
	DELETE_FROM("sighting", OF_ORDERS("r")),
};

#define OF_TRACES \
	" $1 AND EXISTS (SELECT FROM fpgo_internal.trace t" \
	"  WHERE t.order_uuid " EQ " r.order_uuid AND t.server " EQ " r.server)" \
	" AND NOT EXISTS (SELECT FROM fpgo_internal.submission s" \
	"  WHERE s.order_uuid " EQ " r.order_uuid)"

static FpgoStatement notes_statements[] = {
	DELETE_FROM("callback", " WHERE r.received_at " LT OF_TRACES),
	DELETE_FROM("status_change", " WHERE r.at " LT OF_TRACES),
	DELETE_FROM("gateway_order", " WHERE r.status_at " LT OF_TRACES),
};

static FpgoStatement begin_event_statement = {
	.sql = "INSERT INTO fpgo_internal.event (role, what, reason)"
	" VALUES ($1, $2, $3) RETURNING id",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

static FpgoStatement go_on_event_statement = {
	.sql = "UPDATE fpgo_internal.event SET reason = $2,"
	" at = pg_catalog.clock_timestamp() WHERE id " EQ " $1",
	.n_parameters = 2,
	.types = {INT8OID, TEXTOID},
	.sees_latest = true
};

static FpgoStatement forget_statement = {
	.sql = "WITH gone AS (DELETE FROM fpgo_internal.trace t WHERE t.day " LT " $1"
	"  AND NOT EXISTS (SELECT FROM fpgo_internal.submission s"
	"   WHERE s.id " EQ " t.submission)"
	"  RETURNING t.submission, t.server, t.state, t.day)"
	" SELECT COALESCE(n.server, g.server COLLATE pg_catalog.\"default\"),"
	"  pg_catalog.count(DISTINCT g.submission),"
	"  pg_catalog.count(DISTINCT g.submission)"
	"   FILTER (WHERE g.state " EQ " 'accepted'),"
	"  pg_catalog.min(g.day), pg_catalog.max(g.day)"
	" FROM gone g LEFT JOIN fpgo_internal.shown_server n"
	"  ON n.account " EQ " g.server"
	" GROUP BY g.server, n.server ORDER BY g.server",
	.n_parameters = 1,
	.types = {DATEOID}
};

/* ---------- arrays ---------- */

/* Numbers that grow. */
typedef struct Numbers
{
	int			n;
	int			n_max;
	int64	   *values;
} Numbers;

static void
add_number(Numbers *numbers, int64 value)
{
	if (numbers->n == numbers->n_max)
	{
		numbers->n_max = Max(2 * numbers->n_max, 64);
		numbers->values = numbers->values == NULL ?
			palloc(sizeof(int64) * numbers->n_max) :
			repalloc(numbers->values, sizeof(int64) * numbers->n_max);
	}
	numbers->values[numbers->n++] = value;
}

static int
compare_numbers(const void *a, const void *b)
{
	int64		first = *(const int64 *) a;
	int64		second = *(const int64 *) b;

	return first < second ? -1 : first > second;
}

static bool
has_number(const Numbers *sorted, int64 value)
{
	return sorted->n > 0 &&
		bsearch(&value, sorted->values, sorted->n, sizeof(int64),
				compare_numbers) != NULL;
}

static void
put_numbers(FpgoParameters *p, const Numbers *numbers)
{
	Datum	   *elements = palloc(sizeof(Datum) * (numbers->n + 1));

	for (int i = 0; i < numbers->n; i++)
		elements[i] = Int64GetDatum(numbers->values[i]);
	fpgo_put_datum(p, PointerGetDatum(construct_array(elements, numbers->n,
													  INT8OID, 8,
													  FLOAT8PASSBYVAL,
													  TYPALIGN_DOUBLE)),
				   false);
}

/* The numbers that a statement finds in its first column, sorted. */
static Numbers
read_numbers(int n_rows)
{
	Numbers		numbers = {0};

	for (int i = 0; i < n_rows; i++)
		add_number(&numbers, fpgo_get_int64(i, 1));
	if (numbers.n > 0)
		qsort(numbers.values, numbers.n, sizeof(int64), compare_numbers);
	return numbers;
}

/* ---------- which orders ---------- */

/* Orders all versions of which seem to be finished, among the next ones. */
static Numbers
find_candidates(FpgoPurge *purge)
{
	FpgoParameters p = {0};
	Numbers		orders = {0};
	int			n_rows;

	fpgo_put_int64(&p, purge->after);
	fpgo_put_datum(&p, TimestampTzGetDatum(purge->before), false);
	n_rows = fpgo_statement_run(&look_statement, &p);
	for (int i = 0; i < n_rows; i++)
	{
		bool		is_null;

		purge->after = fpgo_get_int64(i, 1);
		if (DatumGetBool(fpgo_get_datum(i, 2, &is_null)) && !is_null)
			add_number(&orders, purge->after);
	}
	purge->is_over = n_rows < N_LOOKED;
	return orders;
}

static bool
is_over(const FpgoSubmission *submission, TimestampTz before)
{
	return submission->state != FPGO_STATE_QUEUED &&
		submission->state != FPGO_STATE_SENDING &&
		submission->state != FPGO_STATE_UNCERTAIN &&
		submission->settled_at < before;
}

/* May the order go?  Then its submissions are added to those that go. */
static bool
may_go(const List *all, int64 order, const Numbers *locked,
	   const FpgoPurge *purge, Numbers *going)
{
	int			n_before = going->n;
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);

		if (version->order != order)
			continue;
		if (!has_number(locked, version->submission.id) ||
			!is_over(&version->submission, purge->before))
		{
			going->n = n_before;
			return false;
		}
		add_number(going, version->submission.id);
	}
	return going->n > n_before;
}

/* ---------- traces ---------- */

static void
put_hash(FpgoParameters *p, const FpgoSubmission *submission, bool is_null)
{
	fpgo_put_bytes(p, is_null ? NULL : submission->order_hash,
				   FPGO_HASH_BYTES);
}

/* The first parameters of both statements that write a trace. */
static void
put_trace(FpgoParameters *p, const FpgoVersions *versions)
{
	const FpgoVersion *newest = versions->newest;
	const FpgoVersion *deciding = fpgo_versions_deciding(versions);
	const FpgoSubmission *submission = &deciding->submission;
	const FpgoTakenBack *taken_back = fpgo_taken_back_find(versions);
	bool		is_accepted = submission->state == FPGO_STATE_ACCEPTED;
	bool		is_void = !is_accepted && (taken_back != NULL ||
										   !deciding->was_sent ||
										   submission->state != FPGO_STATE_REFUSED);
	bool		is_as_accepted = newest == deciding ||
		newest->is_withdrawal ||
		newest->submission.hash_rule != submission->hash_rule ||
		(taken_back == NULL &&
		 memcmp(newest->submission.order_hash, submission->order_hash,
				FPGO_HASH_BYTES) == 0);

	fpgo_put_int64(p, versions->order);
	fpgo_put_datum(p, DirectFunctionCall1(timestamptz_date,
										  TimestampTzGetDatum(submission->settled_at)),
				   false);
	fpgo_put_datum(p, Int16GetDatum(submission->hash_rule),
				   submission->hash_rule == FPGO_RULE_1_0);
	fpgo_put_datum(p, BoolGetDatum(taken_back && taken_back->for_good),
				   taken_back == NULL);
	fpgo_put_text(p, fpgo_state_name(taken_back != NULL && !is_accepted ?
									 FPGO_STATE_CANCELLED :
									 submission->state));
	fpgo_put_text(p, submission->server);
	fpgo_put_bytes(p, newest->has_source ? newest->source : NULL,
				   FPGO_HASH_BYTES);
	put_hash(p, submission, is_void);
	put_hash(p, &newest->submission, !is_accepted || is_as_accepted);
	fpgo_put_text(p, submission->order_uuid);
	fpgo_put_text(p, submission->role);
	fpgo_put_text(p, versions->mapping);
}

/* Does the order go on being found by the key of this version? */
static bool
is_key_known(const FpgoVersions *versions, const FpgoVersion *version)
{
	return (version == versions->newest ||
			fpgo_version_holds_key(version)) &&
		strcmp(version->key, fpgo_trace_unknown_key(versions->order)) != 0;
}

static void
leave_trace(const List *all, int64 order)
{
	FpgoVersions versions = {0};
	FpgoParameters p = {0};
	ListCell   *cell;

	fpgo_versions_note(&versions, all, order);
	put_trace(&p, &versions);
	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);
		uint8		digest[FPGO_KEY_DIGEST_BYTES];

		if (version->order != order)
			continue;
		/* made again of a trace, or of fpgo 1.0 */
		if (version->number == 0)
			fpgo_statement_run(&update_trace_statement, &p);
		if (!is_key_known(&versions, version))
			continue;
		fpgo_key_digest(version->key, fpgo_trace_key_len(version), digest);
		fpgo_put_bytes(&p, digest, FPGO_KEY_DIGEST_BYTES);
		fpgo_statement_run(&insert_trace_statement, &p);
		p.n--;
	}
}

/* ---------- deleting ---------- */

static void
run_all(FpgoStatement *statements, int n, FpgoParameters *p)
{
	for (int i = 0; i < n; i++)
		fpgo_statement_run(&statements[i], p);
}

/* Tell the statements their parameters, which all of a kind share. */
static void
require_types(void)
{
	for (int i = 0; i < (int) lengthof(of_submissions_statements); i++)
	{
		of_submissions_statements[i].n_parameters = 1;
		of_submissions_statements[i].types[0] = INT8ARRAYOID;
	}
	for (int i = 0; i < (int) lengthof(of_orders_statements); i++)
	{
		of_orders_statements[i].n_parameters = 2;
		of_orders_statements[i].types[0] = TEXTARRAYOID;
		of_orders_statements[i].types[1] = TEXTARRAYOID;
	}
	for (int i = 0; i < (int) lengthof(notes_statements); i++)
	{
		notes_statements[i].n_parameters = 1;
		notes_statements[i].types[0] = TIMESTAMPTZOID;
	}
}

/* Delete these submissions, and all that hangs on them and their orders. */
static void
delete_records(const List *all, const Numbers *going)
{
	FpgoParameters p = {0};
	const char **uuids = palloc0(sizeof(char *) * (list_length(all) + 1));
	const char **servers = palloc0(sizeof(char *) * (list_length(all) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoSubmission *submission =
			&((const FpgoVersion *) lfirst(cell))->submission;

		if (submission->order_uuid == NULL ||
			!has_number(going, submission->id))
			continue;
		uuids[n] = submission->order_uuid;
		servers[n++] = submission->server;
	}
	fpgo_put_texts(&p, uuids);
	fpgo_put_texts(&p, servers);
	run_all(of_orders_statements, lengthof(of_orders_statements), &p);
	p.n = 0;
	put_numbers(&p, going);
	run_all(of_submissions_statements, lengthof(of_submissions_statements),
			&p);
}

/* ---------- history ---------- */

static int64
record_event(const char *what, const char *reason)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, GetUserNameFromId(GetUserId(), false));
	fpgo_put_text(&p, what);
	fpgo_put_text(&p, reason);
	fpgo_statement_run(&begin_event_statement, &p);
	return fpgo_get_int64(0, 1);
}

/* Say in the history how much was purged until now. */
static void
note_purge(FpgoPurge *purge)
{
	const char *reason = psprintf("Orders: %lld, submissions: %lld, all finished before %s.",
								  (long long) purge->n_orders,
								  (long long) purge->n_submissions,
								  TIMESTAMP_NOT_FINITE(purge->before) ?
								  "infinity" : fpgo_day_name(purge->before));
	FpgoParameters p = {0};

	if (purge->event == 0)
	{
		purge->event = record_event("purged", reason);
		return;
	}
	fpgo_put_int64(&p, purge->event);
	fpgo_put_text(&p, reason);
	fpgo_statement_run(&go_on_event_statement, &p);
}

/* ---------- entries ---------- */

static void
purge_orders(FpgoPurge *purge, const Numbers *candidates)
{
	FpgoParameters p = {0};
	Numbers		locked;
	Numbers		going = {0};
	List	   *all;

	put_numbers(&p, candidates);
	locked = read_numbers(fpgo_statement_run(&lock_statement, &p));
	all = fpgo_versions_read(candidates->values, candidates->n,
							 CurrentMemoryContext);
	for (int i = 0; i < candidates->n; i++)
	{
		int64		order = candidates->values[i];

		if (!may_go(all, order, &locked, purge, &going))
			continue;
		leave_trace(all, order);
		purge->n_orders++;
	}
	if (going.n == 0)
		return;
	purge->n_submissions += going.n;
	qsort(going.values, going.n, sizeof(int64), compare_numbers);
	delete_records(all, &going);
	note_purge(purge);
}

void
fpgo_purge_step(FpgoPurge *purge)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "fpgo purge",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Numbers		candidates;

	require_types();
	SPI_connect();
	MemoryContextSwitchTo(context);
	candidates = find_candidates(purge);
	if (candidates.n > 0)
		purge_orders(purge, &candidates);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

void
fpgo_purge_notes(TimestampTz before)
{
	FpgoParameters p = {0};

	require_types();
	SPI_connect();
	fpgo_put_datum(&p, TimestampTzGetDatum(before), false);
	run_all(notes_statements, lengthof(notes_statements), &p);
	SPI_finish();
}

List *
fpgo_purge_forget(DateADT before, const char *reason)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *all = NIL;
	int64		n_orders = 0;
	FpgoParameters p = {0};
	int			n;

	SPI_connect();
	fpgo_put_datum(&p, DateADTGetDatum(before), false);
	n = fpgo_statement_run(&forget_statement, &p);
	for (int i = 0; i < n; i++)
	{
		FpgoForgotten *forgotten = MemoryContextAlloc(caller,
													  sizeof(FpgoForgotten));
		MemoryContext spi;
		bool		is_null;

		forgotten->server = fpgo_get_text(i, 1, caller);
		forgotten->n_orders = fpgo_get_int64(i, 2);
		forgotten->n_accepted = fpgo_get_int64(i, 3);
		forgotten->first_day =
			DatumGetDateADT(fpgo_get_datum(i, 4, &is_null));
		forgotten->last_day =
			DatumGetDateADT(fpgo_get_datum(i, 5, &is_null));
		n_orders += forgotten->n_orders;
		spi = MemoryContextSwitchTo(caller);
		all = lappend(all, forgotten);
		MemoryContextSwitchTo(spi);
	}
	if (n_orders > 0)
		(void) record_event("keys forgotten",
							psprintf("%s (orders: %lld)", reason,
									 (long long) n_orders));
	SPI_finish();
	return all;
}
