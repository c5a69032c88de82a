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

/* What is known of one statement's table. */
typedef struct FpgoForeignCode
{
	uint64		looked_at;		/* the counter of changes in foreign_code.c at
								 * that time; 0: never */
	FpgoRowPlan row_plan;		/* NONE if the table has foreign code, or the
								 * statement has more than one table */
	LOCKMODE	lock;			/* that running it takes */
} FpgoForeignCode;

/* Has PostgreSQL a plan of the statement that is still valid? */
extern bool fpgo_foreign_code_has_plan(const CachedPlanSource *source);

/*
 * Look at the table of a statement that has just run, whose lock is held.
 * Does nothing if nothing has changed since the last time.
 */
extern void fpgo_foreign_code_look(FpgoForeignCode *foreign_code,
								   CachedPlanSource *source);

/*
 * Take the lock that running the statement takes.  Returns true if the row
 * plan can be used: the table has no foreign code, and gets none until the
 * transaction ends.  Returns false also if that is not known for sure, or if
 * PostgreSQL would plan the statement anew.
 */
extern bool fpgo_foreign_code_lock(const FpgoForeignCode *foreign_code,
								   CachedPlanSource *source);

/*
 * Is a plan still good?  False if this process has heard of a change since the
 * plan was looked at.
 */
extern bool fpgo_foreign_code_holds(const FpgoRowPlan *plan);

#endif							/* FPGO_FOREIGN_CODE_H */
