/*
 * test_phone.c
 *		Phones as people write them, and what they are.
 */
#include "text/phone.h"

#include <string.h>

#include "lib/tap.h"

static FpgoSpan
span(const char *text)
{
	return (FpgoSpan) {text, strlen(text)};
}

typedef struct Reading
{
	const char *code;			/* as it is written */
	const char *number;
	const char *read_code;		/* NULL: there is no one reading */
	const char *read_number;
} Reading;

static bool
reads(const Reading *reading)
{
	FpgoPhone	phone;
	bool		is_read = fpgo_read_phone(span(reading->code),
										  span(reading->number), &phone);

	if (reading->read_code == NULL)
		return expect(!is_read, "\"%s\" \"%s\" was read as +%s %s",
					  reading->code, reading->number,
					  is_read ? phone.code : "", is_read ? phone.number : "");
	return expect(is_read && strcmp(phone.code, reading->read_code) == 0 &&
				  strcmp(phone.number, reading->read_number) == 0,
				  "\"%s\" \"%s\" was read as +%s %s", reading->code,
				  reading->number, is_read ? phone.code : "",
				  is_read ? phone.number : "");
}

static bool
all_read(const Reading *readings)
{
	bool		passed = true;

	for (; readings->code; readings++)
		passed &= reads(readings);
	return passed;
}

#define READ(...) all_read((const Reading[]) {__VA_ARGS__, {NULL, NULL, NULL, NULL}})

static void
test_readings(void)
{
	ok(READ({"+47", "46567468", "47", "46567468"},
			{"47", "465 67 468", "47", "46567468"},
			{"0047", "46.56.74.68", "47", "46567468"},
			{" +47 ", "465\xC2\xA0" "67\xC2\xA0" "468", "47", "46567468"},
			{"+47", "580012345678", "47", "580012345678"}),
	   "a code beside the number");
	ok(READ({"", "+47 465 67 468", "47", "46567468"},
			{"", "004746567468", "47", "46567468"},
			{"+47", "+47 465 67 468", "47", "46567468"},
			{"+47", "(+47) 46567468", "47", "46567468"},
			{"+47", "4746567468", "47", "46567468"},
			{"+45", "45 32 12 34 56", "45", "32123456"},
			{"", "+1 (212) 555-0100", "1", "2125550100"},
			{"", "+358 40 1234567", "358", "401234567"}),
	   "a code in the number");
	ok(READ({"", "(+46) 070-123 45 67", "46", "701234567"},
			{"+46", "070-123 45 67", "46", "701234567"},
			{"", "+46 (0)70 123 45 67", "46", "701234567"},
			{"+44", "07911 123456", "44", "7911123456"},
			{"+49", "0151 23456789", "49", "15123456789"}),
	   "a trunk zero");
	ok(READ({"+39", "06 1234 5678", "39", "0612345678"},
			{"", "+39 (0)6 1234 5678", "39", "0612345678"},
			{"+225", "01 23 45 67 89", "225", "0123456789"}),
	   "a zero that belongs to the number");
	ok(READ({"+47", "47123456", "47", "47123456"},
			{"+45", "45201234", "45", "45201234"}),
	   "a number that begins as the code does");
}

static void
test_no_reading(void)
{
	ok(READ({"", "46567468", NULL, NULL}, {"NO", "46567468", NULL, NULL},
			{"+999", "46567468", NULL, NULL}, {"", "+999 46567468", NULL, NULL}),
	   "no code");
	ok(READ({"+47", "+46 70 123 45 67", NULL, NULL}, {"+46", "004746567468", NULL, NULL}),
	   "two codes");
	ok(READ({"+47", "", NULL, NULL}, {"+47", "n/a", NULL, NULL}, {"+47", "-", NULL, NULL},
			{"+47", "46567468 / 91234567", NULL, NULL}, {"+47", "tlf 46567468", NULL, NULL},
			{"+47", "46567468+", NULL, NULL}, {"+47", "++4746567468", NULL, NULL}),
	   "no number");
	ok(READ({"+47", "4656746", NULL, NULL}, {"+47", "046567468", NULL, NULL},
			{"+47", "00000000", NULL, NULL}, {"+47", "113", NULL, NULL},
			{"+46", "123", NULL, NULL}, {"+46", "12345678901234", NULL, NULL},
			{"+46", "1234567890123456789", NULL, NULL}, {"+46", "00070123", NULL, NULL}),
	   "a wrong length");
	ok(READ({"+7", "0495 1234567", NULL, NULL}, {"+36", "06 30 123 4567", NULL, NULL},
			{"+370", "0612 34567", NULL, NULL}),
	   "a trunk prefix of another kind");
}

static void
test_codes(void)
{
	char		code[4];

	ok(fpgo_read_dialling_code(span("+47"), code) && strcmp(code, "47") == 0 &&
	   fpgo_read_dialling_code(span("00358"), code) && strcmp(code, "358") == 0 &&
	   fpgo_read_dialling_code(span("(+1)"), code) && strcmp(code, "1") == 0,
	   "country codes");
	ok(!fpgo_read_dialling_code(span(""), code) &&
	   !fpgo_read_dialling_code(span("+"), code) &&
	   !fpgo_read_dialling_code(span("NOR"), code) &&
	   !fpgo_read_dialling_code(span("+047"), code) &&
	   !fpgo_read_dialling_code(span("+4747"), code) &&
	   !fpgo_read_dialling_code(span("+210"), code) &&
	   !fpgo_read_dialling_code(span("+259"), code),
	   "no country codes");
	ok(fpgo_dialling_code_length(span("4746")) == 2 &&
	   fpgo_dialling_code_length(span("358")) == 3 &&
	   fpgo_dialling_code_length(span("7495")) == 1 &&
	   fpgo_dialling_code_length(span("999")) == 0 &&
	   fpgo_dialling_code_length(span("35")) == 0 &&
	   fpgo_dialling_code_length(span("")) == 0,
	   "the length of a code");
}

int
main(void)
{
	test_readings();
	test_no_reading();
	test_codes();
	return done_testing();
}
