/*
 * hold_rule.c
 *		When orders are held, and what becomes of a hold.
 *
 * Orders are held when sending them would do no good, or harm.  From time to
 * time one of them is tried, the canary.  Only its answer, or that of an order
 * that was under way before, lifts the hold.  The answer to a question never
 * does: a gateway may answer questions and take no orders.
 */
#include <stddef.h>

#include "records/hold_rule.h"

/* pauses after an answer that is no answer to an order, in milliseconds */
static const int answer_pauses[] = {500, 2000, 8000, 32000, 60000};

/*
 * Pauses in milliseconds after an unknown outcome, each twice the one before.
 * An outage of an hour then costs about 65 orders, and not the queue.
 */
#define DOUBT_PAUSE_MIN 1000
#define DOUBT_PAUSE_MAX 60000

/*
 * Longest pause between two questions.  A question costs nobody anything, and
 * the first order leaves soon after the gateway answers again.
 */
#define QUESTION_PAUSE_MAX 5000

/* so many different orders in a row must get the same answer ... */
#define N_SAME 3

/* ... and so many while others are accepted */
#define N_SAME_LATELY FPGO_STREAK_MAX

/* so many orders in a row must be refused */
#define N_REFUSED 5

/* pauses up to this step are brief */
#define MAX_BRIEF_STEP 1

/* so many unknown outcomes in a row close submit_invoice, too */
#define N_UNKNOWN_CLOSES 2

/* and so many connections in a row that did not come about */
#define N_UNREACHED_CLOSES 3

#define LAST(array) ((int) (sizeof(array) / sizeof((array)[0])) - 1)

static bool
is_of_account(FpgoHoldKind kind)
{
	return kind == FPGO_HOLD_UNREACHED || kind == FPGO_HOLD_UNKNOWN;
}

/* 1, 2, 4 ... times the shortest pause, at most the longest */
static int
double_pause(int shortest, int step, int longest)
{
	int			pause = shortest;

	while (step-- > 0 && pause < longest)
		pause *= 2;
	return pause < longest ? pause : longest;
}

static int
find_pause(FpgoHoldKind kind, int step, int retry_after_s)
{
	int			pause;

	if (is_of_account(kind))
		pause = double_pause(DOUBT_PAUSE_MIN, step, DOUBT_PAUSE_MAX);
	else
		pause = answer_pauses[step < LAST(answer_pauses) ? step :
							  LAST(answer_pauses)];
	return retry_after_s > pause / 1000 ? retry_after_s * 1000 : pause;
}

FpgoHoldState
fpgo_hold_begin(FpgoHoldKind kind, int answers, int retry_after_s)
{
	return (FpgoHoldState)
	{
		.kind = kind,
		.pause_ms = find_pause(kind, 0, retry_after_s),
		.answers = answers,
		.tries_highest = true,
	};
}

FpgoHoldKind
fpgo_hold_kind_of(FpgoLesson lesson)
{
	return lesson == FPGO_LESSON_UNKNOWN ? FPGO_HOLD_UNKNOWN :
		FPGO_HOLD_UNREACHED;
}

/* The canary of a hold has come back, and the hold stays. */
static FpgoHoldChange
pause_again(FpgoHoldState *state, bool grows, int retry_after_s)
{
	if (grows)
		state->step++;
	state->asked = 0;
	state->pause_ms = find_pause(state->kind, state->step, retry_after_s);
	return FPGO_HOLD_PAUSES;
}

/* Another answer of the kind that the account is held for, or of its twin. */
static FpgoHoldChange
learn_trouble(FpgoHoldState *state, FpgoHoldKind kind, bool is_canary,
			  int retry_after_s)
{
	if (state->kind != kind && is_canary)
	{
		bool		tries_highest = state->tries_highest;

		*state = fpgo_hold_begin(kind, 1, retry_after_s);
		state->tries_highest = tries_highest;
		return FPGO_HOLD_PAUSES;
	}
	if (state->kind == kind)
		state->answers++;
	else if (kind == FPGO_HOLD_UNKNOWN)
	{
		/* doubt is dearer than an address that cannot be reached */
		state->kind = kind;
		state->answers = 1;
	}
	return is_canary ? pause_again(state, true, retry_after_s) :
		FPGO_HOLD_IS_NOTED;
}

static FpgoHoldChange
learn_of_account(FpgoHoldState *state, FpgoLesson lesson, bool is_canary,
				 int retry_after_s)
{
	switch (lesson)
	{
		case FPGO_LESSON_ACCEPTED:
		case FPGO_LESSON_REFUSED:
		case FPGO_LESSON_TOKEN:
			return FPGO_HOLD_ENDS;
		case FPGO_LESSON_UNKNOWN:
		case FPGO_LESSON_UNREACHED:
			return learn_trouble(state, fpgo_hold_kind_of(lesson), is_canary,
								 retry_after_s);
		case FPGO_LESSON_NOT_API:
		case FPGO_LESSON_ALLOWANCE:
			/* somebody answered: the address can be reached */
			if (state->kind == FPGO_HOLD_UNREACHED)
				return FPGO_HOLD_ENDS;
			return is_canary ? pause_again(state,
										   lesson == FPGO_LESSON_NOT_API,
										   retry_after_s) : FPGO_HOLD_STAYS;
		case FPGO_LESSON_NONE:
			break;
	}
	return is_canary ? pause_again(state, false, -1) : FPGO_HOLD_STAYS;
}

