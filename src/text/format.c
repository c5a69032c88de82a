/*
 * format.c
 *		Predicates on text: numbers, e-mail addresses, URLs, countries.
 *
 * The gateway is a Laravel application, and these predicates follow Laravel.
 * Where its versions differ, a predicate accepts only texts that all of them
 * accept, and a comment says so.
 *
 * Byte scans, no regular expressions: validation of an order takes a few
 * microseconds.  Pure: no postgres.h, no allocation, no locale; a fuzzer runs
 * these functions alone.
 */
#include <string.h>

#include "text/ascii.h"
#include "text/characters.h"
#include "text/format.h"

/* what fpgo_is_amount() takes: characters in all, digits before the point */
#define AMOUNT_LEN_MAX 64
#define AMOUNT_DIGITS_MAX 9

bool
fpgo_spans_equal(FpgoSpan a, FpgoSpan b)
{
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* ---------- white space ---------- */

/* the characters that PHP's trim() removes */
static bool
is_php_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0' ||
		c == '\v';
}

FpgoSpan
fpgo_trim(FpgoSpan span)
{
	while (span.len > 0 && is_php_space(span.text[0]))
	{
		span.text++;
		span.len--;
	}
	while (span.len > 0 && is_php_space(span.text[span.len - 1]))
		span.len--;
	return span;
}

FpgoSpan
fpgo_trim_unicode(FpgoSpan span)
{
	size_t		n;

	while (span.len > 0 && fpgo_is_trimmed_code(fpgo_first_code(span, &n)))
	{
		span.text += n;
		span.len -= n;
	}
	while (span.len > 0 && fpgo_is_trimmed_code(fpgo_last_code(span, &n)))
		span.len -= n;
	return span;
}

/* ---------- numbers ---------- */

/* A decimal number, taken apart without converting it. */
typedef struct Decimal
{
	bool		negative;
	const char *digits;			/* from the first digit that is not zero */
	const char *end;			/* behind the last character of the digits */
	long		exponent;		/* value = 0.digits * 10^exponent */
	bool		is_zero;
} Decimal;

/* exponents beyond this are all "enormous"; keeps the sums below in range */
#define EXPONENT_MAX 100000000L

/*
 * is_numeric() allows these around a number; trim() has run before it and has
 * left form feeds.  PHP 7 did not allow them behind the number: the gateway's
 * nginx is that of Ubuntu 24.04, which comes with PHP 8.3.
 */
static bool
is_numeric_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' ||
		c == '\f';
}

/* Reads a complete exponent at *p, if there is one; moves *p behind it. */
static long
scan_exponent(const char **p, const char *end)
{
	const char *q = *p;
	bool		negative = false;
	long		value = 0;

	if (q == end || (*q != 'e' && *q != 'E'))
		return 0;
	q++;
	if (q < end && (*q == '+' || *q == '-'))
		negative = *q++ == '-';
	if (q == end || !is_digit(*q))
		return 0;
	for (; q < end && is_digit(*q); q++)
	{
		if (value < EXPONENT_MAX)
			value = value * 10 + (*q - '0');
	}
	*p = q;
	return negative ? -value : value;
}

/*
 * Digits with at most one point among them; false if there is no digit.  Notes
 * the first digit that counts and how many digits stand before the point from
 * there on (negative: zeros behind the point).
 */
static bool
scan_mantissa(const char **p, const char *end, Decimal *number)
{
	const char *point = NULL;
	bool		has_digit = false;

	number->digits = NULL;
	for (; *p < end; (*p)++)
	{
		if (**p == '.' && point == NULL)
			point = *p;
		else if (is_digit(**p))
		{
			has_digit = true;
			if (number->digits == NULL && **p != '0')
				number->digits = *p;
		}
		else
			break;
	}
	if (!has_digit)
		return false;
	number->end = *p;
	number->is_zero = number->digits == NULL;
	if (number->is_zero)
		return true;
	if (point == NULL)
		number->exponent = number->end - number->digits;
	else if (number->digits < point)
		number->exponent = point - number->digits;
	else
		number->exponent = -(number->digits - point - 1);
	return true;
}

static bool
scan_number(FpgoSpan span, Decimal *number)
{
	const char *p = span.text;
	const char *end = span.text + span.len;
	long		exponent;

	memset(number, 0, sizeof(*number));
	while (p < end && is_numeric_space(*p))
		p++;
	if (p < end && (*p == '+' || *p == '-'))
		number->negative = *p++ == '-';
	if (!scan_mantissa(&p, end, number))
		return false;
	exponent = scan_exponent(&p, end);
	number->exponent += exponent;
	while (p < end && is_numeric_space(*p))
		p++;
	return p == end;
}

