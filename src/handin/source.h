/*
 * source.h
 *		The row that an order is made of: what stays the same of it.
 */
#ifndef FPGO_SOURCE_H
#define FPGO_SOURCE_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"

#include "records/submissions.h"

/*
 * The source of a row of an open table: the topmost table's name and the
 * values of its primary key.  NULL if that table has no primary key.  Made in
 * the current memory context.
 */
extern const FpgoSource *fpgo_source_of(Relation table, HeapTuple row);

#endif							/* FPGO_SOURCE_H */
