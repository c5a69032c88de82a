/*
 * insert.c
 *		Records new submissions.
 *
 * Part of the records (see submissions.c).  A new submission is
 * queued, sending or refused.  Its payload and its first attempt are recorded
 * with it.
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
#include "records/taken_back.h"
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

/* a refused submission holds no key, and never conflicts with another */
#define UNLESS_TAKEN(columns) \
	" ON CONFLICT (" columns ")" \
	" WHERE state " NE " ALL ('{refused,cancelled}')" \
	" DO NOTHING"

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.submission"
	" (" COLUMNS_1_0 ", hash_rule, source, source_table)"
	" OVERRIDING SYSTEM VALUE VALUES (" VALUES_1_0 ", $20, $21, $22)"
	UNLESS_TAKEN("server " BYTEWISE ", key " BYTEWISE),
	.n_parameters = 22,
	.types = {TYPES_1_0, INT2OID, BYTEAOID, TEXTOID}
};

/* on the SQL objects of 1.0 */
static FpgoStatement insert_statement_1_0 = {
	.sql = "INSERT INTO fpgo_internal.submission (" COLUMNS_1_0 ")"
	" OVERRIDING SYSTEM VALUE VALUES (" VALUES_1_0 ")"
	UNLESS_TAKEN("server, key"),
	.n_parameters = 19,
	.types = {TYPES_1_0}
};

static FpgoStatement payload_statement = {
	.sql = "INSERT INTO fpgo_internal.payload (submission, payload, keep_until)"
	" VALUES ($1, $2, $3)",
	.n_parameters = 3,
	.types = {INT8OID, TEXTOID, TIMESTAMPTZOID}
};

static FpgoStatement attempt_statement = {
	.sql = "INSERT INTO fpgo_internal.attempt (submission, number, run,"
	" started_at, ended_at, outcome, status, reason)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	.n_parameters = 8,
	.types = {INT8OID, INT4OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	TEXTOID, INT4OID, TEXTOID}
};

/* ---------- rows ---------- */

/* NULL for columns up to a number, whose values are not known yet. */
static void
put_nulls(FpgoParameters *p, int n_columns)
{
	while (p->n < n_columns)
		fpgo_put_null(p);
}

/*
 * Inserts a submission in one of the states that it can begin with.  "run" is
 * for one that is sent at once, "error" for one that is refused.  Returns the
 * submission's number, 0 if its key is taken.
 */
static int64
insert_submission(const FpgoHandIn *handin, FpgoSubmissionState state,
				  int64 run, const char *error)
{
	int64		id = fpgo_table_next_submission();
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());
	FpgoParameters p = {0};
	FpgoStatement *statement = handin->hash_rule == FPGO_RULE_1_0 ?
		&insert_statement_1_0 : &insert_statement;

	fpgo_put_int64(&p, id);
	fpgo_put_text(&p, handin->account);
	fpgo_put_text(&p, handin->key);
	fpgo_put_bytes(&p, handin->order_hash, FPGO_HASH_BYTES);
	fpgo_put_text(&p, handin->reference);
	fpgo_put_text(&p, handin->role);
	fpgo_put_numeric(&p, handin->grand_total);
	fpgo_put_texts(&p, handin->advice);
	fpgo_put_secret(&p, handin->callback_token);
	fpgo_put_text(&p, fpgo_state_name(state));
	fpgo_put_int(&p, state == FPGO_STATE_SENDING ? 1 : 0);
	fpgo_put_datum(&p, Int64GetDatum(run), state != FPGO_STATE_SENDING);
	fpgo_put_text(&p, fpgo_submission_clip(error));
	fpgo_put_datum(&p, now, false);
	fpgo_put_datum(&p, now, state != FPGO_STATE_REFUSED);
	put_nulls(&p, insert_statement_1_0.n_parameters);
	if (handin->hash_rule != FPGO_RULE_1_0)
	{
		fpgo_put_datum(&p, Int16GetDatum(handin->hash_rule), false);
		if (handin->source != NULL)
		{
			fpgo_put_bytes(&p, handin->source->digest, FPGO_HASH_BYTES);
			fpgo_put_text(&p, handin->source->table);
		}
		put_nulls(&p, insert_statement.n_parameters);
	}
	return fpgo_statement_run(statement, &p) > 0 ? id : 0;
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

