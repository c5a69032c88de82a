/*
 * follow_server.c
 *		Keeps the accounts of servers as servers are made, renamed and dropped.
 *
 * An event trigger.  In the transaction of the command:
 *
 *		CREATE SERVER	a name that an account of another server has gets an
 *						account of another name;
 *		RENAME TO		the account goes along;
 *		OPTIONS (url)	a NOTICE if the orders go to another host from now on;
 *		DROP SERVER		the account and its place are recorded, so that a server
 *						made later for the same account is recognised.
 *
 * CREATE SERVER makes no row where it need not: a dump creates its servers
 * before it restores the rows of the accounts.
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "foreign/foreign.h"
#include "nodes/parsenodes.h"

#include "account/names.h"
#include "account/options.h"
#include "base/fpgo.h"
#include "setup/account_changes.h"
#include "tables/statement.h"

PG_FUNCTION_INFO_V1(fpgo_follow_server);

/* A server of this name of fpgo's wrapper, or NULL. */
static ForeignServer *
find_own(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, true);

	if (server == NULL ||
		strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "fpgo") != 0)
		return NULL;
	return server;
}

static const char *
url_of(const ForeignServer *server)
{
	return fpgo_option_find(server->options, "url");
}

/* Say if orders of a server go to another place than before. */
static void
notice_move(const ForeignServer *server, const char *account)
{
	const char *former = fpgo_account_moved_from(account, url_of(server));

	if (former != NULL)
		fpgo_account_notice_move(server->servername, account, former);
}

static void
note_created(const char *name)
{
	ForeignServer *server = find_own(name);
	FpgoAccountDoubt doubt;
	const char *account;

	if (server == NULL)
		return;
	account = fpgo_account_find_name(name, url_of(server), &doubt);
	if (account != NULL)
		notice_move(server, account);
	else if (fpgo_account_is_recorded(name))
		fpgo_account_give(fpgo_account_new_name(name), name,
						  fpgo_account_origin(url_of(server)), NULL);
	else
		ereport(NOTICE,
				(errmsg("nothing is handed in for server \"%s\" until its account is known",
						name),
				 errdetail("%s", doubt.reason),
				 errhint("%s", fpgo_account_advise(name, &doubt))));
}

static void
note_renamed(const RenameStmt *rename)
{
	const char *former = strVal(rename->object);
	ForeignServer *server = find_own(rename->newname);
	FpgoAccountDoubt doubt;
	const char *account = server == NULL ? NULL :
		fpgo_account_find_name(former, url_of(server), &doubt);

	/* where orders went is not changed by a new name */
	if (account != NULL)
		fpgo_account_give(account, rename->newname,
						  fpgo_account_is_recorded(account) ? NULL :
						  fpgo_account_origin(url_of(server)), NULL);
}

static void
note_altered(const char *name)
{
	ForeignServer *server = find_own(name);
	FpgoAccountDoubt doubt;
	const char *account = server == NULL ? NULL :
		fpgo_account_find_name(name, url_of(server), &doubt);

	if (account != NULL)
		notice_move(server, account);
}

static void
note_dropped(const DropStmt *drop)
{
	ListCell   *cell;

	foreach(cell, drop->objects)
	{
		const char *name = strVal(lfirst(cell));
		ForeignServer *server = find_own(name);
		FpgoAccountDoubt doubt;
		const char *account = server == NULL ? NULL :
			fpgo_account_find_name(name, url_of(server), &doubt);

		if (account != NULL && fpgo_account_has_records(account))
			fpgo_account_record(account, name, url_of(server));
	}
}

Datum
fpgo_follow_server(PG_FUNCTION_ARGS)
{
	const EventTriggerData *trigger = (EventTriggerData *) fcinfo->context;
	const Node *command;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fpgo.follow_server must be called as an event trigger")));
	command = trigger->parsetree;
	if (!fpgo_table_exist())
		PG_RETURN_NULL();
	if (IsA(command, CreateForeignServerStmt))
		note_created(((const CreateForeignServerStmt *) command)->servername);
	else if (IsA(command, RenameStmt))
		note_renamed((const RenameStmt *) command);
	else if (IsA(command, AlterForeignServerStmt))
		note_altered(((const AlterForeignServerStmt *) command)->servername);
	else if (IsA(command, DropStmt))
		note_dropped((const DropStmt *) command);
	PG_RETURN_NULL();
}
