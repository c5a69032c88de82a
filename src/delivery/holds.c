/*
 * holds.c
 *		What this process knows of holds, and what it learns from outcomes.
 *
 * A process has a copy of the holds on record (records/hold.c).  The copy is
 * read again once another process has changed one, and every second in any
 * case.  Answers in a row that led nowhere are on record, too (streaks.c).
 *
 * What an outcome says is written in the transaction that records the outcome,
 * under a lock of the account.  If another process has that lock, it is kept,
 * and written by the next transaction.  Until then nothing of the account is
 * claimed.  What a transaction wrote that failed is written again.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "commands/defrem.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/extension_version.h"
#include "base/subtransaction.h"
#include "delivery/holds.h"
#include "delivery/streaks.h"
#include "gateway/lesson.h"
#include "gateway/outcome_text.h"
#include "records/hold_news.h"
#include "records/keyed_hash.h"
#include "records/locks.h"
#include "tables/statement.h"

/* the copy is never older than that, in milliseconds */
#define COPY_MS 1000

/* ---------- the copy of the records ---------- */

static List *holds = NIL;		/* FpgoHold */
static MemoryContext holds_context = NULL;
static bool is_stale = true;
static FpgoMoment read_at = 0;
static Oid	news = InvalidOid;

/* The same hold, when it is due: not stored, see base/clock.h. */
typedef struct CopiedHold
{
	FpgoHold	hold;
	FpgoMoment	due_at;
} CopiedHold;

static void
note_change(Datum arg, Oid table)
{
	if (table == InvalidOid || table == news)
		is_stale = true;
}

/*
 * When a hold is due.  A clock that was set back would put that off for as
 * long: whatever lies further ahead than the pause is due now.
 */
static FpgoMoment
find_moment(const FpgoHold *hold)
{
	int64		left_ms = (hold->until - GetCurrentTimestamp()) / 1000;

	if (hold->until == 0)
		return FPGO_MOMENT_NEVER;
	if (left_ms > hold->state.pause_ms)
		return fpgo_clock_now();
	return Max(fpgo_clock_in(left_ms), 1);
}

