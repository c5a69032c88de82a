/*
 * account.c
 *		An account: a foreign server and its user mapping.
 *
 * The server says where orders go and within which limits.  The user mapping
 * has the credentials.  USAGE on the server is the right to submit.  Options
 * were checked when they were written (options.c).  They are checked again
 * here where a mistake would send a secret to the wrong place.
 *
 * A token appears in no message, neither when it is refused nor later.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "account/account.h"
#include "account/names.h"
#include "account/token.h"
#include "base/compat.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "base/texts.h"

/* appended to the server's url unless its option submit_path says otherwise */
#define DEFAULT_SUBMIT_PATH "/connect/orders/invoice/submit"

/*
 * In milliseconds.  The wait for a connection is short, since nothing was sent
 * yet.  The wait for the answer is long: without an answer the submission
 * becomes uncertain.
 */
#define DEFAULT_CONNECT_TIMEOUT 10000
#define DEFAULT_TIMEOUT 120000

/* how old a callback may be, in milliseconds */
#define DEFAULT_CALLBACK_WINDOW (15 * 60 * 1000)

/*
 * How long an idle connection is kept, in milliseconds.  Web servers keep
 * theirs for longer: then a request rarely meets one that is being closed.
 */
#define DEFAULT_KEEPALIVE 10000

/* how long the gateway counts requests before it begins anew, in ms */
#define DEFAULT_RATE_WINDOW (60 * 1000)

/*
 * How long a BankID address is kept, in seconds.  Nobody documents how long one
 * works.  It begins a sign-in, which is a matter of minutes; a week lets a shop
 * that was closed send it to its customer.
 */
#define DEFAULT_BANK_ID_AGE (7 * 86400)

/* time to notice that a gateway refused what it should not have, in seconds */
#define DEFAULT_RETENTION_REFUSED (3 * 86400)

/* how many requests a delivery has under way at once */
#define DEFAULT_CONCURRENCY 4

/* ---------- resolving ---------- */

/* The server of this name, or NULL; raises if it is not one of fpgo's. */
static ForeignServer *
find_server(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, true);

	if (server != NULL &&
		strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "fpgo") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a gateway of fpgo", name),
				 errdetail("Its foreign-data wrapper is \"%s\".",
						   GetForeignDataWrapper(server->fdwid)->fdwname),
				 errhint("Name another server, or set fpgo.server."),
				 fpgo_errhide()));
	return server;
}

/* The names of fpgo's servers, by commas; "" if there is none. */
static const char *
list_servers(void)
{
	StringInfoData names;
	Relation	servers = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(servers, ForeignServerNameIndexId,
										  true, NULL, 0, NULL);
	HeapTuple	tuple;

	initStringInfo(&names);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_foreign_server row = (Form_pg_foreign_server) GETSTRUCT(tuple);

		if (strcmp(GetForeignDataWrapper(row->srvfdw)->fdwname, "fpgo") == 0)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 quote_identifier(NameStr(row->srvname)));
	}
	systable_endscan(scan);
	table_close(servers, AccessShareLock);
	return names.data;
}

static ForeignServer *
require_server(const char *name)
{
	ForeignServer *server = find_server(name);

	if (server == NULL)
	{
		const char *others = list_servers();

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", name),
				 strcmp(name, fpgo_server_name) == 0 ?
				 errdetail("The setting fpgo.server names it.") : 0,
				 errhint("%s%s%sCREATE SERVER %s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://demo-api.frontpayment.no/api/v1');",
						 others[0] ? "Servers of fpgo are: " : "", others,
						 others[0] ? ".  To make another: " : "",
						 quote_identifier(name)),
				 fpgo_errhide()));
	}
	return server;
}

static void
require_usage(Oid server, const char *name, Oid role)
{
	if (fpgo_server_aclcheck(server, role, ACL_USAGE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for foreign server \"%s\"", name),
				 errhint("GRANT USAGE ON FOREIGN SERVER %s TO %s;",
						 quote_identifier(name),
						 quote_identifier(GetUserNameFromId(role, false))),
				 fpgo_errhide()));
}

