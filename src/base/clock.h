/*
 * clock.h
 *		A clock that only goes forward.
 *
 * Nobody can set this clock.  It is the same in all processes of a machine, so
 * a moment may lie in shared memory.  It begins anew when the machine starts,
 * so a moment is never stored.
 */
#ifndef FPGO_CLOCK_H
#define FPGO_CLOCK_H

#include "postgres.h"

/* A moment, in milliseconds.  0 means "none": it is before all others. */
typedef int64 FpgoMoment;

/* The moment that no moment comes after: "never again". */
#define FPGO_MOMENT_NEVER PG_INT64_MAX

/* Now; always above 0. */
extern FpgoMoment fpgo_clock_now(void);

/* So many milliseconds from now. */
extern FpgoMoment fpgo_clock_in(int64 ms);

/* Has the moment come? */
extern bool fpgo_clock_has_come(FpgoMoment moment);

/* How many milliseconds are left until the moment; 0 once it has come. */
extern long fpgo_clock_left(FpgoMoment moment);

/* Have so many milliseconds passed since the moment? */
extern bool fpgo_clock_has_passed(FpgoMoment since, int64 ms);

#endif							/* FPGO_CLOCK_H */
