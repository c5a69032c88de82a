/*
 * likeness.h
 *		The traits by which two orders are compared.
 */
#ifndef FPGO_LIKENESS_H
#define FPGO_LIKENESS_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Four traits of an order: amounts, date, products and customer.  Each is a
 * short text, or NULL if the order says nothing of it.  The text is the same
 * whether it is read from the payload that we sent or from the gateway's
 * details of that order.  Products and customers are keyed hashes.
 *
 * Two members tell a customer: "customer" is of the personal number or the
 * organisation number, "contact" of e-mail address and phone number.  A
 * gateway may not show the number.
 */
typedef struct FpgoLikeness
{
	const char *amounts;		/* the four totals, as decimal texts */
	const char *order_date;
	const char *products;		/* of every line, in whatever order */
	const char *customer;
	const char *contact;
} FpgoLikeness;

/* Allocated in the current memory context; raises nothing for what they say. */
extern FpgoLikeness *fpgo_likeness_of_payload(Jsonb *payload);
extern FpgoLikeness *fpgo_likeness_of_details(Jsonb *details);

/*
 * Names of the traits in which two differ, or in which one says nothing too,
 * as a list for a sentence; NULL if there is none.
 */
extern const char *fpgo_likeness_differs(const FpgoLikeness *a,
										 const FpgoLikeness *b);
extern const char *fpgo_likeness_differs_or_lacks(const FpgoLikeness *a,
												  const FpgoLikeness *b);

/*
 * Names of the traits in which the gateway does not show an order as a change
 * makes it: amounts and products that are not known to be the change's, a
 * customer that is known to be another.  NULL if there is none.  The date is not
 * compared, since the gateway may keep the first one.
 */
extern const char *fpgo_likeness_lacks_change(const FpgoLikeness *shown,
											  const FpgoLikeness *change);

/* Are amounts or products known to differ? */
extern bool fpgo_likeness_is_other_sale(const FpgoLikeness *a,
										const FpgoLikeness *b);

#endif							/* FPGO_LIKENESS_H */
