/*
 * handin.c
 *		An order handed in: validated, and with all its record needs.
 *
 * The one place where an order becomes a payload, a key and a hash, for
 * whoever hands it in: submit_invoice, enqueue_invoice, the trigger.
 *
 * The key makes a second call the same call.  It is the caller's, or the
 * order's referenceNo, or, where the order has none, made from the payload's
 * hash and the top-level transaction: PostgreSQL evaluates some expressions
 * twice, and both evaluations mean one invoice; but the same order in another
 * transaction is another one, since a shop may well sell the same thing to the
 * same person twice.
 */
#include "fpgo.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/parallel.h"
#include "common/cryptohash.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "order/document.h"
#include "handin/handin.h"
#include "tables/statement.h"
#include "order/callback_token.h"
#include "order/reading.h"
#include "records/submissions.h"

/*
 * Largest payload in bytes: what nginx, which stands before the gateway,
 * takes unless it is told otherwise (client_max_body_size).
 */
#define PAYLOAD_MAX (1024 * 1024)

/*
 * Longest key, and as much of a longer reference as is kept, in bytes: either
 * must fit an index entry beside the server's name.
 */
#define KEY_MAX 1000

/* longest total in characters, and largest exponent of one, that is kept */
#define TOTAL_MAX 100
#define TOTAL_MAX_EXPONENT 100

void
fpgo_handin_require_writable(void)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice during recovery"),
				 errhint("Submit it on the primary server."),
				 fpgo_errhide()));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice in a read-only transaction"),
				 fpgo_errhide()));
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice during a parallel operation"),
				 fpgo_errhide()));
}

/* ---------- the hash ---------- */

/* The secret key, kept by the process; its table tells whether it is stale. */
static const uint8 *
hash_key(int *len)
{
	static uint8 *key = NULL;
	static int	key_len = 0;
	static Oid	key_table = InvalidOid;
	Oid			table = fpgo_owner_table("hash_key");

	if (key_table != table)
	{
		uint8	   *fresh;
		int			fresh_len;
		uint8	   *copy;

		fpgo_submission_hash_key(&fresh, &fresh_len);
		copy = MemoryContextAlloc(TopMemoryContext, fresh_len);
		memcpy(copy, fresh, fresh_len);
		if (key != NULL)
			pfree(key);
		key = copy;
		key_len = fresh_len;
		key_table = table;
	}
	*len = key_len;
	return key;
}

/*
 * SHA-256 of the secret key and, behind it, the data: who does not know the key
 * cannot try out what the data was, and that is all it is for.  HMAC, which
 * takes half as long again, would also keep those who know a hash from making
 * the one of the same data with more behind it; but that more has a zero byte
 * in it, and so it is never an order.
 */
void
fpgo_handin_hash(const char *data, size_t len, uint8 result[FPGO_HASH_BYTES])
{
	int			key_len;
	const uint8 *key = hash_key(&key_len);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		failed;

	failed = pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, key, key_len) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) data, len) < 0 ||
		pg_cryptohash_final(context, result, FPGO_HASH_BYTES) < 0;
	pg_cryptohash_free(context);
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not hash an order"),
				 fpgo_errhide()));
}

