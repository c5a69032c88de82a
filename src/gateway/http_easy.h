/*
 * http_easy.h
 *		The easy handle of a request, with its options; for http.c alone.
 *
 * Most options of a request are those of the request before it, and setting
 * them costs as much as formatting the request does.  So the handle of a
 * request that ended well is kept as it is, and the next request to the same
 * place sets only what is its own: the body and the headers.  Those are
 * taken off before a handle is kept; what stays on it is
 * the address, the limits and the name of a file, no secret.
 *
 * Nothing here raises or uses a memory context.
 */
#ifndef FPGO_HTTP_EASY_H
#define FPGO_HTTP_EASY_H

#include <curl/curl.h>

#include "gateway/http_request.h"

typedef struct FpgoHttpEasy
{
	CURL	   *handle;
	CURLU	   *address;		/* url, taken apart; libcurl looks at it */
	void	   *user;			/* easy_load()'s, for the hooks */

	/* what of a request the handle is set up for; url NULL: for none */
	char	   *url;
	char	   *ca_file;
	bool		has_query;		/* some query: set up for one request only */
	bool		is_post;
	int			connect_timeout_ms;
	int			timeout_ms;
	int			keepalive_s;
	bool		is_plain;		/* http, which names loopback */
	bool		names_loopback; /* the url does */
} FpgoHttpEasy;

/* What libcurl calls; all but the first with the FpgoHttpEasy as argument. */
typedef struct FpgoHttpHooks
{
	curl_resolver_start_callback on_resolve;
	curl_opensocket_callback on_connect;
	curl_prereq_callback on_prereq;
	curl_write_callback on_header;
	curl_write_callback on_body;
} FpgoHttpHooks;

/*
 * A handle set up for the request but for what is its own; NULL if memory ran
 * out.  The hooks must be the same ones each time.  A handle is to be given
 * back whatever *code says.
 */
extern FpgoHttpEasy *fpgo_http_easy_take(const FpgoHttpRequest *request,
										 const FpgoHttpHooks *hooks,
										 CURLcode *code);

/*
 * Put on what is the request's own.  authorization is a list of one, the
 * header line; the other headers are linked to it.  It, the request's body
 * and user must stay until the handle is given back.
 */
extern CURLcode fpgo_http_easy_load(FpgoHttpEasy *easy,
									const FpgoHttpRequest *request,
									struct curl_slist *authorization,
									void *user);

/*
 * Unload the handle and keep it for the next request, or, unless its request
 * ended well, free it.  It must be on no multi handle.
 */
extern void fpgo_http_easy_give_back(FpgoHttpEasy *easy, bool ended_well);

#endif							/* FPGO_HTTP_EASY_H */
