/*
 * sweep.c
 *		Submissions whose process ended while it sent them.
 *
 * Part of the records (see submissions.h).  Whether a process has ended is told
 * by the lock of its run, and never by time.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "records/attempts.h"
#include "records/locks.h"
#include "records/submissions.h"
#include "records/sweep.h"
#include "records/trouble.h"
#include "tables/operators.h"
#include "tables/statement.h"


#define ENDED \
	"The process that sent it ended before the outcome was recorded."

static FpgoStatement runs_statement = {
	.sql = "SELECT DISTINCT run FROM fpgo_internal.submission"
	" WHERE state " EQ " 'sending' AND run IS NOT NULL",
	.n_parameters = 0
};

static FpgoStatement sweep_statement = {
	.sql = "WITH swept AS (UPDATE fpgo_internal.submission s"
	"  SET state = 'uncertain', run = NULL, error = $2, attempt_began = NULL,"
	"   settled_at = pg_catalog.clock_timestamp()"
	"  FROM fpgo_internal.submission o WHERE o.id " EQ " s.id"
	"  AND s.run " EQ " $1 AND s.state " EQ " 'sending'"
	"  RETURNING s.id, s.server, s.attempts, o.attempt_began),"
	" ended AS (UPDATE fpgo_internal.attempt a"
	"  SET ended_at = pg_catalog.clock_timestamp(),"
	"   outcome = 'unknown', reason = $2 FROM swept"
	"  WHERE a.submission " EQ " swept.id AND a.number " EQ " swept.attempts),"
	" told AS (INSERT INTO fpgo_internal.attempt (submission, number, run,"
	"   started_at, ended_at, outcome, reason)"
	"  SELECT id, attempts, $1, attempt_began, pg_catalog.clock_timestamp(),"
	"   'unknown', $2 FROM swept WHERE attempt_began IS NOT NULL)"
	" SELECT id, server FROM swept",
	.n_parameters = 2,
	.types = {INT8OID, TEXTOID}
};

/*
 * The same of those that certainly were not sent.  The lock tells the outcome
 * as it is now, whatever the transaction's snapshot shows.
 */
static FpgoStatement sweep_unsent_statement = {
	.sql = "WITH unsent AS MATERIALIZED (SELECT a.submission, a.number"
	"  FROM fpgo_internal.submission s JOIN fpgo_internal.attempt a"
	"   ON a.submission " EQ " s.id AND a.number " EQ " s.attempts"
	"  WHERE s.run " EQ " $1 AND s.state " EQ " 'sending'"
	"  AND a.outcome " EQ " $3 FOR UPDATE OF a),"
	" swept AS (UPDATE fpgo_internal.submission s"
	"  SET state = 'queued', run = NULL, error = $2 FROM unsent"
	"  WHERE s.id " EQ " unsent.submission AND s.run " EQ " $1"
	"  RETURNING s.id, s.attempts)"
	" UPDATE fpgo_internal.attempt a SET ended_at = pg_catalog.clock_timestamp(),"
	"  outcome = 'unreached', reason = $2 FROM swept"
	" WHERE a.submission " EQ " swept.id"
	" AND a.number " EQ " swept.attempts",
	.n_parameters = 3,
	.types = {INT8OID, TEXTOID, TEXTOID}
};

int
fpgo_submission_sweep(void)
{
	FpgoParameters p = {0};
	int64	   *runs;
	int			n_runs;
	int			n_uncertain;
	int			n_swept = 0;

	SPI_connect();
	n_runs = fpgo_statement_run(&runs_statement, &p);
	runs = palloc(sizeof(int64) * (n_runs + 1));
	for (int i = 0; i < n_runs; i++)
		runs[i] = fpgo_get_int64(i, 1);
	for (int i = 0; i < n_runs; i++)
	{
		if (!fpgo_run_is_dead(runs[i]))
			continue;
		p.n = 0;
		fpgo_put_int64(&p, runs[i]);
		fpgo_put_text(&p, "The process that was to send it ended before it was sent.");
		fpgo_put_text(&p, FPGO_ATTEMPT_ASKS);
		n_swept += fpgo_statement_run(&sweep_unsent_statement, &p);
		p.n = 0;
		fpgo_put_int64(&p, runs[i]);
		fpgo_put_text(&p, ENDED);
		n_uncertain = fpgo_statement_run(&sweep_statement, &p);
		for (int row = 0; row < n_uncertain; row++)
			fpgo_trouble_note(FPGO_TROUBLE_UNCERTAIN, fpgo_get_int64(row, 1),
							  fpgo_get_text(row, 2, CurrentMemoryContext),
							  ENDED);
		n_swept += n_uncertain;
	}
	SPI_finish();
	return n_swept;
}
