/*
 * change.h
 *		The payload of a change: of an order that the gateway has.
 */
#ifndef FPGO_CHANGE_H
#define FPGO_CHANGE_H

#include "postgres.h"

typedef struct FpgoChange
{
	const char *payload;		/* what is to be sent; NULL ... */
	const char *refusal;		/* ... and why, a sentence, if that must not be */
} FpgoChange;

/*
 * Make a change of the order with that uuid of a payload that was validated:
 * fpgoUuid and orderFrom are added, and the whole is validated again.
 * tax_rates as in validate.h.  Raises if the payload cannot be read.
 */
extern FpgoChange fpgo_change_make(const char *payload, const char *order_uuid,
								   const char *const *tax_rates);

/*
 * The uuid of the order that a payload changes; NULL if it makes a new one.
 * Raises if the payload cannot be read.
 */
extern const char *fpgo_change_find_uuid(const char *payload);

#endif							/* FPGO_CHANGE_H */
