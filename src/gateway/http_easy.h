/*
 * http_easy.h
 *		The easy handle of a request, with its options; for http.c alone.
 *
 * Most options of a request are those of the request before it, and setting
 * them costs as much as formatting the request does.  Therefore the handle of
 * a request that ended well is kept.  The next request to the same place sets
 * only its own body and headers.  Those are removed before a handle is kept:
 * address, limits and the name of a file stay, but no secret.  A handle of
 * libcurl 8 or newer has secrets until it is freed, and is never kept.
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

	/* the request that the handle is set up for; url NULL: none */
	char	   *url;
	char	   *ca_file;
	bool		has_query;		/* set up for one request only */
	bool		is_post;
	int			connect_timeout_ms;
	int			timeout_ms;
	int			keepalive_s;
	bool		is_plain;		/* http */
	bool		names_loopback; /* the url names this machine */
	bool		wants_fresh;	/* no kept connection for this request */
	bool		trusts_directory;	/* the system's, and not yet its file */
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
 * A handle that is set up for the request, but without its body and headers;
 * NULL if memory ran out.  The hooks must be the same ones each time.  The
 * handle must be given back whatever *code says.
 */
extern FpgoHttpEasy *fpgo_http_easy_take(const FpgoHttpRequest *request,
										 const FpgoHttpHooks *hooks,
										 CURLcode *code);

/*
 * Set the request's own body and headers.  authorization is a list of one
 * header line; the other headers are linked to it.  authorization, body and
 * user must stay until the handle is given back.
 */
extern CURLcode fpgo_http_easy_load(FpgoHttpEasy *easy,
									const FpgoHttpRequest *request,
									struct curl_slist *authorization,
									void *user);

/* Let this request have a new connection, whatever connections are kept. */
extern CURLcode fpgo_http_easy_want_fresh(FpgoHttpEasy *easy);

/*
 * The certificate was not verified.  If there are authorities of the system that
 * were not looked at, look at them for this request and for all that follow;
 * false if there are none.
 */
extern bool fpgo_http_easy_trust_more(FpgoHttpEasy *easy);

/*
 * Unload the handle and keep it for the next request, or, unless its request
 * ended well, free it.  It must be on no multi handle.
 */
extern void fpgo_http_easy_give_back(FpgoHttpEasy *easy, bool ended_well);

#endif							/* FPGO_HTTP_EASY_H */
