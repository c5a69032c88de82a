/*
 * callback_token.h
 *		The token in an order's callback URL, which names the submission.
 */
#ifndef FPGO_CALLBACK_TOKEN_H
#define FPGO_CALLBACK_TOKEN_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Returns the order with a new token in place of the placeholder (see
 * format.h), and sets the token.  If the callback URL has no placeholder or is
 * not valid, returns the order itself, and sets the token to NULL.
 */
extern Jsonb *fpgo_callback_token_fill(Jsonb *order, const char **token);

#endif							/* FPGO_CALLBACK_TOKEN_H */
