/*
 * http.h
 *		One HTTPS request at a time or many at once, over libcurl.
 *
 * Only gateway/http* uses libcurl.  Nothing here knows of orders, of the
 * gateway's answers, or of SQL.  Callers see of libcurl only its numeric
 * result code, which outcome.c classifies.
 */
#ifndef FPGO_HTTP_H
#define FPGO_HTTP_H

#include "postgres.h"

#include "gateway/http_request.h"

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
	bool		over_limit;		/* the answer was larger than answer_limit */
	bool		peer_refused;	/* there is no connection because the host has
								 * an address that it may not have; never
								 * with mark_reached */
	int			status;			/* HTTP status, 0 if none was seen */
	int			retry_after_s;	/* Retry-After in seconds, -1 if absent or
								 * unreadable */
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

/* result code of a transfer that fpgo_http_finish() ended before its time */
#define FPGO_HTTP_ABANDONED (-1)

typedef struct FpgoHttpTransfer FpgoHttpTransfer;

/*
 * Begin a request.  The transfer and everything libcurl holds for it belong to
 * a new child of parent.  Deleting or resetting that context releases all of
 * it: an error anywhere needs no clean-up code.  Raises only when memory or
 * descriptors run out (class 53) or the installed libcurl will not do (0A000),
 * before anything was sent; any other fault is the result of a transfer that
 * is done at once.
 */
extern FpgoHttpTransfer *fpgo_http_start(const FpgoHttpRequest *request,
										 MemoryContext parent);

/*
 * Drive every transfer of this process, and wait for the network for at most
 * wait_ms or 50 ms.  Returns at once when a transfer has ended or none is
 * under way.  Never raises; the caller looks at interrupts between steps.
 */
extern void fpgo_http_step(int wait_ms);

/*
 * Expect this many transfers at once: keep as many connections open between
 * requests.  The number only grows.  Raises as fpgo_http_start() does.
 */
extern void fpgo_http_expect(int n_transfers);

extern bool fpgo_http_is_done(const FpgoHttpTransfer *transfer);

/*
 * The facts so far; final once fpgo_http_is_done().  Until then they are those
 * of an abandoned request, which they will be if it is finished now.
 */
extern const FpgoHttpResult *
fpgo_http_result(const FpgoHttpTransfer *transfer);

/* Release the transfer, ending it first if it is still under way. */
extern void fpgo_http_finish(FpgoHttpTransfer *transfer);

/* The libcurl that is installed, for diagnosis. */
typedef struct FpgoHttpLibrary
{
	const char *version;		/* "7.88.1" */
	const char *built_with;		/* the version fpgo was compiled with */
	const char *tls;			/* "OpenSSL/3.0.17"; NULL if it has none */
	const char *fault;			/* why it will not do, a sentence; or NULL */
} FpgoHttpLibrary;

/* May be called by any process: starts nothing of libcurl. */
extern FpgoHttpLibrary fpgo_http_library(void);

#endif							/* FPGO_HTTP_H */
