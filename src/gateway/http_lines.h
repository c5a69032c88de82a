/*
 * http_lines.h
 *		The header lines of a request, for gateway/http* alone.
 *
 * http_easy.c sends these lines, and http_shown.c shows them.  Host and
 * Content-Length are libcurl's own.
 */
#ifndef FPGO_HTTP_LINES_H
#define FPGO_HTTP_LINES_H

#include <stdbool.h>
#include <curl/curl.h>

/* the beginning of the token's line */
#define FPGO_HTTP_BEARER "Authorization: Bearer "

/*
 * The lines after the token's, as libcurl takes them: a line without a value
 * makes libcurl leave that header out.  libcurl reads the list, and nobody
 * writes to it.
 */
extern struct curl_slist *fpgo_http_lines(bool is_post);

#endif							/* FPGO_HTTP_LINES_H */
