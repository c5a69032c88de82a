/*
 * lesson.h
 *		What the outcome of a request says, and about whom.
 *
 * Pure: no postgres.h.
 */
#ifndef FPGO_LESSON_H
#define FPGO_LESSON_H

#include "gateway/outcome.h"

typedef enum FpgoLesson
{
	FPGO_LESSON_NONE,			/* nothing about the gateway */
	FPGO_LESSON_ACCEPTED,		/* the account is well, and so is the order */
	FPGO_LESSON_REFUSED,		/* the account is well; final for this order */
	FPGO_LESSON_TOKEN,			/* the API is well; this order waits by itself */
	FPGO_LESSON_NOT_API,		/* this order waits by itself */
	FPGO_LESSON_UNKNOWN,		/* perhaps processed: no more of the account's
								 * orders at the same pace */
	FPGO_LESSON_UNREACHED,		/* the address: no order of the account's can
								 * arrive */
	FPGO_LESSON_ALLOWANCE		/* too many requests */
} FpgoLesson;

/*
 * What an outcome says.  status: of the answer, 0 if there was none.
 * was_order: the order itself was sent, or was to be; else the question that
 * comes before a change.
 */
extern FpgoLesson fpgo_lesson_of(FpgoOutcomeClass class, int status,
								 bool was_order);

#endif							/* FPGO_LESSON_H */
