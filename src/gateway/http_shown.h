/*
 * http_shown.h
 *		A request as a person reads it, without its token.
 */
#ifndef FPGO_HTTP_SHOWN_H
#define FPGO_HTTP_SHOWN_H

#include "postgres.h"

#include "gateway/http_request.h"

/* All of it is allocated in the current memory context. */
typedef struct FpgoHttpShown
{
	const char *method;
	const char *url;
	const char **headers;		/* "Name: value", in the order in which they
								 * are sent */
	int			n_headers;
	const char *curl;			/* a line for sh that sends the same */
} FpgoHttpShown;

/*
 * Show a request with a body, whose token may be NULL: it is not looked at.
 * The command reads a token from the file "token".  Starts nothing of libcurl.
 */
extern FpgoHttpShown fpgo_http_show(const FpgoHttpRequest *request);

#endif							/* FPGO_HTTP_SHOWN_H */
