/*
 * control_digits.c
 *		Numbers of persons and companies that have control digits.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#include <string.h>

#include "text/ascii.h"
#include "text/control_digits.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* The digits of a span that consists of n of them. */
static bool
read_digits(FpgoSpan span, int *digits, int n)
{
	if (span.len != (size_t) n)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (!is_digit(span.text[i]))
			return false;
		digits[i] = span.text[i] - '0';
	}
	return true;
}

/* Modulus 11 of the digits, each times its weight. */
static int
remainder_of(const int *digits, const int *weights, int n)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
		sum += digits[i] * weights[i];
	return sum % 11;
}

/*
 * What is added to the month in the synthetic series, so that no number of
 * theirs is a living person's: 40 by NAV (and in auxiliary "H-numbers" of the
 * health services), 65 by Norsk helsenett, 80 by Skatteetaten in Tenor, the
 * test population register.
 */
static const int month_additions[] = {0, 40, 65, 80};

/* DDMMYY; a D-number, for people living abroad, has 40 added to the day. */
static bool
is_birth_date(const int *digits)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			day = digits[0] * 10 + digits[1];
	int			month = digits[2] * 10 + digits[3];
	int			year = digits[4] * 10 + digits[5];

	if (day > 40)
		day -= 40;
	for (int i = 0; i < LENGTH(month_additions); i++)
	{
		int			m = month - month_additions[i];

		/* the century is not known for sure, and 1900 was no leap year */
		if (m >= 1 && m <= 12)
			return day >= 1 && day <= days[m - 1] &&
				(m != 2 || day <= 28 || year % 4 == 0);
	}
	return false;
}

/*
 * Skatteetaten's rule.  For numbers given out from 2032 on, the sum with the
 * first control digit may leave 0 to 3 instead of 0.  Programs are asked to
 * accept both from now on.  The second control digit alone still finds any
 * single wrong digit, and any two neighbours that changed places.
 */
static const int first[] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};

bool
fpgo_is_personal_number(FpgoSpan span)
{
	static const int second[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
	int			digits[11];

	return read_digits(span, digits, 11) && is_birth_date(digits) &&
		remainder_of(digits, first, LENGTH(first)) <= 3 &&
		remainder_of(digits, second, LENGTH(second)) == 0;
}

/*
 * A living person's number has its real month, and until 2032 the first control
 * digit leaves 0.  The numbers 500 to 999 of the years 27 to 39 are of people born
 * from 2027 on; D-numbers of these series are in use.
 */
bool
fpgo_is_of_2032(FpgoSpan span)
{
	int			digits[11];
	int			year;

	if (!read_digits(span, digits, 11) || digits[2] > 1)
		return false;
	year = digits[4] * 10 + digits[5];
	return remainder_of(digits, first, LENGTH(first)) != 0 ||
		(digits[0] < 4 && year >= 27 && year <= 39 && digits[6] >= 5);
}

/*
 * The rule of Norway's register of legal entities.  Numbers begin with 8 or
 * 9, synthetic ones with other digits; but 000000000 is just a filler.
 */
bool
fpgo_is_organization_number(FpgoSpan span)
{
	static const int weights[] = {3, 2, 7, 6, 5, 4, 3, 2, 1};
	int			digits[9];

	return read_digits(span, digits, 9) && digits[0] != 0 &&
		remainder_of(digits, weights, LENGTH(weights)) == 0;
}

/* Sweden's rule: ten digits, of which the last makes their Luhn sum end with 0. */
static bool
is_swedish_organization(FpgoSpan span)
{
	int			digits[10];
	int			sum = 0;

	if (!read_digits(span, digits, 10))
		return false;
	for (int i = 0; i < 10; i++)
	{
		int			part = digits[i] * (i % 2 == 0 ? 2 : 1);

		sum += part / 10 + part % 10;
	}
	return sum % 10 == 0;
}

/* Denmark's, of CVR numbers: eight digits, the first of them not 0. */
static bool
is_danish_organization(FpgoSpan span)
{
	static const int weights[] = {2, 7, 6, 5, 4, 3, 2, 1};
	int			digits[8];

	return read_digits(span, digits, 8) && digits[0] != 0 &&
		remainder_of(digits, weights, LENGTH(weights)) == 0;
}

/* Finland's, of Y-tunnus without its hyphen: eight digits. */
static bool
is_finnish_organization(FpgoSpan span)
{
	static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1};
	int			digits[8];

	return read_digits(span, digits, 8) &&
		remainder_of(digits, weights, LENGTH(weights)) == 0;
}

/* Svalbard's companies are in Norway's register. */
static const FpgoRegister registers[] = {
	{"NO", "a Norwegian", 9, fpgo_is_organization_number},
	{"SJ", "a Norwegian", 9, fpgo_is_organization_number},
	{"SE", "a Swedish", 10, is_swedish_organization},
	{"DK", "a Danish", 8, is_danish_organization},
	{"FI", "a Finnish", 8, is_finnish_organization},
};

const FpgoRegister *
fpgo_find_register(FpgoSpan country)
{
	for (int i = 0; i < LENGTH(registers); i++)
	{
		if (country.len == 2 && memcmp(country.text, registers[i].country, 2) == 0)
			return &registers[i];
	}
	return NULL;
}

bool
fpgo_is_digits(FpgoSpan span, int n)
{
	int			digits[16];

	return n <= LENGTH(digits) && read_digits(span, digits, n);
}
