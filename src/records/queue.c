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
#include "utils/timestamp.h"

#include "records/locks.h"
#include "records/origins.h"
#include "records/queue.h"
#include "tables/operators.h"
#include "tables/statement.h"

/*
 * Is no other submission of the same reference to be sent before submission s?
 * Only those of the same user mapping count: what another role may not send, or
 * does not decide about, holds nothing up.  One of 1.0 has no mapping, and
 * counts for all.  The reason for IS NOT FALSE is at find_reference_statement in submissions.c.
 * Inside CASE the condition stays an index look-up for each row, and ends with
 * the LIMIT.  The planner would make a join of it otherwise, which reads the
 * whole queue for each claim.
 */
#define REFERENCE_IS_FREE \
	" CASE WHEN s.reference IS NULL THEN true ELSE" \
	" NOT EXISTS (SELECT" OF_REFERENCE ") END"

/* the submissions of the same reference that are sent before submission s */
#define OF_REFERENCE \
	" FROM fpgo_internal.submission o" \
	"  WHERE o.server " EQ " s.server" \
	"  AND o.reference " EQ " s.reference" \
	"  AND o.id " NE " s.id" \
	"  AND (o.mapping " EQ " s.mapping) IS NOT FALSE" \
	"  AND (o.state " EQ \
	"   ANY ('{queued,sending,uncertain}')) IS NOT FALSE" \
	"  AND (o.state " NE " 'queued'" \
	"       OR o.id " LT " s.id)"

/*
 * The order of submission s: the number of its first version.
 */
#define ORDER_OF(s) \
	"(CASE WHEN " s ".first_version IS NULL THEN " s ".id" \
	" ELSE " s ".first_version END)"

#define NUMBER_OF(s) \
	"(CASE WHEN " s ".version IS NULL THEN 0 ELSE " s ".version END)"

/* Has the order of submission s another version for which that is true? */
#define HAS_VERSION(condition) \
	" (EXISTS (SELECT FROM fpgo_internal.submission o" \
	"   WHERE o.first_version " EQ " " ORDER_OF("s") \
	"   AND o.id " NE " s.id AND " condition ")" \
	"  OR (s.first_version IS NOT NULL AND" \
	"   EXISTS (SELECT FROM fpgo_internal.submission o" \
	"    WHERE o.id " EQ " s.first_version AND " condition "))) "

/*
 * A newer version stands in its place, whatever became of that one.  Two have one
 * number if one was handed in while a person queued the other one again.
 */
#define IS_OUTDATED \
	HAS_VERSION("(o.version " GT " " NUMBER_OF("s") \
		" OR o.version " EQ " " NUMBER_OF("s") " AND o.id " GT " s.id)")

/* has another database queued o?  It may have sent it.  own: the origins here */
#define IS_ELSEWHERE(own) \
	"(o.state " EQ " 'queued') IS NOT FALSE" \
	" AND (o.origin " EQ " ANY (" own ")) IS NOT TRUE"

/* what becomes of another one decides what this one is */
#define IS_HELD_UP(own) \
	HAS_VERSION("((o.state " EQ " ANY ('{sending,uncertain}')) IS NOT FALSE" \
		" OR " IS_ELSEWHERE(own) ")")

/*
 * A person took an older version back while this one was handed in: neither saw
 * the other.
 */
#define WAS_TAKEN_BACK \
	HAS_VERSION("(o.state " EQ " 'cancelled') IS NOT FALSE AND" \
	" EXISTS (SELECT FROM fpgo_internal.event e" \
	"  WHERE e.submission " EQ " o.id AND e.at " GT " s.created_at" \
	"  AND pg_catalog.starts_with(e.what, 'queued to cancelled'))")

/*
 * May s be sent now?  No pause is longer than FPGO_LONGEST_PAUSE_S.  A later
 * time was recorded before the clock was set back, and says nothing.
 */
#define IS_TIME \
	"(s.not_before IS NULL" \
	" OR s.not_before " LE " pg_catalog.clock_timestamp()" \
	" OR s.not_before " GT " (pg_catalog.clock_timestamp() " PLUS \
	" interval '" CppAsString2(FPGO_LONGEST_PAUSE_S) " s'))"

