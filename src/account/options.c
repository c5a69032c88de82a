/*
 * options.c
 *		Options of foreign servers and user mappings: which there are, what
 *		they may say, and what they say.
 *
 * They are refused when they are written, with a message that says what was
 * expected and names those that there are.  No message repeats a value: it may
 * be a token.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "account/options.h"
#include "account/token.h"
#include "base/compat.h"
#include "base/fpgo.h"
#include "gateway/http_url.h"
#include "text/ascii.h"
#include "text/format.h"
#include "validation/defaults_fault.h"

PG_FUNCTION_INFO_V1(fpgo_option_validator);

/* longest of connect_timeout and timeout, in milliseconds */
#define MAX_TIMEOUT (60 * 60 * 1000)

/* longest time, in milliseconds, that an idle connection is kept */
#define MAX_KEEPALIVE (10 * 60 * 1000)

/* oldest callback, in milliseconds, that may be news */
#define MAX_CALLBACK_WINDOW (7 * 24 * 60 * 60 * 1000)

/* most requests of a window, and its shortest length, in milliseconds */
#define MAX_RATE_LIMIT 1000000
#define MIN_RATE_WINDOW 1000

/* longest of retention, retention_refused and bank_id_age, in seconds */
#define MAX_RETENTION (FPGO_LONGEST_RETENTION_DAYS * 86400)

/* most tax rates, and longest list of them */
#define MAX_TAX_RATES 100

typedef struct Option
{
	const char *name;
	Oid			catalog;		/* of the object that takes it */
	void		(*check) (DefElem *option); /* NULL: check_together() does */
} Option;

pg_noreturn static void refuse_option(DefElem *option,
												  const char *expected);
