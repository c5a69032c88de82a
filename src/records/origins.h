/*
 * origins.h
 *		Which submissions were handed in to this database, and not to one that
 *		it was copied from.
 *
 * Part of the records (see submissions.h).  None of these works during recovery.
 */
#ifndef FPGO_ORIGINS_H
#define FPGO_ORIGINS_H

#include "postgres.h"

#include "origin/parts.h"

/* The number of this database's origin, for a new submission; and its parts. */
extern int64 fpgo_origin_here(void);
extern const FpgoOriginParts *fpgo_origin_parts(void);

/*
 * The numbers of all origins on record that are this database's, its own among
 * them: an int8[] that stays until the process hears of another origin.
 */
extern Datum fpgo_origins_own(void);

/* Are others on record?  Costs nothing once the process knows. */
extern bool fpgo_origins_have_others(void);

/* Is it one of those?  0 is none. */
extern bool fpgo_origin_is_own(int64 number);

/* The parts of an origin on record; NULL if it has no row. */
extern const FpgoOriginParts *fpgo_origin_find(int64 number);

/* Put this database's origin on record, unless it is. */
extern void fpgo_origin_record(void);

#endif							/* FPGO_ORIGINS_H */
