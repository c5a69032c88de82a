/*
 * callback_query.c
 *		What a callback says, by its query, and whether the gateway says it.
 *
 * The checksum is the SHA-256 of values, one after another, and a secret at
 * the end.  The gateway puts its parameters behind the shop's own address,
 * which may have a query itself.  Nobody documents what is signed then, nor
 * how the two are joined.  So the query is read in several ways:
 *
 *		all parameters, those that stand there twice as PHP has them, or each;
 *		only the last ones: what stands before them is the shop's own;
 *		both again, with the last question mark read as "&".
 *
 * The callback is genuine if the checksum fits one of them, and then it says
 * what that reading says.  Only a value that the checksum covers is ever read.
 * Whoever adds parameters, before or behind, changes nothing that is read.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/cryptohash.h"
#include "common/string.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/fpgo.h"
#include "followup/callback_query.h"
#include "text/ascii.h"
#include "text/characters.h"
#include "text/format.h"
#include "text/identifier.h"
#include "text/query.h"

/* longest query in bytes, and most parameters; the gateway sends seven */
#define QUERY_MAX 8192
#define PAIRS_MAX 64

/* longest word in bytes */
#define WORD_MAX 255

/* most digits of a time in seconds: up to the year 33658 */
#define TIME_DIGITS 12

#define CHECKSUM_DIGITS (PG_SHA256_DIGEST_LENGTH * 2)

/* How well a checksum fits; the better, the greater. */
typedef enum Fit
{
	FIT_MALFORMED,				/* no callback */
	FIT_FORGED,
	FIT_OUTDATED,				/* by a formula of former times */
	FIT_GENUINE
} Fit;

/* ---------- texts ---------- */

/*
 * Convert as much of a text as the other encoding can hold, and return how many
 * bytes that are.  The result has its NUL.
 */
static size_t
convert(FpgoSpan span, int from, int to, char *result, size_t size)
{
	Oid			procedure = FindDefaultConversionProc(from, to);

	if (!OidIsValid(procedure))
		return 0;
	return pg_do_encoding_conversion_buf(procedure, from, to,
										 (unsigned char *) unconstify(char *, span.text),
										 span.len, (unsigned char *) result,
										 size, true);
}

/* Does the database hold UTF-8 as it is? */
static bool
holds_utf8(void)
{
	return GetDatabaseEncoding() == PG_UTF8 ||
		GetDatabaseEncoding() == PG_SQL_ASCII;
}

/* The query in UTF-8, in which the gateway wrote it. */
static char *
query_in_utf8(char *query)
{
	size_t		len = strlen(query);
	size_t		size = (len + 1) * MAX_CONVERSION_GROWTH + 1;
	char	   *result;

	if (holds_utf8() || len > QUERY_MAX || pg_is_ascii(query))
		return query;
	result = palloc(size);
	return convert((FpgoSpan) {query, len}, GetDatabaseEncoding(), PG_UTF8,
				   result, size) == len ? result : query;
}

/* Append a visible character beyond ASCII; false if it cannot be held. */
static bool
append_character(StringInfo word, FpgoSpan character, uint32_t code)
{
	char		converted[(MAX_MULTIBYTE_CHAR_LEN + 1) * MAX_CONVERSION_GROWTH + 1];

	if (code == FPGO_BROKEN_CODE || fpgo_class_of(code) == FPGO_CHAR_OTHER)
		return false;
	if (holds_utf8())
	{
		appendBinaryStringInfo(word, character.text, character.len);
		return true;
	}
	if (convert(character, PG_UTF8, GetDatabaseEncoding(), converted,
				sizeof(converted)) != character.len)
		return false;
	appendStringInfoString(word, converted);
	return true;
}

/*
 * A value as text; NULL if it is empty, too long, or has a control character.
 * What is beyond ASCII and not visible, or not UTF-8, or not to be held by the
 * database, stays encoded by percent signs.
 */
