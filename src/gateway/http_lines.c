/*
 * http_lines.c
 *		The header lines of a request.
 *
 * Without Accept the gateway answers faults with redirects.  Without the empty
 * Expect libcurl sends "Expect: 100-continue" before a large body; it would
 * then take the gateway's 417 for an answer to that header, and send the
 * request again.  Without the empty Accept-Encoding libcurl asks for a coded
 * answer if it is to decode one.  User-Agent is here because CURLOPT_USERAGENT
 * would be formatted twice.
 */
#include "postgres.h"

#include "gateway/http_lines.h"

/* last first */
static struct curl_slist user_agent = {"User-Agent: fpgo/1.0", NULL};
static struct curl_slist accept_encoding = {"Accept-Encoding:", &user_agent};
static struct curl_slist expect = {"Expect:", &accept_encoding};
static struct curl_slist accept_json = {"Accept: application/json", &expect};
static struct curl_slist content_type = {"Content-Type: application/json",
&accept_json};

struct curl_slist *
fpgo_http_lines(bool is_post)
{
	return is_post ? &content_type : &accept_json;
}
