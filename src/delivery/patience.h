/*
 * patience.h
 *		How long processes that send go on, in milliseconds.
 */
#ifndef FPGO_PATIENCE_H
#define FPGO_PATIENCE_H

/*
 * How long flights may still take after SIGTERM.  DROP DATABASE WITH (FORCE)
 * gives up after five seconds.
 */
#define FPGO_GRACE_MS 3500

/*
 * How long flights may still take after the postmaster died.  While this
 * process lives, its shared memory keeps a new postmaster from starting.
 */
#define FPGO_ORPHAN_GRACE_MS 2000

/* between two tries to record an outcome, and how long to go on trying */
#define FPGO_RETRY_MS 1000
#define FPGO_RETRY_LIMIT_MS 10000

#endif							/* FPGO_PATIENCE_H */
