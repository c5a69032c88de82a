/*
 * settle.c
 *		Records the outcome of an attempt.
 *
 * One transaction changes the state, ends the attempt and deletes the payload
 * or says until when to keep it.  Nearly all attempts end in the same way, and
 * the submission goes on telling that (attempts.h).  The statement names the run
 * that sent the submission: if another process has made the submission uncertain
 * meanwhile, it stays uncertain.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "records/attempts.h"
#include "records/early.h"
#include "records/settle.h"
#include "records/traces.h"
#include "records/trouble.h"
#include "records/versions.h"
#include "tables/operators.h"
#include "tables/row_held.h"
#include "tables/statement.h"

/* the rows that settling an attempt changes, and whether it deletes them */
static FpgoStatement rows_statement = {
	.sql = "SELECT tableoid, ctid, false FROM fpgo_internal.submission"
	"  WHERE id " EQ " $1"
	" UNION ALL SELECT tableoid, ctid, false FROM fpgo_internal.attempt"
	"  WHERE submission " EQ " $1 AND number " EQ " $2"
	" UNION ALL SELECT tableoid, ctid, true FROM fpgo_internal.payload"
	"  WHERE submission " EQ " $1",
	.n_parameters = 2,
	.types = {INT8OID, INT4OID}
};

bool
fpgo_submission_is_free(int64 submission, int attempt)
{
	FpgoParameters p = {0};
	bool		is_free = true;
	int			n;

	SPI_connect();
	fpgo_put_int64(&p, submission);
	fpgo_put_int(&p, attempt);
	n = fpgo_statement_run(&rows_statement, &p);
	for (int i = 0; i < n && is_free; i++)
	{
		bool		is_null;
		Oid			table = DatumGetObjectId(fpgo_get_datum(i, 1, &is_null));
		Datum		row = fpgo_get_datum(i, 2, &is_null);

		is_free = !fpgo_row_is_held(table, (ItemPointer) DatumGetPointer(row),
									DatumGetBool(fpgo_get_datum(i, 3,
																&is_null)));
	}
	SPI_finish();
	return is_free;
}

/* the old state is a parameter: then only the primary key fits as an index */
static FpgoStatement settle_statement = {
	.sql = "UPDATE fpgo_internal.submission"
	" SET state = $4, run = NULL, error = $5,"
	"  order_uuid = $6, customer_uuid = $7, bank_id_url = $8,"
	"  not_before = $9, settled_at = $10, attempt_began = $11"
	" WHERE id " EQ " $1 AND run " EQ " $2"
	" AND state " EQ " $3",
	.n_parameters = 11,
	.types = {INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

/* two transactions that set the same uuid at once do not see each other */
static FpgoStatement find_holder_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE order_uuid " EQ " $1"
	" AND server " EQ " $2"
	" AND id " NE " $3 LIMIT 1",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, INT8OID}
};

static FpgoStatement delete_payload_statement = {
	.sql = "DELETE FROM fpgo_internal.payload"
	" WHERE submission " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID}
};

static FpgoStatement keep_payload_statement = {
	.sql = "UPDATE fpgo_internal.payload SET keep_until = $2"
	" WHERE submission " EQ " $1",
	.n_parameters = 2,
	.types = {INT8OID, TIMESTAMPTZOID}
};

static bool
is_finished(FpgoSubmissionState state)
{
	return state == FPGO_STATE_ACCEPTED || state == FPGO_STATE_REFUSED ||
		state == FPGO_STATE_CANCELLED;
}

/* The time that many seconds after another one, or NULL. */
static void
put_time(FpgoParameters *p, TimestampTz from, int seconds, bool is_null)
{
	fpgo_put_datum(p, TimestampTzGetDatum(from + seconds * USECS_PER_SEC),
				   is_null);
}

/*
 * Does the accepted submission tell how the attempt ended?  The view
 * fpgo_internal.whole_attempt says of it what is compared here.
 */
static bool
is_told(const FpgoSettlement *settlement)
{
	return settlement->state == FPGO_STATE_ACCEPTED &&
		settlement->status == 201 &&
		strcmp(settlement->reason,
			   "The gateway accepted the order with HTTP status 201.") == 0;
}

