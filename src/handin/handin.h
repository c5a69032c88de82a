/*
 * handin.h
 *		Makes a hand-in of an order: payload, key and hash.
 */
#ifndef FPGO_HANDIN_H
#define FPGO_HANDIN_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "account/account.h"
#include "records/submissions.h"

/*
 * Make the hand-in of an order for an account, by the current user.  The
 * account's defaults are laid under the order, its rules are checked, and
 * payload, key and hash are made.  Every hand-in is made here.
 *
 * key: the caller's; or NULL for the order's referenceNo or, without that, a
 * key that is good for this top-level transaction.  violations: NULL; or
 * receives the rules that the order breaks, as a list of FpgoViolation.
 *
 * Raises
 * - 23514 if the order breaks a rule and violations is NULL;
 * - 22023 if the order is no JSON object or the key is blank or too long;
 * - 54000 if the payload is over the limit.
 */
extern FpgoHandIn *fpgo_handin_make(Jsonb *order, const FpgoAccount *account,
									const char *key, List **violations);

#endif							/* FPGO_HANDIN_H */
