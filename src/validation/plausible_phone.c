/*
 * plausible_phone.c
 *		What is wrong with a phone number and its country's code?
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#include <string.h>

#include "text/ascii.h"
#include "validation/plausible_phone.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* E.164: digits of a number with its country's code */
#define NUMBER_MIN_DIGITS 4
#define NUMBER_MAX_DIGITS 15

/* more digits than any number has */
#define DIGITS_KEPT 24

typedef struct Digits
{
	int			n;				/* in all; those kept are fewer */
	char		text[DIGITS_KEPT + 1];
} Digits;

static Digits
read_all_digits(FpgoSpan span)
{
	Digits		digits = {0};

	for (size_t i = 0; i < span.len; i++)
	{
		if (!is_digit(span.text[i]))
			continue;
		if (digits.n < DIGITS_KEPT)
			digits.text[digits.n] = span.text[i];
		digits.n++;
	}
	return digits;
}

static bool
begins_with(const Digits *digits, const char *head)
{
	return strncmp(digits->text, head, strlen(head)) == 0;
}

/* The code's digits without zeros before them: +47, 0047 and 47 are in use. */
static Digits
read_code(FpgoSpan code)
{
	Digits		all = read_all_digits(code);
	size_t		zeros = strspn(all.text, "0");

	memmove(all.text, all.text + zeros, strlen(all.text + zeros) + 1);
	all.n -= (int) zeros;
	return all;
}

/* ---------- the code ---------- */

bool
fpgo_is_dialling_code(FpgoSpan code)
{
	size_t		n = code.len - 1;

	if (code.len < 2 || code.len > 4 || code.text[0] != '+' ||
		code.text[1] == '0')
		return false;
	for (size_t i = 1; i <= n; i++)
	{
		if (!is_digit(code.text[i]))
			return false;
	}
	return true;
}

/*
 * Countries whose mobile numbers have one length, and never begin with the code
 * of the country at the length that code and number have together.  Germany is
 * none: it has area codes 49.
 */
static const struct
{
	const char *code;
	int			n_digits;
}			one_length[] = {
	{"47", 8}, {"45", 8}, {"46", 9}, {"358", 9}, {"44", 10}, {"354", 7},
	{"298", 6}, {"48", 9}, {"372", 8}, {"371", 8}, {"370", 8}, {"33", 9},
	{"34", 9}, {"31", 9}, {"32", 9}, {"41", 9}, {"353", 9}, {"351", 9},
	{"420", 9},
};

static bool
repeats_code(const Digits *number, const Digits *code)
{
	for (int i = 0; i < LENGTH(one_length); i++)
	{
		if (strcmp(code->text, one_length[i].code) == 0)
			return begins_with(number, code->text) &&
				number->n == one_length[i].n_digits + code->n;
	}
	return false;
}

/* "+" or "00" before the digits */
static bool
is_international(FpgoSpan number, const Digits *digits)
{
	for (size_t i = 0; i < number.len && !is_digit(number.text[i]); i++)
	{
		if (number.text[i] == '+')
			return digits->n > 0;
	}
	/* 00000000 is a filler */
	return begins_with(digits, "00") &&
		strspn(digits->text, "0") < strlen(digits->text);
}

/* ---------- the number ---------- */

/* Blanks, brackets, hyphens, points: what people write between digits. */
static bool
has_only_digits(FpgoSpan number, int n_digits)
{
	if (n_digits == 0)
		return false;
	for (size_t i = 0; i < number.len; i++)
	{
		if (!is_digit(number.text[i]) &&
			strchr(" ()-.", number.text[i]) == NULL)
			return false;
	}
	return true;
}

/* Countries whose numbers may begin with 0; elsewhere that is the trunk's. */
static bool
may_begin_with_zero(const Digits *code)
{
	static const char *const codes[] = {"39", "378", "225", "229", "241", "242"};

	for (int i = 0; i < LENGTH(codes); i++)
	{
		if (strcmp(code->text, codes[i]) == 0)
			return true;
	}
	return false;
}

/* Norway: eight digits; twelve of machines, which begin with 58. */
static bool
has_length(const Digits *number, const Digits *code)
{
	if (strcmp(code->text, "47") == 0)
		return number->n == 8 || (number->n == 12 && begins_with(number, "58"));
	return number->n + code->n >= NUMBER_MIN_DIGITS + 1 &&
		number->n + code->n <= NUMBER_MAX_DIGITS;
}

FpgoPhoneFault
fpgo_find_phone_fault(FpgoSpan number, FpgoSpan code_text)
{
	Digits		digits = read_all_digits(number);
	Digits		code = read_code(code_text);

	if (is_international(number, &digits) || repeats_code(&digits, &code))
		return FPGO_PHONE_CODE;
	if (!has_only_digits(number, digits.n))
		return FPGO_PHONE_NO_NUMBER;
	if (code.n == 0)
		return FPGO_PHONE_RIGHT;
	if (begins_with(&digits, "0") && !may_begin_with_zero(&code))
		return FPGO_PHONE_TRUNK;
	if (!has_length(&digits, &code))
		return FPGO_PHONE_LENGTH;
	if (strcmp(code.text, "47") == 0 && digits.n == 8 &&
		!begins_with(&digits, "4") && !begins_with(&digits, "9") &&
		!begins_with(&digits, "59"))
		return FPGO_PHONE_NOT_MOBILE;
	return FPGO_PHONE_RIGHT;
}
