/*
 * gateway.c
 *		A gateway account: a foreign server and its user mapping.
 *
 * The server says where orders go and within which limits, the user mapping
 * holds the credentials, USAGE on the server is the right to submit.  Options
 * are refused when they are written, so what is read here is well-formed; it
 * is still checked where a mistake would send a secret to the wrong place.
 *
 * A token appears in no message, neither when it is refused nor later.
 */
#include "fpgo.h"

#include "access/htup_details.h"
#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "ascii.h"
#include "compat.h"
#include "format.h"
#include "token.h"

PG_FUNCTION_INFO_V1(fpgo_option_validator);

/* appended to the server's url unless its option submit_path says otherwise */
#define DEFAULT_SUBMIT_PATH "/connect/orders/invoice/submit"

/*
 * Milliseconds.  The connection is given up early, since nothing was sent
 * yet; the answer is waited for long, since giving up makes doubt, not speed.
 */
#define DEFAULT_CONNECT_TIMEOUT 10000
#define DEFAULT_TIMEOUT 120000
#define MAX_TIMEOUT (60 * 60 * 1000)

/* how old a callback may be, in milliseconds, to be news */
#define DEFAULT_CALLBACK_WINDOW (15 * 60 * 1000)

/*
 * How long an idle connection is kept, in milliseconds.  Shorter than what
 * web servers keep theirs for, so that a request rarely meets a dying one.
 */
#define DEFAULT_KEEPALIVE 10000
#define MAX_KEEPALIVE (10 * 60 * 1000)

/* how many requests a deliverer has under way at once */
#define DEFAULT_CONCURRENCY 4
#define MAX_CONCURRENCY 64

/* longest time, in seconds, that payloads of finished orders are kept */
#define MAX_RETENTION (10 * 366 * 86400)

/* most tax rates, and longest list of them */
#define MAX_TAX_RATES 100

typedef struct Option
{
	const char *name;
	Oid			catalog;		/* of the object that takes it */
	void		(*check) (DefElem *option); /* NULL: check_together() does */
} Option;

static void pg_attribute_noreturn() refuse_option(DefElem *option,
												  const char *expected);
static void check_url(DefElem *option);
static void check_submit_path(DefElem *option);
static void check_ca_file(DefElem *option);
static void check_private_network(DefElem *option);
static void check_duration(DefElem *option);
static void check_concurrency(DefElem *option);
static void check_retention(DefElem *option);
static void check_tax_rates(DefElem *option);
static void check_token(DefElem *option);
static void check_token_file(DefElem *option);

static const Option options[] = {
	{"url", ForeignServerRelationId, check_url},
	{"submit_path", ForeignServerRelationId, check_submit_path},
	{"ca_file", ForeignServerRelationId, check_ca_file},
	{"private_network", ForeignServerRelationId, check_private_network},
	{"connect_timeout", ForeignServerRelationId, check_duration},
	{"timeout", ForeignServerRelationId, check_duration},
	{"keepalive", ForeignServerRelationId, check_duration},
	{"concurrency", ForeignServerRelationId, check_concurrency},
	{"callback_window", ForeignServerRelationId, check_duration},
	{"retention", ForeignServerRelationId, check_retention},
	{"tax_rates", ForeignServerRelationId, check_tax_rates},
	{"defaults", ForeignServerRelationId, NULL},
	{"token", UserMappingRelationId, check_token},
	{"token_file", UserMappingRelationId, check_token_file},
	{"callback_secret", UserMappingRelationId, check_token},
	{"callback_secret_file", UserMappingRelationId, check_token_file},
};

/* ---------- checks of single options ---------- */

static void
refuse_option(DefElem *option, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"%s\"", option->defname),
			 errdetail("It %s.", expected),
			 fpgo_errhide()));
}

static void
check_url(DefElem *option)
{
	const char *fault = fpgo_http_check_url(defGetString(option));

	if (fault != NULL)
		refuse_option(option, fault);
}

