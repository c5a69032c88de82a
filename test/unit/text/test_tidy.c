/*
 * test_tidy.c
 *		Numbers of persons, companies and places, as people write them.
 */
#include "text/tidy.h"

#include <string.h>

#include "lib/tap.h"

static FpgoSpan
span(const char *text)
{
	return (FpgoSpan) {text, strlen(text)};
}

typedef bool (*Tidy) (FpgoSpan text, char tidy[FPGO_TIDY_MAX]);

/* Texts and what each becomes, NULL if it has no one reading. */
static bool
all_become(Tidy tidy, const char *const (*texts)[2])
{
	bool		passed = true;

	for (; (*texts)[0]; texts++)
	{
		char		made[FPGO_TIDY_MAX];
		const char *found = tidy(span((*texts)[0]), made) ? made : NULL;
		const char *wanted = (*texts)[1];

		passed &= expect(found == NULL ? wanted == NULL :
						 wanted != NULL && strcmp(found, wanted) == 0,
						 "\"%s\" became \"%s\"", (*texts)[0],
						 found ? found : "nothing");
	}
	return passed;
}

#define BECOME(tidy, ...) \
	all_become(tidy, (const char *const[][2]) {__VA_ARGS__, {NULL, NULL}})

static const char *home;

static bool
tidy_at_home(FpgoSpan text, char tidy[FPGO_TIDY_MAX])
{
	return fpgo_tidy_postal_code(text, span(home), tidy);
}

static void
test_persons(void)
{
	ok(BECOME(fpgo_tidy_person, {"28038712383", "28038712383"},
			  {"280387 12383", "28038712383"}, {" 280387-12383 ", "28038712383"},
			  {"28\xC2\xA0" "03 87 123 83", "28038712383"}),
	   "personal numbers");
	ok(BECOME(fpgo_tidy_person, {"2803871238", NULL}, {"280387 1238x", NULL},
			  {"280387/12383", NULL}, {"280387 123834", NULL}, {"", NULL}, {" ", NULL},
			  {"28038712383280387123832803871238328038712383", NULL},
			  {"280387\xE2\x80\x93" "12383", NULL}),
	   "others have no one reading");
}

static void
test_organizations(void)
{
	ok(BECOME(fpgo_tidy_organization, {"974760673", "974760673"},
			  {"974 760 673", "974760673"}, {"974.760.673", "974760673"},
			  {"NO 974 760 673 MVA", "974760673"}, {"974760673MVA", "974760673"},
			  {"no974760673mva", "974760673"}, {"NO-974760673", "974760673"}),
	   "Norwegian numbers");
	ok(BECOME(fpgo_tidy_organization, {"556703-7485", "5567037485"},
			  {"1572860-0", "15728600"}, {"CHE-100.155.212", "CHE100155212"},
			  {"SE556703748501", "SE556703748501"}, {"974 760 674", "974760674"}),
	   "others lose their separators only");
	ok(BECOME(fpgo_tidy_organization, {"NO 974 760 674 MVA", NULL},
			  {"SE 974 760 673 MVA", NULL}, {"Org.nr. 974 760 673", NULL},
			  {"0192:974760673", NULL}, {"974760673 / 974760673", NULL},
			  {"1234", NULL}, {"MVA", NULL}, {"", NULL}, {"974760673MVAX", NULL}),
	   "others have no one reading");
}

static void
test_postal_codes(void)
{
	home = "NO";
	ok(BECOME(tidy_at_home, {"7030", "7030"}, {"N-7030", "7030"},
			  {"NO-7030", "7030"}, {"no 7030", "7030"}, {"70 30", "7030"}),
	   "Norwegian codes");
	ok(BECOME(tidy_at_home, {"703", NULL}, {"70300", NULL}, {"S-7030", NULL},
			  {"7030 Trondheim", NULL}, {"", NULL}, {"N-", NULL}),
	   "others have no one reading");
	home = "SE";
	ok(BECOME(tidy_at_home, {"123 45", NULL}, {"S-123 45", "12345"},
			  {"SE-12345", "12345"}, {"1234", NULL}),
	   "Swedish codes");
	home = "US";
	ok(BECOME(tidy_at_home, {"12345-6789", NULL}, {"12345", NULL}),
	   "a country of which nothing is known");
}

int
main(void)
{
	test_persons();
	test_organizations();
	test_postal_codes();
	return done_testing();
}
