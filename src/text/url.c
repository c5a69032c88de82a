/*
 * url.c
 *		Is a text an absolute URL that the gateway can call?
 *
 * Laravel's rule "url" is a regular expression from Symfony 5.  Up to 11 and
 * from 12 on it reads host names differently; taken here is what both take.
 * Letters of every script may stand anywhere; signs and emoji in hosts only.
 *
 * Refused though all versions take it, see src/validation/README.md: schemes
 * other than http and https, and URLs of more than URL_MAX bytes.
 *
 * Braces are no part of a URL, so the placeholder, which has them, cannot be
 * mistaken for what a shop means to be sent as it stands.
 */
#include <arpa/inet.h>

#include "text/ascii.h"
#include "text/characters.h"
#include "text/format.h"

/*
 * The gateway's regular expression gives up, and says no, on URLs that are
 * valid but too long for its stack: between 8,000 and 10,000 characters with
 * the stack that PHP gives it.  This is half of that.
 */
#define URL_MAX 4000

/* longest IPv6 address as text that inet_pton() is asked about */
#define IPV6_TEXT_MAX 64

/* signs of ASCII, to Unicode; they may stand in a host name */
#define HOST_SYMBOLS "$+<=>^`|~"

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

/* Bytes of the character at the start if it is of these classes, else 0. */
static size_t
character_of(FpgoSpan span, int classes)
{
	size_t		n;

	if (!is_beyond_ascii(span.text[0]) ||
		!(fpgo_class_of(fpgo_first_code(span, &n)) & classes))
		return 0;
	return n;
}

/*
 * Length of the run at the start of a span that is made of what the part may
 * hold, of letters beyond ASCII and of %XX.
 */
