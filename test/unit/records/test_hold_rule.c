/*
 * test_hold_rule.c
 *		When orders are held, how the pauses grow, and what lifts a hold.
 */
#include "records/hold_rule.h"

#include <string.h>

#include "lib/tap.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* ---------- pauses ---------- */

/* The pauses of a hold whose canaries all get the same lesson. */
static void
check_pauses(const char *name, FpgoHoldKind kind, FpgoLesson lesson,
			 const int *pauses, int n)
{
	FpgoHoldState state = fpgo_hold_begin(kind, 1, -1);
	bool		passed = expect(state.pause_ms == pauses[0],
								"first pause is %d", state.pause_ms);

	for (int i = 1; i < n; i++)
	{
		FpgoHoldChange change = fpgo_hold_learn(&state, lesson, true, -1);

		passed = expect(change == FPGO_HOLD_PAUSES &&
						state.pause_ms == pauses[i], "pause %d is %d", i,
						state.pause_ms) && passed;
	}
	ok(passed, "the pauses of %s", name);
}

static void
test_pauses(void)
{
	static const int answers[] = {500, 2000, 8000, 32000, 60000, 60000, 60000};
	static const int doubts[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000,
	60000};

	check_pauses("answers", FPGO_HOLD_ANSWERS, FPGO_LESSON_NOT_API, answers,
				 LENGTH(answers));
	check_pauses("refused tokens", FPGO_HOLD_ANSWERS, FPGO_LESSON_TOKEN,
				 answers, LENGTH(answers));
	check_pauses("refusals", FPGO_HOLD_REFUSALS, FPGO_LESSON_REFUSED, answers,
				 LENGTH(answers));
	check_pauses("doubt", FPGO_HOLD_UNKNOWN, FPGO_LESSON_UNKNOWN, doubts,
				 LENGTH(doubts));
	check_pauses("an address", FPGO_HOLD_UNREACHED, FPGO_LESSON_UNREACHED,
				 doubts, LENGTH(doubts));
}

static void
test_outage(void)
{
	FpgoHoldState state = fpgo_hold_begin(FPGO_HOLD_UNKNOWN, 1, -1);
	int			n_tried = 0;
	long		now_ms = state.pause_ms;

	while (now_ms < 600000)
	{
		n_tried++;
		(void) fpgo_hold_learn(&state, FPGO_LESSON_UNKNOWN, true, -1);
		now_ms += state.pause_ms;
	}
	ok(n_tried <= 15, "ten minutes of doubt cost %d orders", n_tried);

	state = fpgo_hold_begin(FPGO_HOLD_ANSWERS, 3, -1);
	n_tried = 0;
	for (now_ms = state.pause_ms; now_ms < 600000; now_ms += state.pause_ms)
	{
		n_tried++;
		(void) fpgo_hold_learn(&state, FPGO_LESSON_NOT_API, true, -1);
	}
	ok(n_tried + 4 <= 20, "ten minutes of 404 cost %d requests, and the four under way",
	   n_tried);
}

static void
test_retry_after(void)
{
	FpgoHoldState state = fpgo_hold_begin(FPGO_HOLD_UNKNOWN, 1, 30);

	ok(state.pause_ms == 30000, "Retry-After is heeded");
	(void) fpgo_hold_learn(&state, FPGO_LESSON_UNKNOWN, true, 1);
	ok(state.pause_ms == 2000, "a shorter one shortens no pause");
}

static void
test_questions(void)
{
	static const int pauses[] = {1000, 2000, 4000, 5000, 5000, 5000};
	FpgoHoldState state = fpgo_hold_begin(FPGO_HOLD_UNKNOWN, 1, -1);
	bool		passed = true;

	ok(fpgo_hold_asks_first(&state), "doubt is preceded by a question");
	for (int i = 0; i < LENGTH(pauses); i++)
	{
		fpgo_hold_note_asked(&state);
		passed = expect(state.pause_ms == pauses[i], "pause %d is %d", i,
						state.pause_ms) && passed;
	}
	ok(passed && state.step == 0,
	   "questions are asked again after 5 s at most, and no step is taken");
	(void) fpgo_hold_learn(&state, FPGO_LESSON_UNKNOWN, true, -1);
	ok(state.asked == 0 && state.pause_ms == 2000,
	   "the next order waits for its own pause");
	state = fpgo_hold_begin(FPGO_HOLD_ANSWERS, 3, -1);
	ok(!fpgo_hold_asks_first(&state), "no question about answers");
}

/* ---------- what lifts a hold ---------- */

