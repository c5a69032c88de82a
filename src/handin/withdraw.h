/*
 * withdraw.h
 *		Orders of rows that are gone, or have no order any more.
 */
#ifndef FPGO_WITHDRAW_H
#define FPGO_WITHDRAW_H

#include "postgres.h"

#include "handin/handin.h"

/*
 * The order of a row is not wanted any more, and why, in a sentence.  Does
 * nothing if no submission of the row is unfinished, or source is NULL.  If the
 * row has a former source, its order moves, finished or not.
 */
extern void fpgo_withdraw_row(const char *server_name,
							  const FpgoGiven *given, const char *why);

/* The same for all rows of a table, by the name that their sources have. */
extern void fpgo_withdraw_table(const char *server_name, const char *table,
								const char *why);

#endif							/* FPGO_WITHDRAW_H */