bool
fpgo_is_numeric(FpgoSpan span)
{
	Decimal		number;

	return scan_number(span, &number);
}

bool
fpgo_is_amount(FpgoSpan span)
{
	Decimal		number;
	int			written = 0;

	/* 28038712383e-5 is small, but has a personal number in it */
	for (size_t i = 0; i < span.len && !is_one_of(span.text[i], ".eE"); i++)
		written += is_digit(span.text[i]);
	return span.len <= AMOUNT_LEN_MAX && written <= AMOUNT_DIGITS_MAX &&
		scan_number(span, &number) &&
		number.exponent <= AMOUNT_DIGITS_MAX &&
		number.exponent >= -AMOUNT_LEN_MAX;
}

/* the next digit of a number, '0' when they have run out */
static char
next_digit(const char **p, const char *end)
{
	if (*p < end && **p == '.')
		(*p)++;
	return *p < end ? *(*p)++ : '0';
}

bool
fpgo_numbers_equal(FpgoSpan a, FpgoSpan b)
{
	Decimal		x,
				y;
	const char *p;
	const char *q;

	if (!scan_number(a, &x) || !scan_number(b, &y))
		return false;
	if (x.is_zero || y.is_zero)
		return x.is_zero && y.is_zero;
	if (x.negative != y.negative || x.exponent != y.exponent)
		return false;
	p = x.digits;
	q = y.digits;
	while (p < x.end || q < y.end)
	{
		if (next_digit(&p, x.end) != next_digit(&q, y.end))
			return false;
	}
	return true;
}

/* One spelling a number, so that equal plain numbers are equal texts. */
bool
fpgo_is_plain_number(FpgoSpan span)
{
	const char *p = span.text;
	const char *end = p + span.len;
	const char *point;

	if (p < end && *p == '-')
		p++;
	/* -0 is a number, and 0 is how it is printed */
	if (p > span.text && p + 1 == end && *p == '0')
		return false;
	point = memchr(p, '.', end - p);
	if (point != NULL && (point + 1 == end || end[-1] == '0'))
		return false;
	if (p == end || p == point || (*p == '0' && p + 1 != end && p + 1 != point))
		return false;
	for (; p < end; p++)
	{
		if (!is_digit(*p) && p != point)
			return false;
	}
	return true;
}

bool
fpgo_has_eleven_digits(FpgoSpan span)
{
	int			digits = 0;

	for (size_t i = 0; i < span.len; i++)
		digits += is_digit(span.text[i]);
	return digits >= 11;
}

/* ---------- codes ---------- */

/*
 * Laravel's "alpha_num": letters, marks and numbers of every script.  Its
 * variant "alpha_num:ascii" (9 and later) must be asked for, and the page does
 * not say so.
 */
bool
fpgo_is_alpha_num(FpgoSpan span)
{
	size_t		n = 1;

	if (span.len == 0)
		return false;
	for (; span.len > 0; span.text += n, span.len -= n)
	{
		if (is_ascii_alnum(span.text[0]))
		{
			n = 1;
			continue;
		}
		if (!is_beyond_ascii(span.text[0]) ||
			!(fpgo_class_of(fpgo_first_code(span, &n)) &
			  (FPGO_CHAR_LETTER | FPGO_CHAR_MARK)))
			return false;
	}
	return true;
}

/* ISO 3166-1 alpha-2, officially assigned codes, by first letter */
static const char *const countries[26] = {
	"DEFGILMOQRSTUWXZ", "ABDEFGHIJLMNOQRSTVWYZ", "ACDFGHIKLMNORUVWXYZ",
	"EJKMOZ", "CEGHRST", "IJKMOR", "ABDEFGHILMNPQRSTUWY", "KMNRTU",
	"DELMNOQRST", "EMOP", "EGHIMNPRWYZ", "ABCIKRSTUVY",
	"ACDEFGHKLMNOPQRSTUVWXYZ", "ACEFGILOPRUZ", "M", "AEFGHKLMNRSTWY", "A",
	"EOSUW", "ABCDEGHIJKLMNORSTVXYZ", "CDFGHJKLMNORTVWZ", "AGMSYZ",
	"ACEGINU", "FS", "", "ET", "AMW"
};

bool
fpgo_is_country(FpgoSpan span)
{
	return span.len == 2 && span.text[0] >= 'A' && span.text[0] <= 'Z' &&
		is_one_of(span.text[1], countries[span.text[0] - 'A']);
}
