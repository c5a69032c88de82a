/*
 * keyless.h
 *		What is said of an order without a key that was accepted before.
 */
#ifndef FPGO_KEYLESS_H
#define FPGO_KEYLESS_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * The order at hand has neither key nor referenceNo, and the same one was
 * accepted before.  Within fpgo.keyless_window it is the same call: a NOTICE
 * says that nothing was sent.  After that it raises 23505.
 */
extern void fpgo_keyless_answer(const FpgoHandIn *handin,
								const FpgoSubmission *earlier);

#endif							/* FPGO_KEYLESS_H */