static FpgoHoldChange
learn_of_mapping(FpgoHoldState *state, FpgoLesson lesson, bool is_canary)
{
	switch (lesson)
	{
		case FPGO_LESSON_ACCEPTED:
			return FPGO_HOLD_ENDS;
		case FPGO_LESSON_REFUSED:
			if (state->kind == FPGO_HOLD_ANSWERS)
				return FPGO_HOLD_ENDS;
			break;
		case FPGO_LESSON_TOKEN:
		case FPGO_LESSON_NOT_API:
			break;
		case FPGO_LESSON_UNKNOWN:
		case FPGO_LESSON_UNREACHED:
		case FPGO_LESSON_ALLOWANCE:
		case FPGO_LESSON_NONE:
			/* says nothing about these orders */
			return is_canary ? pause_again(state, false, -1) :
				FPGO_HOLD_STAYS;
	}
	state->answers++;
	return is_canary ? pause_again(state, true, -1) : FPGO_HOLD_IS_NOTED;
}

FpgoHoldChange
fpgo_hold_learn(FpgoHoldState *state, FpgoLesson lesson, bool is_canary,
				int retry_after_s)
{
	if (state->kind == FPGO_HOLD_RIGHTS)
		return FPGO_HOLD_STAYS;
	if (is_of_account(state->kind))
		return learn_of_account(state, lesson, is_canary, retry_after_s);
	return learn_of_mapping(state, lesson, is_canary);
}

bool
fpgo_hold_asks_first(const FpgoHoldState *state)
{
	return is_of_account(state->kind);
}

void
fpgo_hold_note_asked(FpgoHoldState *state)
{
	state->pause_ms = double_pause(DOUBT_PAUSE_MIN, state->asked,
								   QUESTION_PAUSE_MAX);
	state->asked++;
}

bool
fpgo_hold_is_brief(const FpgoHoldState *state)
{
	return state->kind != FPGO_HOLD_UNREACHED &&
		state->kind != FPGO_HOLD_RIGHTS && state->step <= MAX_BRIEF_STEP &&
		state->asked == 0;
}

bool
fpgo_hold_closes(const FpgoHoldState *state)
{
	switch (state->kind)
	{
		case FPGO_HOLD_UNKNOWN:
			return state->answers >= N_UNKNOWN_CLOSES;
		case FPGO_HOLD_UNREACHED:
			return state->answers >= N_UNREACHED_CLOSES;
		case FPGO_HOLD_ANSWERS:
		case FPGO_HOLD_REFUSALS:
			return true;
		case FPGO_HOLD_RIGHTS:
			/* who submits without the right is told why at once */
			return false;
	}
	return false;
}

const char *
fpgo_hold_kind_name(FpgoHoldKind kind)
{
	static const char *const names[] = {
		[FPGO_HOLD_UNREACHED] = "unreached",
		[FPGO_HOLD_UNKNOWN] = "unknown",
		[FPGO_HOLD_ANSWERS] = "answers",
		[FPGO_HOLD_REFUSALS] = "refusals",
		[FPGO_HOLD_RIGHTS] = "rights",
	};

	return names[kind];
}

/* ---------- answers in a row ---------- */

/* Count the same answer of another order. */
static void
count_same(FpgoStreak *streak, FpgoLesson lesson, int status, int64_t order)
{
	if (streak->lesson != lesson || streak->status != status)
	{
		streak->lesson = lesson;
		streak->status = status;
		streak->n = 0;
	}
	for (int i = 0; i < streak->n; i++)
	{
		if (streak->orders[i] == order)
			return;
	}
	if (streak->n < FPGO_STREAK_MAX)
		streak->orders[streak->n++] = order;
}

static bool
count_refused(FpgoStreak *streak, int64_t order, bool is_change,
			  FpgoHoldKind *kind)
{
	streak->n = 0;
	if (is_change || streak->last_refused == order)
		return false;
	streak->last_refused = order;
	streak->n_refused++;
	*kind = FPGO_HOLD_REFUSALS;
	return streak->n_refused >= N_REFUSED;
}

bool
fpgo_streak_count(FpgoStreak *streak, FpgoLesson lesson, int status,
				  int64_t order, bool is_change, bool lately,
				  FpgoHoldKind *kind)
{
	switch (lesson)
	{
		case FPGO_LESSON_ACCEPTED:
			*streak = (FpgoStreak) {0};
			return false;
		case FPGO_LESSON_REFUSED:
			return count_refused(streak, order, is_change, kind);
		case FPGO_LESSON_TOKEN:
		case FPGO_LESSON_NOT_API:
			count_same(streak, lesson, status, order);
			*kind = FPGO_HOLD_ANSWERS;
			return streak->n >= (lately ? N_SAME_LATELY : N_SAME);
		case FPGO_LESSON_UNKNOWN:
		case FPGO_LESSON_UNREACHED:
		case FPGO_LESSON_ALLOWANCE:
		case FPGO_LESSON_NONE:
			break;
	}
	return false;
}

int
fpgo_streak_length(const FpgoStreak *streak, FpgoHoldKind kind)
{
	return kind == FPGO_HOLD_REFUSALS ? streak->n_refused : streak->n;
}
