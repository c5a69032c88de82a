/*
 * hold_rule.h
 *		When orders are held, and what becomes of a hold.
 *
 * Pure: no postgres.h, no clock.
 */
#ifndef FPGO_HOLD_RULE_H
#define FPGO_HOLD_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/lesson.h"

typedef enum FpgoHoldKind
{
	/* of a whole account */
	FPGO_HOLD_UNREACHED,		/* no connection to its address */
	FPGO_HOLD_UNKNOWN,			/* outcomes are unknown */
	/* of the orders that go with one user mapping */
	FPGO_HOLD_ANSWERS,			/* answers that are no answers to an order */
	FPGO_HOLD_REFUSALS,			/* every order is refused */
	/* of one role */
	FPGO_HOLD_RIGHTS			/* it may not send: lifted when it may */
} FpgoHoldKind;

/* What decides how a hold goes on. */
typedef struct FpgoHoldState
{
	FpgoHoldKind kind;
	int			step;			/* how often the pause has grown */
	int			pause_ms;		/* the pause before the next order is tried */
	int			answers;		/* of that kind in a row */
	int			asked;			/* questions in a row without an answer */
	bool		tries_highest;	/* which order is tried next; see queue.h */
} FpgoHoldState;

/* What a lesson makes of a hold. */
typedef enum FpgoHoldChange
{
	FPGO_HOLD_STAYS,			/* as it is */
	FPGO_HOLD_IS_NOTED,			/* the state changed, the pause goes on */
	FPGO_HOLD_PAUSES,			/* the state changed, and a pause begins */
	FPGO_HOLD_ENDS
} FpgoHoldChange;

/*
 * The state of a new hold.  answers: how many in a row have led to it.
 * retry_after_s: when the gateway wants to be asked again, -1 if not said.
 */
extern FpgoHoldState fpgo_hold_begin(FpgoHoldKind kind, int answers,
									 int retry_after_s);

/* The kind of the hold of a whole account that a lesson leads to. */
extern FpgoHoldKind fpgo_hold_kind_of(FpgoLesson lesson);

/*
 * What a lesson makes of a hold.  is_canary: it is of the order that was tried
 * for this hold, after its pause; others were under way before.
 */
extern FpgoHoldChange fpgo_hold_learn(FpgoHoldState *state, FpgoLesson lesson,
									  bool is_canary, int retry_after_s);

/* Is a question asked before an order is tried? */
extern bool fpgo_hold_asks_first(const FpgoHoldState *state);

/* The question brought no answer: a pause until the next one begins. */
extern void fpgo_hold_note_asked(FpgoHoldState *state);

/*
 * Is the pause one of the first, and does it end by an order that is tried?  A
 * session that delivers waits for that.
 */
extern bool fpgo_hold_is_brief(const FpgoHoldState *state);

/* Is submit_invoice turned away, too? */
extern bool fpgo_hold_closes(const FpgoHoldState *state);

/* "unreached", "unknown", ... */
extern const char *fpgo_hold_kind_name(FpgoHoldKind kind);

/* Most orders that must get the same answer in a row before they are held. */
#define FPGO_STREAK_MAX 40

/*
 * The answers in a row that one user mapping's orders got.  Starts with zeros.
 */
typedef struct FpgoStreak
{
	FpgoLesson	lesson;			/* the answer they had, ... */
	int			status;			/* ... with this HTTP status */
	int			n;				/* how many different orders had it */
	int64_t		orders[FPGO_STREAK_MAX];	/* their numbers */
	int			n_refused;		/* orders refused since one was accepted */
	int64_t		last_refused;
} FpgoStreak;

/*
 * Count an answer about an order.  lately: an order was accepted within the
 * last ten seconds.  Returns true if such orders are to be held, with the kind.
 * is_change: it changes an order that the gateway has; a refusal of it says
 * nothing about others.
 */
extern bool fpgo_streak_count(FpgoStreak *streak, FpgoLesson lesson,
							  int status, int64_t order, bool is_change,
							  bool lately, FpgoHoldKind *kind);

/* How many answers have led to a hold of this kind. */
extern int	fpgo_streak_length(const FpgoStreak *streak, FpgoHoldKind kind);

#endif							/* FPGO_HOLD_RULE_H */
