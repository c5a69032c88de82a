/*
 * queue.c
 *		Queued submissions: which ones are due, and claims of them.
 *
 * Part of the records (see submissions.c): a claim is the change of a
 * state from queued to sending.  Two statements make a claim.  The first locks
 * due submissions, and skips those that other processes have locked.  The
 * caller then asks for each whether it may still be sent.  The second claims
 * those.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "records/locks.h"
#include "records/queue.h"
#include "tables/operators.h"
#include "tables/statement.h"

/*
 * Is no other submission of the same reference to be sent before submission s?
 * The reason for IS NOT FALSE is at find_reference_statement in submissions.c.
 * Inside CASE the condition stays an index look-up for each row, and ends with
 * the LIMIT.  The planner would make a join of it otherwise, which reads the
 * whole queue for each claim.
 */
#define REFERENCE_IS_FREE \
	" CASE WHEN s.reference IS NULL THEN true ELSE" \
	" NOT EXISTS (SELECT FROM fpgo_internal.submission o" \
	"  WHERE o.server " EQ " s.server" \
	"  AND o.reference " EQ " s.reference" \
	"  AND o.id " NE " s.id" \
	"  AND (o.state " EQ \
	"   ANY ('{queued,sending,uncertain}')) IS NOT FALSE" \
	"  AND (o.state " NE " 'queued'" \
	"       OR o.id " LT " s.id)) END"

/*
 * Finds submissions with numbers from $3 to $4: those that are due, or a
 * single one, due or not.  Roles in $5 are left out.  A submission without a
 * payload is left out too: there is nothing to send.  The scalar subquery for
 * the payload is not made into a join either.
 */
static FpgoStatement due_statement = {
	.sql = "SELECT s.id, s.reference, s.role"
	" FROM fpgo_internal.submission s"
	" WHERE s.state " EQ " 'queued'"
	" AND s.server " EQ " $1"
	" AND s.id " GE " $3 AND s.id " LE " $4"
	" AND ($3 " EQ " $4 OR s.not_before IS NULL"
	"  OR s.not_before " LE " pg_catalog.clock_timestamp())"
	" AND s.role " NE " ALL ($5)"
	" AND (SELECT p.submission FROM fpgo_internal.payload p"
	"  WHERE p.submission " EQ " s.id) IS NOT NULL"
	" AND" REFERENCE_IS_FREE
	" ORDER BY s.id LIMIT $2 FOR UPDATE SKIP LOCKED",
	.n_parameters = 5,
	.types = {TEXTOID, INT4OID, INT8OID, INT8OID, TEXTARRAYOID}
};

/*
 * The reference is looked at once more, by a snapshot that was taken after the
 * reference's lock.  Since due_statement ran, submit_invoice may have recorded
 * another submission of the same reference.
 */
static FpgoStatement claim_statement = {
	.sql = "WITH claimed AS (UPDATE fpgo_internal.submission s"
	"  SET state = 'sending', run = $1, not_before = NULL,"
	"      attempts = s.attempts " PLUS " 1"
	"  FROM fpgo_internal.payload p"
	"  WHERE s.id " EQ " ANY ($2)"
	"  AND p.submission " EQ " s.id"
	"  AND (s.state " EQ " 'queued') IS NOT FALSE"
	"  AND" REFERENCE_IS_FREE
	"  RETURNING s.id, s.server, s.role, s.attempts, p.payload),"
	" begun AS (INSERT INTO fpgo_internal.attempt (submission, number, run)"
	"  SELECT id, attempts, $1 FROM claimed)"
	" SELECT id, attempts, server, role, payload FROM claimed ORDER BY id",
	.n_parameters = 2,
	.types = {INT8OID, INT8ARRAYOID}
};

static List *
read_claims(uint64 n, MemoryContext context)
{
	List	   *claims = NIL;
	MemoryContext old = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < n; i++)
	{
		FpgoClaim  *claim = palloc0(sizeof(FpgoClaim));
		bool		is_null;

		claim->submission = fpgo_get_int64(i, 1);
		claim->attempt = DatumGetInt32(fpgo_get_datum(i, 2, &is_null));
		claim->server = fpgo_get_text(i, 3, context);
		claim->role = fpgo_get_text(i, 4, context);
		claim->payload = fpgo_get_text(i, 5, context);
		claims = lappend(claims, claim);
	}
	MemoryContextSwitchTo(old);
	return claims;
}

