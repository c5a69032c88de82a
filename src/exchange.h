/*
 * exchange.h
 *		One request to the gateway, end to end.
 *
 * Knows the target, the headers, the transport, the answer and what they come
 * to together.  Does not know who asks: a backend, a helper or a worker waits
 * between steps in its own way.
 */
#ifndef FPGO_EXCHANGE_H
#define FPGO_EXCHANGE_H

#include "postgres.h"

#include "http.h"
#include "outcome.h"
#include "reply.h"

/* Everything needed to reach a gateway, resolved; see gateway.c. */
typedef struct FpgoTarget
{
	const char *server_name;	/* of the foreign server, for messages */
	const char *submit_url;		/* where orders go */
	const char *token;			/* bearer token; never in a message */
	const char *ca_file;		/* NULL: the system's certificates */
	int			connect_timeout_ms;
	int			timeout_ms;
	int			keepalive_s;
} FpgoTarget;

typedef struct FpgoOutcome
{
	FpgoOutcomeClass class;
	int			status;			/* HTTP status, 0 if none was seen */
	int			retry_after_s;	/* when to come back, -1 if not said */
	const char *reason;			/* what happened, a sentence without secrets:
								 * "The gateway answered HTTP status 502." */
	const FpgoReply *reply;		/* NULL if there was no answer to read */
} FpgoOutcome;

typedef struct FpgoExchange FpgoExchange;

/*
 * Begin to submit an order.  payload is the wire text in UTF-8; secrets, and
 * the target's token, are masked in what the gateway says (see reply.h).
 * target, payload and secrets must outlive the exchange.  Memory and errors as
 * with fpgo_http_start().  The exchange is driven by fpgo_http_step().
 */
extern FpgoExchange *fpgo_exchange_start(const FpgoTarget *target,
										 const char *payload,
										 size_t payload_len,
										 const char *const *secrets,
										 MemoryContext parent);

extern bool fpgo_exchange_is_done(const FpgoExchange *exchange);

/*
 * What it came to, allocated in the current memory context; releases the
 * exchange.  An exchange that is not done is ended first.  Raises only when
 * memory runs out; the exchange is then as it was, and can be finished later.
 */
extern FpgoOutcome *fpgo_exchange_finish(FpgoExchange *exchange);

#endif							/* FPGO_EXCHANGE_H */
