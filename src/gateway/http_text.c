/*
 * http_text.c
 *		The small texts of HTTP: header values, tokens, an address parsed.
 *
 * Nothing here raises or uses a memory context.
 */
#include "postgres.h"

#include <limits.h>
#include <time.h>
#include <curl/curl.h>

#include "gateway/http_text.h"

/* twice the length of a date in a header */
#define MAX_DATE_LENGTH 63

#define MAX_NUMBER_DIGITS 9

CURLU *
fpgo_http_parse_url(const char *url)
{
	CURLU	   *parsed = curl_url();

	if (parsed != NULL &&
		curl_url_set(parsed, CURLUPART_URL, url,
					 CURLU_PATH_AS_IS | CURLU_DISALLOW_USER) == CURLUE_OK)
		return parsed;
	curl_url_cleanup(parsed);
	return NULL;
}

bool
fpgo_http_find_value(const char *line, size_t len, const char *name,
					 const char **value, size_t *value_len)
{
	size_t		name_len = strlen(name);
	const char *start;
	const char *end = line + len;

	if (len <= name_len || line[name_len] != ':' ||
		pg_strncasecmp(line, name, name_len) != 0)
		return false;

	start = line + name_len + 1;
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (unsigned char) end[-1] <= ' ')
		end--;
	*value = start;
	*value_len = end - start;
	return true;
}

int
fpgo_http_parse_number(const char *text, size_t len)
{
	int			number = 0;

	if (len == 0 || len > MAX_NUMBER_DIGITS)
		return -1;
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

int64_t
fpgo_http_parse_date(const char *text, size_t len)
{
	char		date[MAX_DATE_LENGTH + 1];

	if (len == 0 || len > MAX_DATE_LENGTH)
		return -1;
	memcpy(date, text, len);
	date[len] = '\0';
	return Max((int64_t) curl_getdate(date, NULL), -1);
}

int
fpgo_http_parse_retry_after(const char *text, size_t len)
{
	int64_t		when;
	int64_t		now;

	if (len > 0 && text[0] >= '0' && text[0] <= '9')
		return fpgo_http_parse_number(text, len);
	when = fpgo_http_parse_date(text, len);
	if (when == -1)
		return -1;
	now = time(NULL);
	if (when <= now)
		return 0;
	return when - now > INT_MAX ? INT_MAX : (int) (when - now);
}

/*
 * libcurl undoes gzip and deflate.  Whether it knows others depends on how it
 * was built: they are not read.
 */
static const struct
{
	const char *name;
	bool		is_read;
	bool		is_identity;	/* the body stays as it is */
}			codings[] = {
	{"gzip", true, false},
	{"x-gzip", true, false},
	{"deflate", true, false},
	{"identity", true, true},
	{"none", true, true},
	{"br", false, false},
	{"zstd", false, false},
	{"compress", false, false},
};

static void
read_coding(const char *text, size_t len, bool *is_coded,
			const char **foreign)
{
	const char *name = "";

	for (size_t i = 0; i < lengthof(codings); i++)
	{
		if (strlen(codings[i].name) != len ||
			pg_strncasecmp(codings[i].name, text, len) != 0)
			continue;
		if (codings[i].is_read)
		{
			if (!codings[i].is_identity)
				*is_coded = true;
			return;
		}
		name = codings[i].name;
	}
	if (*foreign == NULL)
		*foreign = name;
}

void
fpgo_http_read_codings(const char *text, size_t len, bool *is_coded,
					   const char **foreign)
{
	const char *end = text + len;

	while (text < end)
	{
		const char *start;

		while (text < end && (*text == ' ' || *text == '\t' || *text == ','))
			text++;
		start = text;
		while (text < end && *text != ' ' && *text != '\t' && *text != ',')
			text++;
		if (text > start)
			read_coding(start, text - start, is_coded, foreign);
	}
}

bool
fpgo_http_is_plain(const char *url)
{
	return pg_strncasecmp(url, "https:", 6) != 0;
}

bool
fpgo_http_is_sendable_token(const char *token)
{
	for (const char *c = token; *c; c++)
	{
		if (*c <= ' ' || *c > '~')
			return false;
	}
	return *token != '\0';
}
