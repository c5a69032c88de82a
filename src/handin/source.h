/*
 * source.h
 *		The row that an order is made of: what stays the same of it.
 */
#ifndef FPGO_SOURCE_H
#define FPGO_SOURCE_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"

#include "handin/primary_key.h"
#include "records/submissions.h"

/*
 * The source of a row of an open table: the topmost table's name, as it was
 * first recorded, and the values of the primary key.  NULL if there is no
 * primary key.  Made in the current memory context.  SPI need not be connected.
 */
extern const FpgoSource *fpgo_source_of(const FpgoPrimaryKey *key,
										Relation table, HeapTuple row);

/* The key of an order that has the row's, and none of its own. */
extern const char *fpgo_source_key(const FpgoSource *source);

#endif							/* FPGO_SOURCE_H */
