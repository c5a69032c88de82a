/*
 * insert.c
 *		Records new submissions.
 *
 * Part of the records (see submissions.c).  A new submission is
 * queued, sending or refused.  Its payload is recorded with it.
 *
 * There is one plain INSERT for each table, and every column is a parameter.
 * Such an INSERT needs little work, and no executor where the tables have no
 * foreign code (row_direct.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "records/insert.h"
#include "records/origins.h"
#include "records/traces.h"
#include "records/trouble.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* ---------- statements ---------- */

#define COLUMNS_1_0 \
	"id, server, key, order_hash, reference, role, grand_total, advice," \
	" callback_token, state, attempts, run, error, created_at, settled_at," \
	" not_before, order_uuid, customer_uuid, bank_id_url"
#define VALUES_1_0 \
	"$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15," \
	" $16, $17, $18, $19"
#define TYPES_1_0 \
	INT8OID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID, TEXTOID, NUMERICOID, \
	TEXTARRAYOID, TEXTOID, TEXTOID, INT4OID, INT8OID, TEXTOID, \
	TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.submission"
	" (" COLUMNS_1_0 ", hash_rule, source, source_table, mapping, version,"
	"  first_version, on_change, withdrawn, origin, attempt_began)"
	" OVERRIDING SYSTEM VALUE VALUES (" VALUES_1_0 ", $20, $21, $22, $23,"
	"  $24, $25, $26, $27, $28, $29)"
	" ON CONFLICT (server " BYTEWISE ", key " BYTEWISE ","
	"  mapping " BYTEWISE ", version) DO NOTHING",
	.n_parameters = 29,
	.types = {TYPES_1_0, INT2OID, BYTEAOID, TEXTOID, TEXTOID, INT4OID,
	INT8OID, TEXTOID, BOOLOID, INT8OID, TIMESTAMPTZOID}
};

/* on the SQL objects of 1.0; refused and cancelled ones hold no key */
static FpgoStatement insert_statement_1_0 = {
	.sql = "INSERT INTO fpgo_internal.submission (" COLUMNS_1_0 ")"
	" OVERRIDING SYSTEM VALUE VALUES (" VALUES_1_0 ")"
	" ON CONFLICT (server, key)"
	" WHERE state " NE " ALL ('{refused,cancelled}')"
	" DO NOTHING",
	.n_parameters = 19,
	.types = {TYPES_1_0}
};

static FpgoStatement payload_statement = {
	.sql = "INSERT INTO fpgo_internal.payload (submission, payload, keep_until)"
	" VALUES ($1, $2, $3)",
	.n_parameters = 3,
	.types = {INT8OID, TEXTOID, TIMESTAMPTZOID}
};

static const char *const on_change_names[] = {
	[FPGO_CHANGE_ERROR] = "error",
	[FPGO_CHANGE_REPLACE] = "replace",
	[FPGO_CHANGE_UPDATE] = "update",
};

/* ---------- rows ---------- */

/* NULL for columns up to a number, whose values are not known yet. */
static void
put_nulls(FpgoParameters *p, int n_columns)
{
	while (p->n < n_columns)
		fpgo_put_null(p);
}

/* What of the version is recorded beside what 1.0 recorded. */
static void
put_version(FpgoParameters *p, const FpgoHandIn *handin,
			const FpgoVersions *versions, bool is_withdrawal)
{
	fpgo_put_datum(p, Int16GetDatum(handin->hash_rule), false);
	fpgo_put_bytes(p, handin->source ? handin->source->digest : NULL,
				   FPGO_HASH_BYTES);
	fpgo_put_text(p, handin->source ? handin->source->table : NULL);
	fpgo_put_text(p, versions->mapping);
	fpgo_put_int(p, versions->next);
	fpgo_put_datum(p, Int64GetDatum(versions->order), versions->order == 0);
	fpgo_put_text(p, on_change_names[handin->on_change]);
	fpgo_put_datum(p, BoolGetDatum(true), !is_withdrawal);
	fpgo_put_int64(p, fpgo_origin_here());
}

/* A new submission in one of the states that it can begin with. */
typedef struct New
{
	FpgoSubmissionState state;
	int64		run;			/* of one that is sent at once */
	TimestampTz began;			/* likewise: when its first attempt begins */
	const char *error;			/* of one that is finished */
	bool		is_withdrawal;
} New;

static bool
is_finished(FpgoSubmissionState state)
{
	return state != FPGO_STATE_QUEUED && state != FPGO_STATE_SENDING;
}

/*
 * The order has other versions: it must not be purged while this one is added.
 * The lock hinders no delivery and no decision.
 */
static FpgoStatement hold_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE id " EQ " $1 FOR KEY SHARE",
	.n_parameters = 1,
	.types = {INT8OID},
	.sees_latest = true
};

/* Keep the order from being purged; false if it was, or was made again. */
static bool
hold_order(const FpgoVersions *versions)
{
	FpgoParameters p = {0};

	if (versions->order == 0)
		return true;
	if (versions->newest->is_trace)
		return fpgo_trace_revive(versions->newest);
	fpgo_put_int64(&p, versions->order);
	return fpgo_statement_run(&hold_statement, &p) > 0;
}

/*
 * Returns the submission's number, 0 if its key or version is taken, or if its
 * order has just been purged.
 */