static void
check_submit_path(DefElem *option)
{
	const char *path = defGetString(option);

	if (path[0] != '/' || strlen(path) > 255)
		refuse_option(option, "must begin with a slash and have at most 255 characters");
	for (const char *p = path; *p != '\0'; p++)
	{
		if (!is_ascii_alnum(*p) && strchr("/-._~", *p) == NULL)
			refuse_option(option, "may hold letters, digits and / - . _ ~ only");
	}
}

/* The right to name a file of the server's machine. */
static void
require_file_right(DefElem *option)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"",
						option->defname),
				 errdetail("Only roles with privileges of \"pg_read_server_files\" may name a file of the server."),
				 fpgo_errhide()));
	if (!is_absolute_path(defGetString(option)))
		refuse_option(option, "must be an absolute path");
	for (const char *p = defGetString(option); *p != '\0'; p++)
	{
		/* the server log may show it */
		if ((unsigned char) *p < ' ' || *p == '\x7f')
			refuse_option(option, "must not hold control characters");
	}
}

static void
check_ca_file(DefElem *option)
{
	require_file_right(option);
}

static void
check_private_network(DefElem *option)
{
	bool		value;

	if (!parse_bool(defGetString(option), &value))
		refuse_option(option, "must be true or false");
}

/* Milliseconds of a duration option, -1 if it is none. */
static int
parse_duration(const char *text)
{
	int			milliseconds;

	if (!parse_int(text, &milliseconds, GUC_UNIT_MS, NULL))
		return -1;
	return milliseconds;
}

static void
check_duration(DefElem *option)
{
	int			milliseconds = parse_duration(defGetString(option));

	if (strcmp(option->defname, "keepalive") == 0)
	{
		if (milliseconds < 0 || milliseconds > MAX_KEEPALIVE)
			refuse_option(option, "must be a duration from 0 to 10min, such as 10s; a bare number is milliseconds");
	}
	else if (milliseconds < 1 || milliseconds > MAX_TIMEOUT)
		refuse_option(option, "must be a duration from 1ms to 1h, such as 120s; a bare number is milliseconds");
}

/* A whole number of an option without unit, -1 if it is none. */
static int
parse_count(const char *text)
{
	int			count;

	if (!parse_int(text, &count, 0, NULL))
		return -1;
	return count;
}

static void
check_concurrency(DefElem *option)
{
	int			count = parse_count(defGetString(option));

	if (count < 1 || count > MAX_CONCURRENCY)
		refuse_option(option, "must be a number from 1 to " CppAsString2(MAX_CONCURRENCY));
}

/* Seconds of a duration option, -1 if it is none. */
static int
parse_seconds(const char *text)
{
	int			seconds;

	if (!parse_int(text, &seconds, GUC_UNIT_S, NULL))
		return -1;
	return seconds;
}

static void
check_retention(DefElem *option)
{
	int			seconds = parse_seconds(defGetString(option));

	if (seconds < 0 || seconds > MAX_RETENTION)
		refuse_option(option, "must be a duration from 0 to ten years, such as 7d; a bare number is seconds");
}

/* Texts of a comma-separated list of numbers; NULL if it is none. */
static const char *const *
parse_tax_rates(const char *list)
{
	const char **rates = palloc0(sizeof(char *) * (MAX_TAX_RATES + 1));
	int			n = 0;

	for (;;)
	{
		size_t		len = strcspn(list, ",");
		FpgoSpan	rate = fpgo_trim((FpgoSpan) {list, len});

		if (n == MAX_TAX_RATES || rate.len == 0 ||
			strspn(rate.text, "0123456789.") < rate.len ||
			!fpgo_is_numeric(rate))
			return NULL;
		rates[n++] = pnstrdup(rate.text, rate.len);
		if (list[len] == '\0')
			return rates;
		list += len + 1;
	}
}

