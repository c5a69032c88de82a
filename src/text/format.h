/*
 * format.h
 *		Predicates on text: numbers, e-mail addresses, URLs, countries.
 *
 * Pure: no postgres.h, no allocation, no locale.  Text is UTF-8, given by
 * pointer and length, not NUL-terminated; any byte may occur in it.
 */
#ifndef FPGO_FORMAT_H
#define FPGO_FORMAT_H

#include <stdbool.h>

#include "text/span.h"

/*
 * The text without white space around it, as the gateway reads it.  PHP's own
 * trim() removes six ASCII characters; newer Laravel versions also remove
 * Unicode white space and a few invisible characters.
 */
extern FpgoSpan fpgo_trim(FpgoSpan span);
extern FpgoSpan fpgo_trim_unicode(FpgoSpan span);

/*
 * Does it begin and end with printable ASCII?  Then fpgo_trim() and
 * fpgo_trim_unicode() leave it as it is.  Most texts do, and this check costs
 * next to nothing.
 */
static inline bool
fpgo_is_trimmed(FpgoSpan span)
{
	return span.len > 0 &&
		span.text[0] > ' ' && span.text[0] < 0x7F &&
		span.text[span.len - 1] > ' ' && span.text[span.len - 1] < 0x7F;
}

/* PHP's is_numeric(): sign, decimal digits, point, exponent, no NaN, no hex. */
extern bool fpgo_is_numeric(FpgoSpan span);

/*
 * Is it is_numeric and of the size of an amount of money: below 10^9, in 64
 * characters or fewer?  A personal number is none, leading zero or not.
 */
extern bool fpgo_is_amount(FpgoSpan span);

/*
 * Are two numbers equal, both is_numeric?  Exact: no binary floating point,
 * so 11.99999999999999999999 is not 12.
 */
extern bool fpgo_numbers_equal(FpgoSpan a, FpgoSpan b);

/* Is it spelled as PHP prints it: no needless zero, sign or exponent? */
extern bool fpgo_is_plain_number(FpgoSpan span);

extern bool fpgo_spans_equal(FpgoSpan a, FpgoSpan b);

/* local@domain, as Laravel's rule "email" reads it; see email.c. */
extern bool fpgo_is_email(FpgoSpan span);

/* Does mail reach an address that is one, by its form? */
extern bool fpgo_is_deliverable(FpgoSpan span);

/* Absolute http or https URL, as Laravel's rule "url" reads it; see url.c. */
extern bool fpgo_is_url(FpgoSpan span);

/*
 * The placeholder in the path of the URL that the gateway notifies.  When the
 * order is handed in, a token of the submission replaces it: the prefix and so
 * many hexadecimal digits in lower case.
 */
#define FPGO_PLACEHOLDER_NAME "submission"
#define FPGO_PLACEHOLDER "{" FPGO_PLACEHOLDER_NAME "}"
#define FPGO_PLACEHOLDER_LEN (sizeof(FPGO_PLACEHOLDER) - 1)
#define FPGO_CALLBACK_TOKEN_PREFIX "fpgo-"
#define FPGO_CALLBACK_TOKEN_DIGITS 32
#define FPGO_CALLBACK_TOKEN_LEN \
	(sizeof(FPGO_CALLBACK_TOKEN_PREFIX) - 1 + FPGO_CALLBACK_TOKEN_DIGITS)

/*
 * Is it a URL, or will it be one with a token in the place of the placeholder?
 * The placeholder may stand in the path, once, and nowhere else.
 */
extern bool fpgo_is_callback_url(FpgoSpan span);

/* Where a text has the placeholder first; NULL if it has none. */
extern const char *fpgo_find_placeholder(FpgoSpan text);

/*
 * The first token in a text; its text is NULL if there is none.  A token may
 * be part of a longer word, since the placeholder may be.
 */
extern FpgoSpan fpgo_find_callback_token(FpgoSpan text);

/* Does a URL begin with https, and has it a query string, be it empty? */
extern bool fpgo_has_https(FpgoSpan url);
extern bool fpgo_has_query(FpgoSpan url);

/* ISO 3166-1 alpha-2 code in capitals. */
extern bool fpgo_is_country(FpgoSpan span);

/* Letters and digits of any script, at least one. */
extern bool fpgo_is_alpha_num(FpgoSpan span);

/* Eleven digits or more in it: perhaps a personal number; do not quote it. */
extern bool fpgo_has_eleven_digits(FpgoSpan span);

#endif							/* FPGO_FORMAT_H */
