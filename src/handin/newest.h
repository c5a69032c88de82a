/*
 * newest.h
 *		What became of a row in the own transaction.
 */
#ifndef FPGO_NEWEST_H
#define FPGO_NEWEST_H

#include "postgres.h"

#include "access/htup.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

typedef enum FpgoFate
{
	FPGO_ROW_THERE,
	FPGO_ROW_GONE,				/* deleted */
	FPGO_ROW_MOVED				/* to another partition */
} FpgoFate;

/*
 * The newest version of a row of which the own transaction made this version.
 * Returns the row itself if that is the newest, a copy of a later one, or NULL
 * if the row is not in the table any more.
 */
extern HeapTuple fpgo_newest_version(Relation table, HeapTuple row,
									 FpgoFate *fate);

/* Is the version at this place the newest? */
extern bool fpgo_newest_is(Relation table, ItemPointer place);

/* Has the row that had a version at this place any version now? */
extern bool fpgo_newest_exists(Relation table, ItemPointer place);

/* Did this version of a row, which was deleted, move to another partition? */
extern bool fpgo_newest_is_moved(HeapTuple row);

#endif							/* FPGO_NEWEST_H */
