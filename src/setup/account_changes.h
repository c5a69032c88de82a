/*
 * account_changes.h
 *		Changes of the table that says which account a server has.
 *
 * See account/names.h for what the table means.  Each function runs in the
 * caller's transaction, and makes every process look at the table again once
 * that is committed.
 */
#ifndef FPGO_ACCOUNT_CHANGES_H
#define FPGO_ACCOUNT_CHANGES_H

#include "postgres.h"

/*
 * The account goes with this server from now on; orders go to the origin.
 * Another account that had a server of that name has none any more.
 */
extern void fpgo_account_give(const char *account, const char *server,
							  const char *origin, const char *reason);

/* The account has no server any more; origin: of the one it had, or NULL. */
extern void fpgo_account_end(const char *account, const char *origin,
							 const char *reason);

/* A name for the next account of a server, which no record has. */
extern const char *fpgo_account_new_name(const char *server);

/* Is any order on record that was handed in for the account? */
extern bool fpgo_account_has_records(const char *account);

#endif							/* FPGO_ACCOUNT_CHANGES_H */
