/*
 * exchange.h
 *		One request to the gateway, end to end.
 *
 * An exchange has the target, the headers, the transport, the answer and the
 * outcome.  The process that makes it may be a backend, a helper or a worker:
 * each waits between steps in its own way.
 */
#ifndef FPGO_EXCHANGE_H
#define FPGO_EXCHANGE_H

#include "postgres.h"

#include "gateway/http.h"
#include "gateway/outcome.h"
#include "gateway/http_shown.h"
#include "gateway/reply.h"

/* The HINT if needs_certificates is set. */
#define FPGO_CERTIFICATES_HINT \
	"If the server has no option ca_file, install the package ca-certificates (Debian: apt-get install ca-certificates).  If it has one, the option must name a regular file that PostgreSQL can read, of at most 16 MB."

/* where the gateway tells of orders' statuses, below the target's url */
#define FPGO_STATUS_PATH "/connect/orders/status"

/* Everything needed to reach a gateway, resolved; see account.c. */
typedef struct FpgoTarget
{
	const char *server_name;	/* of the foreign server, for messages */
	const char *url;			/* the base address, with no slash at its end */
	const char *submit_url;		/* where orders go */
	const char *token;			/* bearer token; never in a message */
	const char *ca_file;		/* NULL: the system's certificates */
	int			connect_timeout_ms;
	int			timeout_ms;
	int			keepalive_s;
	int			rate_limit;		/* requests a window, as the server's option
								 * says; 0: it does not */
	int			rate_window_ms; /* length of a window */
	bool		private_network;	/* its addresses need not be public */
} FpgoTarget;

/* Copy a target into the current memory context. */
extern void fpgo_target_copy(FpgoTarget *copy, const FpgoTarget *target);

typedef struct FpgoOutcome
{
	FpgoOutcomeClass class;
	int			status;			/* HTTP status, 0 if none was seen */
	int			retry_after_s;	/* when to come back, from 1 to 900; -1 if
								 * not said */
	int			rate_limit;		/* requests that the gateway allows in a
								 * window; -1 if not said */
	int			rate_remaining; /* that are left of them; -1 if not said */
	bool		needs_private_network;	/* the server needs that option, if its
										 * host's address is right */
	bool		needs_certificates; /* the file of trusted certificates could
									 * not be read */
	const char *reason;			/* what happened, a sentence without secrets:
								 * "The gateway answered HTTP status 502." */
	const FpgoReply *reply;		/* NULL if there was no answer to read */
} FpgoOutcome;

/* The result of an inquiry. */
typedef struct FpgoFinding
{
	FpgoHttpStage stage;		/* that the request had reached */
	int			status;			/* HTTP status of a whole answer, 0 if there
								 * is none */
	int			retry_after_s;	/* when to come back, from 1 to 900; -1 if
								 * not said */
	bool		is_api;			/* a whole answer that is the API's own: JSON
								 * which names its status */
	bool		has_date;		/* the answer says when it was written */
	int64		ahead_s;		/* if so, how far our clock is ahead of it */
	int64		elapsed_us;		/* start to end */
	const char *reason;			/* why there is no whole answer, a sentence as
								 * in FpgoOutcome; NULL if there is one */
	bool		needs_private_network;	/* as in FpgoOutcome */
	bool		needs_certificates; /* as in FpgoOutcome */
	const char *body;			/* a whole answer's body, if it was asked for;
								 * UTF-8 without NUL, else NULL */
} FpgoFinding;

typedef struct FpgoExchange FpgoExchange;

/* Does a sentence of an answer name a field of an order? */
typedef bool FpgoNamesField(const char *sentence);

/*
 * Begin to submit an order.  payload is the wire text in UTF-8; is_change: it
 * changes an order that the gateway has, which it names.  secrets, and
 * the target's token, are masked in what the gateway says (see reply.h).
 * target, payload and secrets must outlive the exchange.  Memory and errors as
 * with fpgo_http_start().  The exchange is driven by fpgo_http_step().
 */
extern FpgoExchange *fpgo_exchange_start(const FpgoTarget *target,
										 const char *payload,
										 size_t payload_len,
										 bool is_change,
										 const char *const *secrets,
										 MemoryContext parent);

/*
 * Show what fpgo_exchange_start() would send, by the same code.  payload is in
 * the server's encoding, wire_len its length in UTF-8.  The target may be
 * without token.
 */
extern FpgoHttpShown fpgo_exchange_show(const FpgoTarget *target,
										const char *payload,
										size_t wire_len);

/*
 * Begin to ask for the status of an order, before a change of it is sent.  The
 * order must be named by an identifier of the gateway's.  secrets, memory and
 * errors as with fpgo_exchange_start(); the target, too, must outlive the
 * exchange.
 */
extern FpgoExchange *fpgo_exchange_ask_status(const FpgoTarget *target,
											  const char *order_uuid,
											  const char *const *secrets,
											  MemoryContext parent);

/*
 * Begin an inquiry: a GET of path, such as "/connect/orders/status", below the
 * target's url; path may have a query.  An inquiry changes nothing at the
 * gateway and may be ended at any time.
 *
 * body_limit: hand the answer's body over unread, if it has at most so many
 * bytes; 0: look at it and do not hand it over.  target must outlive the
 * exchange.  Memory and errors as with fpgo_http_start().  The exchange is
 * driven by fpgo_http_step().
 */
extern FpgoExchange *fpgo_exchange_inquire(const FpgoTarget *target,
										   const char *path,
										   size_t body_limit,
										   MemoryContext parent);

extern bool fpgo_exchange_is_done(const FpgoExchange *exchange);

/* Has the mark been reached: may the order's first byte have left? */
extern bool fpgo_exchange_is_sent(const FpgoExchange *exchange);

/*
 * The outcome, allocated in the current memory context; releases the exchange.
 * An exchange that is not done is ended first.  Raises only when memory runs
 * out; the exchange is then as it was, and can be finished later.
 */
extern FpgoOutcome *fpgo_exchange_finish(FpgoExchange *exchange,
										 FpgoNamesField *is_named);

/*
 * What the answer about an order's status means for a change of that order,
 * allocated in the current memory context: NULL if the change may be sent, else
 * what the change has come to without being sent.  Releases the exchange.
 * Raises as fpgo_exchange_finish() does.
 */
extern FpgoOutcome *fpgo_exchange_finish_status(FpgoExchange *exchange,
												const char *order_uuid);

/*
 * The result of an inquiry, allocated in the current memory context; releases
 * the exchange.  An exchange that is not done is ended first.  Raises only
 * when memory runs out.
 */
extern FpgoFinding *fpgo_exchange_find(FpgoExchange *exchange);

#endif							/* FPGO_EXCHANGE_H */
