/*
 * callback.c
 *		fpgo.receive_callback: verifies and records the gateway's callbacks.
 *
 * The gateway requests an address of the shop.  The query string has the
 * order, its new status and a checksum.  The shop's web server passes the
 * query to fpgo.receive_callback as it came.  Its role needs EXECUTE only,
 * neither USAGE on the server nor the token.
 *
 * The checksum has no separator between the values that it covers
 * (callback_query.c).  Somebody who has seen a genuine callback can move
 * characters from a value to its neighbour, and the checksum still fits.
 * Therefore a callback is a hint: it is recorded and announced, and no
 * submission changes its state.
 *
 * The path of the address may have a callback token, which names a submission
 * (callback_token.c).  By it a callback finds a submission whose order uuid is
 * not known here.  The checksum does not cover the path: somebody who has seen
 * a genuine callback can use another token with it.
 *
 * A callback that does not fit is no error, since an error would roll back its
 * trace.  It is counted by server and kind: forgeries, however many, fill no
 * table.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "account/account.h"
#include "base/arguments.h"
#include "base/fpgo.h"
#include "followup/callback_query.h"
#include "records/early.h"
#include "records/traces.h"
#include "tables/operators.h"
#include "tables/statement.h"

PG_FUNCTION_INFO_V1(fpgo_receive_callback);

/* The result for one callback. */
typedef struct Receipt
{
	const char *outcome;
	int64		submission;		/* has the order, or else is named by the path;
								 * 0 if there is none */
	const char *order_uuid;
	const char *status;
} Receipt;

/* ---------- statements ---------- */

static FpgoStatement record_statement = {
	.sql = "INSERT INTO fpgo_internal.callback (server, checksum, order_uuid,"
	"  status, payment_method, amount, order_created_at, sent_at, is_stale,"
	"  submission)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT (server, checksum) DO NOTHING",
	.n_parameters = 10,
	.types = {TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, NUMERICOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, INT8OID}
};

/* the web server may have left out the path the first time */
static FpgoStatement name_statement = {
	.sql = "UPDATE fpgo_internal.callback SET submission = $3"
	" WHERE server " EQ " $1"
	" AND checksum " EQ " $2 AND submission IS NULL",
	.n_parameters = 3,
	.types = {TEXTOID, BYTEAOID, INT8OID}
};

static FpgoStatement recorded_statement = {
	.sql = "SELECT order_uuid, status, submission FROM fpgo_internal.callback"
	" WHERE server " EQ " $1"
	" AND checksum " EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, BYTEAOID}
};

static FpgoStatement reject_statement = {
	.sql = "INSERT INTO fpgo_internal.callback_rejection AS r"
	"  (server, outcome) VALUES ($1, $2)"
	" ON CONFLICT (server, outcome) DO UPDATE SET"
	"  times = r.times " PLUS " 1,"
	"  last_at = pg_catalog.clock_timestamp()",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

/*
 * an order that was changed has several submissions: the newest is taken
 */
static FpgoStatement find_statement = {
	.sql = "SELECT pg_catalog.max(id) FROM fpgo_internal.submission"
	" WHERE order_uuid " EQ " $1"
	" AND server " EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

static FpgoStatement find_token_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE callback_token " EQ " $1"
	" AND server " EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

/* ---------- judging ---------- */

/* Is its time missing, or too far from now? */
static bool
is_stale(const FpgoCallback *callback, int window_ms)
{
	TimestampTz now = GetCurrentTimestamp();

	return callback->sent_at == 0 ||
		TimestampDifferenceExceeds(callback->sent_at, now, window_ms) ||
		TimestampDifferenceExceeds(now, callback->sent_at, window_ms);
}

/* ---------- recording ---------- */

static void
put_time(FpgoParameters *p, TimestampTz time)
{
	fpgo_put_datum(p, TimestampTzGetDatum(time), time == 0);
}

/* Record a callback; false if it was recorded before. */
static bool
record(const char *server, const FpgoCallback *callback, bool stale, int64 named)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, server);
	fpgo_put_bytes(&p, callback->checksum, PG_SHA256_DIGEST_LENGTH);
	fpgo_put_text(&p, callback->order_uuid);
	fpgo_put_text(&p, callback->status);
	fpgo_put_text(&p, callback->payment_method);
	fpgo_put_numeric(&p, callback->amount);
	put_time(&p, callback->order_created_at);
	put_time(&p, callback->sent_at);
	fpgo_put_datum(&p, BoolGetDatum(stale), false);
	fpgo_put_datum(&p, Int64GetDatum(named), named == 0);
	return fpgo_statement_run(&record_statement, &p) == 1;
}

/*
 * Read the recorded callback with this checksum, and the submission that its
 * path named then or, if none, names now.  The values of the two may differ,
 * as the head of this file says: the recorded ones count.
 */
