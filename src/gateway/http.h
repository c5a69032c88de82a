/*
 * http.h
 *		One HTTPS request at a time or many at once, over libcurl.
 *
 * The only door to libcurl.  Nothing here knows of orders, of the gateway's
 * answers, or of SQL; nothing here of libcurl shows through but its numeric
 * result code, which outcome.c classifies.
 */
#ifndef FPGO_HTTP_H
#define FPGO_HTTP_H

#include "postgres.h"

#include "gateway/http_peer.h"

/* What is asked of the transport; every pointer stays the caller's. */
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
	size_t		answer_limit;	/* bytes of answer body that are accepted, and
								 * of its headers */
	bool		may_be_internal;	/* the host may have an address that is
									 * not public */
} FpgoHttpRequest;

/* What a request was at when it ended. */
typedef enum FpgoHttpStage
{
	FPGO_HTTP_RESOLVING,		/* looking its host's name up, or before */
	FPGO_HTTP_CONNECTING,		/* has an address; no connection yet */
	FPGO_HTTP_SECURING,			/* is connected; has not agreed on TLS yet */
	FPGO_HTTP_SENT				/* the mark was reached */
} FpgoHttpStage;

/* How far a request came; the facts that outcome.c judges by. */
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
	int			rate_limit;		/* x-ratelimit-limit, -1 likewise */
	int			rate_remaining; /* x-ratelimit-remaining, -1 likewise */
	int64		date;			/* Date in Unix seconds, -1 likewise */
	int64		elapsed_us;		/* start to end */
	const char *body;			/* NUL-terminated, "" if none; lives until
								 * fpgo_http_finish() */
	size_t		body_len;
} FpgoHttpResult;

/* result code of a transfer that fpgo_http_finish() ended before its time */
#define FPGO_HTTP_ABANDONED (-1)

typedef struct FpgoHttpTransfer FpgoHttpTransfer;

/*
 * Why fpgo will not talk to this URL, as the end of a sentence ("must ..."),
 * or NULL if it will.  The rule: absolute https, or http to localhost,
 * 127.0.0.0/8 or [::1]; no user, password, query or fragment; a host, spelt as
 * usual; only the ASCII characters of an address; at most 2048 bytes.
 */
extern const char *fpgo_http_check_url(const char *url);

/*
 * Where the host of such a URL is: what it says by an address, or by the name
 * localhost.  Any other name is taken for public until it is looked up.
 */
extern FpgoPeer fpgo_http_judge_host(const char *url);

/*
 * Begin a request.  The transfer and everything libcurl holds for it belong
 * to a new child of parent; deleting or resetting that releases it all, so
 * an error anywhere needs no clean-up code.  Raises only when memory or
 * descriptors run out (class 53) or the installed libcurl will not do (0A000),
 * before anything was sent; any other fault is the result of a transfer that
 * is done at once.
 */
extern FpgoHttpTransfer *fpgo_http_start(const FpgoHttpRequest *request,
										 MemoryContext parent);

/*
 * Drive every transfer of this process, waiting for the network for wait_ms
 * or 50 ms at most; returns at once when one has ended or none is under way.
 * Never raises; the caller looks at interrupts between steps.
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
