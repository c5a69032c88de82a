/*
 * http_text.h
 *		The small texts of HTTP, read strictly; for http.c alone.
 *
 * No function here allocates from a memory context or raises, so libcurl's
 * callbacks may call them.
 */
#ifndef FPGO_HTTP_TEXT_H
#define FPGO_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <curl/curl.h>

/*
 * If the header line (not NUL-terminated, with its line end) is the one called
 * name, point *value and *value_len at its trimmed value.
 */
extern bool fpgo_http_find_value(const char *line, size_t len,
								 const char *name, const char **value,
								 size_t *value_len);

/* A whole number of at most nine digits, or -1. */
extern int fpgo_http_parse_number(const char *text, size_t len);

/* A date in Unix seconds, or -1. */
extern int64_t fpgo_http_parse_date(const char *text, size_t len);

/*
 * Retry-After, a number of seconds or a date, as seconds from now; 0 if the
 * date is past, -1 if it is neither.
 */
extern int fpgo_http_parse_retry_after(const char *text, size_t len);

/*
 * The codings of a body, as a Content-Encoding lists them.  *is_coded becomes
 * true if one of them is gzip or deflate.  *foreign becomes the name of the
 * first that is not read, a static string, or "" if this list has no name for
 * it.  Both stay as they are otherwise: the header may come more than once.
 */
extern void fpgo_http_read_codings(const char *text, size_t len,
								   bool *is_coded, const char **foreign);

/* True if an address that passed fpgo_http_check_url() is not https. */
extern bool fpgo_http_is_plain(const char *url);

/*
 * The address as libcurl sees it, by the same rules when it is checked and
 * when it is used: dots and slashes in its path stay as they are.  NULL if it
 * cannot be read, or memory ran out.
 */
extern CURLU *fpgo_http_parse_url(const char *url);

/* True if the token can stand in a header: printable ASCII, not empty. */
extern bool fpgo_http_is_sendable_token(const char *token);

#endif							/* FPGO_HTTP_TEXT_H */
