/*
 * names.h
 *		Under which name the records keep the account of a foreign server.
 *
 * Records outlive servers, and servers are renamed.  Therefore records name an
 * account, and the table fpgo_internal.account says which server has it now.
 * An account without a row there has the name of its server.
 */
#ifndef FPGO_NAMES_H
#define FPGO_NAMES_H

#include "postgres.h"

#include "foreign/foreign.h"

/* longest name of an account, in bytes: a server's name and a number */
#define FPGO_ACCOUNT_NAME_MAX (NAMEDATALEN + 11)

/*
 * The name of a server's account; url is the server's option.  Allocated in
 * the current memory context, as are the texts of all functions here.  Raises
 * 55000 if only a person can tell which account the server has:
 *
 * - its name is that of an account whose server has another name now;
 * - it has no account yet, and the account of a server that is gone has the
 *   same url.
 */
extern const char *fpgo_account_name(const char *server, const char *url);

/* Why it is not known which account a server has. */
typedef struct FpgoAccountDoubt
{
	const char *reason;			/* a sentence */
	const char *former;			/* the account that it may have, as a person
								 * names it; NULL if it cannot have that one */
} FpgoAccountDoubt;

/* The same, but NULL instead of an error, and why. */
extern const char *fpgo_account_find_name(const char *server, const char *url,
										  FpgoAccountDoubt *doubt);

/* What to do about it, as a HINT. */
extern const char *fpgo_account_advise(const char *server,
									   const FpgoAccountDoubt *doubt);

/*
 * The name of the server that has an account now; NULL if none has.  That
 * there is such a server is not looked at.
 */
extern const char *fpgo_account_find_server(const char *account);

/* The account whose row names this server; NULL if none does. */
extern const char *fpgo_account_find_by_server(const char *server);

/* Names of the accounts whose server is gone, by commas; NULL if none is. */
extern const char *fpgo_account_list_left(void);

/*
 * Names of fpgo's other servers that have the address origin (see
 * fpgo_account_origin), by commas; NULL if none has.
 */
extern const char *fpgo_account_list_at(const char *origin,
										const ForeignServer *except);

/* Has the account a row? */
extern bool fpgo_account_is_recorded(const char *account);

/*
 * Do orders of this account go to another place than before?  Tells the place
 * they went to (see fpgo_account_origin), or NULL.
 */
extern const char *fpgo_account_moved_from(const char *account,
										   const char *url);

/* Says so by a NOTICE, if the server's account is known and has moved. */
extern void fpgo_account_notice_move(const char *server, const char *account,
									 const char *former_origin);

/* Scheme, host and port of a url: in small letters, without a default port. */
extern const char *fpgo_account_origin(const char *url);

/*
 * Record the account of a server and where its orders went, unless that is on
 * record.  Called when the gateway has taken an order, or may have.  A mistake
 * in a url that nobody answered at is not remembered.  Never waits: if another
 * transaction is changing accounts, the next order will do.
 */
extern void fpgo_account_record(const char *account, const char *server,
								const char *url);

#endif							/* FPGO_NAMES_H */
