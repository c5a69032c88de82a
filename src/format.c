/*
 * format.c
 *		Predicates on text: numbers, e-mail addresses, URLs, countries.
 *
 * The gateway is a Laravel application, so its readings are followed.  Where
 * Laravel's versions differ, the reading here accepts only what all of them
 * accept; each place says so.
 *
 * Byte scans, no regular expressions: validation of an order takes a few
 * microseconds.  Pure: no postgres.h, no allocation, no locale; a fuzzer runs
 * these functions alone.
 */
#include "format.h"

#include <arpa/inet.h>
#include <string.h>

/* longest IPv6 address as text that inet_pton() is asked about */
#define IPV6_TEXT_MAX 64

/* what fpgo_is_amount() takes: characters in all, digits before the point */
#define AMOUNT_LEN_MAX 64
#define AMOUNT_DIGITS_MAX 9

/* longest label and longest name of the DNS, RFC 1035 2.3.4 */
#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX 253

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_ascii_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_beyond_ascii(char c)
{
	return (unsigned char) c >= 0x80;
}

/* strchr() that does not find the terminator */
static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

bool
fpgo_spans_equal(FpgoSpan a, FpgoSpan b)
{
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* ---------- white space ---------- */

/* what PHP's trim() takes away */
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

/* clang-format off */

/* Unicode white space and what newer Laravel versions trim besides it */
static const char *const unicode_spaces[] = {
	"\f",
	"\xC2\x85", "\xC2\xA0",						/* U+0085, U+00A0 */
	"\xE1\x9A\x80", "\xE1\xA0\x8E",				/* U+1680, U+180E */
	"\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
	"\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87",
	"\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",	/* U+2000 to U+200A */
	"\xE2\x80\x8B", "\xE2\x80\x8E",				/* U+200B, U+200E */
	"\xE2\x80\xA8", "\xE2\x80\xA9",				/* U+2028, U+2029 */
	"\xE2\x80\xAF", "\xE2\x81\x9F",				/* U+202F, U+205F */
	"\xE3\x80\x80", "\xEF\xBB\xBF",				/* U+3000, U+FEFF */
	NULL
};

/* clang-format on */

/* bytes of the space at the start (or end) of a span, 0 if there is none */
static size_t
space_at(FpgoSpan span, bool at_end)
{
	unsigned char c;

	if (span.len == 0)
		return 0;
	c = at_end ? span.text[span.len - 1] : span.text[0];
	if (is_php_space(c))
		return 1;
	if (c < 0x80 && c != '\f')
		return 0;
	for (int i = 0; unicode_spaces[i] != NULL; i++)
	{
		size_t		n = strlen(unicode_spaces[i]);

		if (span.len >= n &&
			memcmp(at_end ? span.text + span.len - n : span.text,
				   unicode_spaces[i], n) == 0)
			return n;
	}
	return 0;
}

FpgoSpan
fpgo_trim_unicode(FpgoSpan span)
{
	size_t		n;

	while ((n = space_at(span, false)) > 0)
	{
		span.text += n;
		span.len -= n;
	}
	while ((n = space_at(span, true)) > 0)
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

/* is_numeric() allows these around a number; trim() has run before it */
static bool
is_numeric_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' ||
		c == '\f';
}

/* Exponent part at *p, if a whole one is there; moves *p behind it. */
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

	/* 28038712383e-5 is small, and a personal number all the same */
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

bool
fpgo_has_eleven_digits(FpgoSpan span)
{
	int			digits = 0;

	for (size_t i = 0; i < span.len; i++)
		digits += is_digit(span.text[i]);
	return digits >= 11;
}

/* ---------- e-mail ---------- */

/* RFC 5322 atext, and letters beyond ASCII as RFC 6532 adds them */
static bool
is_atext(char c)
{
	return is_ascii_alnum(c) || is_beyond_ascii(c) ||
		is_one_of(c, "!#$%&'*+/=?^_`{|}~-");
}

/* "quoted string": printable characters, backslash before any of them */
static bool
is_quoted_string(FpgoSpan span)
{
	size_t		i = 1;

	if (span.len < 3 || span.text[0] != '"' || span.text[span.len - 1] != '"')
		return false;
	while (i < span.len - 1)
	{
		char		c = span.text[i];

		if (c == '\\' && i + 1 < span.len - 1)
			c = span.text[++i];
		else if (c == '"' || c == '\\')
			return false;
		if ((unsigned char) c < 0x20 || c == 0x7F)
			return false;
		i++;
	}
	return true;
}

static bool
is_dot_atom(FpgoSpan span)
{
	char		previous = '.';

	for (size_t i = 0; i < span.len; i++)
	{
		char		c = span.text[i];

		if (c == '.' ? previous == '.' : !is_atext(c))
			return false;
		previous = c;
	}
	return previous != '.';
}

/* labels of letters, digits and inner hyphens; one label is enough */
static bool
is_domain_name(FpgoSpan span)
{
	size_t		label = 0;

	if (span.len == 0 || span.len > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i <= span.len; i++)
	{
		char		c = i < span.len ? span.text[i] : '.';

		if (c == '.')
		{
			if (label == 0 || label > DNS_LABEL_MAX ||
				span.text[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!is_ascii_alnum(c) && !is_beyond_ascii(c) &&
			(c != '-' || label == 0))
			return false;
		label++;
	}
	return true;
}

bool
fpgo_is_email(FpgoSpan span)
{
	FpgoSpan	local;
	FpgoSpan	domain;
	size_t		at = span.len;

	/* the last @, since a quoted local part may hold more of them */
	while (at > 0 && span.text[at - 1] != '@')
		at--;
	if (at < 2)
		return false;
	local = (FpgoSpan) {span.text, at - 1};
	domain = (FpgoSpan) {span.text + at, span.len - at};
	return (is_dot_atom(local) || is_quoted_string(local)) &&
		is_domain_name(domain);
}

/* ---------- URL ---------- */

/* white space beyond ASCII is no letter, digit or symbol to Laravel's \pL */
static bool
is_unicode_space_at(FpgoSpan span)
{
	return is_beyond_ascii(span.text[0]) && space_at(span, false) > 0;
}

/*
 * The parts of a URL, each of which may hold what the one before it may, and
 * some punctuation more.
 */
typedef enum UrlPart
{
	URL_NOWHERE = 0,
	URL_NAME,					/* letters, digits, and _.- */
	URL_PATH,					/* and /~!$&'()*+,;=:@ */
	URL_FRAGMENT,				/* and ? */
	URL_QUERY					/* and [] */
} UrlPart;

/* clang-format off */

/* the first part that each byte may stand in; beyond ASCII: see url_run() */
static const unsigned char url_parts[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
/*    !  "  #  $  %  &  '  (  )  *  +  ,  -  .  / */
	0, 2, 0, 0, 2, 0, 2, 2, 2, 2, 2, 2, 2, 1, 1, 2,
/* 0  1  2  3  4  5  6  7  8  9  :  ;  <  =  >  ? */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 0, 2, 0, 3,
/* @  A  B  C  D  E  F  G  H  I  J  K  L  M  N  O */
	2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
/* P  Q  R  S  T  U  V  W  X  Y  Z  [  \  ]  ^  _ */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 0, 4, 0, 1,
/* `  a  b  c  d  e  f  g  h  i  j  k  l  m  n  o */
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
/* p  q  r  s  t  u  v  w  x  y  z  {  |  }  ~    */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 2, 0,
};

/* clang-format on */

static inline bool
may_stand(char c, UrlPart part)
{
	/* URL_NOWHERE, less one, is beyond all parts */
	return (unsigned char) (url_parts[(unsigned char) c] - 1) < part;
}

/*
 * Length of the run at the start of a span that is made of what the part may
 * hold, of letters beyond ASCII and, if escapes, of %XX.
 */
static size_t
url_run(FpgoSpan span, UrlPart part, bool escapes)
{
	size_t		i = 0;

	for (;;)
	{
		FpgoSpan	rest;

		while (i + 4 <= span.len && may_stand(span.text[i], part) &
			   may_stand(span.text[i + 1], part) &
			   may_stand(span.text[i + 2], part) &
			   may_stand(span.text[i + 3], part))
			i += 4;
		while (i < span.len && may_stand(span.text[i], part))
			i++;
		if (i == span.len)
			return i;
		rest = (FpgoSpan) {span.text + i, span.len - i};
		if (escapes && rest.text[0] == '%' && rest.len >= 3 &&
			is_hex(rest.text[1]) && is_hex(rest.text[2]))
			i += 3;
		else if (is_beyond_ascii(rest.text[0]) && !is_unicode_space_at(rest))
			i++;
		else
			return i;
	}
}

static void
skip(FpgoSpan *span, size_t n)
{
	span->text += n;
	span->len -= n;
}

/* user[:password]@ if it is there */
static void
skip_userinfo(FpgoSpan *span)
{
	size_t		n = url_run(*span, URL_NAME, true);

	if (n > 0 && n < span->len && span->text[n] == ':')
	{
		FpgoSpan	rest = {span->text + n + 1, span->len - n - 1};
		size_t		m = url_run(rest, URL_NAME, true);

		if (m > 0)
			n += 1 + m;
	}
	if (n > 0 && n < span->len && span->text[n] == '@')
		skip(span, n + 1);
}

/*
 * A host: an address in brackets, or a name of two characters or more that
 * ends in a letter or a digit (a final point is allowed).  Laravel also lets
 * symbols such as $ and | into names; no host has them, so they are refused.
 */
static bool
skip_host(FpgoSpan *span)
{
	size_t		n;
	size_t		name;

	if (span->len > 0 && span->text[0] == '[')
	{
		const char *close = memchr(span->text, ']', span->len);
		char		address[IPV6_TEXT_MAX];
		unsigned char binary[16];

		n = close ? (size_t) (close - span->text) : 0;
		if (n < 3 || n - 1 >= sizeof(address))
			return false;
		memcpy(address, span->text + 1, n - 1);
		address[n - 1] = '\0';
		skip(span, n + 1);
		return memchr(address, '\0', n - 1) == NULL &&
			inet_pton(AF_INET6, address, binary) == 1;
	}
	n = url_run(*span, URL_NAME, false);
	name = n > 0 && span->text[n - 1] == '.' ? n - 1 : n;
	if (name < 2 || is_one_of(span->text[name - 1], "_.-"))
		return false;
	skip(span, n);
	return true;
}

/* :digits if it is there; a colon without digits is a fault */
static bool
skip_port(FpgoSpan *span)
{
	size_t		n = 1;

	if (span->len == 0 || span->text[0] != ':')
		return true;
	while (n < span->len && is_digit(span->text[n]))
		n++;
	if (n == 1)
		return false;
	skip(span, n);
	return true;
}

static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool
skip_scheme(FpgoSpan *span)
{
	static const char *const schemes[] = {"https://", "http://", NULL};

	for (int i = 0; schemes[i] != NULL; i++)
	{
		size_t		n = strlen(schemes[i]);
		size_t		same = 0;

		while (same < n && same < span->len &&
			   ascii_lower(span->text[same]) == schemes[i][same])
			same++;
		if (same == n)
		{
			skip(span, n);
			return true;
		}
	}
	return false;
}

bool
fpgo_is_url(FpgoSpan span)
{
	if (!skip_scheme(&span))
		return false;
	skip_userinfo(&span);
	if (!skip_host(&span) || !skip_port(&span))
		return false;
	if (span.len > 0 && span.text[0] == '/')
		skip(&span, url_run(span, URL_PATH, true));
	if (span.len > 0 && span.text[0] == '?')
	{
		skip(&span, 1);
		skip(&span, url_run(span, URL_QUERY, true));
	}
	if (span.len > 0 && span.text[0] == '#')
	{
		skip(&span, 1);
		skip(&span, url_run(span, URL_FRAGMENT, true));
	}
	return span.len == 0;
}

bool
fpgo_has_https(FpgoSpan url)
{
	FpgoSpan	rest = url;

	return skip_scheme(&rest) &&
		rest.text - url.text == (int) strlen("https://");
}

bool
fpgo_has_query(FpgoSpan url)
{
	for (size_t i = 0; i < url.len && url.text[i] != '#'; i++)
	{
		if (url.text[i] == '?')
			return true;
	}
	return false;
}

/* ---------- codes ---------- */

bool
fpgo_is_alpha_num(FpgoSpan span)
{
	for (size_t i = 0; i < span.len; i++)
	{
		if (!is_ascii_alnum(span.text[i]))
			return false;
	}
	return span.len > 0;
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
