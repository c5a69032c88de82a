/*
 * test_query.c
 *		Query strings, and what PHP's $_GET makes of them.
 */
#include "text/format.h"
#include "text/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tap.h"

#define MAX_PAIRS 4

/* "name=value;name=value", or "-" for what cannot be read */
static void
show(const FpgoQueryPair *pairs, int n, char *shown, size_t size)
{
	size_t		len = 0;

	if (n < 0)
		len += snprintf(shown, size, "-");
	shown[len] = '\0';
	for (int i = 0; i < n; i++)
		len += snprintf(shown + len, size - len, "%s%.*s=%.*s",
						i > 0 ? ";" : "", (int) pairs[i].name.len,
						pairs[i].name.text, (int) pairs[i].value.len,
						pairs[i].value.text);
}

static void
test_reading(void)
{
	static const struct
	{
		const char *query;
		const char *shown;
	} cases[] = {
		{"", ""},
		{"a=1&b=2", "a=1;b=2"},
		{"b=2&a=1", "b=2;a=1"},
		{"/fpgo/orders?a=1", "a=1"},
		{"https://shop.example/fpgo?a=1?b", "a=1?b"},
		{"a=1?b=2", "a=1?b=2"},
		{"http=1?b=2", "http=1?b=2"},
		{"http=1:2?b=2", "http=1:2?b=2"},
		{"/fpgo", "/fpgo="},
		{"a", "a="},
		{"a=", "a="},
		{"a=b=c", "a=b=c"},
		{"=1&a=2", "a=2"},
		{"&&a=2&", "a=2"},
		{"a=x+y%20z%2B", "a=x y z+"},
		{"%61%3d=%26", "a==&"},
		{"a=%E2%82%ac", "a=\xe2\x82\xac"},
		{"a=100%", "a=100%"},
		{"a=%4", "a=%4"},
		{"a=%4g%zz%", "a=%4g%zz%"},
		{"a=%2541", "a=%41"},
		{"a=1&a=2", "a=1;a=2"},
		{"a=1&%61=2", "a=1;a=2"},
		{"a=1&a=1", "a=1;a=1"},
		{"a=1&A=2", "a=1;A=2"},
		{"a=%00", "-"},
		{"a%00b=1", "-"},
		{"a=1&b=2&c=3&d=4", "a=1;b=2;c=3;d=4"},
		{"a=1&b=2&c=3&d=4&e=5", "-"},
		{"a=1&b=2&c=3&d=4&=5", "a=1;b=2;c=3;d=4"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		/* to the byte, so that a tool notices who reads too far */
		size_t		len = strlen(cases[i].query);
		char	   *text = malloc(len > 0 ? len : 1);
		FpgoQueryPair pairs[MAX_PAIRS];
		char		shown[256];

		memcpy(text, cases[i].query, len);
		show(pairs, fpgo_query_read(text, len, pairs, MAX_PAIRS), shown,
			 sizeof(shown));
		if (!ok(strcmp(shown, cases[i].shown) == 0, "\"%s\"", cases[i].query))
			printf("# got \"%s\", expected \"%s\"\n", shown, cases[i].shown);
		free(text);
	}
}

/* What is made of parameters of one name, and where none is repeated. */
static void
test_merging(void)
{
	static const struct
	{
		const char *query;
		const char *merged;
		int			unrepeated;
	} cases[] = {
		{"", "", 0},
		{"a=1&b=2", "a=1;b=2", 0},
		{"a=1&a=2", "a=2", 1},
		{"a=1&b=2&a=3", "a=3;b=2", 1},
		{"b=2&a=1&a=3", "b=2;a=3", 2},
		{"a=1&a=2&a=3&b=4", "a=3;b=4", 2},
		{"a=1&a=", "a=", 1},
		{"a=1&%61=2", "a=2", 1},
		{"a=1&A=2", "a=1;A=2", 0},
		{"a=1&a[]=2", "a=1;a[]=2", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		text[64];
		FpgoQueryPair pairs[MAX_PAIRS];
		char		shown[256];
		int			n;

		strcpy(text, cases[i].query);
		n = fpgo_query_read(text, strlen(text), pairs, MAX_PAIRS);
		ok(fpgo_query_unrepeated(pairs, n) == cases[i].unrepeated,
		   "\"%s\" has no name twice from its parameter %d on",
		   cases[i].query, cases[i].unrepeated);
		n = fpgo_query_merge(pairs, n);
		show(pairs, n, shown, sizeof(shown));
		if (!ok(strcmp(shown, cases[i].merged) == 0, "\"%s\" merged",
				cases[i].query))
			printf("# got \"%s\", expected \"%s\"\n", shown, cases[i].merged);
	}
}

/* The last question mark of the query, and no other. */
static void
test_splitting(void)
{
	static const struct
	{
		const char *text;
		const char *split;		/* NULL: nothing to split */
	} cases[] = {
		{"/fpgo?a=1?b=2", "/fpgo?a=1&b=2"},
		{"/fpgo?a=1?b=2?c=3", "/fpgo?a=1?b=2&c=3"},
		{"https://shop.example?a=1?b=2", "https://shop.example?a=1&b=2"},
		{"/??b=2", "/?&b=2"},
		{"/?b=2?", "/?b=2&"},
		{"a=1?b=2", "a=1&b=2"},
		{"?b=2", "&b=2"},
		{"/fpgo?a=1", NULL},
		{"/?", NULL},
		{"/fpgo", NULL},
		{"https://shop.example/?a=1", NULL},
		{"a=1", NULL},
		{"a=1%3Fb=2", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		len = strlen(cases[i].text);
		char	   *text = malloc(len > 0 ? len : 1);
		const char *expected = cases[i].split ? cases[i].split : cases[i].text;

		memcpy(text, cases[i].text, len);
		ok(fpgo_query_split_joined(text, len) == (cases[i].split != NULL) &&
		   memcmp(text, expected, len) == 0, "\"%s\" split", cases[i].text);
		free(text);
	}
}

static void
test_finding(void)
{
	char		text[] = "a=1&ab=&b=2";
	FpgoQueryPair pairs[MAX_PAIRS];
	int			n = fpgo_query_read(text, strlen(text), pairs, MAX_PAIRS);

	ok(fpgo_query_find(pairs, n, "b").len == 1 &&
	   *fpgo_query_find(pairs, n, "b").text == '2', "a value is found");
	ok(fpgo_query_find(pairs, n, "ab").text != NULL &&
	   fpgo_query_find(pairs, n, "ab").len == 0, "an empty value is a value");
	ok(fpgo_query_find(pairs, n, "c").text == NULL, "no value is none");
	pairs[1].name = pairs[0].name;
	ok(fpgo_query_find(pairs, n, "a").text == pairs[1].value.text,
	   "of two values the last is found");
}

/* The token in the path, and not one that stands elsewhere. */
static void
test_token(void)
{
#define TOKEN "fpgo-0123456789abcdef0123456789abcdef"
#define OTHER "fpgo-ffffffffffffffffffffffffffffffff"
	static const struct
	{
		const char *text;
		bool		has_token;
	} cases[] = {
		{"/" TOKEN, true},
		{"/fpgo/" TOKEN "?a=1", true},
		{"/fpgo/" TOKEN "/" OTHER "?a=1", true},
		{"/fpgo/x" TOKEN "0.php?b=" OTHER, true},
		{"https://shop.example/fpgo/" TOKEN "?a=" OTHER "#" OTHER, true},
		{"http://" OTHER "@" OTHER "/" TOKEN, true},
		{"https://shop.example//" TOKEN, true},
		{"", false},
		{"/", false},
		{TOKEN, false},
		{TOKEN "?a=1", false},
		{"a=" TOKEN, false},
		{"a=/" TOKEN, false},
		{"?a=" TOKEN, false},
		{"/fpgo?a=" TOKEN, false},
		{"/fpgo#" TOKEN, false},
		{"/fpgo?/" TOKEN, false},
		{"https://" TOKEN, false},
		{"https://" TOKEN "?/" TOKEN, false},
		{"https://shop.example?/" TOKEN, false},
		{"https://shop.example#/" TOKEN, false},
		{"https://shop.example/?a=" TOKEN, false},
		{"https:/" TOKEN, false},
		{"https:" TOKEN "//x/" TOKEN, false},
		{"http/" TOKEN, false},
		{"http?a=://x/" TOKEN, false},
		{"ftp://shop.example/" TOKEN, false},
		{"/fpgo/fpgo-0123456789abcdef0123456789abcde?f", false},
		{"/fpgo/FPGO-0123456789abcdef0123456789abcdef", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		len = strlen(cases[i].text);
		char	   *text = malloc(len > 0 ? len : 1);
		FpgoSpan	token;

		memcpy(text, cases[i].text, len);
		token = fpgo_query_find_token(text, len);
		ok(cases[i].has_token ?
		   fpgo_spans_equal(token, (FpgoSpan) {TOKEN, strlen(TOKEN)}) :
		   token.text == NULL, "the path of \"%s\"", cases[i].text);
		free(text);
	}
}

int
main(void)
{
	test_reading();
	test_merging();
	test_splitting();
	test_finding();
	test_token();
	return done_testing();
}
