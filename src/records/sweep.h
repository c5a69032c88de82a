/*
 * sweep.h
 *		Submissions whose process ended while it sent them.
 *
 * Part of the records (see submissions.h): it runs inside the caller's
 * transaction and commits nothing.
 */
#ifndef FPGO_SWEEP_H
#define FPGO_SWEEP_H

/*
 * Make submissions of dead runs uncertain, or queued if they certainly were not
 * sent; returns how many there were.
 */
extern int	fpgo_submission_sweep(void);

#endif							/* FPGO_SWEEP_H */
