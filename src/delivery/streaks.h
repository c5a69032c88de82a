/*
 * streaks.h
 *		What this process knows of answers in a row, its own and others'.
 *
 * All functions but fpgo_streaks_matters() must be called in a transaction that
 * may write; see holds.h.
 */
#ifndef FPGO_STREAKS_H
#define FPGO_STREAKS_H

#include "postgres.h"

#include "gateway/lesson.h"
#include "records/hold_rule.h"

/* An answer about an order. */
typedef struct FpgoStreakAnswer
{
	const char *account;
	const char *mapping;
	FpgoLesson	lesson;
	int			status;			/* HTTP status */
	int64		order;			/* number of the submission */
	bool		is_change;		/* it changes an order that the gateway has */
} FpgoStreakAnswer;

/* Read again what is on record. */
extern void fpgo_streaks_read(void);

/* Does the answer change what is on record?  Notes acceptances. */
extern bool fpgo_streaks_matters(const FpgoStreakAnswer *answer);

/*
 * Count the answer, on record; under the lock of the account's holds.  Returns
 * true if such orders are to be held, with the kind and how many answers have
 * led to that.
 */
extern bool fpgo_streaks_count(const FpgoStreakAnswer *answer,
							   FpgoHoldKind *kind, int *n_answers);

#endif							/* FPGO_STREAKS_H */
