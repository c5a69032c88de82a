/*
 * callback_token.h
 *		The token in an order's callback URL, by which its submission is known.
 */
#ifndef FPGO_CALLBACK_TOKEN_H
#define FPGO_CALLBACK_TOKEN_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The order with a new token in the place of the placeholder (see format.h),
 * and the token; the order as it is, and NULL, if its callback URL has no
 * placeholder or will not do.
 */
extern Jsonb *fpgo_callback_token_fill(Jsonb *order, const char **token);

#endif							/* FPGO_CALLBACK_TOKEN_H */
