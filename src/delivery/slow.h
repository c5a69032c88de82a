/*
 * slow.h
 *		Requests that have been unanswered for long.
 */
#ifndef FPGO_SLOW_H
#define FPGO_SLOW_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Note in each of the lanes (FpgoLane) how many of its flights (FpgoFlight) are
 * slow.  They give their places to others.
 */
extern void fpgo_slow_count(List *lanes, List *flights);

#endif							/* FPGO_SLOW_H */
