/*
 * attempts.c
 *		Rows of attempts.
 *
 * A change of an order that the gateway has begins with a question.  Until the
 * attempt is recorded as more than that, the order certainly was not sent,
 * whatever becomes of the process.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "records/attempts.h"
#include "records/submissions.h"
#include "tables/operators.h"
#include "tables/statement.h"

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.attempt (submission, number, run,"
	" started_at, ended_at, outcome, status, reason)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	.n_parameters = 8,
	.types = {INT8OID, INT4OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	TEXTOID, INT4OID, TEXTOID}
};

static FpgoStatement end_statement = {
	.sql = "UPDATE fpgo_internal.attempt SET ended_at = $3, outcome = $4,"
	" status = $5, reason = $6"
	" WHERE submission " EQ " $1"
	" AND number " EQ " $2",
	.n_parameters = 6,
	.types = {INT8OID, INT4OID, TIMESTAMPTZOID, TEXTOID, INT4OID, TEXTOID}
};

/* the row tells from now on, and the submission does not */
static FpgoStatement begin_question_statement = {
	.sql = "WITH asked AS (UPDATE fpgo_internal.submission s"
	"  SET attempt_began = NULL FROM fpgo_internal.submission o"
	"  WHERE s.id " EQ " $1 AND s.attempts " EQ " $2 AND o.id " EQ " s.id"
	"  RETURNING s.id, s.attempts, s.run, o.attempt_began)"
	" INSERT INTO fpgo_internal.attempt (submission, number, run, started_at,"
	"  outcome)"
	" SELECT id, attempts, run, attempt_began, $3 FROM asked",
	.n_parameters = 3,
	.types = {INT8OID, INT4OID, TEXTOID}
};

static FpgoStatement end_question_statement = {
	.sql = "UPDATE fpgo_internal.attempt a SET outcome = NULL"
	" FROM fpgo_internal.submission s"
	" WHERE a.submission " EQ " $1 AND a.number " EQ " $2"
	" AND a.outcome " EQ " $4 AND s.id " EQ " a.submission"
	" AND s.run " EQ " $3 AND s.state " EQ " 'sending'",
	.n_parameters = 4,
	.types = {INT8OID, INT4OID, INT8OID, TEXTOID}
};

void
fpgo_attempt_end(const FpgoEndedAttempt *attempt)
{
	FpgoParameters p = {0};

	fpgo_put_int64(&p, attempt->submission);
	fpgo_put_int(&p, attempt->number);
	if (attempt->began != 0)
	{
		fpgo_put_int64(&p, attempt->run);
		fpgo_put_datum(&p, TimestampTzGetDatum(attempt->began), false);
	}
	fpgo_put_datum(&p, TimestampTzGetDatum(attempt->ended), false);
	fpgo_put_text(&p, attempt->outcome);
	fpgo_put_datum(&p, Int32GetDatum(attempt->status), attempt->status == 0);
	fpgo_put_text(&p, fpgo_submission_clip(attempt->reason));
	fpgo_statement_run(attempt->began != 0 ? &insert_statement :
					   &end_statement, &p);
}

void
fpgo_attempt_begin_question(int64 submission, int number)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, submission);
	fpgo_put_int(&p, number);
	fpgo_put_text(&p, FPGO_ATTEMPT_ASKS);
	fpgo_statement_run(&begin_question_statement, &p);
	SPI_finish();
}

bool
fpgo_attempt_end_question(int64 submission, int number, int64 run)
{
	FpgoParameters p = {0};
	bool		is_ended;

	SPI_connect();
	fpgo_put_int64(&p, submission);
	fpgo_put_int(&p, number);
	fpgo_put_int64(&p, run);
	fpgo_put_text(&p, FPGO_ATTEMPT_ASKS);
	is_ended = fpgo_statement_run(&end_question_statement, &p) > 0;
	SPI_finish();
	return is_ended;
}
