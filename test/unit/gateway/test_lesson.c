/*
 * test_lesson.c
 *		What each outcome says, against the rules written out by hand.
 */
#include "gateway/lesson.h"

#include <stddef.h>

#include "lib/tap.h"

typedef struct Case
{
	const char *name;
	FpgoOutcomeClass class;
	int			status;
	FpgoLesson	of_order;
	FpgoLesson	of_question;
} Case;

static const Case cases[] = {
	{"201", FPGO_OUTCOME_ACCEPTED, 201, FPGO_LESSON_ACCEPTED,
	FPGO_LESSON_NONE},
	{"417 of the API", FPGO_OUTCOME_REFUSED, 417, FPGO_LESSON_REFUSED,
	FPGO_LESSON_NONE},
	{"401 of the API", FPGO_OUTCOME_CREDENTIALS, 401, FPGO_LESSON_TOKEN,
	FPGO_LESSON_NONE},
	{"403", FPGO_OUTCOME_NOT_API, 403, FPGO_LESSON_NOT_API, FPGO_LESSON_NONE},
	{"a refused connection", FPGO_OUTCOME_UNREACHED, 0, FPGO_LESSON_UNREACHED,
	FPGO_LESSON_UNREACHED},
	{"an untrusted certificate", FPGO_OUTCOME_MISCONFIGURED, 0,
	FPGO_LESSON_UNREACHED, FPGO_LESSON_UNREACHED},
	{"308", FPGO_OUTCOME_MISCONFIGURED, 308, FPGO_LESSON_NOT_API,
	FPGO_LESSON_NONE},
	{"421", FPGO_OUTCOME_UNREACHED, 421, FPGO_LESSON_NOT_API,
	FPGO_LESSON_NONE},
	{"503 to a question", FPGO_OUTCOME_UNREACHED, 503, FPGO_LESSON_NOT_API,
	FPGO_LESSON_NONE},
	{"429", FPGO_OUTCOME_SLOW_DOWN, 429, FPGO_LESSON_ALLOWANCE,
	FPGO_LESSON_ALLOWANCE},
	{"503", FPGO_OUTCOME_UNKNOWN, 503, FPGO_LESSON_UNKNOWN,
	FPGO_LESSON_NONE},
	{"no answer", FPGO_OUTCOME_UNKNOWN, 0, FPGO_LESSON_UNKNOWN,
	FPGO_LESSON_NONE},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *one = &cases[i];

		ok(fpgo_lesson_of(one->class, one->status, true) == one->of_order,
		   "%s, of an order", one->name);
		ok(fpgo_lesson_of(one->class, one->status, false) == one->of_question,
		   "%s, of a question", one->name);
	}
	return done_testing();
}
