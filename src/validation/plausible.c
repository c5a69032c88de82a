/*
 * plausible.c
 *		Checks that the gateway does not make: postal codes, misspelt names.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#include <string.h>

#include "text/ascii.h"
#include "text/control_digits.h"
#include "validation/plausible.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* longest name that is compared with another; the API's longest has 20 bytes */
#define NAME_MAX_BYTES 32

/* ---------- postal codes ---------- */

/* How many digits a country's postal codes have; 0 if that is not known. */
static int
digits_of_postal_code(FpgoSpan country)
{
	static const struct
	{
		const char *country;
		int			n;
	}			known[] = {{"NO", 4}, {"SJ", 4}, {"DK", 4}, {"FO", 3}, {"SE", 5}, {"FI", 5}, {"AX", 5}, {"DE", 5}};

	for (int i = 0; i < LENGTH(known); i++)
	{
		if (country.len == 2 && memcmp(country.text, known[i].country, 2) == 0)
			return known[i].n;
	}
	return 0;
}

int
fpgo_wrong_postal_code(FpgoSpan code, FpgoSpan country)
{
	int			n = digits_of_postal_code(country);

	if (n == 0 || fpgo_is_digits(code, n))
		return 0;
	/* Sweden's are written with a blank */
	if (n == 5 && country.text[0] == 'S' && code.len == 6 && code.text[3] == ' ' &&
		fpgo_is_digits((FpgoSpan) {code.text, 3}, 3) &&
		fpgo_is_digits((FpgoSpan) {code.text + 4, 2}, 2))
		return 0;
	return n;
}



/* ---------- names ---------- */

/* A name in small letters without "_" and "-"; its length, -1 if too long. */
static int
normalize(FpgoSpan name, char *plain)
{
	int			n = 0;

	for (size_t i = 0; i < name.len; i++)
	{
		char		c = name.text[i];

		if (c == '_' || c == '-')
			continue;
		if (n == NAME_MAX_BYTES)
			return -1;
		plain[n++] = c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
	}
	return n;
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * Insertions, deletions, replacements and swaps of neighbours that turn one
 * name into the other (optimal string alignment).
 */
static int
edit_distance(const char *a, int n_a, const char *b, int n_b)
{
	int			rows[3][NAME_MAX_BYTES + 1];
	int		   *before = rows[0];
	int		   *last = rows[1];
	int		   *row = rows[2];

	for (int j = 0; j <= n_b; j++)
		last[j] = before[j] = j;
	for (int i = 1; i <= n_a; i++)
	{
		int		   *oldest = before;

		row[0] = i;
		for (int j = 1; j <= n_b; j++)
		{
			row[j] = least(least(last[j], row[j - 1]) + 1,
						   last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[n_b];
}

/* One slip in a short name, two in a longer one: "note" is not "name". */
int
fpgo_count_slips(FpgoSpan written, FpgoSpan meant)
{
	char		a[NAME_MAX_BYTES];
	char		b[NAME_MAX_BYTES];
	int			n_a = normalize(written, a);
	int			n_b = normalize(meant, b);
	int			limit = least(2, (n_b + 1) / 3);
	int			slips;

	if (n_a < 0 || n_b < 0 || n_a > n_b + limit || n_b > n_a + limit)
		return -1;
	slips = edit_distance(a, n_a, b, n_b);
	return slips <= limit ? slips : -1;
}
