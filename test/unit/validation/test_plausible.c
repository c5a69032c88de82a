/*
 * test_plausible.c
 *		Control digits, country codes and misspelt names, case by case.
 */
#include "validation/plausible.h"
#include "validation/plausible_phone.h"

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
}

/* Is it a number of a country's register, as far as that is known? */
static bool
is_company(bool expected, const char *country, const char *number)
{
	const FpgoRegister *companies = fpgo_find_register(span(country));

	return expect(companies != NULL &&
				  companies->is_number(span(number)) == expected,
				  "expected %s for \"%s\" of %s", expected ? "true" : "false",
				  number, country);
}

static void
test_registers(void)
{
	bool		passed = true;

	passed &= is_company(true, "SJ", "974761076");
	passed &= is_company(false, "SJ", "974761077");
	passed &= is_company(true, "SE", "5567037485");
	passed &= is_company(false, "SE", "5567037486");
	passed &= is_company(false, "SE", "165567037485");
	passed &= is_company(false, "SE", "556703-7485");
	passed &= is_company(true, "DK", "13585628");
	passed &= is_company(false, "DK", "13585627");
	passed &= is_company(false, "DK", "00000000");
	passed &= is_company(true, "FI", "15728600");
	passed &= is_company(false, "FI", "15728601");
	passed &= is_company(false, "FI", "1572860");
	ok(passed, "organisation numbers of Norway's neighbours");
	ok(fpgo_find_register(span("DE")) == NULL &&
	   fpgo_find_register(span("")) == NULL &&
	   fpgo_find_register(span("NOR")) == NULL, "other countries' are not known");
}

static void
test_of_2032(void)
{
	ok(ALL(fpgo_is_of_2032, true, "30108299939", "01012750051", "31123999999"),
	   "numbers that nobody has before 2032");
	ok(ALL(fpgo_is_of_2032, false, "28038712383", "15507600333", "46879700922",
		   "41014060012", "3010829993", ""),
	   "others, those of tests and of people abroad among them");
}

static bool
postal_code(int expected, const char *country, const char *code)
{
	int			found = fpgo_wrong_postal_code(span(code), span(country));

	return expect(found == expected, "\"%s\" in %s: expected %d, found %d", code,
				  country, expected, found);
}

static void
test_postal_codes(void)
{
	bool		passed = true;

	passed &= postal_code(0, "NO", "0001");
	passed &= postal_code(0, "NO", "9991");
	passed &= postal_code(0, "SJ", "9170");
	passed &= postal_code(0, "FO", "100");
	passed &= postal_code(0, "SE", "12345");
	passed &= postal_code(0, "SE", "123 45");
	passed &= postal_code(0, "GB", "SW1A 1AA");
	passed &= postal_code(0, "", "");
	passed &= postal_code(4, "NO", "703");
	passed &= postal_code(4, "NO", "70300");
	passed &= postal_code(4, "NO", "N-7030");
	passed &= postal_code(4, "NO", "7030 Trondheim");
	passed &= postal_code(4, "DK", "");
	passed &= postal_code(5, "SE", "1234 5");
	passed &= postal_code(5, "FI", "123 45");
	ok(passed, "postal codes by their form");
}

/* ---------- phones ---------- */

static bool
phone(FpgoPhoneFault expected, const char *code, const char *number)
{
	FpgoPhoneFault found = fpgo_find_phone_fault(span(number), span(code));

	return expect(found == expected, "\"%s\" and \"%s\": expected %d, found %d",
				  code, number, expected, found);
}

