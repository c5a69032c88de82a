/*
 * holder.h
 *		What is said of the submission that holds a key, if another order is
 *		handed in under it.
 */
#ifndef FPGO_HOLDER_H
#define FPGO_HOLDER_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * Its state, for a sentence; of an accepted one also the order's uuid, if the
 * current user may know it.
 */
extern const char *fpgo_holder_state(const FpgoSubmission *holder);

/*
 * What to do if the order at hand corrects that one, as a HINT.  It never
 * advises another key: that would be a second invoice of the same purchase.
 */
extern const char *fpgo_holder_advise(const FpgoSubmission *holder);

/* Raises 23505: another order has the key. */
pg_noreturn extern void fpgo_holder_raise_taken(const FpgoHandIn *handin,
												const FpgoSubmission *holder);

/* Raises 23505: the same order was handed in before. */
pg_noreturn extern void fpgo_holder_raise_duplicate(const FpgoHandIn *handin,
													const FpgoSubmission *earlier);

#endif							/* FPGO_HOLDER_H */
