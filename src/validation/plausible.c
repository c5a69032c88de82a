/*
 * plausible.c
 *		Checks that the gateway does not make: a country code in the phone
 *		number, misspelt names.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#include "text/ascii.h"
#include "validation/plausible.h"

/* longest name that is compared with another; the API's longest has 20 bytes */
#define NAME_MAX_BYTES 32

/* ---------- phone numbers ---------- */

/* The first n digits of a text; returns how many it has in all. */
static int
scan_digits(FpgoSpan span, char *digits, int n)
{
	int			found = 0;

	for (size_t i = 0; i < span.len; i++)
	{
		if (!is_digit(span.text[i]))
			continue;
		if (found < n)
			digits[found] = span.text[i];
		found++;
	}
	return found;
}

/*
 * "+" and "00" show a country code.  Without them it can be seen only if the
 * country's numbers have one length.  Those of Norway and Denmark have eight
 * digits: ten digits that begin with 47 or 45 have the code in them, but
 * 47123456 is a whole Norwegian number.
 */
bool
fpgo_has_country_code(FpgoSpan number, FpgoSpan code)
{
	char		head[2] = {0};
	char		tail[2] = {0};
	int			n_code = 0;
	int			n_number = scan_digits(number, head, 2);
	size_t		begin = 0;

	while (begin < number.len && !is_digit(number.text[begin]))
	{
		if (number.text[begin++] == '+')
			return n_number > 0;
	}
	if (head[0] == '0' && head[1] == '0')
		return true;
	/* the code's last two digits: 47, +47 and 0047 are all in use */
	for (size_t i = 0; i < code.len; i++)
	{
		if (!is_digit(code.text[i]) || (n_code == 0 && code.text[i] == '0'))
			continue;
		tail[0] = tail[1];
		tail[1] = code.text[i];
		n_code++;
	}
	return n_code == 2 && tail[0] == '4' && (tail[1] == '7' || tail[1] == '5') &&
		n_number == 10 && head[0] == tail[0] && head[1] == tail[1];
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