static void
read_holds(void)
{
	MemoryContext caller;
	ListCell   *cell;
	List	   *read;

	if (holds_context == NULL)
	{
		holds_context = AllocSetContextCreate(TopMemoryContext, "fpgo holds",
											  ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(note_change, (Datum) 0);
	}
	news = fpgo_hold_news();
	is_stale = false;
	fpgo_streaks_read();
	read = fpgo_hold_read_all();
	holds = NIL;
	MemoryContextReset(holds_context);
	caller = MemoryContextSwitchTo(holds_context);
	foreach(cell, read)
	{
		FpgoHold   *hold = lfirst(cell);
		CopiedHold *copy = palloc(sizeof(CopiedHold));

		copy->hold = *hold;
		copy->hold.account = pstrdup(hold->account);
		copy->hold.mapping = hold->mapping ? pstrdup(hold->mapping) : NULL;
		copy->hold.role = hold->role ? pstrdup(hold->role) : NULL;
		copy->hold.because = pstrdup(hold->because);
		copy->due_at = find_moment(hold);
		holds = lappend(holds, copy);
	}
	MemoryContextSwitchTo(caller);
	read_at = fpgo_clock_now();
}

static bool
is_same(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static FpgoHold *
find(const char *account, const char *mapping, const char *role)
{
	ListCell   *cell;

	foreach(cell, holds)
	{
		FpgoHold   *hold = lfirst(cell);

		if (strcmp(hold->account, account) == 0 &&
			is_same(hold->mapping, mapping) && is_same(hold->role, role))
			return hold;
	}
	return NULL;
}

FpgoHold *
fpgo_holds_find(const char *account, const char *mapping)
{
	return find(account, mapping, NULL);
}

FpgoMoment
fpgo_holds_due_at(const FpgoHold *hold)
{
	return ((const CopiedHold *) hold)->due_at;
}

bool
fpgo_holds_is_due(const FpgoHold *hold)
{
	return fpgo_clock_has_come(fpgo_holds_due_at(hold));
}

bool
fpgo_holds_is_free(const FpgoHold *hold)
{
	return hold->canary == 0 || fpgo_run_is_dead(hold->canary);
}

/* ---------- what orders were sent with ---------- */

/*
 * The digest of a server's options and, for a mapping's orders, of the token.
 * It is keyed, so the token cannot be found by trying.
 */
static void
make_digest(const char *server, const char *token, uint8 digest[FPGO_HASH_BYTES])
{
	StringInfoData text;
	ForeignServer *found = GetForeignServerByName(server, true);
	ListCell   *cell;

	initStringInfo(&text);
	if (found != NULL)
	{
		foreach(cell, found->options)
		{
			DefElem    *option = lfirst(cell);

			appendStringInfo(&text, "%s=%s\n", option->defname,
							 defGetString(option));
		}
	}
	appendStringInfo(&text, "%s", token ? token : "");
	fpgo_keyed_hash(text.data, text.len, digest);
	explicit_bzero(text.data, text.len);
	pfree(text.data);
}

FpgoHold *
fpgo_holds_check(const char *account, const char *mapping,
				 const FpgoTarget *target)
{
	FpgoHold   *hold = fpgo_holds_find(account, mapping);
	uint8		digest[FPGO_HASH_BYTES];

	if (hold == NULL)
		return NULL;
	make_digest(target->server_name, mapping == NULL ? NULL : target->token,
				digest);
	if (memcmp(digest, hold->digest, FPGO_HASH_BYTES) == 0 ||
		!fpgo_hold_try_lock(account))
		return hold;
	fpgo_hold_delete(hold);
	read_holds();
	return fpgo_holds_find(account, mapping);
}

/* ---------- what was learnt ---------- */

/* Something learnt that is to be written. */
typedef struct Event
{
	char	   *account;
	char	   *mapping;		/* NULL: of the whole account */
	FpgoLesson	lesson;
	int			retry_after_s;
	int64		canary_of;		/* number of the hold that it was tried for */
	bool		begins;			/* a hold of the account begins if there is
								 * none */
	bool		counts;			/* the answer is to be counted */
	FpgoStreakAnswer answer;
	char	   *because;		/* NULL: nothing to say */
	bool		has_digest;
	uint8		digest[FPGO_HASH_BYTES];
	TransactionId written_by;	/* invalid: by none yet */
} Event;

static List *events = NIL;		/* Event */

static void
free_event(Event *event)
{
	pfree(event->account);
	if (event->mapping != NULL)
		pfree(event->mapping);
	if (event->because != NULL)
		pfree(event->because);
	pfree(event);
}

/* Has the event been written for good, or by this transaction? */
static bool
is_written(const Event *event)
{
	return TransactionIdIsValid(event->written_by) &&
		(TransactionIdIsCurrentTransactionId(event->written_by) ||
		 TransactionIdDidCommit(event->written_by));
}

static TimestampTz
until(const FpgoHoldState *state)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), state->pause_ms);
}

static void
begin_hold(const Event *event, FpgoHoldKind kind, int n_answers)
{
	FpgoHold	hold = {.account = event->account,.mapping = event->mapping,
	.because = event->because};

	hold.state = fpgo_hold_begin(kind, n_answers, event->retry_after_s);
	hold.until = until(&hold.state);
	memcpy(hold.digest, event->digest, FPGO_HASH_BYTES);
	fpgo_hold_write(&hold);
}

/* Returns whether the hold has ended. */
static bool
change_hold(const Event *event, FpgoHold *hold)
{
	bool		is_canary = event->canary_of == hold->id;
	FpgoHoldChange change = fpgo_hold_learn(&hold->state, event->lesson,
											is_canary, event->retry_after_s);

	if (change == FPGO_HOLD_ENDS)
	{
		fpgo_hold_delete(hold);
		return true;
	}
	if (change == FPGO_HOLD_STAYS)
		return false;
	if (event->because != NULL)
		hold->because = event->because;
	if (change == FPGO_HOLD_PAUSES)
		hold->until = until(&hold->state);
	if (is_canary)
		hold->canary = 0;
	/* orders are now sent with what this one was sent with */
	if (event->has_digest)
		memcpy(hold->digest, event->digest, FPGO_HASH_BYTES);
	fpgo_hold_write(hold);
	return false;
}

