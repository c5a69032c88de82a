/*
 * http_header.c
 *		The headers of an answer, as they arrive.
 */
#include "postgres.h"

#include "gateway/http_header.h"
#include "gateway/http_text.h"

void
fpgo_http_header_forget(FpgoHttpResult *result)
{
	result->headers_complete = false;
	result->is_framed = false;
	result->is_coded = false;
	result->foreign_coding = NULL;
	result->retry_after_s = -1;
	result->retry_at = -1;
	result->rate_limit = -1;
	result->rate_remaining = -1;
	result->date = -1;
}

void
fpgo_http_header_note(FpgoHttpResult *result, const char *line, size_t len)
{
	const char *value;
	size_t		value_len;

	if (fpgo_http_find_value(line, len, "retry-after", &value, &value_len))
	{
		result->retry_after_s = fpgo_http_parse_retry_after(value, value_len);
		result->retry_at = fpgo_http_parse_number(value, value_len) == -1 ?
			fpgo_http_parse_date(value, value_len) : -1;
	}
	else if (fpgo_http_find_value(line, len, "x-ratelimit-limit", &value,
								  &value_len))
		result->rate_limit = fpgo_http_parse_number(value, value_len);
	else if (fpgo_http_find_value(line, len, "x-ratelimit-remaining", &value,
								  &value_len))
		result->rate_remaining = fpgo_http_parse_number(value, value_len);
	else if (fpgo_http_find_value(line, len, "date", &value, &value_len))
		result->date = fpgo_http_parse_date(value, value_len);
	else if (fpgo_http_find_value(line, len, "content-length", &value,
								  &value_len) ||
			 fpgo_http_find_value(line, len, "transfer-encoding", &value,
								  &value_len))
		result->is_framed = true;
	else if (fpgo_http_find_value(line, len, "content-encoding", &value,
								  &value_len))
		fpgo_http_read_codings(value, value_len, &result->is_coded,
							   &result->foreign_coding);
}
