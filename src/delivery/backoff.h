/*
 * backoff.h
 *		How long to wait before an order that was not sent is tried again.
 */
#ifndef FPGO_BACKOFF_H
#define FPGO_BACKOFF_H

/*
 * Seconds to wait after an attempt, with jitter; attempts count from 1.
 */
extern int	fpgo_backoff(int attempt);

/* The same, but at most that many seconds. */
extern int	fpgo_backoff_at_most(int attempt, int max);

/*
 * Seconds to wait after "too many requests".  retry_after_s is what the
 * gateway said, or -1.
 */
extern int	fpgo_backoff_slow_down(int retry_after_s);

#endif							/* FPGO_BACKOFF_H */
