/*
 * lesson.c
 *		What the outcome of a request says, and about whom.
 *
 * An answer that is not the API's own may come from a machine that dislikes
 * this one order, or all orders.  One answer does not tell which of the two.
 * Therefore it says only that this order waits.  That no answer came, since
 * there was no connection, says something about every order of the account.
 */
#include "gateway/lesson.h"

/* Of a question: it changes nothing, so nothing is unknown after it. */
static FpgoLesson
lesson_of_question(FpgoOutcomeClass class, int status)
{
	switch (class)
	{
		case FPGO_OUTCOME_SLOW_DOWN:
			return FPGO_LESSON_ALLOWANCE;
		case FPGO_OUTCOME_UNREACHED:
		case FPGO_OUTCOME_MISCONFIGURED:
			return status == 0 ? FPGO_LESSON_UNREACHED : FPGO_LESSON_NONE;
		case FPGO_OUTCOME_ACCEPTED:
		case FPGO_OUTCOME_REFUSED:
		case FPGO_OUTCOME_CREDENTIALS:
		case FPGO_OUTCOME_NOT_API:
		case FPGO_OUTCOME_UNKNOWN:
			return FPGO_LESSON_NONE;
	}
	return FPGO_LESSON_NONE;
}

FpgoLesson
fpgo_lesson_of(FpgoOutcomeClass class, int status, bool was_order)
{
	if (!was_order)
		return lesson_of_question(class, status);
	switch (class)
	{
		case FPGO_OUTCOME_ACCEPTED:
			return FPGO_LESSON_ACCEPTED;
		case FPGO_OUTCOME_REFUSED:
			return FPGO_LESSON_REFUSED;
		case FPGO_OUTCOME_CREDENTIALS:
			return FPGO_LESSON_TOKEN;
		case FPGO_OUTCOME_NOT_API:
			return FPGO_LESSON_NOT_API;
		case FPGO_OUTCOME_UNREACHED:
		case FPGO_OUTCOME_MISCONFIGURED:
			/* 307, 421 and their like: somebody answered */
			return status == 0 ? FPGO_LESSON_UNREACHED : FPGO_LESSON_NOT_API;
		case FPGO_OUTCOME_SLOW_DOWN:
			return FPGO_LESSON_ALLOWANCE;
		case FPGO_OUTCOME_UNKNOWN:
			return FPGO_LESSON_UNKNOWN;
	}
	return FPGO_LESSON_NONE;
}