static void
recall(const char *server, FpgoCallback *callback, int64 *named,
	   MemoryContext context)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, server);
	fpgo_put_bytes(&p, callback->checksum, PG_SHA256_DIGEST_LENGTH);
	if (*named != 0)
	{
		fpgo_put_int64(&p, *named);
		(void) fpgo_statement_run(&name_statement, &p);
		p.n = 2;
	}
	if (fpgo_statement_run(&recorded_statement, &p) != 1)
		elog(ERROR, "a callback was deleted while it was received again");
	callback->order_uuid = fpgo_get_text(0, 1, context);
	callback->status = fpgo_get_text(0, 2, context);
	*named = fpgo_get_int64(0, 3);
}

static void
reject(const char *server, const char *outcome)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, server);
	fpgo_put_text(&p, outcome);
	(void) fpgo_statement_run(&reject_statement, &p);
}

/* The submission that has the order, or had it until it was purged; 0: none. */
static int64
find_submission(const char *server, const char *order_uuid)
{
	FpgoParameters p = {0};
	const FpgoVersion *trace = NULL;
	int64		id;

	fpgo_put_text(&p, order_uuid);
	fpgo_put_text(&p, server);
	(void) fpgo_statement_run(&find_statement, &p);
	id = fpgo_get_int64(0, 1);
	if (id == 0)
		trace = fpgo_trace_find_order(server, order_uuid, true);
	return trace == NULL ? id : trace->submission.id;
}

/* The submission that the path names; 0 if it names none of this server. */
static int64
find_named(const char *server, const FpgoCallback *callback)
{
	FpgoParameters p = {0};

	if (callback->token == NULL)
		return 0;
	fpgo_put_secret(&p, callback->token);
	fpgo_put_text(&p, server);
	return fpgo_statement_run(&find_token_statement, &p) > 0 ?
		fpgo_get_int64(0, 1) : 0;
}

/*
 * Record a genuine callback, unless it is recorded, and announce it.  One that
 * no submission has yet is announced when a submission gets the order's uuid.
 */
static Receipt
take_in(const FpgoCallbackTerms *terms, FpgoCallback *callback,
		MemoryContext context)
{
	bool		stale = is_stale(callback, terms->window_ms);
	int64		named = find_named(terms->account_name, callback);
	bool		is_new = record(terms->account_name, callback, stale, named);
	Receipt		receipt = {0};

	if (!is_new)
		recall(terms->account_name, callback, &named, context);
	receipt.order_uuid = callback->order_uuid;
	receipt.status = callback->status;
	receipt.submission = find_submission(terms->account_name,
										 callback->order_uuid);
	if (receipt.submission == 0)
		receipt.submission = named;
	if (!is_new)
	{
		receipt.outcome = "repeated";
		reject(terms->account_name, receipt.outcome);
	}
	else if (receipt.submission == 0)
	{
		receipt.outcome = "foreign";
		fpgo_early_keep(terms->account_name, receipt.order_uuid,
						callback->checksum);
	}
	else
	{
		receipt.outcome = stale ? "stale" : "recorded";
		fpgo_announce(receipt.submission, receipt.order_uuid, receipt.status);
	}
	/* this callback, or one before it, may be early */
	fpgo_early_look_at_commit(terms->account_name, receipt.order_uuid, true);
	return receipt;
}

/* ---------- the function ---------- */

static void
require_query(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query must not be null"),
				 errhint("It is the address that was requested, or as much of it as the web server has: path and query string, as they were sent."),
				 fpgo_errhide()));
}

static Datum
make_row(FunctionCallInfo fcinfo, const Receipt *receipt)
{
	TupleDesc	descriptor;
	Datum		values[4] = {0};
	bool		nulls[4];

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = false;
	nulls[1] = receipt->submission == 0;
	nulls[2] = receipt->order_uuid == NULL;
	nulls[3] = receipt->status == NULL;
	values[0] = CStringGetTextDatum(receipt->outcome);
	values[1] = Int64GetDatum(receipt->submission);
	if (!nulls[2])
		values[2] = CStringGetTextDatum(receipt->order_uuid);
	if (!nulls[3])
		values[3] = CStringGetTextDatum(receipt->status);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

Datum
fpgo_receive_callback(PG_FUNCTION_ARGS)
{
	const char *server_name = fpgo_text_argument(fcinfo, 1);
	MemoryContext context = CurrentMemoryContext;
	FpgoCallbackTerms terms;
	FpgoCallback callback = {0};
	Receipt		receipt = {0};

	require_query(fcinfo);
	terms = fpgo_account_callback_terms(server_name);
	receipt.outcome = fpgo_callback_judge(text_to_cstring(PG_GETARG_TEXT_PP(0)),
										  terms.secret, &callback);
	explicit_bzero(terms.secret, strlen(terms.secret));
	SPI_connect();
	if (receipt.outcome != NULL)
		reject(terms.account_name, receipt.outcome);
	else
		receipt = take_in(&terms, &callback, context);
	SPI_finish();
	PG_RETURN_DATUM(make_row(fcinfo, &receipt));
}