static void
test_phones(void)
{
	bool		passed = true;

	passed &= phone(FPGO_PHONE_CODE, "+47", "+4746567468");
	passed &= phone(FPGO_PHONE_CODE, "+47", " +47 465 67 468");
	passed &= phone(FPGO_PHONE_CODE, "+47", "(+47) 46567468");
	passed &= phone(FPGO_PHONE_CODE, "+47", "004746567468");
	passed &= phone(FPGO_PHONE_CODE, "+47", "4746567468");
	passed &= phone(FPGO_PHONE_CODE, "+47", "47 46 56 74 68");
	passed &= phone(FPGO_PHONE_CODE, "47", "4746567468");
	passed &= phone(FPGO_PHONE_CODE, "0047", "4746567468");
	passed &= phone(FPGO_PHONE_CODE, "+45", "4512345678");
	passed &= phone(FPGO_PHONE_CODE, "+46", "+46701234567");
	passed &= phone(FPGO_PHONE_CODE, "+46", "46701234567");
	passed &= phone(FPGO_PHONE_CODE, "+358", "358401234567");
	passed &= phone(FPGO_PHONE_CODE, "+44", "447911123456");
	passed &= phone(FPGO_PHONE_CODE, "", "+46701234567");
	ok(passed, "phone numbers with a country code");

	passed = true;
	passed &= phone(FPGO_PHONE_RIGHT, "+47", "46567468");
	passed &= phone(FPGO_PHONE_RIGHT, "+47", "47123456");
	passed &= phone(FPGO_PHONE_RIGHT, "+47", "465 67 468");
	passed &= phone(FPGO_PHONE_RIGHT, "+47", "580012345678");
	passed &= phone(FPGO_PHONE_RIGHT, "+45", "45201234");
	passed &= phone(FPGO_PHONE_RIGHT, "+46", "70-123 45 67");
	passed &= phone(FPGO_PHONE_RIGHT, "+39", "0612345678");
	passed &= phone(FPGO_PHONE_RIGHT, "+225", "0123456789");
	passed &= phone(FPGO_PHONE_RIGHT, "+49", "4912345678");
	passed &= phone(FPGO_PHONE_RIGHT, "+1", "(212) 555-0123");
	passed &= phone(FPGO_PHONE_RIGHT, "+880", "1712345678");
	passed &= phone(FPGO_PHONE_RIGHT, "", "4746567468");
	ok(passed, "phone numbers that are right");

	passed = true;
	passed &= phone(FPGO_PHONE_NO_NUMBER, "+47", "");
	passed &= phone(FPGO_PHONE_NO_NUMBER, "+47", "+");
	passed &= phone(FPGO_PHONE_NO_NUMBER, "+47", "n/a");
	passed &= phone(FPGO_PHONE_NO_NUMBER, "+47", "-");
	passed &= phone(FPGO_PHONE_NO_NUMBER, "+47", "46567468 / 91234567");
	passed &= phone(FPGO_PHONE_NO_NUMBER, "+47", "tlf 46567468");
	passed &= phone(FPGO_PHONE_TRUNK, "+46", "0701234567");
	passed &= phone(FPGO_PHONE_TRUNK, "+44", "07911 123456");
	passed &= phone(FPGO_PHONE_TRUNK, "+49", "(0)151 23456789");
	passed &= phone(FPGO_PHONE_TRUNK, "+47", "00000000");
	passed &= phone(FPGO_PHONE_LENGTH, "+47", "4656746");
	passed &= phone(FPGO_PHONE_LENGTH, "+47", "465674680");
	passed &= phone(FPGO_PHONE_LENGTH, "+46", "1");
	passed &= phone(FPGO_PHONE_LENGTH, "+1", "12345678901234567");
	passed &= phone(FPGO_PHONE_NOT_MOBILE, "+47", "22334455");
	passed &= phone(FPGO_PHONE_NOT_MOBILE, "+47", "12345678");
	ok(passed, "phone numbers that are wrong");

	ok(ALL(fpgo_is_dialling_code, true, "+47", "+1", "+358"), "dialling codes");
	ok(ALL(fpgo_is_dialling_code, false, "", "+", "47", "0047", "+047", "+4747",
		   "NO", "+4 7", "+abc"), "what is none");
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
	test_registers();
	test_of_2032();
	test_postal_codes();
	test_phones();
	test_names();
	return done_testing();
}