/* The change of state; false if the submission is not sending in that run. */
static bool
settle_submission(const FpgoSettlement *settlement, TimestampTz now)
{
	FpgoSubmissionState state = settlement->state;
	FpgoParameters p = {0};

	fpgo_put_int64(&p, settlement->submission);
	fpgo_put_int64(&p, settlement->run);
	fpgo_put_text(&p, fpgo_state_name(FPGO_STATE_SENDING));
	fpgo_put_text(&p, fpgo_state_name(state));
	fpgo_put_text(&p, state == FPGO_STATE_ACCEPTED ? NULL :
				  fpgo_submission_clip(settlement->reason));
	fpgo_put_text(&p, settlement->order_uuid);
	fpgo_put_text(&p, settlement->customer_uuid);
	fpgo_put_secret(&p, settlement->bank_id_url);
	put_time(&p, now, settlement->delay_s, state != FPGO_STATE_QUEUED);
	put_time(&p, now, 0, state == FPGO_STATE_QUEUED);
	put_time(&p, settlement->attempt_began, 0,
			 settlement->attempt_began == 0 || !is_told(settlement));
	return fpgo_statement_run(&settle_statement, &p) > 0;
}

static void
end_attempt(const FpgoSettlement *settlement, TimestampTz now)
{
	const FpgoEndedAttempt attempt = {.submission = settlement->submission,
		.number = settlement->attempt,.run = settlement->run,
		.began = settlement->attempt_began,.ended = now,
		.outcome = settlement->outcome,.status = settlement->status,
	.reason = settlement->reason};

	if (!is_told(settlement))
		fpgo_attempt_end(&attempt);
}

/* The submission is finished: delete its payload, now or later. */
static void
retire_payload(const FpgoSettlement *settlement, TimestampTz now)
{
	FpgoParameters p = {0};

	fpgo_put_int64(&p, settlement->submission);
	if (settlement->retention_s == 0)
	{
		fpgo_statement_run(&delete_payload_statement, &p);
		return;
	}
	put_time(&p, now, settlement->retention_s, false);
	fpgo_statement_run(&keep_payload_statement, &p);
}

int64
fpgo_submission_find_holder(const FpgoSettlement *settlement)
{
	FpgoParameters p = {0};
	int64		holder = 0;
	const FpgoVersion *trace;

	if (settlement->order_uuid == NULL)
		return 0;
	SPI_connect();
	fpgo_put_text(&p, settlement->order_uuid);
	fpgo_put_text(&p, settlement->server);
	fpgo_put_int64(&p, settlement->submission);
	if (fpgo_statement_run(&find_holder_statement, &p) > 0)
		holder = fpgo_get_int64(0, 1);
	SPI_finish();
	if (holder != 0)
		return holder;
	trace = fpgo_trace_find_order(settlement->server, settlement->order_uuid,
								  false);
	return trace == NULL ? 0 : trace->submission.id;
}

bool
fpgo_submission_settle(const FpgoSettlement *settlement)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		settled;

	Assert(settlement->state != FPGO_STATE_SENDING);
	if (!settlement->shares_uuid &&
		fpgo_submission_find_holder(settlement) != 0)
		return false;
	SPI_connect();
	settled = settle_submission(settlement, now);
	if (settled)
		end_attempt(settlement, now);
	if (settled && is_finished(settlement->state))
		retire_payload(settlement, now);
	if (settled && settlement->order_uuid != NULL)
		fpgo_early_look_at_commit(settlement->server, settlement->order_uuid,
								  false);
	if (settled && settlement->state == FPGO_STATE_UNCERTAIN &&
		settlement->server != NULL)
		fpgo_trouble_note(FPGO_TROUBLE_UNCERTAIN, settlement->submission,
						  settlement->server,
						  fpgo_submission_clip(settlement->reason));
	if (settled && settlement->state == FPGO_STATE_ACCEPTED &&
		settlement->order != 0)
		fpgo_versions_note_accepted(settlement->submission,
									settlement->order);
	SPI_finish();
	return settled;
}
