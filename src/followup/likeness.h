/*
 * likeness.h
 *		What tells an order of the gateway's from its others.
 */
#ifndef FPGO_LIKENESS_H
#define FPGO_LIKENESS_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Four traits of an order, each as a short text that is the same for the same
 * order, whether it is read from the payload that we sent or from what the
 * gateway has; NULL where nothing can be said.  What names a person or a
 * product is a keyed hash.  A customer has two: the personal number or the
 * organisation's, and, for a gateway that keeps that to itself, how they are
 * reached.
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

#endif							/* FPGO_LIKENESS_H */
