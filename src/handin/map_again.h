/*
 * map_again.h
 *		Rows that orders on record were made of, handed in again.
 */
#ifndef FPGO_MAP_AGAIN_H
#define FPGO_MAP_AGAIN_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "records/versions.h"

/* A row, by its source, and what became of it. */
typedef struct FpgoWantedRow
{
	FpgoSource	source;
	const char *role;			/* that its order was handed in by */
	bool		is_found;
	int64		submission;		/* 0: it has no order now, or is not found */
} FpgoWantedRow;

/*
 * Find the rows (FpgoWantedRow) in the tables that have a trigger which queues
 * invoices at the account, and hand in what they are now.  All rows of these
 * tables are read.  With raises, an order that cannot be made, or that breaks a
 * rule, is an error; else the trigger's on_invalid says what it is.
 */
extern void fpgo_map_again(const char *account, List *wanted, bool raises);

#endif							/* FPGO_MAP_AGAIN_H */