static size_t
url_run(FpgoSpan span, UrlPart part)
{
	size_t		i = 0;

	for (;;)
	{
		FpgoSpan	rest;
		unsigned char from;
		size_t		n;

		while (i < span.len &&
			   (from = url_parts[(unsigned char) span.text[i]]) != 0 &&
			   from <= part)
			i++;
		if (i == span.len)
			return i;
		rest = (FpgoSpan) {span.text + i, span.len - i};
		if (rest.text[0] == '%' && rest.len >= 3 &&
			is_hex(rest.text[1]) && is_hex(rest.text[2]))
			i += 3;
		else if ((n = character_of(rest, FPGO_CHAR_LETTER)) > 0)
			i += n;
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
	size_t		n = url_run(*span, URL_NAME);

	if (n > 0 && n < span->len && span->text[n] == ':')
	{
		FpgoSpan	rest = {span->text + n + 1, span->len - n - 1};
		size_t		m = url_run(rest, URL_NAME);

		if (m > 0)
			n += 1 + m;
	}
	if (n > 0 && n < span->len && span->text[n] == '@')
		skip(span, n + 1);
}

/* An IPv6 address in brackets. */
static bool
skip_address(FpgoSpan *span)
{
	const char *close = memchr(span->text, ']', span->len);
	size_t		n = close ? (size_t) (close - span->text) : 0;
	char		address[IPV6_TEXT_MAX];
	unsigned char binary[16];

	if (n < 3 || n - 1 >= sizeof(address))
		return false;
	memcpy(address, span->text + 1, n - 1);
	address[n - 1] = '\0';
	skip(span, n + 1);
	return memchr(address, '\0', n - 1) == NULL &&
		inet_pton(AF_INET6, address, binary) == 1;
}

/* Length of the run of what may stand in a host name. */
static size_t
host_run(FpgoSpan span)
{
	size_t		i = 0;

	for (;;)
	{
		FpgoSpan	rest;
		size_t		n = 1;

		/* letters, digits and what names have between them */
		while (i < span.len &&
			   url_parts[(unsigned char) span.text[i]] == URL_NAME)
			i++;
		if (i == span.len)
			return i;
		rest = (FpgoSpan) {span.text + i, span.len - i};
		if (!is_one_of(rest.text[0], HOST_SYMBOLS))
			n = character_of(rest, FPGO_CHAR_LETTER | FPGO_CHAR_SYMBOL);
		if (n == 0)
			return i;
		i += n;
	}
}

/* The last of several labels: letters and digits, or punycode. */
static bool
is_top_label(FpgoSpan label)
{
	bool		is_punycode = label.len > 4 &&
		ascii_lower(label.text[0]) == 'x' &&
		ascii_lower(label.text[1]) == 'n' &&
		label.text[2] == '-' && label.text[3] == '-';
	size_t		n;

	for (; label.len > 0; label.text += n, label.len -= n)
	{
		char		c = label.text[0];

		n = 1;
		if (is_ascii_alnum(c) || (is_punycode && c == '-'))
			continue;
		n = is_punycode ? 0 : character_of(label, FPGO_CHAR_LETTER);
		if (n == 0)
			return false;
	}
	return true;
}

/* A name without a point in it.  Only older versions ask for two characters. */
static bool
is_single_label(FpgoSpan label)
{
	for (size_t i = 0; i < label.len; i++)
	{
		if (!is_ascii_alnum(label.text[i]) && !is_one_of(label.text[i], "-_"))
			return false;
	}
	return label.len >= 2 && is_ascii_alnum(label.text[label.len - 1]);
}

/* A host: an address in brackets, or a name, which may end in a point. */
static bool
skip_host(FpgoSpan *span)
{
	FpgoSpan	name = *span;
	int			n_points = 0;

	if (span->len > 0 && span->text[0] == '[')
		return skip_address(span);
	name.len = host_run(name);
	skip(span, name.len);
	if (name.len > 0 && name.text[name.len - 1] == '.')
		name.len--;
	for (;;)
	{
		const char *point = memchr(name.text, '.', name.len);

		if (name.len == 0 || point == name.text)
			return false;
		if (point == NULL)
			break;
		skip(&name, point - name.text + 1);
		n_points++;
	}
	return n_points > 0 ? is_top_label(name) : is_single_label(name);
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

static bool
has_placeholder_first(FpgoSpan span)
{
	return span.len >= FPGO_PLACEHOLDER_LEN &&
		memcmp(span.text, FPGO_PLACEHOLDER, FPGO_PLACEHOLDER_LEN) == 0;
}

/*
 * The path if it is there.  With a placeholder allowed for, tells whether one
 * was passed.
 */
static void
skip_path(FpgoSpan *span, bool *has_placeholder)
{
	if (span->len == 0 || span->text[0] != '/')
		return;
	skip(span, url_run(*span, URL_PATH));
	if (has_placeholder == NULL || !has_placeholder_first(*span))
		return;
	*has_placeholder = true;
	skip(span, FPGO_PLACEHOLDER_LEN);
	skip(span, url_run(*span, URL_PATH));
}

/* has_placeholder: NULL if none is allowed for. */
static bool
is_url(FpgoSpan span, bool *has_placeholder)
{
	if (span.len > URL_MAX || !skip_scheme(&span))
		return false;
	skip_userinfo(&span);
	if (!skip_host(&span) || !skip_port(&span))
		return false;
	skip_path(&span, has_placeholder);
	if (span.len > 0 && span.text[0] == '?')
	{
		skip(&span, 1);
		skip(&span, url_run(span, URL_QUERY));
	}
	if (span.len > 0 && span.text[0] == '#')
	{
		skip(&span, 1);
		skip(&span, url_run(span, URL_FRAGMENT));
	}
	return span.len == 0;
}

bool
fpgo_is_url(FpgoSpan span)
{
	return is_url(span, NULL);
}

bool
fpgo_is_callback_url(FpgoSpan span)
{
	bool		has_placeholder = false;

	if (!is_url(span, &has_placeholder))
		return false;
	/* the gateway gets it with the token, which is longer */
	return !has_placeholder ||
		span.len - FPGO_PLACEHOLDER_LEN + FPGO_CALLBACK_TOKEN_LEN <= URL_MAX;
}

const char *
fpgo_find_placeholder(FpgoSpan text)
{
	const char *brace;

	while (text.len > 0 && (brace = memchr(text.text, '{', text.len)) != NULL)
	{
		skip(&text, brace - text.text);
		if (has_placeholder_first(text))
			return text.text;
		skip(&text, 1);
	}
	return NULL;
}

static bool
has_token_first(FpgoSpan span)
{
	const size_t n_prefix = sizeof(FPGO_CALLBACK_TOKEN_PREFIX) - 1;

	if (span.len < FPGO_CALLBACK_TOKEN_LEN ||
		memcmp(span.text, FPGO_CALLBACK_TOKEN_PREFIX, n_prefix) != 0)
		return false;
	for (size_t i = n_prefix; i < FPGO_CALLBACK_TOKEN_LEN; i++)
	{
		if (!is_digit(span.text[i]) &&
			!(span.text[i] >= 'a' && span.text[i] <= 'f'))
			return false;
	}
	return true;
}

FpgoSpan
fpgo_find_callback_token(FpgoSpan text)
{
	for (; text.len >= FPGO_CALLBACK_TOKEN_LEN; skip(&text, 1))
	{
		if (has_token_first(text))
			return (FpgoSpan) {text.text, FPGO_CALLBACK_TOKEN_LEN};
	}
	return (FpgoSpan) {NULL, 0};
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

