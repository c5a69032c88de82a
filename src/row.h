/*
 * row.h
 *		A row written without a statement.
 */
#ifndef FPGO_ROW_H
#define FPGO_ROW_H

#include "postgres.h"

/*
 * Insert a row of these columns, all there are, into a table that is bare and
 * locked (see bare.h).  nulls as for SPI: 'n' or ' '.  Raises what an INSERT
 * would.
 */
extern void fpgo_row_insert(Oid table, Datum *values, const char *nulls);

#endif							/* FPGO_ROW_H */