static const char *
hex(const uint8 *bytes)
{
	char	   *text = palloc(FPGO_HASH_BYTES * 2 + 1);

	for (int i = 0; i < FPGO_HASH_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

/* ---------- key, reference, total ---------- */

/* Can numeric hold this number?  No total of the real world is near. */
static bool
is_total(FpgoSpan text)
{
	if (!fpgo_is_numeric(text) || text.len > TOTAL_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if (text.text[i] == 'e' || text.text[i] == 'E')
		{
			long		exponent = strtol(pnstrdup(text.text + i + 1,
												   text.len - i - 1),
										  NULL, 10);

			return exponent <= TOTAL_MAX_EXPONENT &&
				exponent >= -TOTAL_MAX_EXPONENT;
		}
	}
	return true;
}

/* A string member as the gateway reads it, NULL if it has none. */
static const char *
read_text(const FpgoValue *value)
{
	FpgoSpan	text = {"", 0};

	if (value->kind == FPGO_TEXT)
		text = fpgo_trim(value->text);
	return text.len == 0 ? NULL : pnstrdup(text.text, text.len);
}

/* A total as decimal text, NULL if it has none that numeric could hold. */
static const char *
read_total(const FpgoValue *value)
{
	FpgoSpan	text;

	if (value->kind == FPGO_NUMBER)
		return fpgo_document_number_text(value->number).text;
	if (value->kind != FPGO_TEXT)
		return NULL;
	text = fpgo_trim(value->text);
	return is_total(text) ? pnstrdup(text.text, text.len) : NULL;
}

/* Index of a field that the tree is known to have. */
static int
field_index(const FpgoShape *shape, const char *name)
{
	int			field = fpgo_document_find_field(shape,
												 (FpgoSpan) {name, strlen(name)});

	Assert(field >= 0);
	return field;
}

/* What the record keeps of the order beside the payload. */
static void
read_order(Jsonb *order, FpgoHandIn *handin)
{
	FpgoValue	root = fpgo_document_root(order);
	FpgoValue	members[FPGO_MAX_FIELDS];
	FpgoValue	totals[FPGO_MAX_FIELDS];
	int			summary = field_index(&fpgo_order_shape, "orderSummary");
	const FpgoShape *shape = fpgo_order_shape.fields[summary].shape;

	fpgo_document_members(&root, &fpgo_order_shape, members);
	fpgo_document_members(&members[summary], shape, totals);
	handin->reference =
		read_text(&members[field_index(&fpgo_order_shape, "referenceNo")]);
	handin->grand_total = read_total(&totals[field_index(shape, "grandTotal")]);
}

/* Unique among all top-level transactions of the cluster's life. */
static const char *
name_transaction(void)
{
	return psprintf("%d.%lld.%u", MyProcPid, (long long) MyStartTimestamp,
					MyProc->lxid);
}

static const char *
make_key(const FpgoHandIn *handin, const char *key)
{
	if (key != NULL)
	{
		if (fpgo_trim((FpgoSpan) {key, strlen(key)}).len == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key must not be blank"),
					 errhint("Leave it out, and the order's referenceNo is the key."),
					 fpgo_errhide()));
		if (strlen(key) > KEY_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key is too long"),
					 errdetail("It has %zu bytes; the limit is %d.",
							   strlen(key), KEY_MAX),
					 fpgo_errhide()));
		return key;
	}
	if (handin->reference == NULL)
		return psprintf("%s/%s", hex(handin->order_hash), name_transaction());
	if (strlen(handin->reference) > KEY_MAX)
	{
		uint8		digest[FPGO_HASH_BYTES];

		fpgo_handin_hash(handin->reference, strlen(handin->reference),
						 digest);
		return hex(digest);
	}
	return handin->reference;
}

/* ---------- advice ---------- */

/* What to advise about the order, as much as is kept; NULL if nothing. */
static const char *const *
collect_advice(Jsonb *order)
{
	List	   *found = fpgo_advise_order(order);
	int			n = Min(list_length(found), FPGO_MAX_ADVICE);
	int			n_left_off = list_length(found) - n;
	const char **advice;

	if (n == 0)
		return NULL;
	advice = palloc0(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		advice[i] = ((FpgoViolation *) list_nth(found, i))->message;
	/* the last is given up for the number of those that have no room */
	if (n_left_off > 0)
		advice[n - 1] = psprintf("... and %d more.", n_left_off + 1);
	return advice;
}

/* ---------- the whole ---------- */

const char *
fpgo_handin_wire(const char *payload, int *len)
{
	*len = strlen(payload);
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		char	   *utf8 = pg_server_to_any(payload, *len, PG_UTF8);

		*len = strlen(utf8);
		return utf8;
	}
	return payload;
}

static void
write_payload(FpgoHandIn *handin, Jsonb *order)
{
	StringInfoData payload;
	int			wire_len;

	initStringInfo(&payload);
	fpgo_payload_write(&payload, order);
	(void) fpgo_handin_wire(payload.data, &wire_len);
	if (wire_len > PAYLOAD_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("order payload is too large"),
				 errdetail("It has %d bytes; the limit is %d.  Nothing was sent.",
						   wire_len, PAYLOAD_MAX),
				 fpgo_errhide()));
	handin->order = order;
	handin->payload = payload.data;
	handin->payload_len = payload.len;
}

/*
 * Put the token into what is sent.  The hash is of what was handed in, so that
 * the same order is the same again.
 */
static void
fill_placeholder(FpgoHandIn *handin)
{
	Jsonb	   *order;

	/* most orders have none, and this is all they pay */
	if (strstr(handin->payload, FPGO_PLACEHOLDER) == NULL)
		return;
	order = fpgo_placeholder_fill(handin->order, &handin->callback_token);
	if (handin->callback_token != NULL)
		write_payload(handin, order);
}

FpgoHandIn *
fpgo_handin_make(Jsonb *order, const char *server, const char *key)
{
	FpgoHandIn *handin = palloc0(sizeof(FpgoHandIn));

	handin->server = server;
	handin->role = GetUserNameFromId(GetUserId(), false);
	write_payload(handin, order);
	read_order(order, handin);
	fpgo_handin_hash(handin->payload, handin->payload_len,
					 handin->order_hash);
	handin->key = make_key(handin, key);
	handin->advice = collect_advice(order);
	if (handin->reference != NULL && strlen(handin->reference) > KEY_MAX)
		handin->reference = pnstrdup(handin->reference,
									 pg_mbcliplen(handin->reference,
												  strlen(handin->reference),
												  KEY_MAX));
	fill_placeholder(handin);
	return handin;
}
