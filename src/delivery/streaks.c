/*
 * streaks.c
 *		What this process knows of answers in a row, its own and others'.
 *
 * Orders are held after several answers in a row that led nowhere (hold_rule.c).
 * Sessions may have a process each that sends: each would need several orders of
 * its own to find out, and a new process would begin anew.  So what is counted is
 * on record, and every process counts on.
 *
 * An acceptance ends a row of such answers.  Acceptances are many, and most end
 * none: this process knows from its copy of the records whether there is one.
 * The time of an acceptance is recorded every few seconds, and only where a row
 * is on record, empty or not.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "delivery/streaks.h"
#include "records/streak.h"

/* an order that was accepted so lately lets poison through, in milliseconds */
#define LATELY_MS 10000

/* acceptances are recorded that often at most, in milliseconds */
#define RECORD_MS 5000

/* What is known of the orders of one user mapping. */
typedef struct Known
{
	char	   *account;
	char	   *mapping;
	FpgoMoment	accepted_at;	/* the last one of this process; 0: none */
	bool		is_on_record;
	bool		is_running;		/* answers are on record that lead nowhere */
	FpgoMoment	recorded_at;	/* when this process recorded one */
} Known;

static List *known = NIL;		/* Known */

static Known *
know(const char *account, const char *mapping)
{
	ListCell   *cell;
	MemoryContext old;
	Known	   *one;

	foreach(cell, known)
	{
		one = lfirst(cell);
		if (strcmp(one->account, account) == 0 &&
			strcmp(one->mapping, mapping) == 0)
			return one;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	one = palloc0(sizeof(Known));
	one->account = pstrdup(account);
	one->mapping = pstrdup(mapping);
	known = lappend(known, one);
	MemoryContextSwitchTo(old);
	return one;
}

static bool
is_running(const FpgoStreak *streak)
{
	return streak->n > 0 || streak->n_refused > 0;
}

void
fpgo_streaks_read(void)
{
	ListCell   *cell;

	foreach(cell, known)
	{
		((Known *) lfirst(cell))->is_on_record = false;
		((Known *) lfirst(cell))->is_running = false;
	}
	foreach(cell, fpgo_streak_read_all())
	{
		const FpgoStreakRecord *record = lfirst(cell);
		Known	   *one = know(record->account, record->mapping);

		one->is_on_record = true;
		one->is_running = is_running(&record->streak);
	}
}

bool
fpgo_streaks_matters(const FpgoStreakAnswer *answer)
{
	Known	   *one = know(answer->account, answer->mapping);

	switch (answer->lesson)
	{
		case FPGO_LESSON_ACCEPTED:
			one->accepted_at = fpgo_clock_now();
			return one->is_running ||
				(one->is_on_record &&
				 (one->recorded_at == 0 ||
				  fpgo_clock_has_passed(one->recorded_at, RECORD_MS)));
		case FPGO_LESSON_REFUSED:
			return !answer->is_change || one->is_running;
		case FPGO_LESSON_TOKEN:
		case FPGO_LESSON_NOT_API:
			return true;
		case FPGO_LESSON_UNKNOWN:
		case FPGO_LESSON_UNREACHED:
		case FPGO_LESSON_ALLOWANCE:
		case FPGO_LESSON_NONE:
			break;
	}
	return false;
}

/* Was an order accepted lately, by this process or another one? */
static bool
is_lately(const Known *one, const FpgoStreakRecord *record)
{
	int64		ago_ms;

	if (one->accepted_at != 0 &&
		!fpgo_clock_has_passed(one->accepted_at, LATELY_MS))
		return true;
	if (record->accepted_at == 0)
		return false;
	ago_ms = (GetCurrentTimestamp() - record->accepted_at) / 1000;
	/* the clock may have been set back */
	return ago_ms >= 0 && ago_ms < LATELY_MS;
}

bool
fpgo_streaks_count(const FpgoStreakAnswer *answer, FpgoHoldKind *kind,
				   int *n_answers)
{
	Known	   *one = know(answer->account, answer->mapping);
	FpgoStreakRecord record = fpgo_streak_read(answer->account,
											   answer->mapping);
	bool		begins = fpgo_streak_count(&record.streak, answer->lesson,
										   answer->status, answer->order,
										   answer->is_change,
										   is_lately(one, &record), kind);

	if (begins)
		*n_answers = fpgo_streak_length(&record.streak, *kind);
	if (answer->lesson == FPGO_LESSON_ACCEPTED)
	{
		record.accepted_at = GetCurrentTimestamp();
		one->recorded_at = fpgo_clock_now();
	}
	fpgo_streak_write(&record);
	return begins;
}