static void
check_tax_rates(DefElem *option)
{
	if (parse_tax_rates(defGetString(option)) == NULL)
		refuse_option(option, "must be a list of percentages, such as 0,12,15,25");
}

static void
check_token(DefElem *option)
{
	const char *fault = fpgo_token_fault(defGetString(option));

	if (fault != NULL)
		refuse_option(option, fault);
}

static void
check_token_file(DefElem *option)
{
	char	   *path;

	require_file_right(option);
	path = pstrdup(defGetString(option));
	canonicalize_path(path);
	if (path_is_prefix_of_path(DataDir, path) ||
		fpgo_token_is_in_backups(defGetString(option)))
		refuse_option(option, "must be outside the data directory, which backups copy");
}

/* ---------- the validator ---------- */

static const Option *
find_option(const char *name, Oid catalog)
{
	for (int i = 0; i < (int) lengthof(options); i++)
	{
		if (options[i].catalog == catalog &&
			strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

static void pg_attribute_noreturn()
refuse_option_name(const char *name, Oid catalog)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < (int) lengthof(options); i++)
	{
		if (options[i].catalog == catalog)
			appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "",
							 options[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 valid.len > 0
			 ? errhint("Valid options in this context are: %s.", valid.data)
			 : errhint("There are no valid options in this context."),
			 fpgo_errhide()));
}

static const char *
find_value(List *defs, const char *name)
{
	ListCell   *cell;

	foreach(cell, defs)
	{
		DefElem    *def = lfirst(cell);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

static FpgoTerms
read_terms(List *defs)
{
	const char *rates = find_value(defs, "tax_rates");

	return (FpgoTerms) {.tax_rates = rates ? parse_tax_rates(rates) : NULL,
		.defaults = find_value(defs, "defaults")};
}

/* Defaults break no rule as far as they go, with the tax rates there are. */
static void
check_defaults(List *defs)
{
	FpgoTerms	terms = read_terms(defs);
	const char *fault = terms.defaults ?
		fpgo_defaults_fault(terms.defaults, terms.tax_rates) : NULL;

	if (fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"%s\"", "defaults"),
				 errdetail_internal("%s", fault),
				 errhint("It is a partial order in the API's spelling, such as {\"invoiceFeeApplicable\": true}; SELECT * FROM fpgo.rules() lists the fields."),
				 fpgo_errhide()));
}

static bool
is_in_private_network(List *defs)
{
	const char *value = find_value(defs, "private_network");
	bool		is_private = false;

	return value != NULL && parse_bool(value, &is_private) && is_private;
}

/*
 * Who may send the database server's requests where.  Services of this machine
 * and of its network often trust whoever reaches them, so only a superuser may
 * point at them, as with password_required of postgres_fdw.  All options are
 * looked at whichever is being changed: nobody else can turn a server that a
 * superuser let in there to another place of it.
 */
static void
check_place(List *defs)
{
	FpgoPeer	place = fpgo_http_judge_host(find_value(defs, "url"));
	bool		is_private = is_in_private_network(defs);

	if ((is_private || place == FPGO_PEER_LOOPBACK) && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 is_private ?
				 errmsg("permission denied to set option \"%s\"",
						"private_network") :
				 errmsg("permission denied to set option \"%s\" to this machine",
						"url"),
				 errdetail("Only superusers may set options of a server that need not have a public address."),
				 fpgo_errhide()));
	if (place == FPGO_PEER_INTERNAL && !is_private)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"%s\"", "url"),
				 errdetail("It names an address that is not public."),
				 errhint("If the gateway is in a private network, a superuser may say so: add the option private_network 'true'."),
				 fpgo_errhide()));
}

