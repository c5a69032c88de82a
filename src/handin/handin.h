/*
 * handin.h
 *		Makes a hand-in of an order: payload, key and hash.
 */
#ifndef FPGO_HANDIN_H
#define FPGO_HANDIN_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "account/account.h"
#include "order/spellings.h"
#include "records/submissions.h"

/* What a caller hands in. */
typedef struct FpgoGiven
{
	Jsonb	   *order;
	FpgoSpelling spelling;		/* a composite without a date gets one */
	const char *key;			/* NULL: the order's referenceNo or, without
								 * that, one made from its row, or from its
								 * hash and the role if it is of no row */
	const char *table;			/* that it is a row of; NULL if of none */
	const FpgoSource *source;	/* NULL: of no row, or of a table without a
								 * primary key */
	const FpgoSource *former_source;	/* of the row before its primary key
										 * was changed; NULL: it was not */
	bool		former_is_own;	/* it got that key in this transaction */
	FpgoOnChange on_change;		/* what another order under the key means */
} FpgoGiven;

/*
 * The order as rules and payload see it: with a server's defaults, which may
 * be NULL, and, if it is a composite without a date, with the time of the
 * transaction.  is_date_filled receives whether it got that.
 */
extern Jsonb *fpgo_handin_complete(Jsonb *order, FpgoSpelling spelling,
								   const char *defaults,
								   bool *is_date_filled);

/*
 * The payload of a complete order, in the server's encoding, and its length in
 * bytes as it is sent.  Raises 54000 if it is over the limit.
 */
extern StringInfoData fpgo_handin_payload(Jsonb *order, int *wire_len);

/* The rule by which orders are hashed here and now. */
extern int	fpgo_handin_rule(void);

/* The order's hash by a rule: FPGO_RULE_1_0, or that of order/sameness.h. */
extern void fpgo_handin_hash(const FpgoHandIn *handin, int rule,
							 uint8 hash[FPGO_HASH_BYTES]);

/*
 * Make the hand-in of an order for an account, by the current user.  The
 * account's defaults are laid under the order, its rules are checked, and
 * payload, key and hash are made.  Every hand-in is made here.
 *
 * violations: NULL; or receives the rules that the order breaks, as a list of
 * FpgoViolation.
 *
 * Raises
 * - 23514 if the order breaks a rule and violations is NULL;
 * - 22023 if the order is no JSON object or the key is blank or too long;
 * - 55000 if the order is of a row and neither has a key;
 * - 54000 if the payload is over the limit.
 */
extern FpgoHandIn *fpgo_handin_make(const FpgoGiven *given,
									const FpgoAccount *account,
									List **violations);

#endif							/* FPGO_HANDIN_H */