/* Options of the mapping of this role (InvalidOid: PUBLIC). */
static bool
find_mapping(Oid role, Oid server, List **defs)
{
	HeapTuple	tuple = SearchSysCache2(USERMAPPINGUSERSERVER,
										ObjectIdGetDatum(role),
										ObjectIdGetDatum(server));
	Datum		datum;
	bool		is_null;

	if (!HeapTupleIsValid(tuple))
		return false;
	datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple,
							Anum_pg_user_mapping_umoptions, &is_null);
	*defs = is_null ? NIL : untransformRelOptions(datum);
	ReleaseSysCache(tuple);
	return true;
}

const char *
fpgo_account_mapping(Oid server, Oid role)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
								 ObjectIdGetDatum(server)) ?
		GetUserNameFromId(role, false) : "";
}

/* The secret in a file that a user mapping names. */
static char *
read_secret_file(const ForeignServer *server, const char *file,
				 const char *what)
{
	/* the server's owner can send the secret to any url */
	if (!has_privs_of_role(server->owner, ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s file of server \"%s\" is not honoured", what,
						server->servername),
				 errdetail("The server's owner \"%s\" may not read files of the server.",
						   GetUserNameFromId(server->owner, true)),
				 errhint("GRANT pg_read_server_files TO %s; or put the %s itself into the user mapping.",
						 quote_identifier(GetUserNameFromId(server->owner,
															false)), what),
				 fpgo_errhide()));
	return fpgo_token_read(file, what, server->servername);
}

/* The token of the role's mapping, or of PUBLIC's. */
static const char *
resolve_token(const FpgoAccount *account, Oid role)
{
	const char *name = account->target.server_name;
	List	   *defs = NIL;
	const char *token;
	const char *file;

	if (!find_mapping(role, account->server, &defs) &&
		!find_mapping(InvalidOid, account->server, &defs))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no user mapping for \"%s\" on server \"%s\"",
						GetUserNameFromId(role, false), name),
				 errhint("CREATE USER MAPPING FOR PUBLIC SERVER %s OPTIONS (token_file '/path/of/the/token');",
						 quote_identifier(name)),
				 fpgo_errhide()));
	token = fpgo_option_find(defs, "token");
	if (token != NULL)
		return token;
	file = fpgo_option_find(defs, "token_file");
	if (file == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("user mapping on server \"%s\" has no token", name),
				 errhint("ALTER USER MAPPING FOR PUBLIC SERVER %s OPTIONS (ADD token_file '/path/of/the/token');",
						 quote_identifier(name)),
				 fpgo_errhide()));

	return read_secret_file(GetForeignServer(account->server), file, "token");
}

/* The secret that signs callbacks, from PUBLIC's mapping. */
static char *
resolve_callback_secret(const ForeignServer *server)
{
	List	   *defs = NIL;
	const char *secret = NULL;
	const char *file = NULL;

	if (find_mapping(InvalidOid, server->serverid, &defs))
	{
		secret = fpgo_option_find(defs, "callback_secret");
		file = fpgo_option_find(defs, "callback_secret_file");
	}
	if (secret == NULL && file == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no callback secret for server \"%s\"",
						server->servername),
				 errdetail("Callbacks cannot be told from forgeries without it."),
				 errhint("%s USER MAPPING FOR PUBLIC SERVER %s OPTIONS (%scallback_secret_file '/path/of/the/secret');",
						 defs == NIL ? "CREATE" : "ALTER",
						 quote_identifier(server->servername),
						 defs == NIL ? "" : "ADD "),
				 fpgo_errhide()));
	return secret != NULL ? pstrdup(secret) :
		read_secret_file(server, file, "callback secret");
}

/* The option url without slashes at its end. */
static const char *
base_url(List *defs)
{
	const char *url = fpgo_option_find(defs, "url");
	int			len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return pnstrdup(url, len);
}

/* Refused ones stay as long as others at least, if nothing else is said. */
static FpgoRetention
read_retention(List *defs)
{
	FpgoRetention retention;

	retention.finished_s = Max(fpgo_option_seconds(defs, "retention", 0), 0);
	retention.refused_s =
		Max(fpgo_option_seconds(defs, "retention_refused",
								Max(retention.finished_s,
									DEFAULT_RETENTION_REFUSED)), 0);
	return retention;
}