/* A secret stands in an option or in a file, and a mapping holds one at least. */
static void
check_mapping(List *defs)
{
	bool		has_token = find_value(defs, "token") != NULL;
	bool		has_token_file = find_value(defs, "token_file") != NULL;
	bool		has_secret = find_value(defs, "callback_secret") != NULL;
	bool		has_secret_file = find_value(defs,
											 "callback_secret_file") != NULL;

	if ((has_token && has_token_file) ||
		(!has_token && !has_token_file && !has_secret && !has_secret_file))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("a user mapping of foreign-data wrapper \"fpgo\" needs either \"token\" or \"token_file\""),
				 errhint("Add OPTIONS (token_file '/path/of/the/token')."),
				 fpgo_errhide()));
	if (has_secret && has_secret_file)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("a user mapping of foreign-data wrapper \"fpgo\" has either \"callback_secret\" or \"callback_secret_file\""),
				 fpgo_errhide()));
}

/* What must hold of an object's options together. */
static void
check_together(List *defs, Oid catalog)
{
	if (catalog == ForeignServerRelationId && find_value(defs, "url") == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"url\" is required for a server of foreign-data wrapper \"fpgo\""),
				 errhint("Add OPTIONS (url 'https://demo-api.frontpayment.no/api/v1') for the gateway's demo."),
				 fpgo_errhide()));
	if (catalog == UserMappingRelationId)
		check_mapping(defs);
	if (catalog == ForeignServerRelationId)
	{
		check_place(defs);
		check_defaults(defs);
	}
}

Datum
fpgo_option_validator(PG_FUNCTION_ARGS)
{
	List	   *defs = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	ListCell   *cell;

	foreach(cell, defs)
	{
		DefElem    *def = lfirst(cell);
		const Option *option = find_option(def->defname, catalog);

		if (option == NULL)
			refuse_option_name(def->defname, catalog);
		if (option->check != NULL)
			option->check(def);
	}
	check_together(defs, catalog);
	PG_RETURN_VOID();
}

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

static ForeignServer *
require_server(const char *name)
{
	ForeignServer *server = find_server(name);

	if (server == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", name),
				 strcmp(name, fpgo_server_name) == 0 ?
				 errdetail("The setting fpgo.server names it.") : 0,
				 errhint("CREATE SERVER %s FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://demo-api.frontpayment.no/api/v1');",
						 quote_identifier(name)),
				 fpgo_errhide()));
	return server;
}

static void
require_usage(const ForeignServer *server, Oid role)
{
	if (fpgo_server_aclcheck(server->serverid, role, ACL_USAGE) !=
		ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for foreign server \"%s\"",
						server->servername),
				 errhint("GRANT USAGE ON FOREIGN SERVER %s TO %s;",
						 quote_identifier(server->servername),
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

/* The secret in a file that a user mapping names. */
static char *
read_secret_file(const ForeignServer *server, const char *file,
				 const char *what)
{
	/* whoever owns the server may point it, and the secret, anywhere */
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
resolve_token(const ForeignServer *server, Oid role)
{
	List	   *defs = NIL;
	const char *token;
	const char *file;

	if (!find_mapping(role, server->serverid, &defs) &&
		!find_mapping(InvalidOid, server->serverid, &defs))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no user mapping for \"%s\" on server \"%s\"",
						GetUserNameFromId(role, false),
						server->servername),
				 errhint("CREATE USER MAPPING FOR PUBLIC SERVER %s OPTIONS (token_file '/path/of/the/token');",
						 quote_identifier(server->servername)),
				 fpgo_errhide()));
	token = find_value(defs, "token");
	if (token != NULL)
		return token;
	file = find_value(defs, "token_file");
	if (file == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("user mapping on server \"%s\" has no token",
						server->servername),
				 errhint("ALTER USER MAPPING FOR PUBLIC SERVER %s OPTIONS (ADD token_file '/path/of/the/token');",
						 quote_identifier(server->servername)),
				 fpgo_errhide()));

	return read_secret_file(server, file, "token");
}