typedef struct Line
{
	FpgoHoldKind kind;
	FpgoLesson	lesson;
	FpgoHoldChange canary;		/* what it makes of the hold, of a canary, */
	FpgoHoldChange other;		/* and of another order */
} Line;

#define STAYS FPGO_HOLD_STAYS
#define NOTED FPGO_HOLD_IS_NOTED
#define PAUSES FPGO_HOLD_PAUSES
#define ENDS FPGO_HOLD_ENDS

/* clang-format off */
static const Line lines[] = {
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_NONE, PAUSES, STAYS},
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_ACCEPTED, ENDS, ENDS},
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_REFUSED, ENDS, ENDS},
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_TOKEN, ENDS, ENDS},
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_NOT_API, ENDS, ENDS},
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_UNKNOWN, PAUSES, NOTED},
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_UNREACHED, PAUSES, NOTED},
	{FPGO_HOLD_UNREACHED, FPGO_LESSON_ALLOWANCE, ENDS, ENDS},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_NONE, PAUSES, STAYS},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_ACCEPTED, ENDS, ENDS},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_REFUSED, ENDS, ENDS},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_TOKEN, ENDS, ENDS},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_NOT_API, PAUSES, STAYS},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_UNKNOWN, PAUSES, NOTED},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_UNREACHED, PAUSES, NOTED},
	{FPGO_HOLD_UNKNOWN, FPGO_LESSON_ALLOWANCE, PAUSES, STAYS},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_NONE, PAUSES, STAYS},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_ACCEPTED, ENDS, ENDS},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_REFUSED, ENDS, ENDS},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_TOKEN, PAUSES, NOTED},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_NOT_API, PAUSES, NOTED},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_UNKNOWN, PAUSES, STAYS},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_UNREACHED, PAUSES, STAYS},
	{FPGO_HOLD_ANSWERS, FPGO_LESSON_ALLOWANCE, PAUSES, STAYS},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_NONE, PAUSES, STAYS},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_ACCEPTED, ENDS, ENDS},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_REFUSED, PAUSES, NOTED},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_TOKEN, PAUSES, NOTED},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_NOT_API, PAUSES, NOTED},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_UNKNOWN, PAUSES, STAYS},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_UNREACHED, PAUSES, STAYS},
	{FPGO_HOLD_REFUSALS, FPGO_LESSON_ALLOWANCE, PAUSES, STAYS},
	{FPGO_HOLD_RIGHTS, FPGO_LESSON_ACCEPTED, STAYS, STAYS},
	{FPGO_HOLD_RIGHTS, FPGO_LESSON_UNKNOWN, STAYS, STAYS},
};
/* clang-format on */

static void
test_lessons(void)
{
	bool		passed = true;

	for (int i = 0; i < LENGTH(lines); i++)
	{
		const Line *line = &lines[i];
		FpgoHoldState of_canary = fpgo_hold_begin(line->kind, 1, -1);
		FpgoHoldState of_other = of_canary;
		int			canary = fpgo_hold_learn(&of_canary, line->lesson, true, -1);
		int			other = fpgo_hold_learn(&of_other, line->lesson, false, -1);

		passed = expect(canary == (int) line->canary &&
						other == (int) line->other,
						"hold %s, lesson %d: %d and %d",
						fpgo_hold_kind_name(line->kind), line->lesson, canary,
						other) && passed;
		passed = expect(of_other.step == 0, "an order that was under way "
						"before lengthens no pause") && passed;
	}
	ok(passed, "what each lesson makes of each hold");
}

static void
test_doubt_after_unreached(void)
{
	FpgoHoldState state = fpgo_hold_begin(FPGO_HOLD_UNREACHED, 1, -1);

	for (int i = 0; i < 5; i++)
		(void) fpgo_hold_learn(&state, FPGO_LESSON_UNREACHED, true, -1);
	(void) fpgo_hold_learn(&state, FPGO_LESSON_UNKNOWN, true, -1);
	ok(state.kind == FPGO_HOLD_UNKNOWN && state.pause_ms == 1000,
	   "doubt begins with its own first pause");
}

static void
test_closes(void)
{
	FpgoHoldState state = fpgo_hold_begin(FPGO_HOLD_UNKNOWN, 1, -1);

	ok(!fpgo_hold_closes(&state), "one unknown outcome turns no customer away");
	(void) fpgo_hold_learn(&state, FPGO_LESSON_UNKNOWN, false, -1);
	ok(fpgo_hold_closes(&state), "two in a row do");
	state = fpgo_hold_begin(FPGO_HOLD_UNREACHED, 1, -1);
	ok(!fpgo_hold_closes(&state), "one failed connection does not");
	state = fpgo_hold_begin(FPGO_HOLD_ANSWERS, 3, -1);
	ok(fpgo_hold_closes(&state), "answers that are none do");
	state = fpgo_hold_begin(FPGO_HOLD_RIGHTS, 1, -1);
	ok(!fpgo_hold_closes(&state), "a role without the right is told so");
}

