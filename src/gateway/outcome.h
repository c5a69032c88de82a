/*
 * outcome.h
 *		The outcome of a request for an invoice.
 *
 * Pure: no postgres.h, no libcurl, no json-c.
 */
#ifndef FPGO_OUTCOME_H
#define FPGO_OUTCOME_H

#include <stdbool.h>

typedef enum FpgoOutcomeClass
{
	FPGO_OUTCOME_ACCEPTED,		/* the gateway has the order, and said so */
	FPGO_OUTCOME_REFUSED,		/* the gateway refused the order for good */
	FPGO_OUTCOME_UNREACHED,		/* certainly not processed; may pass */
	FPGO_OUTCOME_MISCONFIGURED, /* certainly not processed; someone must mend
								 * the address or a certificate */
	FPGO_OUTCOME_CREDENTIALS,	/* certainly not processed: token refused */
	FPGO_OUTCOME_NOT_API,		/* certainly not processed: no answer of the
								 * API's own about an order */
	FPGO_OUTCOME_SLOW_DOWN,		/* certainly not processed: too many at once */
	FPGO_OUTCOME_UNKNOWN		/* may have been processed; never send again
								 * blindly */
} FpgoOutcomeClass;

/* The facts that an outcome follows from. */
typedef struct FpgoOutcomeFacts
{
	int			code;			/* libcurl's result; negative: fpgo ended it */
	bool		mark_reached;	/* the first byte may have left */
	bool		headers_complete;	/* all headers of the answer arrived */
	int			status;			/* HTTP status, 0 if none */
	bool		has_order_uuid; /* the answer is JSON with a data.orderUuid */
	bool		contradicts_itself; /* a success whose body says error, or a
									 * body that names another status */
	bool		peer_refused;	/* no connection, since the peer's address is
								 * not allowed */
	bool		is_change;		/* the order changes one that the gateway has */
	bool		is_json;		/* the answer is a JSON object */
	bool		is_api;			/* and names its status, as the API does */
	bool		names_field;	/* and its errors name a field of an order */
	bool		says_no_order;	/* the API's own answer that there is no such
								 * order */
	bool		names_status;	/* of an order's status: the answer names the
								 * order that was asked for, and a status */
	bool		is_changeable;	/* if so: the API takes changes in that status */
} FpgoOutcomeFacts;

extern FpgoOutcomeClass fpgo_outcome_classify(const FpgoOutcomeFacts *facts);

/*
 * The question for an order's status, before a change of that order is sent.
 * ACCEPTED: the change may be sent.  REFUSED: it must not be.  Never UNKNOWN: a
 * question changes nothing.
 */
extern FpgoOutcomeClass
fpgo_outcome_classify_status(const FpgoOutcomeFacts *facts);

/* "accepted", "refused", ... */
extern const char *fpgo_outcome_name(FpgoOutcomeClass outcome);

#endif							/* FPGO_OUTCOME_H */
