/*
 * unsourced.c
 *		Orders of rows that fpgo 1.0 recorded without their row.
 *
 * Part of the records (see submissions.c).  1.0 made the key of a row's order
 * without reference from the order's hash and the role: hash/role.  Now the row
 * itself is the key.  The row that hands such an order in first takes the
 * submission of 1.0 as its own.  This is the one change of a submission by a
 * transaction that hands in; it is made once, and changes no state.
 *
 * Submissions of 1.0 have the lowest numbers.  A search in the order of the
 * numbers ends with the first submission that is not of 1.0: it costs a database
 * without such submissions one look-up.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/acl.h"

#include "records/unsourced.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* so many payloads are looked at in one go; the first time only one */
#define N_LOOKED_AT 100

#define COLUMNS \
	" s.id, s.state::pg_catalog.text, s.run, s.server, s.role, s.order_uuid," \
	" s.customer_uuid, s.bank_id_url, s.xmin, s.settled_at, s.order_hash," \
	" s.hash_rule "

/* Can it be the order of a row whose source is in the parameter given? */
#define IS_FREE(source) \
	" (s.version IS NULL AND s.reference IS NULL" \
	" AND s.server " BYTEWISE EQ " $1" \
	" AND s.state " NE " ALL ('{refused,cancelled,superseded}')" \
	" AND (s.source " EQ " " source " OR s.source IS NULL AND" \
	"  NOT EXISTS (SELECT FROM fpgo_internal.submission o" \
	"   WHERE o.first_version " EQ " s.id))) IS TRUE "

static FpgoStatement by_key_statement = {
	.sql = "SELECT" COLUMNS "FROM fpgo_internal.submission s"
	" WHERE s.server " BYTEWISE EQ " $1 AND s.key " BYTEWISE GE " $2"
	" AND s.key " BYTEWISE LT " $3 AND" IS_FREE("$4")
	"ORDER BY s.source, s.id",
	.n_parameters = 4,
	.types = {TEXTOID, TEXTOID, TEXTOID, BYTEAOID},
	.sees_latest = true
};

static FpgoStatement with_payload_statement = {
	.sql = "SELECT" COLUMNS ", s.version IS NULL,"
	" " IS_FREE("$4") "AND pg_catalog.substr(s.key, 65, 1) " EQ " '/'"
	" FROM fpgo_internal.payload p, fpgo_internal.submission s"
	" WHERE p.submission " GT " $2 AND s.id " EQ " p.submission"
	" ORDER BY p.submission LIMIT $3",
	.n_parameters = 4,
	.types = {TEXTOID, INT8OID, INT4OID, BYTEAOID},
	.sees_latest = true
};

static FpgoStatement take_statement = {
	.sql = "UPDATE fpgo_internal.submission"
	" SET source = $2, source_table = $3"
	" WHERE id " EQ " $1 AND version IS NULL"
	" AND (source IS NULL OR source " EQ " $2)",
	.n_parameters = 3,
	.types = {INT8OID, BYTEAOID, TEXTOID}
};

/* Adds a row of the last statement, if its role may be the hand-in's. */
static List *
add(List *found, int row, const FpgoHandIn *handin, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	FpgoSubmission *submission = palloc0(sizeof(FpgoSubmission));

	fpgo_submission_read(submission, row, context);
	if (strcmp(submission->role, handin->role) == 0 ||
		!OidIsValid(get_role_oid(submission->role, true)))
		found = lappend(found, submission);
	MemoryContextSwitchTo(old);
	return found;
}

List *
fpgo_unsourced_by_hash(const FpgoHandIn *handin,
					   const uint8 hash[FPGO_HASH_BYTES])
{
	MemoryContext caller = CurrentMemoryContext;
	char		beginning[FPGO_HASH_BYTES * 2 + 2];
	char		end[FPGO_HASH_BYTES * 2 + 2];
	List	   *found = NIL;
	FpgoParameters p = {0};
	int			n;

	for (int i = 0; i < FPGO_HASH_BYTES; i++)
		snprintf(beginning + 2 * i, 3, "%02x", hash[i]);
	/* the first text behind all that begin with hash and slash */
	memcpy(end, beginning, FPGO_HASH_BYTES * 2);
	strcpy(beginning + FPGO_HASH_BYTES * 2, "/");
	strcpy(end + FPGO_HASH_BYTES * 2, "0");
	SPI_connect();
	fpgo_put_text(&p, handin->account);
	fpgo_put_text(&p, beginning);
	fpgo_put_text(&p, end);
	fpgo_put_bytes(&p, handin->source->digest, FPGO_HASH_BYTES);
	n = fpgo_statement_run(&by_key_statement, &p);
	for (int i = 0; i < n; i++)
		found = add(found, i, handin, caller);
	SPI_finish();
	return found;
}

List *
fpgo_unsourced_with_payload(const FpgoHandIn *handin)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *found = NIL;
	int64		last = 0;
	int			limit = 1;
	bool		goes_on = true;

	SPI_connect();
	while (goes_on)
	{
		FpgoParameters p = {0};
		int			n;
		bool		is_null;

		fpgo_put_text(&p, handin->account);
		fpgo_put_int64(&p, last);
		fpgo_put_int(&p, limit);
		fpgo_put_bytes(&p, handin->source->digest, FPGO_HASH_BYTES);
		n = fpgo_statement_run(&with_payload_statement, &p);
		goes_on = n == limit;
		for (int i = 0; i < n; i++)
		{
			last = fpgo_get_int64(i, 1);
			if (!DatumGetBool(fpgo_get_datum(i, 13, &is_null)))
				goes_on = false;
			else if (DatumGetBool(fpgo_get_datum(i, 14, &is_null)))
				found = add(found, i, handin, caller);
		}
		limit = N_LOOKED_AT;
	}
	SPI_finish();
	return found;
}

bool
fpgo_unsourced_take(int64 submission, const FpgoSource *source)
{
	FpgoParameters p = {0};
	int			n;

	SPI_connect();
	fpgo_put_int64(&p, submission);
	fpgo_put_bytes(&p, source->digest, FPGO_HASH_BYTES);
	fpgo_put_text(&p, source->table);
	n = fpgo_statement_run(&take_statement, &p);
	SPI_finish();
	return n > 0;
}