/* What is said of orders that are not held, or not any more. */
static void
learn_unheld(const Event *event, bool was_held)
{
	FpgoHoldKind kind = fpgo_hold_kind_of(event->lesson);
	int			n_answers = 1;
	bool		begins = event->begins;

	if (event->counts)
		begins = fpgo_streaks_count(&event->answer, &kind, &n_answers);
	if (begins && !was_held)
		begin_hold(event, kind, n_answers);
}

/* Write an event; false if another process has the lock. */
static bool
write_event(Event *event)
{
	FpgoHold   *hold;

	if (!fpgo_hold_try_lock(event->account))
		return false;
	/* what others wrote before they gave the lock back */
	read_holds();
	hold = fpgo_holds_find(event->account, event->mapping);
	if (hold == NULL || change_hold(event, hold))
		learn_unheld(event, hold != NULL);
	event->written_by = GetCurrentTransactionId();
	return true;
}

/* Has this process learnt something that is not on record yet? */
static bool
has_unwritten(void)
{
	ListCell   *cell;

	foreach(cell, events)
	{
		if (!is_written(lfirst(cell)))
			return true;
	}
	return false;
}

static void
write_events(void)
{
	ListCell   *cell;

	foreach(cell, events)
	{
		Event	   *event = lfirst(cell);

		if (!TransactionIdIsCurrentTransactionId(event->written_by) &&
			is_written(event))
		{
			events = foreach_delete_current(events, cell);
			free_event(event);
		}
		else if (!is_written(event))
		{
			if (write_event(event))
				is_stale = true;
		}
	}
}

bool
fpgo_holds_is_behind(const char *account)
{
	ListCell   *cell;

	foreach(cell, events)
	{
		const Event *event = lfirst(cell);

		if (!is_written(event) && strcmp(event->account, account) == 0)
			return true;
	}
	return false;
}

void
fpgo_holds_look(void)
{
	/* the SQL objects of 1.0 have no holds, and nothing is sent with them */
	if (!fpgo_extension_is_current())
		return;
	write_events();
	if (is_stale || fpgo_clock_has_passed(read_at, COPY_MS))
		read_holds();
}

static void
look(void *arg)
{
	fpgo_holds_look();
}

void
fpgo_holds_attend(const FpgoTransactions *transactions)
{
	static FpgoMoment again_at = 0;

	if (!has_unwritten() || !fpgo_clock_has_come(again_at))
		return;
	transactions->begin_lax();
	/* what fails now is written with the next outcome */
	if (fpgo_subtransaction_run(look, NULL) != NULL)
		again_at = fpgo_clock_in(COPY_MS);
	transactions->commit();
}

static Event *
add_event(const FpgoFlight *flight, const char *mapping, FpgoLesson lesson)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Event	   *event = palloc0(sizeof(Event));

	event->account = pstrdup(flight->claim.server);
	event->mapping = mapping ? pstrdup(mapping) : NULL;
	event->lesson = lesson;
	event->retry_after_s = flight->outcome->status == 502 ||
		flight->outcome->status == 503 ? flight->outcome->retry_after_s : -1;
	event->canary_of = flight->canary_of;
	events = lappend(events, event);
	MemoryContextSwitchTo(old);
	if (lesson != FPGO_LESSON_ACCEPTED && lesson != FPGO_LESSON_NONE)
		event->because =
			MemoryContextStrdup(TopMemoryContext,
								fpgo_outcome_describe(flight->outcome));
	return event;
}

/* Note what the order was sent with: a hold that begins so ends with that. */
static void
note_digest(Event *event, const FpgoFlight *flight)
{
	make_digest(flight->target.server_name, event->mapping == NULL ? NULL :
				flight->target.token, event->digest);
	event->has_digest = true;
}

/* Is the outcome about the order, and not about a question before it? */
static bool
is_of_order(const FpgoFlight *flight)
{
	return flight->stage == FPGO_FLIGHT_SENDING;
}

/* What the outcome says of the whole account. */
static void
learn_of_account(const FpgoFlight *flight, FpgoLesson lesson)
{
	const char *account = flight->claim.server;
	bool		begins = lesson == FPGO_LESSON_UNKNOWN ||
	lesson == FPGO_LESSON_UNREACHED;
	Event	   *event;

	if (!begins && fpgo_holds_find(account, NULL) == NULL)
		return;
	event = add_event(flight, NULL, lesson);
	event->begins = begins;
	if (begins)
		note_digest(event, flight);
}