/* A list of texts as an array that ends with NULL. */
static const char *const *
list_texts(List *list)
{
	const char **texts = palloc0(sizeof(char *) * (list_length(list) + 1));
	ListCell   *cell;

	foreach(cell, list)
		texts[foreach_current_index(cell)] = lfirst(cell);
	return texts;
}

List *
fpgo_submission_due(const char *server, int limit, int64 only,
					List *without_roles)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *dues = NIL;
	FpgoParameters p = {0};
	int			n;

	SPI_connect();
	fpgo_put_text(&p, server);
	fpgo_put_int(&p, limit);
	fpgo_put_int64(&p, only);
	fpgo_put_int64(&p, only == 0 ? PG_INT64_MAX : only);
	fpgo_put_texts(&p, list_texts(without_roles));
	n = fpgo_statement_run(&due_statement, &p);
	for (int i = 0; i < n; i++)
	{
		const char *reference = fpgo_get_text(i, 2, CurrentMemoryContext);
		MemoryContext old;
		FpgoDue    *due;

		if (reference != NULL && !fpgo_lock_try_reference(server, reference))
			continue;
		old = MemoryContextSwitchTo(caller);
		due = palloc0(sizeof(FpgoDue));
		due->submission = fpgo_get_int64(i, 1);
		due->role = fpgo_get_text(i, 3, caller);
		dues = lappend(dues, due);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return dues;
}

List *
fpgo_submission_claim(int64 run, const int64 *ids, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *claims;
	FpgoParameters p = {0};
	Datum	   *elements;

	SPI_connect();
	elements = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(ids[i]);
	fpgo_put_int64(&p, run);
	fpgo_put_datum(&p, PointerGetDatum(construct_array(elements, n, INT8OID, 8,
												  FLOAT8PASSBYVAL,
												  TYPALIGN_DOUBLE)), false);
	claims = read_claims(fpgo_statement_run(&claim_statement, &p), caller);
	SPI_finish();
	return claims;
}

/* rows that another session has locked, to cancel them perhaps, are skipped */
static FpgoStatement explain_statement = {
	.sql = "WITH free AS (SELECT id FROM fpgo_internal.submission"
	"  WHERE server " EQ " $1"
	"  AND role " EQ " $2"
	"  AND state " EQ " 'queued'"
	"  AND (error " EQ " $3) IS NOT TRUE"
	"  FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE fpgo_internal.submission s SET error = $3 FROM free"
	" WHERE s.id " EQ " free.id",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

void
fpgo_submission_explain(const char *server, const char *role,
						const char *reason)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, server);
	fpgo_put_text(&p, role);
	fpgo_put_text(&p, reason);
	fpgo_statement_run(&explain_statement, &p);
	SPI_finish();
}

/* one index look-up for each server, however many submissions are queued */
static FpgoStatement queued_servers_statement = {
	.sql = "WITH RECURSIVE s AS ("
	" SELECT pg_catalog.min(server) AS server FROM fpgo_internal.submission"
	"  WHERE state " EQ " 'queued'"
	" UNION ALL"
	" SELECT (SELECT pg_catalog.min(q.server) FROM fpgo_internal.submission q"
	"   WHERE q.state " EQ " 'queued'"
	"   AND q.server " GT " s.server)"
	"  FROM s WHERE s.server IS NOT NULL)"
	" SELECT server FROM s WHERE server IS NOT NULL",
	.n_parameters = 0
};

List *
fpgo_submission_queued_servers(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *servers = NIL;
	FpgoParameters p = {0};
	int			n;

	SPI_connect();
	n = fpgo_statement_run(&queued_servers_statement, &p);
	for (int i = 0; i < n; i++)
	{
		const char *server = fpgo_get_text(i, 1, caller);
		MemoryContext old = MemoryContextSwitchTo(caller);

		servers = lappend(servers, unconstify(char *, server));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return servers;
}
