/*
 * http_result.h
 *		How far a request came, as the transport tells it.
 */
#ifndef FPGO_HTTP_RESULT_H
#define FPGO_HTTP_RESULT_H

#include "postgres.h"

/* The stage that a request had reached when it ended. */
typedef enum FpgoHttpStage
{
	FPGO_HTTP_RESOLVING,		/* looking the host's name up, or before */
	FPGO_HTTP_CONNECTING,		/* has an address; no connection yet */
	FPGO_HTTP_SECURING,			/* is connected; has not agreed on TLS yet */
	FPGO_HTTP_SENT				/* the mark was reached */
} FpgoHttpStage;

/* How far a request came; the facts that outcome.c uses. */
typedef struct FpgoHttpResult
{
	int			code;			/* CURLcode; FPGO_HTTP_ABANDONED if we stopped
								 * it ourselves */
	bool		mark_reached;	/* the request's first byte may have left */
	FpgoHttpStage stage;
	bool		headers_complete;	/* the blank line after the final answer's
									 * headers was seen */
	bool		is_framed;		/* the headers say where the body ends */
	bool		over_limit;		/* the answer was larger than answer_limit,
								 * before or after it was decoded */
	bool		no_memory;		/* there was no memory for the answer */
	bool		is_coded;		/* the body comes in gzip or deflate, and is
								 * decoded */
	const char *foreign_coding; /* the body comes in a coding that is not
								 * read, and was not taken: its name, "" if
								 * it has none here; else NULL */
	bool		peer_refused;	/* there is no connection because the host has
								 * an address that it may not have; never
								 * with mark_reached */
	int			status;			/* HTTP status, 0 if none was seen */
	int			retry_after_s;	/* Retry-After in seconds, -1 if absent or
								 * unreadable */
	int64		retry_at;		/* the moment that Retry-After names, in Unix
								 * seconds; -1 unless it names one */
	int			rate_limit;		/* x-ratelimit-limit, -1 if absent or
								 * unreadable */
	int			rate_remaining; /* x-ratelimit-remaining, -1 if absent or
								 * unreadable */
	int64		date;			/* Date in Unix seconds, -1 if absent or
								 * unreadable */
	int64		elapsed_us;		/* start to end */
	const char *body;			/* NUL-terminated, "" if none; lives until
								 * fpgo_http_finish() */
	size_t		body_len;
} FpgoHttpResult;

#endif							/* FPGO_HTTP_RESULT_H */
