/*
 * enqueue.c
 *		enqueue_invoice: an order queued as part of the caller's transaction.
 *
 * An order that breaks a rule is refused here, in the caller's statement.
 * Delivery finds only orders that could be sent when they were queued.
 * Nothing is sent here, and no token is read.
 *
 * If two sessions use one key, the unique index makes the second wait until
 * the first one's transaction ends.  The second session's answer is then
 * final.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "handin/again.h"
#include "handin/enqueue.h"
#include "handin/handin.h"
#include "handin/holder.h"
#include "handin/keyless.h"
#include "handin/same_order.h"
#include "ipc/roster.h"
#include "order/spellings.h"
#include "records/insert.h"
#include "records/keyed_hash.h"
#include "records/taken_back.h"
#include "text/format.h"
#include "validation/violation.h"

/*
 * How often queueing is tried again.  A try fails if the key was taken, but
 * its submission was gone when it was looked up.
 */
#define MAX_TRIES 10

/* longest key that a message quotes, in bytes */
#define QUOTE_MAX 64

/* ---------- duplicates ---------- */

/* May a message quote the key?  A referenceNo may be any text. */
static bool
is_quotable(const char *key)
{
	size_t		len = strlen(key);

	return len <= QUOTE_MAX && !fpgo_has_eleven_digits((FpgoSpan) {key, len});
}

pg_noreturn static void
raise_key_taken(const FpgoHandIn *handin, const FpgoSubmission *holder)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 is_quotable(handin->key)
			 ? errmsg("key \"%s\" of server \"%s\" is taken by another order",
					  handin->key, handin->server)
			 : errmsg("key of the order is taken by another order of server \"%s\"",
					  handin->server),
			 errdetail("It belongs to submission %lld, which is %s.",
					   (long long) holder->id, fpgo_holder_state(holder)),
			 errhint("%s", fpgo_holder_advise(holder)),
			 fpgo_errhide()));
}

pg_noreturn static void
raise_duplicate(const FpgoHandIn *handin, const FpgoSubmission *earlier)
{
	long long	id = earlier->id;

	if (earlier->state == FPGO_STATE_UNCERTAIN)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order was handed in before"),
				 errdetail("It is submission %lld of server \"%s\", which is uncertain: it may or may not have been invoiced.",
						   id, handin->server),
				 errhint("Find out which, and say so: SELECT fpgo.resolve(%lld, ...).  To get its number instead of this error: on_duplicate => 'ignore'.",
						 id),
				 fpgo_errhide()));
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("order was handed in before"),
			 errdetail("It is submission %lld of server \"%s\", which is %s.",
					   id, handin->server, fpgo_state_name(earlier->state)),
			 errhint("To get its number instead of this error: on_duplicate => 'ignore'."),
			 fpgo_errhide()));
}

/* ---------- queueing ---------- */

/* Say once a session that nothing delivers the orders it queues. */
static void
notice_if_undelivered(void)
{
	static bool is_said = false;
	FpgoWorkerState state;

	if (is_said || !fpgo_undelivered_notice)
		return;
	state = fpgo_roster_status(MyDatabaseId).state;
	if (state != FPGO_WORKER_NONE && state != FPGO_WORKER_PAUSED)
		return;
	is_said = true;
	if (state == FPGO_WORKER_PAUSED)
		ereport(NOTICE,
				(errmsg("orders of this database are not delivered while its worker is paused"),
				 errhint("SELECT fpgo.resume();"),
				 fpgo_errhide()));
	else
		ereport(NOTICE,
				(errmsg("no worker delivers the orders of this database"),
				 errdetail("The orders stay queued until CALL fpgo.deliver() sends them."),
				 errhint("Put fpgo into shared_preload_libraries and this database into fpgo.databases, or turn this notice off: SET fpgo.undelivered_notice = off;"),
				 fpgo_errhide()));
}

/*
 * The key is not free, and no submission that counts has it.  Returns the
 * submission that says so to a trigger; 0 if the key is free by now.
 */
static int64
answer_taken_back(const FpgoHandIn *handin, bool is_trigger)
{
	if (is_trigger)
		return fpgo_again_refuse(handin, 0);
	fpgo_taken_back_require_none(handin);
	return 0;
}

static int64
queue_handin(const FpgoHandIn *handin, bool ignore_duplicate, bool is_trigger)
{
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int64		id = fpgo_submission_queue(handin);
		int64		refused;
		const FpgoSubmission *holder;

		if (id != 0)
		{
			refused = is_trigger ? fpgo_again_refuse(handin, id) : 0;
			if (refused != 0)
				return refused;
			fpgo_roster_wake_at_commit();
			notice_if_undelivered();
			return id;
		}
		holder = fpgo_submission_find_key(handin);
		if (holder == NULL)
		{
			refused = answer_taken_back(handin, is_trigger);
			if (refused != 0)
				return refused;
			/* that submission has ended since, and the key is free */
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		if (!fpgo_is_same_order(handin, holder))
			raise_key_taken(handin, holder);
		if (holder->is_own)
			return holder->id;
		if (handin->is_keyless && holder->state == FPGO_STATE_ACCEPTED)
			fpgo_keyless_answer(handin, holder);
		else if (!ignore_duplicate)
			raise_duplicate(handin, holder);
		return holder->id;
	}
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not queue the order: its key is contended"),
			 errhint("Nothing was queued; try again."),
			 fpgo_errhide()));
}

int64
fpgo_enqueue(const FpgoGiven *given, const char *server_name,
			 bool ignore_duplicate)
{
	const FpgoAccount *account;

	fpgo_submission_require_writable();
	account = fpgo_account_check(server_name, GetUserId());
	return queue_handin(fpgo_handin_make(given, account, NULL),
						ignore_duplicate, false);
}

FpgoRowOrder
fpgo_enqueue_prepare(const FpgoGiven *given, const char *server_name,
					 bool records_invalid)
{
	const FpgoAccount *account;
	FpgoRowOrder made = {0};

	fpgo_submission_require_writable();
	account = fpgo_account_check(server_name, GetUserId());
	made.handin = fpgo_handin_make(given, account,
								   records_invalid ? &made.violations : NULL);
	return made;
}

int64
fpgo_enqueue_prepared(const FpgoRowOrder *order)
{
	if (order->violations == NIL)
		return queue_handin(order->handin, true, true);
	return fpgo_submission_refuse_once(order->handin,
									   fpgo_violation_list(order->violations,
														   list_length(order->violations)));
}

int64
fpgo_enqueue_fault(const char *server_name, const char *key,
				   const char *sentence)
{
	const FpgoAccount *account;
	FpgoHandIn	handin = {.key = key};

	fpgo_submission_require_writable();
	account = fpgo_account_check(server_name, GetUserId());
	handin.account = account->name;
	handin.server = account->target.server_name;
	handin.role = GetUserNameFromId(GetUserId(), false);
	/* no order can be the same as one that was never made */
	fpgo_keyed_hash(key, strlen(key), handin.order_hash);
	return fpgo_submission_refuse_once(&handin, sentence);
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