static int64
insert_submission(const FpgoHandIn *handin, const FpgoVersions *versions,
				  const New *new)
{
	int64		id;
	TimestampTz now = new->began != 0 ? new->began : GetCurrentTimestamp();
	FpgoParameters p = {0};
	bool		is_sent = new->state == FPGO_STATE_SENDING;

	if (versions != NULL && !hold_order(versions))
		return 0;
	id = fpgo_table_next_submission();
	fpgo_put_int64(&p, id);
	fpgo_put_text(&p, handin->account);
	fpgo_put_text(&p, handin->key);
	fpgo_put_bytes(&p, handin->order_hash, FPGO_HASH_BYTES);
	fpgo_put_text(&p, handin->reference);
	fpgo_put_text(&p, handin->role);
	fpgo_put_numeric(&p, handin->grand_total);
	fpgo_put_texts(&p, handin->advice);
	/* a callback finds the submission that is sent */
	fpgo_put_secret(&p, is_finished(new->state) ? NULL :
					handin->callback_token);
	fpgo_put_text(&p, fpgo_state_name(new->state));
	fpgo_put_int(&p, is_sent ? 1 : 0);
	fpgo_put_datum(&p, Int64GetDatum(new->run), !is_sent);
	fpgo_put_text(&p, fpgo_submission_clip(new->error));
	fpgo_put_datum(&p, TimestampTzGetDatum(now), false);
	fpgo_put_datum(&p, TimestampTzGetDatum(now), !is_finished(new->state));
	put_nulls(&p, insert_statement_1_0.n_parameters);
	if (versions != NULL)
	{
		put_version(&p, handin, versions, new->is_withdrawal);
		fpgo_put_datum(&p, TimestampTzGetDatum(now), !is_sent);
	}
	return fpgo_statement_run(versions == NULL ? &insert_statement_1_0 :
							  &insert_statement, &p) > 0 ? id : 0;
}

static void
insert_payload(int64 id, const FpgoHandIn *handin)
{
	FpgoParameters p = {0};

	fpgo_put_int64(&p, id);
	fpgo_put_secret(&p, handin->payload);
	fpgo_put_null(&p);			/* kept as long as it is needed */
	fpgo_statement_run(&payload_statement, &p);
}

/* ---------- entries ---------- */

int64
fpgo_submission_queue(const FpgoHandIn *handin, const FpgoVersions *versions)
{
	const New	new = {.state = FPGO_STATE_QUEUED};
	int64		id;

	SPI_connect();
	id = insert_submission(handin, versions, &new);
	if (id != 0)
		insert_payload(id, handin);
	SPI_finish();
	return id;
}

int64
fpgo_submission_send(const FpgoHandIn *handin, const FpgoVersions *versions,
					 int64 run, TimestampTz began)
{
	const New	new = {.state = FPGO_STATE_SENDING,.run = run,.began = began};
	int64		id;

	SPI_connect();
	id = insert_submission(handin, versions, &new);
	if (id != 0)
		insert_payload(id, handin);
	SPI_finish();
	return id;
}

/* A submission that is finished from the start, without a payload. */
static int64
insert_finished(const FpgoHandIn *handin, const FpgoVersions *versions,
				const New *new)
{
	int64		id;

	SPI_connect();
	id = insert_submission(handin, versions, new);
	SPI_finish();
	if (id != 0 && new->state == FPGO_STATE_REFUSED)
		fpgo_trouble_note(FPGO_TROUBLE_REFUSED, id, handin->account,
						  fpgo_submission_clip(new->error));
	return id;
}

int64
fpgo_submission_refuse(const FpgoHandIn *handin, const FpgoVersions *versions,
					   const char *reason)
{
	const New	new = {.state = FPGO_STATE_REFUSED,.error = reason};

	return insert_finished(handin, versions, &new);
}

int64
fpgo_submission_refuse_once(const FpgoHandIn *handin,
							const FpgoVersions *versions, const char *reason)
{
	const FpgoVersion *newest = versions ? versions->newest : NULL;

	/* without an attempt it was refused at hand-in */
	if (newest != NULL && newest->error != NULL && !newest->was_sent &&
		newest->submission.state == FPGO_STATE_REFUSED &&
		strcmp(newest->error, fpgo_submission_clip(reason)) == 0)
		return newest->submission.id;
	return fpgo_submission_refuse(handin, versions, reason);
}

int64
fpgo_submission_supersede(const FpgoHandIn *handin,
						  const FpgoVersions *versions)
{
	const New	new = {.state = FPGO_STATE_SUPERSEDED};

	return insert_finished(handin, versions, &new);
}

static FpgoStatement event_statement = {
	.sql = "INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" VALUES ($1, $2, $3, $4)",
	.n_parameters = 4,
	.types = {INT8OID, TEXTOID, TEXTOID, TEXTOID}
};

int64
fpgo_submission_withdraw(const FpgoHandIn *handin,
						 const FpgoVersions *versions, const char *reason)
{
	const New	new = {.state = FPGO_STATE_CANCELLED,.error = reason,
	.is_withdrawal = true};
	const FpgoVersion *open = versions->open;
	FpgoHandIn	withdrawal = *handin;
	int64		id;

	if (handin->source == NULL)
		withdrawal.source = handin->former_source;
	withdrawal.key = versions->newest->key;
	withdrawal.hash_rule = versions->newest->submission.hash_rule;
	memcpy(withdrawal.order_hash, versions->newest->submission.order_hash,
		   FPGO_HASH_BYTES);
	SPI_connect();
	id = insert_submission(&withdrawal, versions, &new);
	if (id != 0 && open != NULL)
	{
		FpgoParameters p = {0};

		fpgo_put_int64(&p, open->submission.id);
		fpgo_put_text(&p, handin->role);
		fpgo_put_text(&p, psprintf("withdrawn while %s",
								   fpgo_state_name(open->submission.state)));
		fpgo_put_text(&p, reason);
		fpgo_statement_run(&event_statement, &p);
	}
	SPI_finish();
	return id;
}
