/*
 * fuzz_format.c
 *		The pure predicates on text: each on any two texts, and how they hang
 *		together.
 */
#include "text/format.h"

#include "fuzz.h"

/* Is the one a piece of the other? */
static bool
is_within(FpgoSpan piece, FpgoSpan whole)
{
	return piece.text >= whole.text &&
		piece.text + piece.len <= whole.text + whole.len;
}

static bool
is_same(FpgoSpan a, FpgoSpan b)
{
	return a.text == b.text && a.len == b.len;
}

static void
check_trim(FpgoSpan span)
{
	FpgoSpan	narrow = fpgo_trim(span);
	FpgoSpan	wide = fpgo_trim_unicode(span);

	require(is_within(narrow, span));
	require(wide.len == 0 || is_within(wide, narrow));
	require(fpgo_spans_equal(fpgo_trim(narrow), narrow));
	require(fpgo_spans_equal(fpgo_trim_unicode(wide), wide));
	require(fpgo_spans_equal(fpgo_trim_unicode(narrow), wide));
	if (fpgo_is_trimmed(span))
		require(is_same(narrow, span) && is_same(wide, span));
}

/*
 * strtod() reads every number that PHP does, and more; where two are equal to
 * the last digit, so are its results.
 */
static double
read_double(FpgoSpan span)
{
	char	   *text = strndup(span.text, span.len);
	char	   *end;
	double		value = strtod(text, &end);

	require(end != text);
	while (*end != '\0' && strchr(" \t\n\r\v\f", *end))
		end++;
	require(*end == '\0');
	free(text);
	return value;
}

static void
check_numbers(FpgoSpan a, FpgoSpan b)
{
	bool		equal = fpgo_numbers_equal(a, b);

	require(fpgo_is_numeric(a) == fpgo_numbers_equal(a, a));
	require(equal == fpgo_numbers_equal(b, a));
	if (equal)
		require(read_double(a) == read_double(b));
	if (fpgo_is_amount(a))
	{
		require(fpgo_is_numeric(a));
		require(read_double(a) <= 1e9 && read_double(a) >= -1e9);
	}
}

/* A URL that only the placeholder keeps from being one is one with the token. */
static void
check_filled(FpgoSpan span)
{
	static const char token[] = "fpgo-0123456789abcdef0123456789abcdef";
	const char *placeholder = fpgo_find_placeholder(span);
	size_t		before;
	size_t		behind;
	FpgoSpan	filled;
	char	   *text;

	require(placeholder != NULL);
	before = placeholder - span.text;
	behind = span.len - before - FPGO_PLACEHOLDER_LEN;
	filled.len = before + FPGO_CALLBACK_TOKEN_LEN + behind;
	text = malloc(filled.len);
	memcpy(text, span.text, before);
	memcpy(text + before, token, FPGO_CALLBACK_TOKEN_LEN);
	memcpy(text + before + FPGO_CALLBACK_TOKEN_LEN,
		   placeholder + FPGO_PLACEHOLDER_LEN, behind);
	filled.text = text;
	require(fpgo_is_url(filled) && fpgo_find_callback_token(filled).text);
	free(text);
}

static void
check_words(FpgoSpan span)
{
	(void) fpgo_has_eleven_digits(span);
	if (fpgo_is_email(span))
		require(memchr(span.text, '@', span.len) != NULL);
	if (fpgo_is_url(span))
		require(span.len > 7 && strncasecmp(span.text, "http", 4) == 0);
	if (fpgo_is_url(span))
		require(fpgo_is_callback_url(span) && !fpgo_find_placeholder(span));
	else if (fpgo_is_callback_url(span))
		check_filled(span);
	if (fpgo_has_https(span))
		require(span.len >= 8 && (span.text[4] | 0x20) == 's');
	if (fpgo_has_query(span))
		require(memchr(span.text, '?', span.len) != NULL);
	if (fpgo_is_country(span))
		require(span.len == 2 && fpgo_is_alpha_num(span));
	if (fpgo_is_alpha_num(span))
		require(span.len > 0 && is_same(fpgo_trim(span), span));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzTexts	made = make_texts(data, size, 0);
	FpgoSpan	a = {made.texts[0], made.lens[0]};
	FpgoSpan	b = {made.texts[1], made.lens[1]};

	check_trim(a);
	check_trim(b);
	check_numbers(a, b);
	check_words(a);
	check_words(b);
	free_texts(&made);
	return 0;
}