/* Is what is said of a submission that it waits for another one? */
#define WAITS FPGO_WAITS
#define SAYS_WAITS(s) \
	" pg_catalog.starts_with(" s ".error, '" WAITS "') "

/*
 * Queued submissions q of a role, in the order of the index of unfinished ones,
 * which is ORDER_OF_QUEUE.  A statement that may not sort is left this
 * index alone, whatever the statistics say, and never walks through what is
 * finished.  With "=" in place of ANY the order of the numbers would do, which
 * the primary key has as well.
 */
#define IS_QUEUED(q) q ".state " EQ " ANY ('{queued}')"
#define ORDER_OF_QUEUE(q) \
	q ".state, " q ".server, " q ".role, " q ".id"

/*
 * Finds submissions of a server that may be sent.  which: what else is true of
 * them; when: may they be sent now; by: which ones come first.  One without a
 * payload is left out: there is nothing to send.  The scalar subquery for the
 * payload is not made into a join either.  One that a newer version of its order
 * has outdated is found in any case.  What another database has queued, which this
 * one is a copy of, is not found.
 */
#define FIND_DUE(which, when, by) \
	"SELECT s.id, s.reference, s.role, " IS_OUTDATED "," \
	" " HAS_VERSION("(o.state " EQ " 'accepted') IS NOT FALSE") \
	"OR" WAS_TAKEN_BACK \
	" FROM fpgo_internal.submission s" \
	" WHERE " IS_QUEUED("s") \
	" AND s.server " EQ " $1 AND s.origin " EQ " ANY ($4) AND " which \
	" AND CASE WHEN " IS_OUTDATED " THEN true ELSE " when \
	"  (SELECT p.submission FROM fpgo_internal.payload p" \
	"   WHERE p.submission " EQ " s.id) IS NOT NULL" \
	"  AND NOT" IS_HELD_UP("$4") \
	"  AND" REFERENCE_IS_FREE " END" \
	" ORDER BY " by " LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED"

#define OF_ROLE "s.role " EQ " $2 AND "
#define REVERSE_OF_QUEUE(q) \
	q ".state USING " GT ", " q ".server USING " GT ", " \
	q ".role USING " GT ", " q ".id USING " GT
#define WAS_TRIED_AT \
	"(SELECT a.started_at FROM fpgo_internal.attempt a" \
	" WHERE a.submission " EQ " s.id AND a.number " EQ " s.attempts)"

/*
 * A role that may not send has no part in the claims of others: the index of
 * unfinished submissions has those of one role together, by their numbers.
 */
static FpgoStatement due_statements[] = {
	[FPGO_DUE_NOW] = {
		.is_ordered = true,
		.sql = FIND_DUE(OF_ROLE "s.id " GE " $5", IS_TIME " AND",
						ORDER_OF_QUEUE("s")),
		.n_parameters = 5,
		.types = {TEXTOID, TEXTOID, INT4OID, INT8ARRAYOID, INT8OID}
	},
	[FPGO_DUE_HIGHEST] = {
		.is_ordered = true,
		.sql = FIND_DUE(OF_ROLE "s.attempts " EQ " 0 AND s.id " GE " $5", "",
						REVERSE_OF_QUEUE("s")),
		.n_parameters = 5,
		.types = {TEXTOID, TEXTOID, INT4OID, INT8ARRAYOID, INT8OID}
	},
	[FPGO_DUE_LOWEST] = {
		.is_ordered = true,
		.sql = FIND_DUE(OF_ROLE "s.attempts " EQ " 0 AND s.id " GE " $5", "",
						ORDER_OF_QUEUE("s")),
		.n_parameters = 5,
		.types = {TEXTOID, TEXTOID, INT4OID, INT8ARRAYOID, INT8OID}
	},
	[FPGO_DUE_LONGEST_AGO] = {
		.sql = FIND_DUE(OF_ROLE "s.attempts " GT " 0 AND s.id " GE " $5", "",
						WAS_TRIED_AT),
		.n_parameters = 5,
		.types = {TEXTOID, TEXTOID, INT4OID, INT8ARRAYOID, INT8OID}
	},
};

static FpgoStatement one_due_statement = {
	.sql = FIND_DUE("s.id " EQ " $2", "", "s.id"),
	.n_parameters = 4,
	.types = {TEXTOID, INT8OID, INT4OID, INT8ARRAYOID}
};