/* ---------- answers in a row ---------- */

static int
count(FpgoStreak *streak, FpgoLesson lesson, int status, int first, int n,
	  bool lately)
{
	FpgoHoldKind kind;
	int			n_held = 0;

	for (int i = 0; i < n; i++)
	{
		if (fpgo_streak_count(streak, lesson, status, first + i, false, lately,
							  &kind))
			n_held++;
	}
	return n_held;
}

static void
test_streaks(void)
{
	FpgoStreak	streak = {0};

	ok(count(&streak, FPGO_LESSON_NOT_API, 404, 1, 3, false) == 1,
	   "the third order in a row is one too many");
	streak = (FpgoStreak) {0};
	for (int i = 0; i < 5; i++)
		(void) count(&streak, FPGO_LESSON_NOT_API, 404, 1, 2, false);
	ok(streak.n == 2, "orders that come again count once");
	streak = (FpgoStreak) {0};
	ok(count(&streak, FPGO_LESSON_NOT_API, 404, 1, 2, false) == 0 &&
	   count(&streak, FPGO_LESSON_NOT_API, 403, 3, 2, false) == 0 &&
	   count(&streak, FPGO_LESSON_TOKEN, 401, 5, 2, false) == 0,
	   "different answers are not in a row");
	streak = (FpgoStreak) {0};
	(void) count(&streak, FPGO_LESSON_NOT_API, 404, 1, 2, false);
	(void) count(&streak, FPGO_LESSON_REFUSED, 417, 3, 1, false);
	ok(count(&streak, FPGO_LESSON_NOT_API, 404, 4, 2, false) == 0,
	   "an answer of the API's ends the row");
	streak = (FpgoStreak) {0};
	ok(count(&streak, FPGO_LESSON_NOT_API, 404, 1, 39, true) == 0 &&
	   count(&streak, FPGO_LESSON_NOT_API, 404, 40, 1, true) == 1,
	   "while others are accepted it takes 40");
	streak = (FpgoStreak) {0};
	(void) count(&streak, FPGO_LESSON_NOT_API, 404, 1, 2, false);
	(void) count(&streak, FPGO_LESSON_UNKNOWN, 503, 3, 4, false);
	ok(count(&streak, FPGO_LESSON_NOT_API, 404, 7, 1, false) == 1,
	   "an unknown outcome says nothing about the row");
}

static void
test_refusals(void)
{
	FpgoStreak	streak = {0};
	FpgoHoldKind kind = FPGO_HOLD_ANSWERS;

	ok(count(&streak, FPGO_LESSON_REFUSED, 417, 1, 4, false) == 0 &&
	   fpgo_streak_count(&streak, FPGO_LESSON_REFUSED, 417, 5, false, false,
						 &kind) && kind == FPGO_HOLD_REFUSALS,
	   "the fifth refusal in a row is one too many");
	ok(fpgo_streak_length(&streak, kind) == 5, "it is counted");
	streak = (FpgoStreak) {0};
	(void) count(&streak, FPGO_LESSON_REFUSED, 417, 1, 4, false);
	(void) count(&streak, FPGO_LESSON_ACCEPTED, 201, 5, 1, false);
	ok(count(&streak, FPGO_LESSON_REFUSED, 417, 6, 4, false) == 0,
	   "an acceptance ends the row");
	streak = (FpgoStreak) {0};
	for (int i = 0; i < 10; i++)
	{
		if (fpgo_streak_count(&streak, FPGO_LESSON_REFUSED, 403, i, true,
							  false, &kind))
			break;
	}
	ok(streak.n_refused == 0, "refused changes are about their orders");
}

static void
test_names(void)
{
	bool		passed = true;

	for (int a = FPGO_HOLD_UNREACHED; a <= FPGO_HOLD_RIGHTS; a++)
	{
		for (int b = a + 1; b <= FPGO_HOLD_RIGHTS; b++)
			passed = passed && strcmp(fpgo_hold_kind_name(a),
									  fpgo_hold_kind_name(b)) != 0;
	}
	ok(passed, "every kind has a name of its own");
}

int
main(void)
{
	test_pauses();
	test_outage();
	test_retry_after();
	test_questions();
	test_lessons();
	test_doubt_after_unreached();
	test_closes();
	test_streaks();
	test_refusals();
	test_names();
	return done_testing();
}
