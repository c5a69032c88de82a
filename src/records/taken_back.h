/*
 * taken_back.h
 *		Orders that a person took back.
 *
 * Part of the records (see submissions.h).  SPI must not be connected.
 */
#ifndef FPGO_TAKEN_BACK_H
#define FPGO_TAKEN_BACK_H

#include "postgres.h"

#include "records/versions.h"

/* A submission that a person took back, and who did so. */
typedef struct FpgoTakenBack
{
	int64		id;
	const char *role;
	const char *day;
	bool		for_good;
	bool		is_answered;	/* a hand-in was refused for it already */
} FpgoTakenBack;

/*
 * The version that a person took back, if the order was not handed in again
 * since, or if it was taken back for good; else NULL.
 */
extern FpgoTakenBack *fpgo_taken_back_find(const FpgoVersions *versions);

/* Why it is not handed in again, in a sentence for the records. */
extern const char *fpgo_taken_back_reason(const FpgoTakenBack *taken_back);

/* Raises 23505 if the order was taken back for good. */
extern void fpgo_taken_back_require_none(const FpgoHandIn *handin,
										 const FpgoVersions *versions);

#endif							/* FPGO_TAKEN_BACK_H */
