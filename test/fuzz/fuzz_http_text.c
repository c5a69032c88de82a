/*
 * fuzz_http_text.c
 *		http_text.c: any header line, date, address and token.
 */
#include "postgres.h"

#include "gateway/http.h"
#include "gateway/http_text.h"
#include "gateway/http_url.h"

#include "fuzz.h"

static void
check_header(const char *line, size_t len, const char *name)
{
	const char *value;
	size_t		value_len;

	if (!fpgo_http_find_value(line, len, name, &value, &value_len))
		return;
	require(value > line + strlen(name) && value + value_len <= line + len);
	require(value_len == 0 || (value[0] != ' ' &&
							   (unsigned char) value[value_len - 1] > ' '));
	require(fpgo_http_parse_retry_after(value, value_len) >= -1);
}

/* Whatever a header lists, a name of ours comes of it or none. */
static void
check_codings(const char *text, size_t len)
{
	bool		is_coded = false;
	const char *foreign = NULL;

	fpgo_http_read_codings(text, len, &is_coded, &foreign);
	require(foreign == NULL || strlen(foreign) < 9);
	require(len >= 4 || !is_coded);
	require(len > 0 || foreign == NULL);
}

/* An address that passes is what it says to every reader. */
static void
check_url(const char *url)
{
	if (fpgo_http_check_url(url) != NULL)
		return;
	require(strlen(url) <= 2048 && strpbrk(url, "?#\\ ") == NULL);
	require(!fpgo_http_is_plain(url) ||
			fpgo_http_classify_host(url) == FPGO_PEER_LOOPBACK);
	if (fpgo_http_is_plain(url))
		require(strncasecmp(url, "http://localhost", 16) == 0 ||
				strncasecmp(url, "http://127.", 11) == 0 ||
				strncasecmp(url, "http://[::1]", 12) == 0);
	else
		require(strncasecmp(url, "https://", 8) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzTexts	bare = make_texts(data, size, 0);
	FuzzTexts	ended = make_texts(data, size, 1);
	int			number = fpgo_http_parse_number(bare.texts[0], bare.lens[0]);

	require(number >= -1 && number <= 999999999);
	require(fpgo_http_parse_retry_after(bare.texts[0], bare.lens[0]) >= -1);
	require(fpgo_http_parse_date(bare.texts[0], bare.lens[0]) >= -1);
	check_header(bare.texts[1], bare.lens[1], "Retry-After");
	check_header(bare.texts[1], bare.lens[1], ended.texts[0]);
	check_codings(bare.texts[0], bare.lens[0]);
	check_url(ended.texts[1]);
	if (fpgo_peer_of_text(ended.texts[1]) != FPGO_PEER_INTERNAL)
		require(strlen(ended.texts[1]) < 46);
	if (fpgo_http_is_sendable_token(ended.texts[1]))
		require(strpbrk(ended.texts[1], " \t\r\n\x7f") == NULL);
	free_texts(&bare);
	free_texts(&ended);
	return 0;
}
