/*
 * accounts.c
 *		fpgo.new_account and adopt_account: a person says which account of the
 *		gateway a server has.
 *
 * Two servers, or a server before and after a change of its url, may have one
 * account at the gateway or two.  No catalog tells.  If fpgo guessed one, an
 * order of the other account would be taken for sent.  If it guessed two, an
 * order would be sent twice.
 */
#include "postgres.h"

#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "account/account.h"
#include "account/names.h"
#include "base/arguments.h"
#include "base/compat.h"
#include "base/fpgo.h"
#include "setup/account_changes.h"
#include "text/format.h"

PG_FUNCTION_INFO_V1(fpgo_new_account);
PG_FUNCTION_INFO_V1(fpgo_adopt_account);

/* ---------- arguments ---------- */

static const char *
required_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	const char *text = fpgo_text_argument(fcinfo, argument);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	if (fpgo_trim_unicode((FpgoSpan) {text, strlen(text)}).len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be blank", name)));
	return text;
}

/* A server of fpgo's that belongs to the current user. */
static ForeignServer *
require_own_server(const char *name)
{
	ForeignServer *server;

	/* raises if there is no such server, or if it is not one of fpgo's */
	(void) fpgo_account_terms(name);
	server = GetForeignServerByName(name, false);
	if (!fpgo_owns_server(server->serverid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_SERVER, name);
	return server;
}

static const char *
origin_of(const ForeignServer *server)
{
	return fpgo_account_origin(fpgo_option_find(server->options, "url"));
}

/* The account a server has; NULL if that is not known. */
static const char *
find_account(const ForeignServer *server)
{
	FpgoAccountDoubt doubt;

	return fpgo_account_find_name(server->servername,
								  fpgo_option_find(server->options, "url"),
								  &doubt);
}

/* ---------- SQL ---------- */

Datum
fpgo_new_account(PG_FUNCTION_ARGS)
{
	const char *name = required_argument(fcinfo, 0, "server");
	const char *reason = required_argument(fcinfo, 1, "reason");
	ForeignServer *server = require_own_server(name);
	const char *former = find_account(server);
	const char *account;

	/* an account that nobody used is as good as a new one */
	if (former != NULL && (fpgo_account_is_recorded(former) ||
						   fpgo_account_has_records(former)))
		fpgo_account_end(former, NULL, reason);
	account = fpgo_account_new_name(name);
	fpgo_account_give(account, name, origin_of(server), reason);
	PG_RETURN_TEXT_P(cstring_to_text(account));
}

/* The account that a person names: by its name, or by its last server's. */
static const char *
require_former(const char *name)
{
	const char *account = fpgo_account_find_by_server(name);

	if (account != NULL)
		return account;
	if (fpgo_account_is_recorded(name) || fpgo_account_has_records(name))
		return name;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the records have no account of server \"%s\"", name),
			 errhint("SELECT DISTINCT server FROM fpgo.submissions; names the servers that orders were handed in for.")));
}

/* Raises if a server that is there has the account. */
static void
require_left(const char *account, const char *new_server)
{
	const char *holder = fpgo_account_find_server(account);

	if (holder == NULL || strcmp(holder, new_server) == 0 ||
		GetForeignServerByName(holder, true) == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("server \"%s\" has this account", holder),
			 errdetail("An account has one server at a time."),
			 errhint("Drop that server first, or use it.")));
}

Datum
fpgo_adopt_account(PG_FUNCTION_ARGS)
{
	const char *former = required_argument(fcinfo, 0, "old");
	const char *name = required_argument(fcinfo, 1, "new");
	const char *reason = required_argument(fcinfo, 2, "reason");
	ForeignServer *server = require_own_server(name);
	const char *account = require_former(former);
	const char *own = find_account(server);

	require_left(account, name);
	if (own != NULL && strcmp(own, account) != 0 &&
		fpgo_account_has_records(own))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("server \"%s\" has an account with orders of its own",
						name),
				 errdetail("Two accounts with orders cannot become one: their keys could meet.")));
	fpgo_account_give(account, name, origin_of(server), reason);
	PG_RETURN_VOID();
}
