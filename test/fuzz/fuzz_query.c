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

/* Of each name the last value, in the place of the first, and no more. */
static void
check_merged(const FpgoQueryPair *pairs, int n)
{
	FpgoQueryPair merged[MAX_PAIRS];
	int			n_merged;
	int			first = fpgo_query_unrepeated(pairs, n);
	int			place = 0;

	require(first >= 0 && first <= n);
	for (int i = first; i < n; i++)
		for (int j = first; j < i; j++)
			require(!fpgo_spans_equal(pairs[i].name, pairs[j].name));
	if (n > 0)
		memcpy(merged, pairs, sizeof(pairs[0]) * n);
	n_merged = fpgo_query_merge(merged, n);
	require(n_merged <= n && (n_merged == n) == (first == 0));
	for (int i = 0; i < n; i++)
	{
		bool		is_first = true;
		int			last = i;

		for (int j = 0; j < n; j++)
		{
			if (!fpgo_spans_equal(pairs[j].name, pairs[i].name))
				continue;
			is_first = is_first && j >= i;
			last = j > last ? j : last;
		}
		if (!is_first)
			continue;
		require(fpgo_spans_equal(merged[place].name, pairs[i].name));
		require(merged[place++].value.text == pairs[last].value.text);
	}
	require(place == n_merged);
}

/* One byte of the query is changed, a question mark that is the last there. */
static void
check_split(char *text, size_t len)
{
	char	   *before = malloc(len + 1);
	size_t		changed = len;

	memcpy(before, text, len);
	if (fpgo_query_split_joined(text, len))
	{
		for (size_t i = 0; i < len; i++)
			if (before[i] != text[i])
			{
				require(changed == len);
				changed = i;
			}
		require(changed < len && before[changed] == '?');
		require(text[changed] == '&');
		require(memchr(text + changed, '?', len - changed) == NULL);
	}
	else
		require(memcmp(before, text, len) == 0);
	free(before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzTexts	made = make_texts(data, size, 0);
	FpgoQueryPair pairs[MAX_PAIRS];
	int			n;

	/* the length's parity decides, so that both queries are read */
	if (size % 2 == 1)
		check_split(made.texts[1], made.lens[1]);
	check_token(made.texts[1], made.lens[1]);
	n = fpgo_query_read(made.texts[1], made.lens[1], pairs, MAX_PAIRS);

	require(n >= -1 && n <= MAX_PAIRS);
	for (int i = 0; i < n; i++)
	{
		check_span(pairs[i].name, made.texts[1], made.lens[1]);
		check_span(pairs[i].value, made.texts[1], made.lens[1]);
		require(pairs[i].name.len > 0);
	}
	if (n >= 0)
		check_merged(pairs, n);
	free_texts(&made);
	return 0;
}
