/*
 * tidy.c
 *		Numbers as people write them, as the API takes them.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#include "text/ascii.h"
#include "text/control_digits.h"
#include "text/tidy.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/*
 * What is left of a text without blanks (those that do not break, too) and
 * separators; false if it is longer than may be, or has bytes beyond ASCII.
 */
static bool
squeeze(FpgoSpan text, const char *separators, char tidy[FPGO_TIDY_MAX])
{
	size_t		n = 0;

	for (size_t i = 0; i < text.len; i++)
	{
		char		c = text.text[i];

		if (i + 1 < text.len && memcmp(text.text + i, "\xC2\xA0", 2) == 0)
		{
			i++;
			continue;
		}
		if (c == ' ' || c == '\t' || is_one_of(c, separators))
			continue;
		if (c == '\0' || is_beyond_ascii(c) || n == FPGO_TIDY_MAX - 1)
			return false;
		tidy[n++] = c;
	}
	tidy[n] = '\0';
	return n > 0;
}

static size_t
count_digits(const char *text)
{
	size_t		n = 0;

	while (is_digit(text[n]))
		n++;
	return n;
}

static size_t
count_letters(const char *text)
{
	size_t		n = 0;

	while (is_ascii_letter(text[n]))
		n++;
	return n;
}

static bool
is_word(const char *text, size_t len, const char *word)
{
	if (strlen(word) != len)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (ascii_lower(text[i]) != ascii_lower(word[i]))
			return false;
	}
	return true;
}

bool
fpgo_tidy_person(FpgoSpan text, char tidy[FPGO_TIDY_MAX])
{
	return squeeze(text, "-", tidy) && strlen(tidy) == 11 &&
		count_digits(tidy) == 11;
}

/*
 * MVA belongs to the number of a company in the register of VAT; the number
 * itself is without.
 */
bool
fpgo_tidy_organization(FpgoSpan text, char tidy[FPGO_TIDY_MAX])
{
	size_t		n_country;
	size_t		n;
	const char *end;

	if (!squeeze(text, "-.", tidy))
		return false;
	n_country = count_letters(tidy);
	n = count_digits(tidy + n_country);
	end = tidy + n_country + n;
	if (n_country > 3 || n < 5)
		return false;
	if ((n_country == 0 || is_word(tidy, n_country, "NO")) &&
		(*end == '\0' || is_word(end, strlen(end), "MVA")) &&
		fpgo_is_organization_number((FpgoSpan) {tidy + n_country, n}))
	{
		memmove(tidy, tidy + n_country, n);
		tidy[n] = '\0';
		return true;
	}
	return *end == '\0';
}

/* ---------- postal codes ---------- */

typedef struct Form
{
	const char *country;		/* ISO 3166-1 */
	int			n_digits;
	const char *prefix;			/* of old, before a hyphen */
} Form;

static const Form forms[] = {
	{"NO", 4, "N"}, {"SJ", 4, "N"}, {"DK", 4, "DK"}, {"SE", 5, "S"},
	{"FI", 5, "FIN"}, {"AX", 5, "AX"}, {"DE", 5, "D"}, {"FO", 3, "FO"},
};

static const Form *
find_form(FpgoSpan country)
{
	for (int i = 0; i < LENGTH(forms); i++)
	{
		if (country.len == 2 &&
			memcmp(country.text, forms[i].country, 2) == 0)
			return &forms[i];
	}
	return NULL;
}

/* Swedish codes are written with a blank, which is right there. */
bool
fpgo_tidy_postal_code(FpgoSpan text, FpgoSpan country,
					  char tidy[FPGO_TIDY_MAX])
{
	const Form *form = find_form(country);
	size_t		n_letters;

	if (form == NULL || !squeeze(text, "-", tidy))
		return false;
	n_letters = count_letters(tidy);
	if (n_letters == 0 && is_word(form->country, 2, "SE"))
		return false;
	if (n_letters > 0 && !is_word(tidy, n_letters, form->country) &&
		!is_word(tidy, n_letters, form->prefix))
		return false;
	memmove(tidy, tidy + n_letters, strlen(tidy + n_letters) + 1);
	return strlen(tidy) == (size_t) form->n_digits &&
		count_digits(tidy) == (size_t) form->n_digits;
}
