/*
 * cases.h
 *		Submissions that may have an order at the gateway.
 *
 * Everything runs inside the caller's transaction, with SPI connected unless it is
 * said; results are allocated in the memory context that is given.
 */
#ifndef FPGO_CASES_H
#define FPGO_CASES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "followup/likeness.h"
#include "tables/operators.h"

/*
 * Is submission s, in a statement, queued by another database?  own: the parameter
 * that has this database's origins, of fpgo_origins_own().
 */
#define FPGO_IS_ELSEWHERE(s, own) \
	"(" s ".state " EQ " ANY ('{queued}')" \
	" AND (" s ".origin " EQ " ANY (" own ")) IS NOT TRUE)"

/*
 * A submission that may have an order at the gateway: it is uncertain, or sending
 * and might become uncertain.  Or another database queued it, of which this one
 * is a copy, and may have sent it.
 */
typedef struct FpgoUncertain
{
	int64		submission;
	const char *server;
	const char *role;
	bool		is_elsewhere;	/* another database queued it */
	bool		is_uncertain;
	int64		run;			/* the run that sends it; 0 if uncertain */
	const char *payload;		/* NULL if it is kept no longer, or if another
								 * database queued it */
	List	   *named;			/* texts: orders that callbacks named, two at
								 * most */
	const char *change_of;		/* uuid of its order's accepted version, which
								 * it changes; NULL: it makes a new order */
	const char *former_payload; /* of that version; NULL if it is kept no
								 * longer */
	bool		had_other_total;	/* that version has another grand total */
	bool		has_rival;		/* a change since was given up, though it may
								 * have arrived */
} FpgoUncertain;

/*
 * All that are uncertain or sending, and all that another database queued: lists
 * of FpgoUncertain, by server and role.  There may be many of the second kind,
 * which therefore have no payloads: fpgo_submission_find_payload() has.
 */
extern List *fpgo_cases_uncertain(MemoryContext context);
extern List *fpgo_cases_elsewhere(MemoryContext context);

/*
 * Is there any that another database queued?  Costs nothing where no other is on
 * record, and otherwise a look at the whole queue.  SPI must not be connected.
 */
extern bool fpgo_cases_have_elsewhere(void);

/*
 * So many at most of what another database queued, whose likeness is not on
 * record yet: a list of FpgoUncertain with number and payload.
 */
extern List *fpgo_cases_undescribed(int max, MemoryContext context);

/* An account whose orders this database sends, and another one sent before. */
typedef struct FpgoMovedAccount
{
	const char *server;
	const char *role;			/* that handed in its newest submission; NULL if
								 * there is none */
} FpgoMovedAccount;

/* All such accounts: a list of FpgoMovedAccount. */
extern List *fpgo_cases_moved(MemoryContext context);

/* Record the likeness of a submission's order, unless it is on record. */
extern void fpgo_cases_describe(const FpgoUncertain *uncertain,
								const FpgoLikeness *likeness);

#endif							/* FPGO_CASES_H */
