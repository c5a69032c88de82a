/*
 * handin.h
 *		An order handed in: validated, and with all its record needs.
 */
#ifndef FPGO_HANDIN_H
#define FPGO_HANDIN_H

#include "postgres.h"

#include "utils/jsonb.h"

#define FPGO_HASH_BYTES 32

typedef struct FpgoHandIn
{
	const char *server;			/* name of the foreign server */
	const char *key;			/* what makes a second call the same call */
	uint8		order_hash[FPGO_HASH_BYTES];	/* of the payload, keyed */
	const char *reference;		/* referenceNo, NULL if there is none */
	const char *role;			/* name of the role that hands it in */
	const char *grand_total;	/* decimal text, NULL if there is none */
	const char *payload;		/* wire text in the database's encoding */
	int			payload_len;
	const char *callback_token; /* stands in the callback URL for the
								 * submission; NULL if none does */
	Jsonb	   *order;			/* as it is sent; not known where it was handed
								 * over to */
	const char *const *advice;	/* sentences, NULL after the last; or NULL */
} FpgoHandIn;

/* most pieces of advice that are kept */
#define FPGO_MAX_ADVICE 20

/*
 * Make one of a valid order.  key: the caller's, or NULL for the order's
 * referenceNo or, without that, a key that holds within this top-level
 * transaction.  Raises 54000 if the payload is over the limit, 22023 if the
 * key is blank or too long.
 */
extern FpgoHandIn *fpgo_handin_make(Jsonb *order, const char *server,
									const char *key);

/* The hash that texts of an order are compared by, keyed by fpgo's secret. */
extern void fpgo_handin_hash(const char *data, size_t len,
							 uint8 result[FPGO_HASH_BYTES]);

/* The payload in UTF-8, as it is sent; len receives its length. */
extern const char *fpgo_handin_wire(const char *payload, int *len);

/* Raises 55000 where an order cannot be handed in: standby, read-only. */
extern void fpgo_handin_require_writable(void);

#endif							/* FPGO_HANDIN_H */
