/*
 * allowance.c
 *		The allowance that requests with one token draw from.
 *
 * The row is read and written in transactions of their own, which change
 * nothing else.  Their commits need not be flushed: if a crash takes one back,
 * a few requests count as not leased.  A transaction waits for no lock.  If the
 * row or the table is locked, it is tried again a moment later.
 *
 * The row names the token by a keyed hash: it does not tell the token.
 *
 * Memory: what a process knows lives in TopMemoryContext.  What was of no use
 * for a while is freed, since tokens change.
 */
#include "postgres.h"

#include <limits.h>

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "account/names.h"
#include "base/fpgo.h"
#include "base/subtransaction.h"
#include "delivery/allowance.h"
#include "delivery/backoff.h"
#include "records/keyed_hash.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* bytes of a token's hash that name it */
#define TOKEN_BYTES 16

/* how often a process looks for a row that it has not found, in ms */
#define LOOK_MS 1000

/* pause after a row was found locked, in milliseconds */
#define BUSY_MS 5

/* so often at most is a row tried for a session, within that pause */
#define MAX_TRIES 5

/* how often the row is read while it says "closed", in milliseconds */
#define CLOSED_MS 500

/* pause after a failure, in milliseconds */
#define FAILED_MS 1000

/* what was not used for so long is forgotten, in milliseconds */
#define FORGET_MS (15 * 60 * 1000)

struct FpgoAllowance
{
	char	   *origin;
	uint8		token[TOKEN_BYTES];
	FpgoPaceTerms terms;
	FpgoPaceLease lease;
	bool		is_kept;		/* there is a row */
	bool		is_urgent;		/* others must hear the news at once */
	bool		is_wanted;		/* a claim found nothing left */
	int			n_reserved;
	int			n_tickets;		/* taken, and not noted */
	FpgoMoment	looked_at;		/* for a row that was not there */
	FpgoMoment	used_at;
	FpgoMoment	tell_at;		/* next time that an idle process tells */
	FpgoMoment	try_at;			/* no transaction before that; 0: at any time */
	FpgoMoment	closed_until;	/* nothing before that, whatever is leased */
	FpgoMoment	never_before;
	bool		is_slowed;		/* the gateway has asked to slow down */
	FpgoMoment	again_at[FPGO_PACE_SUBMIT + 1]; /* next try to lease */
};

static List *allowances = NIL;
static int	n_kept = 0;
static FpgoMoment looked_at = 0;	/* for any row that was not known */
static uint64 n_changes = 0;

/* ---------- the row ---------- */

#define COLUMNS \
	"number, rate_limit, remaining, at_start, granted, leased, is_seen," \
	" since, began, closed_until"

#define OF_ALLOWANCE \
	" WHERE origin " EQ " $1 AND token " EQ " $2"

static FpgoStatement find_statement = {
	.sql = "SELECT number FROM fpgo_internal.allowance" OF_ALLOWANCE,
	.n_parameters = 2,
	.types = {TEXTOID, BYTEAOID},
	.only_of = "allowance"
};

/* a time that is recorded as later than now was before the clock was set back */
static FpgoStatement closed_statement = {
	.sql = "SELECT pg_catalog.date_part('epoch', closed_until " MINUS
	" GREATEST(since, pg_catalog.clock_timestamp()))"
	" FROM fpgo_internal.allowance" OF_ALLOWANCE
	" AND closed_until " GT " GREATEST(since, pg_catalog.clock_timestamp())",
	.n_parameters = 2,
	.types = {TEXTOID, BYTEAOID}
};

static FpgoStatement lock_statement = {
	.sql = "SELECT " COLUMNS " FROM fpgo_internal.allowance" OF_ALLOWANCE
	" FOR NO KEY UPDATE SKIP LOCKED",
	.n_parameters = 2,
	.types = {TEXTOID, BYTEAOID}
};

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.allowance (origin, token, since)"
	" VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
	.n_parameters = 3,
	.types = {TEXTOID, BYTEAOID, TIMESTAMPTZOID}
};

