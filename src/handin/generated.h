/*
 * generated.h
 *		The values of virtual generated columns in the row of a trigger.
 */
#ifndef FPGO_GENERATED_H
#define FPGO_GENERATED_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"

typedef struct FpgoGenerated FpgoGenerated;

/*
 * Prepare to compute the columns that a row of the table lacks.  Allocated in
 * the current memory context, which must live as long as rows are completed.
 */
extern FpgoGenerated *fpgo_generated_prepare(Relation table);

/* The row with their values; the row itself if it lacks none. */
extern HeapTuple fpgo_generated_complete(const FpgoGenerated *generated,
										 HeapTuple row);

#endif							/* FPGO_GENERATED_H */
