/*
 * test_plausible.c
 *		Control digits, country codes and misspelt names, case by case.
 */
#include "validation/plausible.h"

#include <string.h>

#include "lib/tap.h"
#include "text/control_digits.h"

static FpgoSpan
span(const char *text)
{
	return (FpgoSpan) {text, strlen(text)};
}

static bool
all(bool (*predicate) (FpgoSpan), bool expected, const char *const *texts)
{
	bool		passed = true;

	for (; *texts; texts++)
		passed &= expect(predicate(span(*texts)) == expected,
						 "expected %s for \"%s\"",
						 expected ? "true" : "false", *texts);
	return passed;
}

#define ALL(predicate, expected, ...) \
	all(predicate, expected, (const char *const[]) {__VA_ARGS__, NULL})

static void
test_personal_numbers(void)
{
	ok(ALL(fpgo_is_personal_number, true, "28038712383", "31129956715"),
	   "personal numbers");
	ok(ALL(fpgo_is_personal_number, true, "68038700050", "41038700055"),
	   "D-numbers");
	ok(ALL(fpgo_is_personal_number, true,
		   "15507600333", "29422059278", "28438700120",	/* NAV, +40 */
		   "55507608360", "69422056629",	/* the same as D-numbers */
		   "17912099997", "29822099635", "28838700022",	/* Tenor, +80 */
		   "57912075186", "46879700922"),	/* the same as D-numbers */
	   "synthetic numbers");
	ok(ALL(fpgo_is_personal_number, true,
		   "02013299997", "30108299920", "30108299939"),
	   "numbers as they are given out from 2032 on");
	ok(ALL(fpgo_is_personal_number, false, "12345678901", "28838712383",
		   "27818299901", "02013299998", "30108299949"),
	   "wrong control digits");
	ok(ALL(fpgo_is_personal_number, false, "00000000000",	/* no date */
		   "32038700013",		/* the 32nd */
		   "72318700061", "28138700005", "28008700097",	/* no month */
		   "30028700055", "29020100085", "31048700074"),	/* no day of it */
	   "right control digits without a date");
	ok(ALL(fpgo_is_personal_number, false, "", "2803871238", "280387123830",
		   "280387 1238", "280387-1238", "\xC3\xA6\xC3\xB8\xC3\xA5" "04512345"),
	   "what is not eleven digits");
	ok(!fpgo_is_personal_number((FpgoSpan) {"2803871238\0", 11}),
	   "a NUL byte is no digit");
}

/* Which months there are numbers for at all. */
static void
test_additions(void)
{
	int			n[100] = {0};
	char		text[12];

	for (int month = 0; month < 100; month++)
		for (int rest = 0; rest < 100000; rest += 7)
		{
			snprintf(text, sizeof(text), "01%02d80%05d", month, rest);
			n[month] += fpgo_is_personal_number(span(text));
		}
	for (int month = 0; month < 100; month++)
	{
		bool		known = (month >= 1 && month <= 12) ||
		(month >= 41 && month <= 52) || (month >= 66 && month <= 77) ||
		(month >= 81 && month <= 92);

		expect(known == (n[month] > 0), "month %d: %d numbers", month,
			   n[month]);
		n[0] += known == (n[month] > 0) && month > 0;
	}
	ok(n[0] == 99, "months 1 to 12 with nothing, 40, 65 or 80 added");
}

/* What the control digits are there for. */
static void
test_slips_of_digits(void)
{
	static const char *const numbers[] = {
		"28038712383", "31129956715", "68038700050", "17912099997",
		"30108299939"
	};
	bool		passed = true;

	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
		for (int i = 0; i < 11; i++)
		{
			char		text[12];

			for (char c = '0'; c <= '9'; c++)
			{
				strcpy(text, numbers[k]);
				text[i] = c;
				passed &= expect(fpgo_is_personal_number(span(text)) ==
								 (c == numbers[k][i]), "one digit: %s", text);
			}
			if (i == 0 || numbers[k][i] == numbers[k][i - 1])
				continue;
			strcpy(text, numbers[k]);
			text[i] = numbers[k][i - 1];
			text[i - 1] = numbers[k][i];
			passed &= expect(!fpgo_is_personal_number(span(text)),
							 "neighbours swapped: %s", text);
		}
	ok(passed, "every wrong digit and every swap of neighbours is noticed");
}

