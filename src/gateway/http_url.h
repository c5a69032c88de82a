/*
 * http_url.h
 *		Which URLs fpgo sends requests to.
 */
#ifndef FPGO_HTTP_URL_H
#define FPGO_HTTP_URL_H

#include "gateway/http_peer.h"

/*
 * Why fpgo will not talk to this URL, as the end of a sentence ("must ..."),
 * or NULL if it will.  The rule: absolute https, or http to localhost,
 * 127.0.0.0/8 or [::1]; no user, password, query or fragment; a host, spelt as
 * usual; only the ASCII characters of an address; at most 2048 bytes.  May load
 * libcurl, which has to agree.
 */
extern const char *fpgo_http_check_url(const char *url);

/*
 * The place of such a URL's host, by its address or the name localhost.  Any
 * other name counts as public until it is looked up.
 */
extern FpgoPeer fpgo_http_classify_host(const char *url);

/*
 * The header Host for such a URL: without the port that its scheme has by
 * itself.  Allocated by palloc: the only function here that may raise.
 */
extern const char *fpgo_http_host(const char *url);

#endif							/* FPGO_HTTP_URL_H */
