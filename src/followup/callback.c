/*
 * callback.c
 *		fpgo.receive_callback: verifies and records the gateway's callbacks.
 *
 * The gateway requests an address of the shop.  The query string has the
 * order, its new status and a checksum.  The shop's web server passes the
 * query to fpgo.receive_callback as it came.  Its role needs EXECUTE only,
 * neither USAGE on the server nor the token.
 *
 * The checksum is the SHA-256 of all values, one after another, and a secret
 * at the end.  There is no separator between the values.  Somebody who has
 * seen a genuine callback can move characters from a value to its neighbour,
 * and the checksum still fits.  Therefore a callback is a hint: it is recorded
 * and announced, and no submission changes its state.
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
#include "commands/async.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "account/account.h"
#include "base/arguments.h"
#include "base/fpgo.h"
#include "tables/operators.h"
#include "tables/statement.h"
#include "text/ascii.h"
#include "text/format.h"
#include "text/identifier.h"
#include "text/query.h"

PG_FUNCTION_INFO_V1(fpgo_receive_callback);

/* the channel on which an order's new status is announced */
#define CHANNEL "fpgo_order_status"

/* longest query in bytes, and most parameters; the gateway sends seven */
#define QUERY_MAX 8192
#define PAIRS_MAX 64

/* longest word in bytes */
#define WORD_MAX 255

/* most digits of a time in seconds: up to the year 33658 */
#define TIME_DIGITS 12

#define CHECKSUM_DIGITS (PG_SHA256_DIGEST_LENGTH * 2)

/* The values of a callback; NULL if the callback does not have one. */
typedef struct Callback
{
	const char *order_uuid;
	const char *status;
	const char *payment_method;
	const char *amount;
	TimestampTz order_created_at;	/* 0 if it does not say */
	TimestampTz sent_at;		/* 0 if it does not say */
	uint8		checksum[PG_SHA256_DIGEST_LENGTH];
	const char *token;			/* in the path, which is not signed */
} Callback;

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

/* ---------- reading ---------- */

/* A value of printable ASCII, as text; NULL if it is empty or other. */
static const char *
read_word(FpgoSpan value)
{
	if (value.len == 0 || value.len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < value.len; i++)
	{
		if (value.text[i] < ' ' || value.text[i] > '~')
			return NULL;
	}
	return pnstrdup(value.text, value.len);
}

/* An identifier of the gateway, as text; NULL if it is none. */
static const char *
read_identifier(FpgoSpan value)
{
	return fpgo_is_identifier(value.text, value.len) ?
		pnstrdup(value.text, value.len) : NULL;
}

static const char *
read_amount(FpgoSpan value)
{
	return fpgo_is_amount(value) ? pnstrdup(value.text, value.len) : NULL;
}

/* Whole seconds since 1970; 0 if it is none. */
static TimestampTz
read_time(FpgoSpan value)
{
	int64		seconds = 0;

	if (value.len == 0 || value.len > TIME_DIGITS)
		return 0;
	for (size_t i = 0; i < value.len; i++)
	{
		if (!is_digit(value.text[i]))
			return 0;
		seconds = seconds * 10 + (value.text[i] - '0');
	}
	return time_t_to_timestamptz((pg_time_t) seconds);
}

static bool
read_checksum(FpgoSpan value, uint8 checksum[PG_SHA256_DIGEST_LENGTH])
{
	if (value.len != CHECKSUM_DIGITS)
		return false;
	for (size_t i = 0; i < value.len; i++)
	{
		if (!is_hex(value.text[i]))
			return false;
	}
	(void) hex_decode(value.text, value.len, (char *) checksum);
	return true;
}

/* False if the callback lacks a value that it must have. */
static bool
read_callback(const FpgoQueryPair *pairs, int n, Callback *callback)
{
	callback->order_uuid = read_identifier(fpgo_query_find(pairs, n,
														   "orderUuid"));
	callback->status = read_word(fpgo_query_find(pairs, n, "status"));
	callback->payment_method = read_word(fpgo_query_find(pairs, n,
														 "paymentMethod"));
	callback->amount = read_amount(fpgo_query_find(pairs, n, "amount"));
	callback->order_created_at = read_time(fpgo_query_find(pairs, n,
														   "createdAt"));
	callback->sent_at = read_time(fpgo_query_find(pairs, n, "timestamp"));
	return callback->order_uuid != NULL && callback->status != NULL &&
		read_checksum(fpgo_query_find(pairs, n, "checksum"),
					  callback->checksum);
}

