/*
 * control_digits.c
 *		Numbers of persons and companies that have control digits.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
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
bool
fpgo_is_personal_number(FpgoSpan span)
{
	static const int first[] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
	static const int second[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
	int			digits[11];

	return read_digits(span, digits, 11) && is_birth_date(digits) &&
		remainder_of(digits, first, LENGTH(first)) <= 3 &&
		remainder_of(digits, second, LENGTH(second)) == 0;
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

bool
fpgo_is_nine_digits(FpgoSpan span)
{
	int			digits[9];

	return read_digits(span, digits, 9);
}
