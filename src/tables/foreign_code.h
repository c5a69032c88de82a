/*
 * foreign_code.h
 *		Does a statement run code that others put on fpgo's tables?
 */
#ifndef FPGO_FOREIGN_CODE_H
#define FPGO_FOREIGN_CODE_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/plancache.h"

#include "tables/row_plan.h"

/* a statement with more tables counts as one with foreign code */
#define FPGO_FOREIGN_CODE_TABLES 8

/* What is known of one statement's tables. */
typedef struct FpgoForeignCode
{
	uint64		looked_at;		/* the counter of changes in foreign_code.c at
								 * that time; 0: never */
	bool		is_none;		/* its tables have no foreign code */
	int			n_tables;
	Oid			tables[FPGO_FOREIGN_CODE_TABLES];
	LOCKMODE	locks[FPGO_FOREIGN_CODE_TABLES];	/* that running it takes */
	FpgoRowPlan row_plan;			/* NONE if there is more than one table */
} FpgoForeignCode;

/* Has PostgreSQL a plan of the statement that is still valid? */
extern bool fpgo_foreign_code_has_plan(const CachedPlanSource *source);

/*
 * Look at the tables of a statement that has just run, whose locks are held.
 * Does nothing if nothing has changed since the last time.
 */
extern void fpgo_foreign_code_look(FpgoForeignCode *foreign_code,
								   CachedPlanSource *source);

/*
 * Take the locks that running the statement takes.  Returns true if its tables
 * have no foreign code; they then get none until the transaction ends.
 * Returns false also if that is not known for sure, or if PostgreSQL would
 * plan the statement anew.
 */
extern bool fpgo_foreign_code_lock(const FpgoForeignCode *foreign_code,
								   CachedPlanSource *source);

/*
 * Is a plan still good?  False if this process has heard of a change since the
 * plan was looked at.
 */
extern bool fpgo_foreign_code_holds(const FpgoRowPlan *plan);

#endif							/* FPGO_FOREIGN_CODE_H */