/* Read a server's options. */
static FpgoAccount *
read_account(const ForeignServer *server)
{
	FpgoAccount *account = palloc0(sizeof(FpgoAccount));
	FpgoTarget *target = &account->target;
	List	   *defs = server->options;
	const char *submit_path = fpgo_option_find(defs, "submit_path");

	account->server = server->serverid;
	account->terms = fpgo_option_terms(defs);
	account->concurrency = fpgo_option_count(defs, "concurrency",
											 DEFAULT_CONCURRENCY);
	account->retention = read_retention(defs);
	target->server_name = server->servername;
	target->url = base_url(defs);
	account->name = fpgo_account_name(server->servername, target->url);
	account->moved_from = fpgo_account_moved_from(account->name, target->url);
	target->submit_url = psprintf("%s%s", target->url, submit_path ?
								  submit_path : DEFAULT_SUBMIT_PATH);
	target->ca_file = fpgo_option_find(defs, "ca_file");
	target->private_network = fpgo_option_is_true(defs, "private_network");
	target->connect_timeout_ms =
		fpgo_option_milliseconds(defs, "connect_timeout",
								 DEFAULT_CONNECT_TIMEOUT);
	target->timeout_ms = fpgo_option_milliseconds(defs, "timeout",
												  DEFAULT_TIMEOUT);
	target->keepalive_s = fpgo_option_milliseconds(defs, "keepalive",
												   DEFAULT_KEEPALIVE) / 1000;
	target->rate_limit = fpgo_option_count(defs, "rate_limit", 0);
	target->rate_window_ms = fpgo_option_milliseconds(defs, "rate_window",
													  DEFAULT_RATE_WINDOW);
	return account;
}

/* ---------- the account of the last order ---------- */

/*
 * The account read last.  It is kept, since most orders go where the one
 * before went, and reading it takes a twentieth of the time of
 * enqueue_invoice.  After any change of a server or a foreign-data wrapper it
 * is read again.
 */
static struct
{
	MemoryContext context;
	const FpgoAccount *account;
	uint64		read_at;		/* the counter of changes then; 0: never */
}			last;

static uint64 changes = 1;

static void
note_change(Datum arg, int cache, uint32 hash)
{
	changes++;
}

/* Read the server of this name, in a context of its own. */
static void
read_last(const char *name)
{
	static bool is_registered = false;
	uint64		now;
	MemoryContext context;
	MemoryContext caller;
	const FpgoAccount *account;

	if (!is_registered)
	{
		CacheRegisterSyscacheCallback(FOREIGNSERVEROID, note_change, (Datum) 0);
		CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, note_change,
									  (Datum) 0);
		is_registered = true;
	}
	/* a change that this process hears of meanwhile raises the counter */
	now = changes;
	context = AllocSetContextCreate(CurrentMemoryContext, "fpgo account",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	account = read_account(require_server(name));
	MemoryContextSwitchTo(caller);

	/* a caller may still use the account that was kept before */
	if (last.context != NULL)
		MemoryContextSetParent(last.context, TopTransactionContext);
	MemoryContextSetParent(context, TopMemoryContext);
	last.context = context;
	last.account = account;
	last.read_at = now;
}

const FpgoAccount *
fpgo_account_check(const char *server_name, Oid role)
{
	const char *name = server_name ? server_name : fpgo_server_name;

	if (last.read_at != changes ||
		strcmp(last.account->target.server_name, name) != 0)
		read_last(name);
	require_usage(last.account->server, last.account->target.server_name, role);
	return last.account;
}

/* Read the server that has this account now. */
static void
read_recorded(const char *account_name)
{
	const char *server_name = fpgo_account_find_server(account_name);

	if (server_name != NULL)
		read_last(server_name);
	/* the server of that name may have another account by now */
	if (server_name == NULL || strcmp(last.account->name, account_name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no server has the account \"%s\" any more",
						account_name),
				 errhint("If a server has the same account at the gateway: SELECT fpgo.adopt_account(%s, '...', '...');",
						 quote_literal_cstr(account_name)),
				 fpgo_errhide()));
}