static FpgoStatement write_statement = {
	.sql = "UPDATE fpgo_internal.allowance SET number = $3, rate_limit = $4,"
	" remaining = $5, at_start = $6, granted = $7, leased = $8, is_seen = $9,"
	" since = $10, began = $11, closed_until = $12" OF_ALLOWANCE,
	.n_parameters = 12,
	.types = {TEXTOID, BYTEAOID, INT8OID, INT4OID, INT4OID, INT4OID, INT4OID,
	INT4OID, BOOLOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

static void
put_name(FpgoParameters *p, const FpgoAllowance *allowance)
{
	fpgo_put_text(p, allowance->origin);
	fpgo_put_bytes(p, allowance->token, TOKEN_BYTES);
}

static int64
get_time(int column)
{
	return fpgo_get_int64(0, column) / 1000;
}

static void
put_moment(FpgoParameters *p, int64 ms)
{
	fpgo_put_datum(p, TimestampTzGetDatum(ms * 1000), ms == 0);
}

/* The row, locked; false if there is none, or if another process has it. */
static bool
lock_row(const FpgoAllowance *allowance, FpgoPace *pace)
{
	FpgoParameters p = {0};
	bool		is_null;

	put_name(&p, allowance);
	if (fpgo_statement_run(&lock_statement, &p) == 0)
		return false;
	pace->number = fpgo_get_int64(0, 1);
	pace->limit = DatumGetInt32(fpgo_get_datum(0, 2, &is_null));
	pace->remaining = DatumGetInt32(fpgo_get_datum(0, 3, &is_null));
	pace->at_start = DatumGetInt32(fpgo_get_datum(0, 4, &is_null));
	pace->granted = DatumGetInt32(fpgo_get_datum(0, 5, &is_null));
	pace->leased = DatumGetInt32(fpgo_get_datum(0, 6, &is_null));
	pace->is_seen = DatumGetBool(fpgo_get_datum(0, 7, &is_null));
	pace->since = get_time(8);
	pace->began = get_time(9);
	pace->closed_until = get_time(10);
	return true;
}

/* Make the row; false if another process does, or has it. */
static bool
insert_row(const FpgoAllowance *allowance, FpgoPace *pace, int64 now)
{
	FpgoParameters p = {0};

	put_name(&p, allowance);
	put_moment(&p, now);
	if (fpgo_statement_run(&insert_statement, &p) == 0)
		return false;
	pace->number = 1;
	pace->since = now;
	return true;
}

static void
write_row(const FpgoAllowance *allowance, const FpgoPace *pace)
{
	FpgoParameters p = {0};

	put_name(&p, allowance);
	fpgo_put_int64(&p, pace->number);
	fpgo_put_int(&p, pace->limit);
	fpgo_put_int(&p, pace->remaining);
	fpgo_put_int(&p, pace->at_start);
	fpgo_put_int(&p, pace->granted);
	fpgo_put_int(&p, pace->leased);
	fpgo_put_datum(&p, BoolGetDatum(pace->is_seen), false);
	put_moment(&p, pace->since);
	put_moment(&p, pace->began);
	put_moment(&p, pace->closed_until);
	fpgo_statement_run(&write_statement, &p);
}

/* Lock the table as the mode says; false if that would be a wait. */
static bool
try_table(LOCKMODE mode)
{
	Oid			table = fpgo_table_find("allowance");

	return OidIsValid(table) && ConditionalLockRelationOid(table, mode);
}

/* Is there a row by now?  Asks at times. */
static void
look_for_row(FpgoAllowance *allowance)
{
	FpgoParameters p = {0};

	if (allowance->is_kept || (allowance->looked_at != 0 &&
							   !fpgo_clock_has_passed(allowance->looked_at,
													  LOOK_MS)))
		return;
	looked_at = allowance->looked_at = fpgo_clock_now();
	if (!try_table(AccessShareLock))
		return;
	SPI_connect();
	put_name(&p, allowance);
	allowance->is_kept = fpgo_statement_run(&find_statement, &p) > 0;
	SPI_finish();
	n_kept += allowance->is_kept;
}

/* ---------- what the process knows ---------- */

static void
forget_unused(void)
{
	ListCell   *cell;

	foreach(cell, allowances)
	{
		FpgoAllowance *allowance = lfirst(cell);

		if (allowance->n_tickets > 0 ||
			!fpgo_clock_has_passed(allowance->used_at, FORGET_MS))
			continue;
		n_kept -= allowance->is_kept;
		allowances = foreach_delete_current(allowances, cell);
		pfree(allowance->origin);
		pfree(allowance);
	}
}

static FpgoAllowance *
make(const char *origin, const uint8 *token)
{
	MemoryContext old;
	FpgoAllowance *allowance;

	forget_unused();
	old = MemoryContextSwitchTo(TopMemoryContext);
	allowance = palloc0(sizeof(FpgoAllowance));
	allowance->origin = pstrdup(origin);
	memcpy(allowance->token, token, TOKEN_BYTES);
	fpgo_pace_lease_begin(&allowance->lease);
	allowances = lappend(allowances, allowance);
	MemoryContextSwitchTo(old);
	return allowance;
}

static FpgoAllowance *
find(const char *origin, const uint8 *token)
{
	ListCell   *cell;

	foreach(cell, allowances)
	{
		FpgoAllowance *allowance = lfirst(cell);

		if (memcmp(allowance->token, token, TOKEN_BYTES) == 0 &&
			strcmp(allowance->origin, origin) == 0)
			return allowance;
	}
	return make(origin, token);
}

FpgoAllowance *
fpgo_allowance_of(const FpgoTarget *target)
{
	const char *origin = fpgo_account_origin(target->url);
	uint8		hash[FPGO_HASH_BYTES];
	FpgoAllowance *allowance;

	fpgo_keyed_hash(target->token, strlen(target->token), hash);
	allowance = find(origin, hash);
	allowance->used_at = fpgo_clock_now();
	allowance->terms.limit = target->rate_limit;
	allowance->terms.window_ms = target->rate_window_ms;
	look_for_row(allowance);
	return allowance;
}

int
fpgo_allowance_closed_s(const FpgoTarget *target)
{
	const FpgoAllowance *allowance = fpgo_allowance_of(target);
	FpgoParameters p = {0};
	double		seconds = 0;
	bool		is_null;

	if (!try_table(AccessShareLock))
		return 0;
	SPI_connect();
	put_name(&p, allowance);
	if (fpgo_statement_run(&closed_statement, &p) > 0)
		seconds = DatumGetFloat8(fpgo_get_datum(0, 1, &is_null));
	SPI_finish();
	return seconds > 0 ? (int) seconds + 1 : 0;
}

/* Are requests counted? */
static bool
is_counted(const FpgoAllowance *allowance)
{
	return allowance->is_kept || allowance->terms.limit > 0;
}

static bool
is_closed(const FpgoAllowance *allowance)
{
	return !fpgo_clock_has_come(allowance->closed_until);
}

int
fpgo_allowance_left(FpgoAllowance *allowance)
{
	if (is_closed(allowance))
		return 0;
	if (!is_counted(allowance))
		return INT_MAX;
	return fpgo_pace_lease_left(&allowance->lease, fpgo_clock_now());
}

int
fpgo_allowance_reserve(FpgoAllowance *allowance, int wanted)
{
	int			left = fpgo_allowance_left(allowance);
	int			n = Max(Min(left - allowance->n_reserved, wanted), 0);

	allowance->n_reserved += n;
	return n;
}

void
fpgo_allowance_want(FpgoAllowance *allowance)
{
	allowance->is_wanted = true;
}

void
fpgo_allowance_unreserve(void)
{
	ListCell   *cell;

	foreach(cell, allowances)
		((FpgoAllowance *) lfirst(cell))->n_reserved = 0;
}

uint64
fpgo_allowance_n_changes(void)
{
	return n_changes;
}

FpgoAllowanceWait
fpgo_allowance_wait(const FpgoAllowance *allowance, FpgoPaceUse use)
{
	return (FpgoAllowanceWait)
	{
		.again_at = Max(allowance->again_at[use], allowance->closed_until),
		.never_before = allowance->never_before,
		.is_closed = allowance->is_slowed
	};
}

FpgoPaceTicket
fpgo_allowance_take(FpgoAllowance *allowance)
{
	allowance->n_tickets++;
	return fpgo_pace_lease_take(&allowance->lease);
}

/* What an outcome says about the allowance. */
static FpgoPaceAnswer
read_outcome(const FpgoOutcome *outcome)
{
	FpgoPaceAnswer answer = {.limit = -1,.remaining = -1,.closed_ms = -1};

	if (outcome == NULL)
		return answer;
	answer.is_sent = outcome->status != 0 ||
		outcome->class == FPGO_OUTCOME_UNKNOWN;
	if (outcome->rate_limit > 0)
	{
		answer.limit = outcome->rate_limit;
		answer.remaining = outcome->rate_remaining;
	}
	if (outcome->class == FPGO_OUTCOME_SLOW_DOWN)
		answer.closed_ms =
			fpgo_backoff_slow_down(outcome->retry_after_s) * INT64CONST(1000);
	return answer;
}

void
fpgo_allowance_note(FpgoAllowance *allowance, const FpgoPaceTicket *ticket,
					const FpgoOutcome *outcome)
{
	FpgoPaceAnswer answer = read_outcome(outcome);

	allowance->n_tickets--;
	if (fpgo_pace_lease_note(&allowance->lease, ticket, &answer,
							 fpgo_clock_now()))
		allowance->is_urgent = true;
	if (answer.closed_ms >= 0)
	{
		allowance->closed_until = Max(allowance->closed_until,
									  fpgo_clock_in(answer.closed_ms));
		allowance->never_before = allowance->closed_until;
		allowance->is_slowed = true;
	}
	/* a gateway that says nothing is told of to nobody */
	if (!is_counted(allowance) && !allowance->is_urgent)
		fpgo_pace_lease_begin(&allowance->lease);
}

/* ---------- leasing ---------- */

/* A transaction on the row. */
typedef struct Visit
{
	const FpgoTarget *target;	/* NULL if the allowance is known */
	FpgoAllowance *allowance;
	FpgoPaceUse use;
	bool		wants;			/* a lease */
	bool		is_done;
	FpgoMoment	began;
	FpgoPace	pace;
	FpgoPaceGrant grant;
} Visit;

/* The news as the row has times: moments of this process are not stored. */
static FpgoPaceNews
tell_news(const FpgoAllowance *allowance, int64 ahead)
{
	FpgoPaceNews news = allowance->lease.news;

	if (news.first_at != 0)
		news.first_at += ahead;
	if (news.turned_at != 0)
		news.turned_at += ahead;
	if (news.closed_until != 0)
		news.closed_until += ahead;
	return news;
}

static void
visit_row(Visit *visit)
{
	FpgoAllowance *allowance = visit->allowance;
	int64		now = GetCurrentTimestamp() / 1000;
	FpgoPaceNews news;
	FpgoPace	before;

	visit->began = fpgo_clock_now();
	news = tell_news(allowance, now - visit->began);
	if (!try_table(RowExclusiveLock))
		return;
	SPI_connect();
	if (lock_row(allowance, &visit->pace) ||
		insert_row(allowance, &visit->pace, now))
	{
		memcpy(&before, &visit->pace, sizeof(before));
		fpgo_pace_learn(&visit->pace, &allowance->terms,
						allowance->lease.number, &news, now);
		if (visit->wants)
			visit->grant = fpgo_pace_grant(&visit->pace, &allowance->terms,
										   visit->use, now);
		if (memcmp(&before, &visit->pace, sizeof(before)) != 0)
			write_row(allowance, &visit->pace);
		visit->is_done = true;
	}
	SPI_finish();
}

/*
 * A lease for a session, if its allowance is counted and has none left.  A
 * session is not turned away by what the row said a while ago.
 */
static void
visit_for_session(Visit *visit)
{
	FpgoAllowance *allowance = fpgo_allowance_of(visit->target);

	if (!is_counted(allowance) || fpgo_allowance_left(allowance) > 0 ||
		!fpgo_clock_has_come(allowance->try_at))
		return;
	if (!allowance->is_slowed &&
		!fpgo_clock_has_come(allowance->again_at[FPGO_PACE_SUBMIT]))
		return;
	visit->allowance = allowance;
	visit_row(visit);
}

static void
work(void *arg)
{
	Visit	   *visit = arg;

	if (visit->target != NULL)
		visit_for_session(visit);
	else
		visit_row(visit);
}

/* The row was written, and that is committed: take over what it gave. */
static void
take_over(const Visit *visit)
{
	FpgoAllowance *allowance = visit->allowance;
	const FpgoPaceGrant *grant = &visit->grant;

	n_kept += !allowance->is_kept;
	allowance->is_kept = true;
	allowance->is_urgent = false;
	allowance->tell_at = visit->began + allowance->terms.window_ms / 100;
	fpgo_pace_lease_fill(&allowance->lease, &visit->pace, grant,
						 visit->began);
	/* from now on the row tells when it is over */
	if (allowance->is_slowed)
		allowance->closed_until = Min(allowance->closed_until,
									  visit->began + CLOSED_MS);
	if (!visit->wants)
		return;
	if (visit->use == FPGO_PACE_QUEUE)
	{
		allowance->is_wanted = grant->n == 0;
		n_changes += grant->n > 0 || grant->is_closed != allowance->is_slowed;
	}
	allowance->again_at[visit->use] = visit->began +
		(grant->is_closed ? 0 : grant->again_ms);
	allowance->never_before = grant->never_ms == 0 ? 0 :
		visit->began + grant->never_ms;
	allowance->is_slowed = grant->is_closed;
	allowance->closed_until = grant->is_closed ? visit->began +
		Min(grant->again_ms, CLOSED_MS) : 0;
}

/* It did not work: try again a little later. */
static void
put_off(const Visit *visit, int ms)
{
	visit->allowance->try_at = fpgo_clock_in(ms);
}

/* Say once in a while that allowances cannot be kept. */
static void
log_failure(const ErrorData *error)
{
	static FpgoMoment told_at = 0;

	if (told_at != 0 && !fpgo_clock_has_passed(told_at, 60000))
		return;
	told_at = fpgo_clock_now();
	ereport(LOG,
			(errmsg("requests that the gateway allows cannot be counted: %s",
					error->message),
			 errdetail("It is tried again every second."),
			 fpgo_errhide()));
}

/* Run the transaction.  A session's cancel waits until it is over. */
static void
run(Visit *visit, const FpgoTransactions *transactions)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "fpgo allowance",
												  ALLOCSET_SMALL_SIZES);
	ErrorData  *error;

	/* nothing that is sent or told depends on this commit, and nobody flushes it */
	XLogRecPtr	last_commit = XactLastCommitEnd;

	HOLD_INTERRUPTS();
	transactions->begin_lax();
	MemoryContextSwitchTo(context);
	error = fpgo_subtransaction_run(work, visit);
	transactions->commit();
	XactLastCommitEnd = last_commit;
	RESUME_INTERRUPTS();
	MemoryContextSwitchTo(context);
	if (error != NULL)
		log_failure(error);
	if (visit->is_done && error == NULL)
		take_over(visit);
	else if (visit->allowance != NULL)
		put_off(visit, error != NULL ? FAILED_MS : BUSY_MS);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

void
fpgo_allowance_prepare(const FpgoTarget *target,
					   const FpgoTransactions *transactions)
{
	if (n_kept == 0 && target->rate_limit == 0 && looked_at != 0 &&
		!fpgo_clock_has_passed(looked_at, LOOK_MS))
		return;
	/* another process has the row for a fraction of a millisecond */
	for (int i = 0; i < MAX_TRIES; i++)
	{
		Visit		visit = {.target = target,.use = FPGO_PACE_SUBMIT,
		.wants = true};

		run(&visit, transactions);
		if (visit.allowance == NULL || visit.is_done)
			break;
		visit.allowance->try_at = 0;
		pg_usleep(BUSY_MS * 1000 / MAX_TRIES);
	}
}

/* Is it time to tell what is not urgent, and to give back what is left? */
static bool
is_to_return(FpgoAllowance *allowance, bool is_resident)
{
	if (!is_counted(allowance) ||
		(is_resident && !fpgo_clock_has_come(allowance->tell_at)))
		return false;
	return allowance->lease.n > 0 ||
		fpgo_pace_lease_has_news(&allowance->lease);
}

static void
attend(FpgoAllowance *allowance, const FpgoTransactions *transactions,
	   bool is_idle)
{
	Visit		visit = {.allowance = allowance,.use = FPGO_PACE_QUEUE};
	bool		returns = is_idle &&
	is_to_return(allowance, transactions->is_resident);

	/* while the gateway wants nothing, the row tells when that is over */
	if (is_idle && !allowance->is_slowed)
		allowance->is_wanted = false;
	if (!fpgo_clock_has_come(allowance->try_at))
		return;
	visit.wants = allowance->is_wanted && !is_closed(allowance) &&
		(fpgo_clock_has_come(allowance->again_at[FPGO_PACE_QUEUE]) ||
		 allowance->is_urgent) && fpgo_allowance_left(allowance) == 0;
	if (returns)
		fpgo_pace_lease_return(&allowance->lease);
	if (visit.wants || returns || allowance->is_urgent)
		run(&visit, transactions);
}

void
fpgo_allowance_look_again(void)
{
	ListCell   *cell;

	foreach(cell, allowances)
	{
		FpgoAllowance *allowance = lfirst(cell);

		allowance->looked_at = 0;
		if (!allowance->is_kept)
			continue;
		allowance->closed_until = 0;
		allowance->never_before = 0;
		allowance->is_slowed = false;
		allowance->again_at[FPGO_PACE_QUEUE] = 0;
	}
}

void
fpgo_allowance_attend(const FpgoTransactions *transactions, bool is_idle)
{
	ListCell   *cell;

	foreach(cell, allowances)
		attend(lfirst(cell), transactions, is_idle);
}