/*
 * What stands in the way is looked at once more, by a newer snapshot, taken
 * after the reference's lock.  Since due_statement ran, submit_invoice may have
 * recorded another submission of the same reference, and a transaction may have
 * committed a newer version.
 */
static FpgoStatement claim_statement = {
	.sql = "WITH claimed AS (UPDATE fpgo_internal.submission s"
	"  SET state = 'sending', run = $1, not_before = NULL,"
	"      error = CASE WHEN" SAYS_WAITS("s") "THEN NULL ELSE s.error END,"
	"      attempts = s.attempts " PLUS " 1,"
	"      attempt_began = pg_catalog.clock_timestamp()"
	"  FROM fpgo_internal.payload p"
	"  WHERE s.id " EQ " ANY ($2)"
	"  AND p.submission " EQ " s.id"
	"  AND (s.state " EQ " 'queued') IS NOT FALSE"
	"  AND NOT" IS_OUTDATED "AND NOT" IS_HELD_UP("$3")
	"  AND CASE WHEN s.on_change " EQ " 'update' THEN true ELSE NOT"
	HAS_VERSION("(o.state " EQ " 'accepted') IS NOT FALSE") "END"
	"  AND" REFERENCE_IS_FREE
	"  RETURNING s.id, s.server, s.role, s.attempts, p.payload,"
	"  " ORDER_OF("s") " AS first, s.attempt_began)"
	" SELECT id, attempts, server, role, payload, first,"
	"  (SELECT o.order_uuid FROM fpgo_internal.submission o"
	"   WHERE (o.id " EQ " first OR o.first_version " EQ " first)"
	"   AND o.state " EQ " 'accepted'"
	"   ORDER BY o.version USING " GT " LIMIT 1), attempt_began"
	" FROM claimed ORDER BY id",
	.n_parameters = 3,
	.types = {INT8OID, INT8ARRAYOID, INT8ARRAYOID}
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
		claim->order = fpgo_get_int64(i, 6);
		claim->change_of = fpgo_get_text(i, 7, context);
		claim->attempt_began =
			DatumGetTimestampTz(fpgo_get_datum(i, 8, &is_null));
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

/* Newer versions stand in the place of these. */
static FpgoStatement supersede_statement = {
	.sql = "WITH outdated AS (UPDATE fpgo_internal.submission"
	"  SET state = 'superseded', not_before = NULL, error = NULL,"
	"   settled_at = pg_catalog.clock_timestamp()"
	"  WHERE id " EQ " ANY ($1) AND (state " EQ " 'queued') IS NOT FALSE"
	"  RETURNING id)"
	" DELETE FROM fpgo_internal.payload p USING outdated"
	" WHERE p.submission " EQ " outdated.id",
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

/*
 * Older versions of these were accepted meanwhile.  One that is the same order
 * has nothing to add.  Another one cannot take the accepted one's place; if it
 * is to change that one, it stays.
 */
static FpgoStatement too_late_statement = {
	.sql = "WITH late AS (SELECT s.id, a.id AS accepted, a.order_uuid,"
	"   a.order_hash " EQ " s.order_hash"
	"   AND NOT (a.hash_rule IS DISTINCT FROM s.hash_rule) AS is_same"
	"  FROM fpgo_internal.submission s CROSS JOIN LATERAL"
	"   (SELECT o.* FROM fpgo_internal.submission o"
	"    WHERE (o.id " EQ " s.first_version"
	"     OR o.first_version " EQ " s.first_version)"
	"    AND o.state " EQ " 'accepted'"
	"    ORDER BY o.version USING " GT " LIMIT 1) a"
	"  WHERE s.id " EQ " ANY ($1)),"
	" done AS (UPDATE fpgo_internal.submission s"
	"  SET state = CASE WHEN l.is_same THEN 'superseded' ELSE 'refused' END,"
	"   error = CASE WHEN NOT l.is_same THEN"
	"    'Not sent: the order was accepted already as ' " CONCAT
	"    l.order_uuid " CONCAT " ', submission ' " CONCAT
	"    l.accepted::pg_catalog.text " CONCAT " '.' END,"
	"   not_before = NULL, settled_at = pg_catalog.clock_timestamp()"
	"  FROM late l WHERE s.id " EQ " l.id"
	"  AND (s.state " EQ " 'queued') IS NOT FALSE"
	"  AND (l.is_same OR (s.on_change " NE " 'update') IS NOT FALSE)"
	"  RETURNING s.id)"
	" DELETE FROM fpgo_internal.payload p USING done"
	" WHERE p.submission " EQ " done.id RETURNING p.submission",
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

static Datum
make_array(const int64 *ids, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(ids[i]);
	return PointerGetDatum(construct_array(elements, n, INT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static FpgoStatement taken_back_statement = {
	.sql = "WITH done AS (UPDATE fpgo_internal.submission s"
	"  SET state = 'refused', not_before = NULL,"
	"   error = 'Not sent: the order was taken back while this version was handed in.',"
	"   settled_at = pg_catalog.clock_timestamp()"
	"  WHERE s.id " EQ " ANY ($1)"
	"  AND (s.state " EQ " 'queued') IS NOT FALSE AND" WAS_TAKEN_BACK
	"  RETURNING s.id)"
	" DELETE FROM fpgo_internal.payload p USING done"
	" WHERE p.submission " EQ " done.id",
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

/* Finish submissions that need not be sent; returns how many that were. */
static int
finish(FpgoStatement *statement, const int64 *ids, int n)
{
	FpgoParameters p = {0};

	if (n == 0)
		return 0;
	fpgo_put_datum(&p, make_array(ids, n), false);
	return fpgo_statement_run(statement, &p);
}

/*
 * Run a statement that finds due submissions, and take those that may be sent.
 * SPI is connected.
 */
static List *
take_due(FpgoStatement *statement, FpgoParameters *p, const char *server,
		 FpgoDueWalk *walk, MemoryContext caller)
{
	List	   *dues = NIL;
	int			n = fpgo_statement_run(statement, p);
	int64	   *outdated = palloc(sizeof(int64) * (n + 1));
	int64	   *late = palloc(sizeof(int64) * (n + 1));
	int			n_outdated = 0;
	int			n_late = 0;
	bool		is_null;

	walk->n_found = n;
	walk->last_found = n > 0 ? fpgo_get_int64(n - 1, 1) : 0;
	for (int i = 0; i < n; i++)
	{
		int64		id = fpgo_get_int64(i, 1);
		const char *reference = fpgo_get_text(i, 2, CurrentMemoryContext);
		MemoryContext old;
		FpgoDue    *due;

		if (DatumGetBool(fpgo_get_datum(i, 4, &is_null)))
		{
			outdated[n_outdated++] = id;
			continue;
		}
		if (DatumGetBool(fpgo_get_datum(i, 5, &is_null)))
			late[n_late++] = id;
		if (reference != NULL && !fpgo_lock_try_reference(server, reference))
			continue;
		old = MemoryContextSwitchTo(caller);
		due = palloc0(sizeof(FpgoDue));
		due->submission = id;
		due->role = fpgo_get_text(i, 3, caller);
		dues = lappend(dues, due);
		MemoryContextSwitchTo(old);
	}
	walk->n_finished = finish(&supersede_statement, outdated, n_outdated) +
		finish(&too_late_statement, late, n_late) +
		finish(&taken_back_statement, late, n_late);
	return dues;
}

List *
fpgo_submission_due(const char *server, const char *role, FpgoWhichDue which,
					int limit, int64 first, FpgoDueWalk *walk)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *dues;
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, server);
	fpgo_put_text(&p, role);
	fpgo_put_int(&p, limit);
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	fpgo_put_int64(&p, first);
	dues = take_due(&due_statements[which], &p, server, walk, caller);
	SPI_finish();
	return dues;
}

List *
fpgo_submission_due_one(const char *server, int64 submission,
						FpgoDueWalk *walk)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *dues;
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, server);
	fpgo_put_int64(&p, submission);
	fpgo_put_int(&p, 1);
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	dues = take_due(&one_due_statement, &p, server, walk, caller);
	SPI_finish();
	return dues;
}

List *
fpgo_submission_claim(int64 run, const int64 *ids, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *claims;
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, run);
	fpgo_put_datum(&p, make_array(ids, n), false);
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	claims = read_claims(fpgo_statement_run(&claim_statement, &p), caller);
	SPI_finish();
	return claims;
}

#define WAITS_FOR_O \
	"'" WAITS "' " CONCAT " o.id::pg_catalog.text " CONCAT \
	" ', which is ' " CONCAT " o.state::pg_catalog.text " CONCAT " '.'"

#define IS_OPEN \
	"((o.state " EQ " ANY ('{sending,uncertain}')) IS NOT FALSE" \
	" OR " IS_ELSEWHERE("$5") ")"

/*
 * Looks at a role's queued submissions with numbers above $2, as many as $3, and says of
 * each what it waits for.  A few look-ups in indexes tell that of one.  What is
 * said for another reason stays.
 */
static FpgoStatement waits_statement = {
	.is_ordered = true,
	.sql = "WITH looked AS (SELECT s.id, s.error, CASE"
	"  WHEN s.error IS NOT NULL AND NOT" SAYS_WAITS("s") "THEN s.error"
	"  ELSE COALESCE("
	"   (SELECT " WAITS_FOR_O OF_REFERENCE " LIMIT 1),"
	"   (SELECT " WAITS_FOR_O " FROM fpgo_internal.submission o"
	"    WHERE o.first_version " EQ " " ORDER_OF("s")
	"    AND o.id " NE " s.id AND " IS_OPEN " LIMIT 1),"
	"   (SELECT " WAITS_FOR_O " FROM fpgo_internal.submission o"
	"    WHERE o.id " EQ " s.first_version AND " IS_OPEN ")) END AS says"
	"  FROM (SELECT * FROM fpgo_internal.submission q"
	"   WHERE " IS_QUEUED("q")
	"   AND q.server " EQ " $1 AND q.role " EQ " $4 AND q.id " GT " $2"
	"   ORDER BY " ORDER_OF_QUEUE("q") " LIMIT $3) s),"
	" free AS (SELECT q.id FROM fpgo_internal.submission q"
	"  WHERE q.id " EQ " ANY (ARRAY(SELECT l.id FROM looked l"
	"   WHERE l.error IS DISTINCT FROM l.says))"
	"  AND (q.state " EQ " 'queued') IS NOT FALSE"
	"  FOR NO KEY UPDATE SKIP LOCKED),"
	" said AS (UPDATE fpgo_internal.submission s"
	"  SET error = (SELECT l.says FROM looked l WHERE l.id " EQ " s.id)"
	"  WHERE s.id " EQ " ANY (ARRAY(SELECT id FROM free)))"
	" SELECT pg_catalog.count(*), pg_catalog.max(id) FROM looked",
	.n_parameters = 5,
	.types = {TEXTOID, INT8OID, INT4OID, TEXTOID, INT8ARRAYOID}
};

int64
fpgo_submission_explain_waits(const char *server, const char *role,
							  int64 after, int *limit)
{
	FpgoParameters p = {0};
	int			n;
	int64		last;

	SPI_connect();
	fpgo_put_text(&p, server);
	fpgo_put_int64(&p, after);
	fpgo_put_int(&p, *limit);
	fpgo_put_text(&p, role);
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	fpgo_statement_run(&waits_statement, &p);
	n = (int) fpgo_get_int64(0, 1);
	last = n < *limit ? 0 : fpgo_get_int64(0, 2);
	*limit -= n;
	SPI_finish();
	return last;
}

/* the highest number of a role's queued submissions */
static FpgoStatement last_statement = {
	.is_ordered = true,
	.sql = "SELECT q.id FROM fpgo_internal.submission q"
	" WHERE " IS_QUEUED("q") " AND q.server " EQ " $1 AND q.role " EQ " $2"
	" ORDER BY " REVERSE_OF_QUEUE("q") " LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

int64
fpgo_submission_last_queued(const char *server, const char *role)
{
	FpgoParameters p = {0};
	int64		last = 0;

	SPI_connect();
	fpgo_put_text(&p, server);
	fpgo_put_text(&p, role);
	if (fpgo_statement_run(&last_statement, &p) > 0)
		last = fpgo_get_int64(0, 1);
	SPI_finish();
	return last;
}

/*
 * Servers with queued submissions that are not among those in $1, one at most
 * between two of these.  Only the gaps between the known servers are looked at.
 * A known server may have many index entries of what is finished.
 */
static FpgoStatement other_servers_statement = {
	.is_ordered = true,
	.sql = "SELECT n.server FROM"
	" (SELECT name, pg_catalog.lead(name) OVER (ORDER BY name) AS next"
	"  FROM pg_catalog.unnest($1) name) k,"
	" LATERAL (SELECT q.server FROM fpgo_internal.submission q"
	"  WHERE " IS_QUEUED("q")
	"  AND q.server " GT " k.name AND q.server " LT " k.next"
	"  ORDER BY q.state, q.server LIMIT 1) n"
	" UNION ALL"
	" (SELECT q.server FROM fpgo_internal.submission q"
	"  WHERE " IS_QUEUED("q")
	"  AND q.server " GT " (SELECT pg_catalog.max(name)"
	"   FROM pg_catalog.unnest($1) name)"
	"  ORDER BY q.state, q.server LIMIT 1)",
	.n_parameters = 1,
	.types = {TEXTARRAYOID}
};

/* one index look-up for each role, however many submissions are queued */
static FpgoStatement queued_roles_statement = {
	.sql = "WITH RECURSIVE r AS ("
	" SELECT pg_catalog.min(role) AS role FROM fpgo_internal.submission"
	"  WHERE state " EQ " 'queued' AND server " EQ " $1"
	" UNION ALL"
	" SELECT (SELECT pg_catalog.min(q.role) FROM fpgo_internal.submission q"
	"   WHERE q.state " EQ " 'queued' AND q.server " EQ " $1"
	"   AND q.role " GT " r.role)"
	"  FROM r WHERE r.role IS NOT NULL)"
	" SELECT role FROM r WHERE role IS NOT NULL",
	.n_parameters = 1,
	.types = {TEXTOID}
};

/* The texts in the first column of what a statement brings. */
static List *
read_texts(FpgoStatement *statement, FpgoParameters *p)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *texts = NIL;
	int			n;

	SPI_connect();
	n = fpgo_statement_run(statement, p);
	for (int i = 0; i < n; i++)
	{
		const char *text = fpgo_get_text(i, 1, caller);
		MemoryContext old = MemoryContextSwitchTo(caller);

		texts = lappend(texts, unconstify(char *, text));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return texts;
}

List *
fpgo_submission_other_servers(List *known)
{
	List	   *all = lcons("", list_copy(known));
	int			n_known = list_length(all);
	List	   *others;

	do
	{
		FpgoParameters p = {0};

		fpgo_put_texts(&p, list_texts(all));
		others = read_texts(&other_servers_statement, &p);
		all = list_concat(all, others);
	} while (others != NIL);
	return list_copy_tail(all, n_known);
}

/*
 * The same of roles of a server that are not among those in $2, one at most
 * between two of these; see other_servers_statement.
 */
static FpgoStatement other_roles_statement = {
	.is_ordered = true,
	.sql = "SELECT n.role FROM"
	" (SELECT name, pg_catalog.lead(name) OVER (ORDER BY name) AS next"
	"  FROM pg_catalog.unnest($2) name) k,"
	" LATERAL (SELECT q.role FROM fpgo_internal.submission q"
	"  WHERE " IS_QUEUED("q") " AND q.server " EQ " $1"
	"  AND q.role " GT " k.name AND q.role " LT " k.next"
	"  ORDER BY q.state, q.server, q.role LIMIT 1) n"
	" UNION ALL"
	" (SELECT q.role FROM fpgo_internal.submission q"
	"  WHERE " IS_QUEUED("q") " AND q.server " EQ " $1"
	"  AND q.role " GT " (SELECT pg_catalog.max(name)"
	"   FROM pg_catalog.unnest($2) name)"
	"  ORDER BY q.state, q.server, q.role LIMIT 1)",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTARRAYOID}
};

List *
fpgo_submission_other_roles(const char *server, List *known)
{
	List	   *all = lcons("", list_copy(known));
	List	   *others;

	do
	{
		FpgoParameters p = {0};

		fpgo_put_text(&p, server);
		fpgo_put_texts(&p, list_texts(all));
		others = read_texts(&other_roles_statement, &p);
		all = list_concat(all, others);
	} while (others != NIL);
	return list_delete_first(all);
}

List *
fpgo_submission_queued_roles(const char *server)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, server);
	return read_texts(&queued_roles_statement, &p);
}
