/*
 * enqueue.c
 *		enqueue_invoice: an order queued as part of the caller's transaction.
 *
 * An order that breaks a rule is refused here, in the caller's statement.
 * Delivery finds only orders that could be sent when they were queued.
 * Nothing is sent here, and no token is read.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "handin/enqueue.h"
#include "handin/handin.h"
#include "handin/version.h"
#include "order/spellings.h"
#include "records/keyed_hash.h"
#include "validation/violation.h"

int64
fpgo_enqueue(const FpgoGiven *given, const char *server_name,
			 bool ignore_duplicate)
{
	const FpgoAccount *account;

	fpgo_submission_require_writable();
	fpgo_submission_require_accepting();
	account = fpgo_account_check(server_name, GetUserId());
	return fpgo_version_of_call(fpgo_handin_make(given, account, NULL),
								ignore_duplicate);
}

FpgoRowOrder
fpgo_enqueue_prepare(const FpgoGiven *given, const char *server_name,
					 bool records_invalid)
{
	const FpgoAccount *account;
	FpgoRowOrder made = {0};

	fpgo_submission_require_writable();
	fpgo_submission_require_accepting();
	account = fpgo_account_check(server_name, GetUserId());
	made.handin = fpgo_handin_make(given, account,
								   records_invalid ? &made.violations : NULL);
	return made;
}

int64
fpgo_enqueue_prepared(const FpgoRowOrder *order)
{
	if (order->violations == NIL)
		return fpgo_version_of_row(order->handin);
	return fpgo_version_refuse(order->handin,
							   fpgo_violation_list(order->violations,
												   list_length(order->violations)));
}

/* A hand-in of a row that has no order now, by the current user. */
static FpgoHandIn
make_empty(const char *server_name, const FpgoSource *source)
{
	FpgoHandIn	handin = {.source = source};
	const FpgoAccount *account;

	fpgo_submission_require_writable();
	account = fpgo_account_check(server_name, GetUserId());
	handin.account = account->name;
	handin.server = account->target.server_name;
	handin.role = GetUserNameFromId(GetUserId(), false);
	handin.mapping = fpgo_account_mapping(account->server, GetUserId());
	handin.hash_rule = fpgo_handin_rule();
	handin.on_change = FPGO_CHANGE_REPLACE;
	return handin;
}

int64
fpgo_enqueue_fault(const char *server_name, const FpgoGiven *given,
				   const char *key, const char *sentence)
{
	FpgoHandIn	handin = make_empty(server_name, given->source);

	fpgo_submission_require_accepting();
	handin.former_source = given->former_source;
	handin.former_is_own = given->former_is_own;
	handin.key = key;
	/* no order can be the same as one that was never made */
	fpgo_keyed_hash(key, strlen(key), handin.order_hash);
	return fpgo_version_refuse(&handin, sentence);
}

/* Whoever may delete a row of the shop's need have no right on the server. */
void
fpgo_enqueue_withdraw(const char *server_name, const FpgoGiven *given,
					  const char *why)
{
	FpgoHandIn	handin = {.source = given->source,
		.former_source = given->former_source,
		.former_is_own = given->former_is_own,.mapping = "",
		.hash_rule = fpgo_handin_rule(),
	.on_change = FPGO_CHANGE_REPLACE};

	handin.account = fpgo_account_recorded_name(server_name);
	handin.server = server_name != NULL ? server_name : fpgo_server_name;
	handin.role = GetUserNameFromId(GetUserId(), false);
	fpgo_version_withdraw(&handin, why);
}

/* ---------- SQL ---------- */

/* Argument on_duplicate: is it ignore? */
static bool
read_on_duplicate(FunctionCallInfo fcinfo, int argument)
{
	const char *value = fpgo_text_argument(fcinfo, argument);

	if (value != NULL && strcmp(value, "ignore") == 0)
		return true;
	if (value == NULL || strcmp(value, "refuse") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 value == NULL
				 ? errmsg("on_duplicate must not be null")
				 : errmsg("invalid value for on_duplicate"),
				 errhint("Valid values are 'refuse' and 'ignore'."),
				 fpgo_errhide()));
	return false;
}

static Datum
enqueue(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	const char *server_name = fpgo_text_argument(fcinfo, 1);
	FpgoGiven	given = {.spelling = spelling,
	.key = fpgo_text_argument(fcinfo, 2)};
	bool		ignore_duplicate = read_on_duplicate(fcinfo, 3);

	given.order = fpgo_order_argument(fcinfo, spelling);
	PG_RETURN_INT64(fpgo_enqueue(&given, server_name, ignore_duplicate));
}

FPGO_ORDER_FUNCTIONS(fpgo_enqueue_invoice, enqueue);

/* Argument on_change, an fpgo.on_change. */
static FpgoOnChange
read_on_change(FunctionCallInfo fcinfo, int argument)
{
	const char *label;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_change must not be null"),
				 fpgo_errhide()));
	label = DatumGetCString(DirectFunctionCall1(enum_out,
												PG_GETARG_DATUM(argument)));
	if (strcmp(label, "replace") == 0)
		return FPGO_CHANGE_REPLACE;
	return strcmp(label, "update") == 0 ? FPGO_CHANGE_UPDATE :
		FPGO_CHANGE_ERROR;
}

static Datum
enqueue_version(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	const char *server_name = fpgo_text_argument(fcinfo, 2);
	FpgoGiven	given = {.spelling = spelling,
		.on_change = read_on_change(fcinfo, 1),
	.key = fpgo_text_argument(fcinfo, 3)};
	bool		ignore_duplicate = read_on_duplicate(fcinfo, 4);

	given.order = fpgo_order_argument(fcinfo, spelling);
	PG_RETURN_INT64(fpgo_enqueue(&given, server_name, ignore_duplicate));
}

FPGO_ORDER_FUNCTIONS(fpgo_enqueue_version, enqueue_version);
