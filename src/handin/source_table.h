/*
 * source_table.h
 *		The name that a table had when rows of it were first handed in.
 */
#ifndef FPGO_SOURCE_TABLE_H
#define FPGO_SOURCE_TABLE_H

#include "postgres.h"

typedef struct FpgoTableName
{
	const char *schema;
	const char *name;
} FpgoTableName;

/*
 * The name that sources of the table's rows are made of.  If it is not on
 * record, that is done in the caller's transaction; no other one is waited for.
 * Made in the current memory context.  SPI need not be connected.
 */
extern FpgoTableName fpgo_source_table_name(Oid table);

#endif							/* FPGO_SOURCE_TABLE_H */