/* What it says of the orders that go with the same user mapping. */
static void
learn_of_mapping(const FpgoFlight *flight, FpgoLesson lesson)
{
	FpgoStreakAnswer answer = {.account = flight->claim.server,
		.mapping = flight->claim.mapping,.lesson = lesson,
		.status = flight->outcome->status,
		.order = flight->claim.submission,
	.is_change = flight->changes != NULL};
	bool		counts = is_of_order(flight) && fpgo_streaks_matters(&answer);
	Event	   *event;

	if (!counts && fpgo_holds_find(answer.account, answer.mapping) == NULL)
		return;
	event = add_event(flight, answer.mapping, lesson);
	event->counts = counts;
	event->answer = answer;
	event->answer.account = event->account;
	event->answer.mapping = event->mapping;
	if (counts && lesson != FPGO_LESSON_ACCEPTED)
		note_digest(event, flight);
}

void
fpgo_holds_learn(FpgoFlight *flight)
{
	FpgoLesson	lesson;

	if (flight->is_learnt)
		return;
	flight->is_learnt = true;
	lesson = flight->is_local || flight->is_stopped ? FPGO_LESSON_NONE :
		fpgo_lesson_of(flight->outcome->class, flight->outcome->status,
					   is_of_order(flight));
	learn_of_account(flight, lesson);
	learn_of_mapping(flight, lesson);
}

void
fpgo_holds_learn_all(List *flights)
{
	ListCell   *cell;

	foreach(cell, flights)
	{
		FpgoFlight *flight = lfirst(cell);

		if (flight->is_settled)
			fpgo_holds_learn(flight);
	}
	fpgo_holds_look();
}

/* ---------- trying an order ---------- */

bool
fpgo_holds_take(FpgoHold *hold, int64 run)
{
	int64		id = hold->id;
	int64		canary = hold->canary;
	const char *account = pstrdup(hold->account);
	const char *mapping = hold->mapping ? pstrdup(hold->mapping) : NULL;

	if (!fpgo_hold_try_lock(account))
		return false;
	read_holds();
	hold = fpgo_holds_find(account, mapping);
	if (hold == NULL || hold->id != id || hold->canary != canary ||
		!fpgo_holds_is_due(hold))
		return false;
	hold->canary = run;
	hold->state.tries_highest = !hold->state.tries_highest;
	fpgo_hold_write(hold);
	is_stale = true;
	return true;
}

void
fpgo_holds_give_back(const char *account, const char *mapping, int64 run)
{
	FpgoHold   *hold = fpgo_holds_find(account, mapping);

	if (hold == NULL || hold->canary != run)
		return;
	hold->canary = 0;
	fpgo_hold_write(hold);
	is_stale = true;
}

void
fpgo_holds_note_asked(FpgoHold *hold, const char *because)
{
	const char *account = pstrdup(hold->account);
	int64		id = hold->id;

	if (!fpgo_hold_try_lock(account))
		return;
	read_holds();
	hold = fpgo_holds_find(account, NULL);
	/* another process may have asked meanwhile */
	if (hold == NULL || hold->id != id || !fpgo_holds_is_due(hold))
		return;
	fpgo_hold_note_asked(&hold->state);
	hold->until = until(&hold->state);
	hold->because = because;
	fpgo_hold_write(hold);
	is_stale = true;
}

/* ---------- rights ---------- */

void
fpgo_holds_deny(const char *account, const char *role, const char *because)
{
	FpgoHold   *found = find(account, NULL, role);
	FpgoHold	hold = {.account = account,.role = role,.because = because,
	.state.kind = FPGO_HOLD_RIGHTS};

	if (found != NULL && strcmp(found->because, because) == 0)
		return;
	if (!fpgo_hold_try_lock(account))
		return;
	read_holds();
	found = find(account, NULL, role);
	hold.id = found ? found->id : 0;
	fpgo_hold_write(&hold);
	is_stale = true;
}

void
fpgo_holds_permit(const char *account, const char *role)
{
	FpgoHold   *hold = find(account, NULL, role);

	if (hold == NULL || !fpgo_hold_try_lock(account))
		return;
	fpgo_hold_delete(hold);
	is_stale = true;
}
