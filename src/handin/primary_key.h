/*
 * primary_key.h
 *		The primary key of a table whose rows orders are made of.
 */
#ifndef FPGO_PRIMARY_KEY_H
#define FPGO_PRIMARY_KEY_H

#include "postgres.h"

#include "access/htup.h"
#include "executor/spi.h"
#include "utils/relcache.h"

/* The primary key that the rows of a table have in its topmost table. */
typedef struct FpgoPrimaryKey
{
	Oid			top;			/* of a partition, the topmost table; else the
								 * table itself */
	int			n_columns;		/* 0: it has no primary key */
	const char *columns[INDEX_MAX_KEYS];	/* their names */
	AttrNumber	numbers[INDEX_MAX_KEYS];	/* their numbers in the table */
	Oid			types[INDEX_MAX_KEYS];
	SPIPlanPtr	lookup;			/* NULL until rows are asked for */
} FpgoPrimaryKey;

/*
 * The primary key of an open table, made in the current memory context.  Its
 * plan goes with that context.
 */
extern FpgoPrimaryKey *fpgo_primary_key_read(Relation table);

/* A value of the primary key of a row, its columns counted from 0. */
extern Datum fpgo_primary_key_value(const FpgoPrimaryKey *key, int column,
									Relation table, HeapTuple row);

/* Have two rows of the table different primary keys? */
extern bool fpgo_primary_key_differs(const FpgoPrimaryKey *key, Relation table,
									 HeapTuple row, HeapTuple other);

/*
 * Is there a row with the primary key of this one, in whatever partition?
 * Asked as the table's owner, past row security.  The key must have columns.
 */
extern bool fpgo_primary_key_exists(FpgoPrimaryKey *key, Relation table,
									HeapTuple row);

#endif							/* FPGO_PRIMARY_KEY_H */
