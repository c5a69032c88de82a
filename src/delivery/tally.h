/*
 * tally.h
 *		Counts what the orders of a delivery came to.
 */
#ifndef FPGO_TALLY_H
#define FPGO_TALLY_H

#include "postgres.h"

#include "records/submissions.h"

typedef struct FpgoTally
{
	int64		n_accepted;
	int64		n_refused;
	int64		n_uncertain;
	int64		n_put_off;		/* queued again, after an attempt */
} FpgoTally;

/* One more has reached this state. */
static inline void
fpgo_tally_add(FpgoTally *tally, FpgoSubmissionState state)
{
	if (state == FPGO_STATE_ACCEPTED)
		tally->n_accepted++;
	else if (state == FPGO_STATE_REFUSED)
		tally->n_refused++;
	else if (state == FPGO_STATE_UNCERTAIN)
		tally->n_uncertain++;
	else
		tally->n_put_off++;
}

#endif							/* FPGO_TALLY_H */
