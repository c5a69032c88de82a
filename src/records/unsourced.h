/*
 * unsourced.h
 *		Orders of rows that fpgo 1.0 recorded without their row.
 *
 * Part of the records (see submissions.h).  Where the SQL objects are those of
 * 1.0, these functions must not be called.
 */
#ifndef FPGO_UNSOURCED_H
#define FPGO_UNSOURCED_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "records/submissions.h"

/*
 * Submissions (FpgoSubmission) of 1.0 without reference and key that may be the
 * order of this hand-in's row: of its role, or of one that is gone; neither
 * refused nor cancelled; and of no other row.  SPI must not be connected.
 *
 * by_hash: those with this hash by the rule of 1.0.
 * with_payload: all that have a payload yet.
 */
extern List *fpgo_unsourced_by_hash(const FpgoHandIn *handin,
									const uint8 hash[FPGO_HASH_BYTES]);
extern List *fpgo_unsourced_with_payload(const FpgoHandIn *handin);

/*
 * A submission of 1.0 becomes that of a row.  Returns false if it has become
 * another row's.
 */
extern bool fpgo_unsourced_take(int64 submission, const FpgoSource *source);

#endif							/* FPGO_UNSOURCED_H */