static void check_url(DefElem *option);
static void check_submit_path(DefElem *option);
static void check_ca_file(DefElem *option);
static void check_private_network(DefElem *option);
static void check_duration(DefElem *option);
static void check_failover(DefElem *option);
static void check_concurrency(DefElem *option);
static void check_rate_limit(DefElem *option);
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
	{"failover", ForeignServerRelationId, check_failover},
	{"rate_limit", ForeignServerRelationId, check_rate_limit},
	{"rate_window", ForeignServerRelationId, check_duration},
	{"callback_window", ForeignServerRelationId, check_duration},
	{"retention", ForeignServerRelationId, check_retention},
	{"retention_refused", ForeignServerRelationId, check_retention},
	{"bank_id_age", ForeignServerRelationId, check_retention},
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
check_failover(DefElem *option)
{
	const char *value = defGetString(option);

	if (strcmp(value, "hold") != 0 && strcmp(value, "trust") != 0)
		refuse_option(option, "must be 'hold' or 'trust'");
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

/* Raises unless the user has the right to name a file of this machine. */
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

/*
 * A small number without a unit is taken as it stands, for old dumps have such;
 * but whoever writes it may mean seconds.
 */
static void
warn_of_bare_number(DefElem *option, int milliseconds)
{
	const char *text = defGetString(option);

	if (milliseconds < 1 || milliseconds >= 1000 ||
		strspn(text, "0123456789") != strlen(text))
		return;
	ereport(WARNING,
			(errmsg("option \"%s\" is %d ms", option->defname, milliseconds),
			 errhint("If seconds are meant: '%ds'.  If not, '%dms' says so without this warning.",
					 milliseconds, milliseconds),
			 fpgo_errhide()));
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
	else if (strcmp(option->defname, "callback_window") == 0)
	{
		if (milliseconds < 1 || milliseconds > MAX_CALLBACK_WINDOW)
			refuse_option(option, "must be a duration from 1ms to 7d, such as 15min; a bare number is milliseconds");
	}
	else if (strcmp(option->defname, "rate_window") == 0)
	{
		if (milliseconds < MIN_RATE_WINDOW || milliseconds > MAX_TIMEOUT)
			refuse_option(option, "must be a duration from 1s to 1h, such as 60s; a bare number is milliseconds");
	}
	else if (milliseconds < 1 || milliseconds > MAX_TIMEOUT)
		refuse_option(option, "must be a duration from 1ms to 1h, such as 120s; a bare number is milliseconds");
	warn_of_bare_number(option, milliseconds);
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

	if (count < 1 || count > FPGO_MAX_CONCURRENCY)
		refuse_option(option, "must be a number from 1 to " CppAsString2(FPGO_MAX_CONCURRENCY));
}

static void
check_rate_limit(DefElem *option)
{
	int			count = parse_count(defGetString(option));

	if (count < 1 || count > MAX_RATE_LIMIT)
		refuse_option(option, "must be a number from 1 to " CppAsString2(MAX_RATE_LIMIT));
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
find_named_option(const char *name, Oid catalog)
{
	for (int i = 0; i < (int) lengthof(options); i++)
	{
		if (options[i].catalog == catalog &&
			strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

pg_noreturn static void
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

const char *
fpgo_option_find(List *defs, const char *name)
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

FpgoTerms
fpgo_option_terms(List *defs)
{
	const char *rates = fpgo_option_find(defs, "tax_rates");

	return (FpgoTerms) {.tax_rates = rates ? parse_tax_rates(rates) : NULL,
		.defaults = fpgo_option_find(defs, "defaults")};
}

/* Raises if the defaults break a rule, with the server's tax rates. */
static void
check_defaults(List *defs)
{
	FpgoTerms	terms = fpgo_option_terms(defs);
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

bool
fpgo_option_is_true(List *defs, const char *name)
{
	const char *value = fpgo_option_find(defs, name);
	bool		is_true = false;

	return value != NULL && parse_bool(value, &is_true) && is_true;
}

/*
 * Raises if this user may not let the database server send requests to the
 * url's place.  Services of this machine and of its network often trust every
 * client.  Therefore only a superuser may name them, as with password_required
 * of postgres_fdw.  The check runs whichever option is changed: no other user
 * can move a server from one such place to another.
 */
static void
check_place(List *defs)
{
	FpgoPeer	place = fpgo_http_classify_host(fpgo_option_find(defs, "url"));
	bool		is_private = fpgo_option_is_true(defs, "private_network");

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

/*
 * Raises if a secret is given both as an option and as a file, or if the
 * mapping has no secret.
 */
static void
check_mapping(List *defs)
{
	bool		has_token = fpgo_option_find(defs, "token") != NULL;
	bool		has_token_file = fpgo_option_find(defs, "token_file") != NULL;
	bool		has_secret = fpgo_option_find(defs, "callback_secret") != NULL;
	bool		has_secret_file = fpgo_option_find(defs,
												   "callback_secret_file") != NULL;

	if (has_token && has_token_file)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("a user mapping of foreign-data wrapper \"fpgo\" has either \"token\" or \"token_file\""),
				 errhint("To put one in the other's place: ALTER USER MAPPING ... OPTIONS (DROP token_file, ADD token '...');"),
				 fpgo_errhide()));
	if (!has_token && !has_token_file && !has_secret && !has_secret_file)
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

/* Checks the options of an object together. */
static void
check_together(List *defs, Oid catalog)
{
	if (catalog == ForeignServerRelationId && fpgo_option_find(defs, "url") == NULL)
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
		const Option *option = find_named_option(def->defname, catalog);

		if (option == NULL)
			refuse_option_name(def->defname, catalog);
		if (option->check != NULL)
			option->check(def);
	}
	check_together(defs, catalog);
	PG_RETURN_VOID();
}

/* ---------- reading ---------- */

int
fpgo_option_milliseconds(List *defs, const char *name, int otherwise)
{
	const char *value = fpgo_option_find(defs, name);

	return value == NULL ? otherwise : parse_duration(value);
}

int
fpgo_option_seconds(List *defs, const char *name, int otherwise)
{
	const char *value = fpgo_option_find(defs, name);

	return value == NULL ? otherwise : parse_seconds(value);
}

int
fpgo_option_count(List *defs, const char *name, int otherwise)
{
	const char *value = fpgo_option_find(defs, name);

	return value == NULL ? otherwise : parse_count(value);
}