static const char *
read_word(FpgoSpan value)
{
	StringInfoData word;

	if (value.len == 0 || value.len > WORD_MAX)
		return NULL;
	initStringInfo(&word);
	while (value.len > 0)
	{
		size_t		len = 1;
		uint32_t	code;

		if (is_beyond_ascii(value.text[0]))
		{
			code = fpgo_first_code(value, &len);
			if (!append_character(&word, (FpgoSpan) {value.text, len}, code))
			{
				for (size_t i = 0; i < len; i++)
					appendStringInfo(&word, "%%%02X",
									 (unsigned char) value.text[i]);
			}
		}
		else if (value.text[0] < ' ' || value.text[0] > '~')
			return NULL;
		else
			appendStringInfoChar(&word, value.text[0]);
		value.text += len;
		value.len -= len;
	}
	return word.data;
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
read_callback(const FpgoQueryPair *pairs, int n, FpgoCallback *callback)
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

/* ---------- checksums ---------- */

/* The SHA-256 of values, in their order, and the secret. */
static void
sum_up(const FpgoSpan *values, int n, const char *secret,
	   uint8 result[PG_SHA256_DIGEST_LENGTH])
{
	pg_cryptohash_ctx *sha256 = pg_cryptohash_create(PG_SHA256);
	bool		failed = pg_cryptohash_init(sha256) < 0;

	for (int i = 0; i < n && !failed; i++)
		failed = values[i].len > 0 &&
			pg_cryptohash_update(sha256, (const uint8 *) values[i].text,
								 values[i].len) < 0;
	failed = failed ||
		pg_cryptohash_update(sha256, (const uint8 *) secret,
							 strlen(secret)) < 0 ||
		pg_cryptohash_final(sha256, result, PG_SHA256_DIGEST_LENGTH) < 0;
	pg_cryptohash_free(sha256);
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("A callback could not be hashed."),
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
fits(const FpgoSpan *values, int n, const char *secret,
	 const FpgoCallback *callback)
{
	uint8		expected[PG_SHA256_DIGEST_LENGTH];

	sum_up(values, n, secret, expected);
	return are_equal(expected, callback->checksum, sizeof(expected));
}

/* Today's formula: all values but the checksum. */
static bool
is_genuine(const FpgoQueryPair *pairs, int n, const char *secret,
		   const FpgoCallback *callback)
{
	FpgoSpan	values[PAIRS_MAX];
	int			n_values = 0;

	for (int i = 0; i < n; i++)
	{
		if (!fpgo_spans_equal(pairs[i].name, (FpgoSpan) {"checksum", 8}))
			values[n_values++] = pairs[i].value;
	}
	return fits(values, n_values, secret, callback);
}

/*
 * The formulas of former times sign some values only.  The others may be
 * anybody's, so such a callback is not taken.
 */
static bool
is_outdated(const FpgoQueryPair *pairs, int n, const char *secret)
{
	static const char *const names[] = {"orderUuid", "status", "createdAt",
	"amount", "timestamp"};
	FpgoSpan	values[lengthof(names)];
	FpgoCallback callback = {0};

	if (!read_callback(pairs, n, &callback))
		return false;
	for (int i = 0; i < (int) lengthof(names); i++)
		values[i] = fpgo_query_find(pairs, n, names[i]);
	/* the oldest ends with createdAt */
	return fits(values, 3, secret, &callback) ||
		fits(values, lengthof(names), secret, &callback);
}

/* ---------- readings ---------- */

/* Read these parameters, all of them signed; fill in a genuine callback. */
static Fit
judge_all(const FpgoQueryPair *pairs, int n, const char *secret,
		  FpgoCallback *callback)
{
	FpgoCallback said = {0};

	if (!read_callback(pairs, n, &said))
		return FIT_MALFORMED;
	if (!is_genuine(pairs, n, secret, &said))
		return FIT_FORGED;
	*callback = said;
	return FIT_GENUINE;
}

/* The same; a fit that is as good or better, from another reading, stays. */
static void
judge_also(Fit *fit, const FpgoQueryPair *pairs, int n, const char *secret,
		   FpgoCallback *callback)
{
	Fit			other;

	if (*fit == FIT_GENUINE)
		return;
	other = judge_all(pairs, n, secret, callback);
	*fit = Max(*fit, other);
}

/* Read a query in all ways but that of a second question mark. */
static Fit
judge_parameters(char *query, size_t len, const char *secret,
				 FpgoCallback *callback)
{
	FpgoQueryPair pairs[PAIRS_MAX];
	FpgoQueryPair merged[PAIRS_MAX];
	int			n = fpgo_query_read(query, len, pairs, PAIRS_MAX);
	int			n_merged;
	Fit			fit = FIT_MALFORMED;

	if (n < 0)
		return fit;
	memcpy(merged, pairs, sizeof(pairs[0]) * n);
	n_merged = fpgo_query_merge(merged, n);
	judge_also(&fit, merged, n_merged, secret, callback);
	judge_also(&fit, pairs, n, secret, callback);
	/* the gateway's own have no name twice */
	for (int i = fpgo_query_unrepeated(pairs, n); i < n; i++)
		judge_also(&fit, pairs + i, n - i, secret, callback);
	if (fit == FIT_FORGED && is_outdated(merged, n_merged, secret))
		fit = FIT_OUTDATED;
	return fit;
}

const char *
fpgo_callback_judge(char *query, const char *secret, FpgoCallback *callback)
{
	static const char *const faults[] = {"malformed", "forged", "outdated",
	NULL};
	size_t		len;
	FpgoSpan	token;
	char	   *joined;
	Fit			fit;

	query = query_in_utf8(query);
	len = strlen(query);
	if (len > QUERY_MAX)
		return faults[FIT_MALFORMED];
	token = fpgo_query_find_token(query, len);
	if (token.text != NULL)
		token.text = pnstrdup(token.text, token.len);
	joined = pnstrdup(query, len);
	fit = judge_parameters(query, len, secret, callback);
	if (fit != FIT_GENUINE && fpgo_query_split_joined(joined, len))
	{
		Fit			other = judge_parameters(joined, len, secret, callback);

		fit = Max(fit, other);
	}
	if (fit == FIT_GENUINE)
		callback->token = token.text;
	return faults[fit];
}