/* ---------- judging ---------- */

/*
 * The SHA-256 of all values but the checksum, in their order, and the secret.
 */
static void
sum_up(const FpgoQueryPair *pairs, int n, const char *secret,
	   uint8 result[PG_SHA256_DIGEST_LENGTH])
{
	pg_cryptohash_ctx *sha256 = pg_cryptohash_create(PG_SHA256);
	bool		failed = pg_cryptohash_init(sha256) < 0;

	for (int i = 0; i < n && !failed; i++)
	{
		const FpgoSpan *name = &pairs[i].name;
		const FpgoSpan *value = &pairs[i].value;

		if (fpgo_spans_equal(*name, (FpgoSpan) {"checksum", 8}))
			continue;
		failed = pg_cryptohash_update(sha256, (const uint8 *) value->text,
									  value->len) < 0;
	}
	failed = failed ||
		pg_cryptohash_update(sha256, (const uint8 *) secret,
							 strlen(secret)) < 0 ||
		pg_cryptohash_final(sha256, result, PG_SHA256_DIGEST_LENGTH) < 0;
	pg_cryptohash_free(sha256);
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not hash a callback"),
				 fpgo_errhide()));
}

/* Compares in a time that does not tell where the two differ. */
static bool
are_equal(const uint8 *a, const uint8 *b, size_t len)
{
	volatile uint8 difference = 0;

	for (size_t i = 0; i < len; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

static bool
is_genuine(const FpgoQueryPair *pairs, int n, const Callback *callback,
		   const char *secret)
{
	uint8		expected[PG_SHA256_DIGEST_LENGTH];

	sum_up(pairs, n, secret, expected);
	return are_equal(expected, callback->checksum, sizeof(expected));
}

/* Is its time missing, or too far from now? */
static bool
is_stale(const Callback *callback, int window_ms)
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
record(const char *server, const Callback *callback, bool stale, int64 named)
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
recall(const char *server, Callback *callback, int64 *named,
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

/* The submission that has the order; 0 if none has. */
static int64
find_submission(const char *server, const char *order_uuid)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, order_uuid);
	fpgo_put_text(&p, server);
	(void) fpgo_statement_run(&find_statement, &p);
	return fpgo_get_int64(0, 1);
}

/* The submission that the path names; 0 if it names none of this server. */
static int64
find_named(const char *server, const Callback *callback)
{
	FpgoParameters p = {0};

	if (callback->token == NULL)
		return 0;
	fpgo_put_secret(&p, callback->token);
	fpgo_put_text(&p, server);
	return fpgo_statement_run(&find_token_statement, &p) > 0 ?
		fpgo_get_int64(0, 1) : 0;
}

/* Announce the callback at commit, with nothing personal. */
static void
announce(const Receipt *receipt)
{
	StringInfoData order_status;

	initStringInfo(&order_status);
	appendStringInfo(&order_status, "{\"submission\": %lld, \"order_uuid\": ",
					 (long long) receipt->submission);
	escape_json(&order_status, receipt->order_uuid);
	appendStringInfoString(&order_status, ", \"status\": ");
	escape_json(&order_status, receipt->status);
	appendStringInfoString(&order_status, "}");
	Async_Notify(CHANNEL, order_status.data);
}

/* Record a genuine callback, unless it is recorded, and announce it. */
static Receipt
take_in(const FpgoCallbackTerms *terms, Callback *callback,
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
		receipt.outcome = "foreign";
	else
	{
		receipt.outcome = stale ? "stale" : "recorded";
		announce(&receipt);
	}
	return receipt;
}

/* The fault of a callback, in one word; NULL if it is genuine. */
static const char *
find_fault(char *query, const char *secret, Callback *callback)
{
	FpgoQueryPair pairs[PAIRS_MAX];
	size_t		len = strlen(query);
	FpgoSpan	token = fpgo_query_find_token(query, len);
	int			n = len <= QUERY_MAX ?
	fpgo_query_read(query, len, pairs, PAIRS_MAX) : -1;

	if (n < 0 || !read_callback(pairs, n, callback))
		return "malformed";
	if (token.text != NULL)
		callback->token = pnstrdup(token.text, token.len);
	return is_genuine(pairs, n, callback, secret) ? NULL : "forged";
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
	Callback	callback = {0};
	Receipt		receipt = {0};

	require_query(fcinfo);
	terms = fpgo_account_callback_terms(server_name);
	receipt.outcome = find_fault(text_to_cstring(PG_GETARG_TEXT_PP(0)),
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
