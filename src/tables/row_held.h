/*
 * row_held.h
 *		Does another transaction have a row?
 */
#ifndef FPGO_ROW_HELD_H
#define FPGO_ROW_HELD_H

#include "postgres.h"

#include "storage/itemptr.h"

/*
 * Would an UPDATE that changes no key, or with is_deleted a DELETE, wait for
 * another transaction that has locked or changed the row?  The row is looked at
 * and not locked: a moment later it may be another's.
 */
extern bool fpgo_row_is_held(Oid table, ItemPointer row, bool is_deleted);

#endif							/* FPGO_ROW_HELD_H */
