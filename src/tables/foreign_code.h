/*
 * foreign_code.h
 *		Does running a statement run anybody's code but PostgreSQL's?
 */
#ifndef FPGO_FOREIGN_CODE_H
#define FPGO_FOREIGN_CODE_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/plancache.h"

#include "tables/row_plan.h"

/* most tables a statement may name to be looked at */
#define FPGO_BARE_TABLES 8

/* What was found out about one statement. */
typedef struct FpgoForeignCode
{
	uint64		looked_at;		/* number of changes then, as foreign_code.c
								 * counts them; 0: never */
	bool		is_bare;
	int			n_tables;
	Oid			tables[FPGO_BARE_TABLES];
	LOCKMODE	locks[FPGO_BARE_TABLES];	/* as running it takes them */
	FpgoRowPlan row_plan;			/* NONE if there is more than one table */
} FpgoForeignCode;

/* Has PostgreSQL a plan of the statement that it need not make anew? */
extern bool fpgo_foreign_code_has_plan(const CachedPlanSource *source);

/*
 * Look at a statement that has just run, so that its locks are held, unless
 * nothing has changed since it was looked at.
 */
extern void fpgo_foreign_code_look(FpgoForeignCode *foreign_code,
								   CachedPlanSource *source);

/*
 * Take the locks that running the statement takes, and tell whether its tables
 * have no foreign code: they then have none until the transaction ends.  False
 * also if that is not known for sure, or if running the statement would first
 * make another plan of it.
 */
extern bool fpgo_foreign_code_lock(const FpgoForeignCode *foreign_code,
								   CachedPlanSource *source);

/*
 * Has nothing changed since a plan was looked at, as far as this process has
 * heard?
 */
extern bool fpgo_foreign_code_holds(const FpgoRowPlan *plan);

#endif							/* FPGO_FOREIGN_CODE_H */
