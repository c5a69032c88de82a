/*
 * http_request.h
 *		A request, as the transport takes it.
 */
#ifndef FPGO_HTTP_REQUEST_H
#define FPGO_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* Every pointer belongs to the caller. */
typedef struct FpgoHttpRequest
{
	const char *url;			/* as fpgo_http_check_url() accepted it */
	const char *query;			/* what follows the url and a question mark,
								 * escaped as it should be; or NULL */
	bool		is_post;		/* POST with a body, else GET */
	const char *body;			/* UTF-8 JSON; must outlive the transfer */
	size_t		body_len;
	const char *token;			/* bearer token, printable ASCII; copied, wiped
								 * at the end */
	const char *ca_file;		/* NULL: the system's certificates */
	int			connect_timeout_ms; /* name, TCP and TLS together */
	int			timeout_ms;		/* the whole request */
	int			keepalive_s;	/* how long an idle connection is reused; 0:
								 * never */
	size_t		answer_limit;	/* bytes of decoded answer body that are
								 * accepted, and of its headers */
	bool		may_be_internal;	/* the host may have an address that is
									 * not public */
} FpgoHttpRequest;

#endif							/* FPGO_HTTP_REQUEST_H */
