/*
 * age.h
 *		What of a finished submission is not kept for ever.
 *
 * Part of the records (see submissions.h).
 */
#ifndef FPGO_AGE_H
#define FPGO_AGE_H

#include "postgres.h"

#include "records/submissions.h"

/* Where BankID addresses are looked for. */
typedef enum FpgoAgeScope
{
	FPGO_AGE_NOWHERE,
	FPGO_AGE_NEXT_PART,			/* of the table of submissions */
	FPGO_AGE_WHOLE_TABLE
} FpgoAgeScope;

/*
 * Delete payloads that have been kept as long as they should, and take BankID
 * addresses out of submissions once their age has passed.  Takes no transaction
 * number where nothing is to be done.
 */
extern void fpgo_age_let_go(FpgoAgeScope scope);

/*
 * The BankID address of an accepted submission of this account.  NULL, with a
 * NOTICE, if its age has passed; NULL without one if the gateway gave none.
 */
extern const char *fpgo_age_show_address(const FpgoSubmission *submission,
										 const char *account);

#endif							/* FPGO_AGE_H */