/* The first attempt, which begins now. */
static void
insert_attempt(int64 id, int64 run)
{
	FpgoParameters p = {0};

	fpgo_put_int64(&p, id);
	fpgo_put_int(&p, 1);
	fpgo_put_int64(&p, run);
	fpgo_put_datum(&p, TimestampTzGetDatum(GetCurrentTimestamp()), false);
	put_nulls(&p, attempt_statement.n_parameters);
	fpgo_statement_run(&attempt_statement, &p);
}

/* ---------- entries ---------- */

int64
fpgo_submission_queue(const FpgoHandIn *handin)
{
	int64		id;

	SPI_connect();
	id = insert_submission(handin, FPGO_STATE_QUEUED, 0, NULL);
	if (id != 0)
		insert_payload(id, handin);
	SPI_finish();
	return id;
}

int64
fpgo_submission_send(const FpgoHandIn *handin, int64 run)
{
	int64		id;

	/* an order sent at once cannot wait for another of its reference */
	if (fpgo_submission_find_reference(handin) != 0)
		return 0;
	SPI_connect();
	id = insert_submission(handin, FPGO_STATE_SENDING, run, NULL);
	if (id != 0)
	{
		insert_payload(id, handin);
		insert_attempt(id, run);
	}
	SPI_finish();
	return id;
}

static FpgoStatement remove_statement = {
	.sql = "DELETE FROM fpgo_internal.submission"
	" WHERE id " EQ " $1 AND state " EQ " $2",
	.n_parameters = 2,
	.types = {INT8OID, TEXTOID}
};

static FpgoStatement remove_payload_statement = {
	.sql = "DELETE FROM fpgo_internal.payload"
	" WHERE submission " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID}
};

void
fpgo_submission_remove_queued(int64 id)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, id);
	fpgo_statement_run(&remove_payload_statement, &p);
	p.n = 0;
	fpgo_put_int64(&p, id);
	fpgo_put_text(&p, fpgo_state_name(FPGO_STATE_QUEUED));
	if (fpgo_statement_run(&remove_statement, &p) != 1)
		elog(ERROR, "submission %lld is not queued", (long long) id);
	SPI_finish();
}

int64
fpgo_submission_refuse(const FpgoHandIn *handin, const char *reason)
{
	int64		id;

	SPI_connect();
	id = insert_submission(handin, FPGO_STATE_REFUSED, 0, reason);
	SPI_finish();
	return id;
}

/* without an attempt it was refused at hand-in */
static FpgoStatement newest_statement = {
	.sql = "SELECT id, state " EQ " 'refused' AND attempts " EQ " 0"
	"  AND error " EQ " $3"
	" FROM fpgo_internal.submission"
	" WHERE server " BYTEWISE EQ " $1 AND key " BYTEWISE EQ " $2"
	" AND state " EQ " ANY ('{refused,cancelled}')"
	" ORDER BY id USING " GT " LIMIT 1",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

int64
fpgo_submission_refuse_once(const FpgoHandIn *handin, const char *reason)
{
	FpgoParameters p = {0};
	int64		same = 0;
	bool		is_null;

	/* without the index that came with 1.1, all rows would be looked at */
	if (fpgo_taken_back_is_known())
	{
		SPI_connect();
		fpgo_put_text(&p, handin->account);
		fpgo_put_text(&p, handin->key);
		fpgo_put_text(&p, fpgo_submission_clip(reason));
		if (fpgo_statement_run(&newest_statement, &p) > 0 &&
			DatumGetBool(fpgo_get_datum(0, 2, &is_null)))
			same = fpgo_get_int64(0, 1);
		SPI_finish();
	}
	return same != 0 ? same : fpgo_submission_refuse(handin, reason);
}