static void
test_organizations(void)
{
	ok(ALL(fpgo_is_organization_number, true, "974760673", "914588200",
		   "987654325", "312345676"), "organisation numbers");
	ok(ALL(fpgo_is_organization_number, false, "987654321", "974760674",
		   "000000000", "", "97476067", "9747606730", "974 760 673",
		   "NO974760673", "974760673MVA", "5560360793"),
	   "what is none");
	ok(ALL(fpgo_is_nine_digits, true, "987654321", "000000000") &&
	   ALL(fpgo_is_nine_digits, false, "", "98765432", "9876543210",
		   "98765432a"), "nine digits, whatever they are");
}

static bool
has_country_code(bool expected, const char *code, const char *number)
{
	return expect(fpgo_has_country_code(span(number), span(code)) == expected,
				  "expected %s for \"%s\" and \"%s\"",
				  expected ? "true" : "false", code, number);
}

static void
test_phones(void)
{
	bool		passed = true;

	passed &= has_country_code(true, "+47", "+4746567468");
	passed &= has_country_code(true, "+47", " +47 465 67 468");
	passed &= has_country_code(true, "+47", "(+47) 46567468");
	passed &= has_country_code(true, "+47", "004746567468");
	passed &= has_country_code(true, "+47", "4746567468");
	passed &= has_country_code(true, "+47", "47 46 56 74 68");
	passed &= has_country_code(true, "47", "4746567468");
	passed &= has_country_code(true, "0047", "4746567468");
	passed &= has_country_code(true, "+45", "4512345678");
	passed &= has_country_code(true, "+46", "+46701234567");
	passed &= has_country_code(true, "", "+46701234567");
	ok(passed, "phone numbers with a country code");

	passed = true;
	passed &= has_country_code(false, "+47", "46567468");
	passed &= has_country_code(false, "+47", "47123456");
	passed &= has_country_code(false, "+47", "474747474");
	passed &= has_country_code(false, "+47", "4512345678");
	passed &= has_country_code(false, "+47", "580012345678");
	passed &= has_country_code(false, "+46", "0701234567");
	passed &= has_country_code(false, "+46", "4670123456");
	passed &= has_country_code(false, "+147", "4746567468");
	passed &= has_country_code(false, "+880", "1712345678");
	passed &= has_country_code(false, "", "4746567468");
	passed &= has_country_code(false, "+47", "");
	passed &= has_country_code(false, "+47", "+");
	passed &= has_country_code(false, "+47", "465+67468");
	passed &= has_country_code(false, "+47", "anything");
	ok(passed, "phone numbers without");
}

static bool
slips(int expected, const char *written, const char *meant)
{
	int			found = fpgo_count_slips(span(written), span(meant));

	return expect(found == expected, "\"%s\" for \"%s\": expected %d, found %d",
				  written, meant, expected, found);
}

static void
test_names(void)
{
	char		longest[] = "abcdefghijklmnopqrstuvwxyzabcdefg";
	bool		passed = true;

	passed &= slips(0, "customer_details", "customerDetails");
	passed &= slips(0, "CustomerDetails", "customerDetails");
	passed &= slips(0, "reference-no", "referenceNo");
	passed &= slips(2, "costumerDetails", "customerDetails");
	passed &= slips(1, "nmae", "name");
	passed &= slips(1, "names", "name");
	passed &= slips(1, "ame", "name");
	passed &= slips(1, "tx", "tax");
	passed &= slips(1, "quanttty_", "quantity");
	passed &= slips(1, "organisationId", "organizationId");
	passed &= slips(2, "personnummer", "personnummXX");
	ok(passed, "names that were meant");

	passed = true;
	passed &= slips(-1, "note", "name");
	passed &= slips(-1, "", "tax");
	passed &= slips(-1, "_", "zip");
	passed &= slips(-1, "vat", "rate");
	passed &= slips(-1, "qty", "quantity");
	passed &= slips(-1, "shippingCost", "callback");
	passed &= slips(-1, longest, longest);
	longest[32] = '\0';
	passed &= slips(0, longest, longest);
	ok(passed, "names that were not");
}

int
main(void)
{
	test_personal_numbers();
	test_additions();
	test_slips_of_digits();
	test_organizations();
	test_phones();
	test_names();
	return done_testing();
}
