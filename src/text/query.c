/*
 * query.c
 *		A URL's query string, read as PHP reads one, and the token in its path.
 *
 * The gateway is written in PHP, and signs the values that its $_GET would
 * have.  "+" is a space and %XX a byte; a percent sign without two digits
 * stands for itself; a parameter without a name does not count.  Of two
 * parameters with one name PHP takes the last, in the place of the first:
 * fpgo_query_merge() does that.
 */
#include <string.h>

#include "text/ascii.h"
#include "text/format.h"
#include "text/query.h"

static bool
is_target(const char *text, size_t len)
{
	return len > 0 && text[0] == '/';
}

/* Bytes of http:// or https:// at the start of a URL; 0 if it is none. */
static size_t
scheme_of(const char *text, size_t len)
{
	static const char *const schemes[] = {"https://", "http://", NULL};

	for (int i = 0; schemes[i] != NULL; i++)
	{
		size_t		n = strlen(schemes[i]);

		if (len >= n && memcmp(text, schemes[i], n) == 0)
			return n;
	}
	return 0;
}

/* The query of a request target or URL; a query string as it is. */
static FpgoSpan
find_query(const char *text, size_t len)
{
	FpgoSpan	query = {text, len};
	const char *mark = memchr(text, '?', len);

	if (mark != NULL && (is_target(text, len) || scheme_of(text, len) > 0))
	{
		query.text = mark + 1;
		query.len = len - (query.text - text);
	}
	return query;
}

/* The number a hexadecimal digit stands for, or -1. */
static int
digit_value(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *found = c == '\0' ? NULL : strchr(digits, c);
	int			value = found ? (int) (found - digits) : -1;

	return value > 15 ? value - 6 : value;
}

/* Decode in place; the result is never longer. */
static FpgoSpan
decode(char *text, size_t len)
{
	size_t		n = 0;

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (c == '+')
			c = ' ';
		else if (c == '%' && len - i > 2 && digit_value(text[i + 1]) >= 0 &&
				 digit_value(text[i + 2]) >= 0)
		{
			c = (char) (digit_value(text[i + 1]) * 16 +
						digit_value(text[i + 2]));
			i += 2;
		}
		text[n++] = c;
	}
	return (FpgoSpan) {text, n};
}

static FpgoQueryPair
read_pair(char *text, size_t len)
{
	char	   *equals = memchr(text, '=', len);
	size_t		name_len = equals ? (size_t) (equals - text) : len;
	FpgoQueryPair pair;

	pair.value = equals ? decode(equals + 1, len - name_len - 1) :
		(FpgoSpan) {text + len, 0};
	pair.name = decode(text, name_len);
	return pair;
}

static bool
has_nul(FpgoSpan span)
{
	return memchr(span.text, '\0', span.len) != NULL;
}

/* The last parameter of that name, or -1. */
static int
find(const FpgoQueryPair *pairs, int n, FpgoSpan name)
{
	int			i = n - 1;

	while (i >= 0 && !fpgo_spans_equal(pairs[i].name, name))
		i--;
	return i;
}

bool
fpgo_query_split_joined(char *text, size_t len)
{
	FpgoSpan	query = find_query(text, len);
	char	   *start = text + (query.text - text);

	for (char *c = start + query.len; c > start; c--)
	{
		if (c[-1] == '?')
		{
			c[-1] = '&';
			return true;
		}
	}
	return false;
}

int
fpgo_query_read(char *text, size_t len, FpgoQueryPair *pairs, int max)
{
	FpgoSpan	query = find_query(text, len);
	char	   *rest = text + (query.text - text);
	char	   *end = rest + query.len;
	int			n = 0;

	while (rest < end)
	{
		char	   *stop = memchr(rest, '&', end - rest);
		size_t		pair_len = (stop ? stop : end) - rest;
		FpgoQueryPair pair = read_pair(rest, pair_len);

		rest += pair_len + 1;
		if (pair.name.len == 0)
			continue;
		if (n == max || has_nul(pair.name) || has_nul(pair.value))
			return -1;
		pairs[n++] = pair;
	}
	return n;
}

int
fpgo_query_merge(FpgoQueryPair *pairs, int n)
{
	int			n_merged = 0;

	for (int i = 0; i < n; i++)
	{
		int			place = find(pairs, n_merged, pairs[i].name);

		if (place >= 0)
			pairs[place].value = pairs[i].value;
		else
			pairs[n_merged++] = pairs[i];
	}
	return n_merged;
}

int
fpgo_query_unrepeated(const FpgoQueryPair *pairs, int n)
{
	int			first = n;

	while (first > 0 &&
		   find(pairs + first, n - first, pairs[first - 1].name) < 0)
		first--;
	return first;
}

FpgoSpan
fpgo_query_find(const FpgoQueryPair *pairs, int n, const char *name)
{
	int			place = find(pairs, n, (FpgoSpan) {name, strlen(name)});

	return place >= 0 ? pairs[place].value : (FpgoSpan) {NULL, 0};
}

/* Bytes before the first of these characters, or all of them. */
static size_t
length_before(FpgoSpan span, const char *stops)
{
	size_t		n = 0;

	while (n < span.len && !is_one_of(span.text[n], stops))
		n++;
	return n;
}

/* The path of a request target or URL; empty if it has none or is neither. */
static FpgoSpan
find_path(const char *text, size_t len)
{
	FpgoSpan	path = {text, len};

	if (!is_target(text, len))
	{
		size_t		before = scheme_of(text, len);

		if (before == 0)
			return (FpgoSpan) {text, 0};
		before += length_before((FpgoSpan) {text + before, len - before},
								"/?#");
		path = (FpgoSpan) {text + before, len - before};
	}
	path.len = length_before(path, "?#");
	return path;
}

FpgoSpan
fpgo_query_find_token(const char *text, size_t len)
{
	return fpgo_find_callback_token(find_path(text, len));
}