static const char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

/* Copies each pointer that read_account() sets. */
static FpgoAccount *
copy_account(const FpgoAccount *account)
{
	FpgoAccount *copy = palloc(sizeof(FpgoAccount));

	*copy = *account;
	copy->name = pstrdup(account->name);
	copy->moved_from = copy_text(account->moved_from);
	copy->target.server_name = pstrdup(account->target.server_name);
	copy->target.url = pstrdup(account->target.url);
	copy->target.submit_url = pstrdup(account->target.submit_url);
	copy->target.ca_file = copy_text(account->target.ca_file);
	copy->terms.tax_rates = fpgo_texts_copy(account->terms.tax_rates);
	copy->terms.defaults = copy_text(account->terms.defaults);
	return copy;
}

FpgoAccount *
fpgo_account_resolve(const char *server_name, Oid role)
{
	FpgoAccount *account = copy_account(fpgo_account_check(server_name, role));

	account->target.token = resolve_token(account, role);
	return account;
}

FpgoAccount *
fpgo_account_resolve_recorded(const char *account_name, Oid role)
{
	if (last.read_at != changes || strcmp(last.account->name, account_name) != 0)
		read_recorded(account_name);
	return fpgo_account_resolve(last.account->target.server_name, role);
}

void
fpgo_account_wipe(const FpgoAccount *account)
{
	const char *token = account->target.token;

	if (token != NULL)
		explicit_bzero(unconstify(char *, token), strlen(token));
}

void
fpgo_account_use(const FpgoAccount *account, void (*work) (void *arg),
				 void *arg)
{
	PG_TRY();
	{
		work(arg);
	}
	PG_FINALLY();
	{
		fpgo_account_wipe(account);
	}
	PG_END_TRY();
}

FpgoTerms
fpgo_account_terms(const char *server_name)
{
	ForeignServer *server = server_name ? require_server(server_name) :
		find_server(fpgo_server_name);

	return server ? fpgo_option_terms(server->options) : (FpgoTerms) {0};
}

const char *
fpgo_account_recorded_name(const char *server_name)
{
	static const char former[] = " (former)";
	const char *name = server_name ? server_name : fpgo_server_name;
	ForeignServer *server = find_server(name);
	const char *account;
	int			len = strlen(name) - strlen(former);

	if (server != NULL)
		return fpgo_account_name(server->servername,
								 base_url(server->options));
	account = fpgo_account_find_by_server(name);
	if (account == NULL && len > 0 && strcmp(name + len, former) == 0)
		account = pnstrdup(name, len);
	if (account == NULL)
		account = name;
	if (!fpgo_account_is_recorded(account))
		(void) require_server(name);	/* raises: there is none */
	return account;
}

/*
 * The server that an account has, or had last; NULL if there is none.  It may
 * be one of another wrapper by now, whose options of these names do not count.
 */
static const ForeignServer *
find_server_of(const char *account_name)
{
	const char *server_name = fpgo_account_find_server(account_name);

	return server_name == NULL ? NULL :
		GetForeignServerByName(server_name, true);
}

FpgoRetention
fpgo_account_retention(const char *account_name)
{
	const ForeignServer *server = find_server_of(account_name);

	return server == NULL ? (FpgoRetention) {0} :
		read_retention(server->options);
}

int
fpgo_account_bank_id_age(const char *account_name)
{
	const ForeignServer *server = find_server_of(account_name);
	int			seconds = server == NULL ? -1 :
	fpgo_option_seconds(server->options, "bank_id_age", -1);

	return seconds < 0 ? DEFAULT_BANK_ID_AGE : seconds;
}

FpgoCallbackTerms
fpgo_account_callback_terms(const char *server_name)
{
	ForeignServer *server = require_server(server_name ? server_name :
										   fpgo_server_name);

	return (FpgoCallbackTerms) {
		.account_name = fpgo_account_name(server->servername,
										  base_url(server->options)),
		.secret = resolve_callback_secret(server),
		.window_ms = fpgo_option_milliseconds(server->options,
											  "callback_window",
											  DEFAULT_CALLBACK_WINDOW),
	};
}
