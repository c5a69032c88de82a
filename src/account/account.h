/*
 * account.h
 *		An account: a foreign server and its user mapping.
 */
#ifndef FPGO_ACCOUNT_H
#define FPGO_ACCOUNT_H

#include "postgres.h"

#include "account/options.h"
#include "gateway/exchange.h"

/* How long payloads stay once their submissions are finished, in seconds. */
typedef struct FpgoRetention
{
	int			finished_s;
	int			refused_s;		/* of those that the gateway refused: a person
								 * may queue them again */
} FpgoRetention;

typedef struct FpgoAccount
{
	Oid			server;
	const char *name;			/* under which the records keep it */
	const char *moved_from;		/* where its orders went before; or NULL */
	FpgoTarget	target;
	FpgoTerms	terms;
	int			concurrency;	/* most requests of a delivery under way */
	FpgoRetention retention;
} FpgoAccount;

/*
 * The account of a foreign server (NULL: the one that fpgo.server names), for
 * a role.  Raises 42704 if there is no such server, 42501 without USAGE on it,
 * 55000 if its name in the records is not known (names.h).
 *
 * fpgo_account_check() leaves the token NULL; its result is good until the
 * transaction ends.  fpgo_account_resolve() reads the token too, and raises
 * 55000 without mapping or token; its result is allocated in the current
 * memory context.
 */
extern const FpgoAccount *fpgo_account_check(const char *server_name, Oid role);
extern FpgoAccount *fpgo_account_resolve(const char *server_name, Oid role);

/*
 * fpgo_account_resolve() of an account by its name in the records.  Raises
 * 42704 as well if no server has the account any more.
 */
extern FpgoAccount *fpgo_account_resolve_recorded(const char *account_name,
												  Oid role);

/*
 * Whose user mapping of a server a role's orders go with: the role's own, or
 * PUBLIC's, which has the name "".  Says so of PUBLIC's also if there is none.
 */
extern const char *fpgo_account_mapping(Oid server, Oid role);

/*
 * Do some work with a resolved account; its token is overwritten afterwards,
 * however the work ends.
 */
extern void fpgo_account_use(const FpgoAccount *account,
							 void (*work) (void *arg), void *arg);

/* Overwrite the token, once it is not needed any more. */
extern void fpgo_account_wipe(const FpgoAccount *account);

/*
 * The terms of a server; with NULL those of the one that fpgo.server names, if
 * it exists.  Needs no right on the server.
 */
extern FpgoTerms fpgo_account_terms(const char *server_name);

/*
 * The name in the records of the account of a server (NULL: the one that
 * fpgo.server names), which may be gone: as the views name it.  Needs no right
 * on the server.  Raises 42704 if there neither is nor was such a server, 42809
 * if it is not one of fpgo's, 55000 if its account is not known (names.h).
 */
extern const char *fpgo_account_recorded_name(const char *server_name);

/*
 * How long payloads of an account stay; not at all if its server does not exist
 * any more.  Takes the account's name in the records.  Needs no right on the
 * server.
 */
extern FpgoRetention fpgo_account_retention(const char *account_name);

/*
 * How long BankID addresses of an account are kept, in seconds, from the
 * acceptance on; the default if its server does not exist any more.
 */
extern int	fpgo_account_bank_id_age(const char *account_name);

/* What a server's callbacks are verified with. */
typedef struct FpgoCallbackTerms
{
	const char *account_name;	/* in the records */
	char	   *secret;			/* the caller overwrites it */
	int			window_ms;		/* how old a callback may be */
} FpgoCallbackTerms;

/*
 * The callback terms of a server (NULL: the one that fpgo.server names).  The
 * secret is that of PUBLIC's user mapping.  Needs no right on the server.
 * Raises 42704 if there is no such server, 55000 without a secret.
 */
extern FpgoCallbackTerms
fpgo_account_callback_terms(const char *server_name);

#endif							/* FPGO_ACCOUNT_H */