/* What the gateway's callbacks are signed with, by PUBLIC's mapping. */
static char *
resolve_callback_secret(const ForeignServer *server)
{
	List	   *defs = NIL;
	const char *secret = NULL;
	const char *file = NULL;

	if (find_mapping(InvalidOid, server->serverid, &defs))
	{
		secret = find_value(defs, "callback_secret");
		file = find_value(defs, "callback_secret_file");
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

static int
duration_option(List *defs, const char *name, int otherwise)
{
	const char *value = find_value(defs, name);

	return value == NULL ? otherwise : parse_duration(value);
}

/* The option url without slashes at its end. */
static const char *
base_url(List *defs)
{
	const char *url = find_value(defs, "url");
	int			len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return pnstrdup(url, len);
}

/* Everything but the token. */
static FpgoGateway *
open_gateway(const ForeignServer *server, Oid role)
{
	FpgoGateway *gateway = palloc0(sizeof(FpgoGateway));
	FpgoTarget *target = &gateway->target;
	List	   *defs = server->options;
	const char *concurrency = find_value(defs, "concurrency");
	const char *retention = find_value(defs, "retention");
	const char *submit_path = find_value(defs, "submit_path");

	require_usage(server, role);
	gateway->server = server->serverid;
	gateway->terms = read_terms(defs);
	gateway->concurrency = concurrency ? parse_count(concurrency) :
		DEFAULT_CONCURRENCY;
	gateway->retention_s = retention ? parse_seconds(retention) : 0;
	target->server_name = server->servername;
	target->url = base_url(defs);
	target->submit_url = psprintf("%s%s", target->url, submit_path ?
								  submit_path : DEFAULT_SUBMIT_PATH);
	target->ca_file = find_value(defs, "ca_file");
	target->private_network = is_in_private_network(defs);
	target->connect_timeout_ms = duration_option(defs, "connect_timeout",
												 DEFAULT_CONNECT_TIMEOUT);
	target->timeout_ms = duration_option(defs, "timeout", DEFAULT_TIMEOUT);
	target->keepalive_s = duration_option(defs, "keepalive",
										  DEFAULT_KEEPALIVE) / 1000;
	return gateway;
}

FpgoGateway *
fpgo_gateway_check(const char *server_name, Oid role)
{
	return open_gateway(require_server(server_name ? server_name :
									   fpgo_server_name), role);
}

FpgoGateway *
fpgo_gateway_resolve(const char *server_name, Oid role)
{
	ForeignServer *server = require_server(server_name ? server_name :
										   fpgo_server_name);
	FpgoGateway *gateway = open_gateway(server, role);

	gateway->target.token = resolve_token(server, role);
	return gateway;
}

void
fpgo_gateway_wipe(const FpgoGateway *gateway)
{
	const char *token = gateway->target.token;

	if (token != NULL)
		explicit_bzero(unconstify(char *, token), strlen(token));
}

FpgoTerms
fpgo_gateway_terms(const char *server_name)
{
	ForeignServer *server = server_name ? require_server(server_name) :
		find_server(fpgo_server_name);

	return server ? read_terms(server->options) : (FpgoTerms) {0};
}

int
fpgo_gateway_retention(const char *server_name)
{
	ForeignServer *server = GetForeignServerByName(server_name, true);
	const char *retention = server ?
		find_value(server->options, "retention") : NULL;
	int			seconds = retention ? parse_seconds(retention) : 0;

	/* another wrapper's option of that name is none of ours */
	return Max(seconds, 0);
}

FpgoCallbackTerms
fpgo_gateway_callback_terms(const char *server_name)
{
	ForeignServer *server = require_server(server_name ? server_name :
										   fpgo_server_name);

	return (FpgoCallbackTerms) {
		.server_name = server->servername,
		.secret = resolve_callback_secret(server),
		.window_ms = duration_option(server->options, "callback_window",
									 DEFAULT_CALLBACK_WINDOW),
	};
}
