/*
 * fuzz_query.c
 *		query.c: any query string.
 */
#include "text/query.h"

#include "text/format.h"
#include "fuzz.h"

#define MAX_PAIRS 8

static void
check_span(FpgoSpan span, const char *text, size_t len)
{
	require(span.text >= text && span.text + span.len <= text + len);
	require(memchr(span.text, '\0', span.len) == NULL);
}

/* A token lies before the query, behind a slash. */
static void
check_token(const char *text, size_t len)
{
	FpgoSpan	token = fpgo_query_find_token(text, len);
	size_t		before = token.text ? (size_t) (token.text - text) : 0;

	if (token.text == NULL)
		return;
	require(token.len == FPGO_CALLBACK_TOKEN_LEN);
	require(before > 0 && before + token.len <= len);
	require(memchr(text, '?', before) == NULL);
	require(memchr(text, '#', before) == NULL);
	require(memchr(text, '/', before) != NULL);
	require(fpgo_find_callback_token(token).text == token.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzTexts	made = make_texts(data, size, 0);
	FpgoQueryPair pairs[MAX_PAIRS];
	int			n;

	check_token(made.texts[1], made.lens[1]);
	n = fpgo_query_read(made.texts[1], made.lens[1], pairs, MAX_PAIRS);

	require(n >= -1 && n <= MAX_PAIRS);
	for (int i = 0; i < n; i++)
	{
		check_span(pairs[i].name, made.texts[1], made.lens[1]);
		check_span(pairs[i].value, made.texts[1], made.lens[1]);
		require(pairs[i].name.len > 0);
		for (int j = 0; j < i; j++)
			require(!fpgo_spans_equal(pairs[i].name, pairs[j].name));
	}
	free_texts(&made);
	return 0;
}
