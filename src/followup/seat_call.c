/*
 * seat_call.c
 *		fpgo.take_seat: a person says that this database sends from now on.
 *
 * A database that was copied, restored or promoted cannot tell whether another
 * one goes on sending.  Whoever types this knows.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "account/account.h"
#include "base/arguments.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "delivery/durable.h"
#include "ipc/roster.h"
#include "records/decide.h"
#include "records/origins.h"
#include "records/seat.h"
#include "records/submissions.h"

PG_FUNCTION_INFO_V1(fpgo_take_seat);
PG_FUNCTION_INFO_V1(fpgo_sent_elsewhere);
PG_FUNCTION_INFO_V1(fpgo_here);

/* ---------- arguments ---------- */

static const char *
required_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	const char *text = fpgo_text_argument(fcinfo, argument);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 fpgo_errhide()));
	return text;
}

typedef enum OldOrders
{
	HOLD,
	SEND,
	CANCEL
} OldOrders;

/* what becomes of them */
static const char *const words[] = {
	[HOLD] = "held",
	[SEND] = "sent",
	[CANCEL] = "cancelled"
};

static OldOrders
read_old_orders(const char *word)
{
	if (strcmp(word, "hold") == 0)
		return HOLD;
	if (strcmp(word, "send") == 0)
		return SEND;
	if (strcmp(word, "cancel") == 0)
		return CANCEL;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for old_orders"),
			 errhint("Valid values are 'hold', 'send' and 'cancel'."),
			 fpgo_errhide()));
}

static void
require_operator(void)
{
	if (!fpgo_decide_is_operator())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to take a seat"),
				 errhint("Roles that may execute fpgo.resolve may take seats."),
				 fpgo_errhide()));
}

/* ---------- what is done ---------- */

static void
cancel_foreign(const char *account, const char *reason)
{
	FpgoDecision decision = {.state = fpgo_state_name(FPGO_STATE_CANCELLED),
	.reason = reason};
	ListCell   *cell;

	foreach(cell, fpgo_seat_list_foreign(account))
	{
		const FpgoSubject *subject = fpgo_decide_lock(*(int64 *) lfirst(cell));

		if (strcmp(subject->state, fpgo_state_name(FPGO_STATE_QUEUED)) == 0)
			fpgo_decide_queued(subject, &decision);
	}
}

static Datum
make_row(FunctionCallInfo fcinfo, const FpgoTakeover *takeover)
{
	TupleDesc	descriptor;
	Datum		values[3] = {0};
	bool		nulls[3] = {false, takeover->is_empty, takeover->sum == NULL};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(takeover->n);
	values[1] = TimestampTzGetDatum(takeover->oldest);
	if (takeover->sum != NULL)
		values[2] = DirectFunctionCall3(numeric_in,
										CStringGetDatum(takeover->sum),
										ObjectIdGetDatum(InvalidOid),
										Int32GetDatum(-1));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}

Datum
fpgo_take_seat(PG_FUNCTION_ARGS)
{
	const char *server = required_argument(fcinfo, 0, "server");
	const char *reason = fpgo_decide_require_reason(fpgo_text_argument(fcinfo, 1));
	OldOrders	old_orders = read_old_orders(required_argument(fcinfo, 2,
															   "old_orders"));
	const char *account;
	FpgoTakeover takeover;

	require_operator();
	fpgo_submission_require_writable();
	fpgo_extension_require_current();
	/* raises if there is no such server, or if it is not one of fpgo's */
	(void) fpgo_account_terms(server);
	account = fpgo_account_recorded_name(server);
	fpgo_seat_give(account, psprintf("seat taken, old orders %s",
									 words[old_orders]), reason);
	takeover = fpgo_seat_find_foreign(account);
	if (old_orders == SEND)
		fpgo_seat_adopt_foreign(account);
	else if (old_orders == CANCEL)
		cancel_foreign(account, reason);
	ereport(LOG,
			(errmsg("this database sends the orders of server \"%s\" from now on",
					server),
			 errdetail("A person said so.  Orders queued by another database: %lld; they are %s.",
					   (long long) takeover.n, words[old_orders]),
			 fpgo_errhide()));
	fpgo_durable_require();
	fpgo_roster_wake_at_commit();
	return make_row(fcinfo, &takeover);
}

/* ---------- for the views ---------- */

Datum
fpgo_sent_elsewhere(PG_FUNCTION_ARGS)
{
	int64		origin = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	const char *why = NULL;

	if (PG_ARGISNULL(1) || RecoveryInProgress())
		PG_RETURN_NULL();
	if (!fpgo_accept_orders)
		why = "setting";
	else if (fpgo_seat_is_others(text_to_cstring(PG_GETARG_TEXT_PP(1))))
		why = "seat";
	else if (!fpgo_origin_is_own(origin))
		why = "origin";
	if (why == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(why));
}

Datum
fpgo_here(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(fpgo_origin_here());
}
