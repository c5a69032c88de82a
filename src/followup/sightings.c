/*
 * sightings.c
 *		Orders of the gateway's that no submission has, on record.
 *
 * An account has orders that were never handed to fpgo: made by hand, by an
 * older system, by another database.  The gateway is asked once for the
 * details of each, and the order's likeness is kept.  A search for one more
 * uncertain order then takes one list, and one question for each new order in
 * it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "followup/sightings.h"
#include "records/origins.h"
#include "records/submissions.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* ---------- statements ---------- */

/* has a submission this order, or had one?  At any server, as in decide.c */
#define IS_HELD(uuid) \
	"(EXISTS (SELECT FROM fpgo_internal.submission h" \
	"  WHERE h.order_uuid " EQ " " uuid ")" \
	" OR EXISTS (SELECT FROM fpgo_internal.trace h" \
	"  WHERE h.order_uuid " EQ " " uuid "))"

#define IS_SAME(column, a, b) \
	a "." column " " EQ " " b "." column

/* alike in all traits; false or NULL if not, or if one of them is NULL */
#define ARE_ALIKE(a, b) \
	IS_SAME("products", a, b) " AND " IS_SAME("amounts", a, b) \
	" AND " IS_SAME("order_date", a, b) \
	" AND COALESCE(" IS_SAME("customer", a, b) ", " IS_SAME("contact", a, b) ")"

#define TEXTS(n) "pg_catalog.unnest($" #n ")"

/* an order whose details said nothing is asked for again when it changes */
static FpgoStatement unknown_statement = {
	.sql = "SELECT o.place FROM ROWS FROM (" TEXTS(2) ", " TEXTS(3) ")"
	"  WITH ORDINALITY AS o (order_uuid, status, place)"
	" LEFT JOIN fpgo_internal.sighting g"
	"  ON g.order_uuid " EQ " o.order_uuid"
	"  AND g.server " EQ " $1"
	" WHERE NOT " IS_HELD("o.order_uuid")
	" AND (g.looked_at IS NULL"
	"  OR ((g.amounts IS NULL OR g.order_date IS NULL OR g.products IS NULL"
	"    OR (g.customer IS NULL AND g.contact IS NULL))"
	"   AND COALESCE(g.status, '') " NE " o.status))"
	" ORDER BY g.order_uuid IS NOT NULL, o.place",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID}
};

#define KEPT_UNLESS_LOOKED(column) \
	column " = CASE WHEN excluded.looked_at IS NULL THEN g." column \
	" ELSE excluded." column " END"

#define OR_NULL(column) \
	"CASE WHEN o." column " " NE " '' THEN o." column " END"

/*
 * Orders that are known with this status are left out: ON CONFLICT would lock
 * their rows, and a row lock is a write.  The rows are sorted, so that two
 * sessions that record at once cannot deadlock.
 */
static FpgoStatement record_statement = {
	.sql = "INSERT INTO fpgo_internal.sighting AS g (order_uuid, server, status,"
	"  looked_at, amounts, order_date, products, customer, contact,"
	"  first_seen_at)"
	" SELECT DISTINCT ON (o.order_uuid) o.order_uuid, $1, " OR_NULL("status") ","
	"  CASE WHEN o.is_looked " NE " ''"
	"   THEN pg_catalog.clock_timestamp() END, " OR_NULL("amounts") ", "
	OR_NULL("order_date") ", " OR_NULL("products") ", " OR_NULL("customer") ", "
	OR_NULL("contact") ", $10"
	" FROM ROWS FROM (" TEXTS(2) ", " TEXTS(3) ", " TEXTS(4) ", " TEXTS(5) ", "
	TEXTS(6) ", " TEXTS(7) ", " TEXTS(8) ", " TEXTS(9) ")"
	"  AS o (order_uuid, status, is_looked, amounts, order_date, products,"
	"   customer, contact)"
	" WHERE NOT " IS_HELD("o.order_uuid")
	" AND (o.is_looked " NE " '' OR NOT EXISTS"
	"  (SELECT FROM fpgo_internal.sighting k"
	"   WHERE k.order_uuid " EQ " o.order_uuid"
	"   AND k.server " EQ " $1"
	"   AND COALESCE(k.status, '') " EQ " o.status))"
	" ORDER BY o.order_uuid, o.is_looked USING " GT ""
	" ON CONFLICT (order_uuid, server) DO UPDATE SET status = excluded.status,"
	"  looked_at = COALESCE(excluded.looked_at, g.looked_at), "
	KEPT_UNLESS_LOOKED("amounts") ", " KEPT_UNLESS_LOOKED("order_date") ", "
	KEPT_UNLESS_LOOKED("products") ", " KEPT_UNLESS_LOOKED("customer") ", "
	KEPT_UNLESS_LOOKED("contact")
	" WHERE excluded.looked_at IS NOT NULL OR COALESCE(g.status, '')"
	"  " NE " COALESCE(excluded.status, '')",
	.n_parameters = 10,
	.types = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}
};

/* no trait is known to differ */
#define MAY_BE(column, a, b) "(" IS_SAME(column, a, b) ") IS NOT FALSE"
#define MAY_BE_ALIKE(a, b) \
	MAY_BE("products", a, b) " AND " MAY_BE("amounts", a, b) \
	" AND " MAY_BE("order_date", a, b) \
	" AND COALESCE(" IS_SAME("customer", a, b) ", " IS_SAME("contact", a, b) ")" \
	" IS NOT FALSE"

/* may submission s have become an order? */
#define MAY_HAVE_ARRIVED(s) \
	"(" s ".state " EQ " ANY ('{sending,uncertain}')" \
	" OR " FPGO_IS_ELSEWHERE(s, "$4") ")"

/*
 * A rival is another submission that the order may belong to.  It is
 * unfinished, and no trait is known to differ from the order's.  Or it has the
 * same reference, and was given up after an attempt whose outcome is unknown.
 * What another database queued may have been sent at any time since.
 */
static FpgoStatement match_statement = {
	.sql = "WITH unseen AS MATERIALIZED (SELECT g.first_seen_at,"
	"   pg_catalog.count(*) AS n"
	"  FROM fpgo_internal.sighting g"
	"  WHERE g.server " EQ " $1 AND g.looked_at IS NULL"
	"  AND g.order_uuid " EQ " ANY (SELECT " TEXTS(3) ")"
	"  AND NOT " IS_HELD("g.order_uuid") " GROUP BY g.first_seen_at)"
	" SELECT l.submission, m.order_uuid, m.n,"
	" (SELECT pg_catalog.sum(u.n)::pg_catalog.int8 FROM unseen u WHERE"
	"   u.first_seen_at " GT " b.began_at),"
	" (SELECT pg_catalog.count(*) FROM fpgo_internal.sighting g"
	"   CROSS JOIN fpgo_internal.likeness r"
	"   JOIN fpgo_internal.submission t"
	"    ON t.id " EQ " r.submission"
	"   WHERE g.order_uuid " EQ " m.order_uuid"
	"   AND g.server " EQ " $1"
	"   AND t.id " NE " s.id"
	"   AND " MAY_HAVE_ARRIVED("t")
	"   AND (r.products " EQ " g.products OR r.products IS NULL)"
	"   AND " MAY_BE_ALIKE("g", "r") ")"
	" " PLUS ""
	" (SELECT pg_catalog.count(*) FROM fpgo_internal.submission t"
	"   WHERE t.reference " EQ " s.reference"
	"   AND t.id " NE " s.id"
	"   AND t.state " EQ " ANY ('{refused,cancelled}')"
	"   AND EXISTS (SELECT FROM fpgo_internal.attempt a"
	"    WHERE a.submission " EQ " t.id"
	"    AND a.outcome " EQ " 'unknown'))"
	" FROM fpgo_internal.likeness l"
	" JOIN fpgo_internal.submission s"
	"  ON s.id " EQ " l.submission"
	" CROSS JOIN LATERAL (SELECT CASE WHEN s.state " EQ " 'queued'"
	"  THEN s.created_at ELSE LEAST(s.attempt_began,"
	"   (SELECT pg_catalog.min(a.started_at) FROM fpgo_internal.attempt a"
	"    WHERE a.submission " EQ " s.id"
	"    AND COALESCE(a.outcome, 'unknown') " EQ " 'unknown')) END AS began_at) b"
	" CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS n,"
	"   pg_catalog.min(g.order_uuid) AS order_uuid"
	"  FROM fpgo_internal.sighting g"
	"  WHERE g.server " EQ " $1 AND " ARE_ALIKE("g", "l")
	"  AND g.order_uuid " EQ " ANY ($3)"
	"  AND g.first_seen_at " GT " b.began_at"
	"  AND NOT " IS_HELD("g.order_uuid") ") m"
	" WHERE l.submission " EQ " ANY ($2)"
	" AND " MAY_HAVE_ARRIVED("s")
	" ORDER BY l.submission",
	.n_parameters = 4,
	.types = {TEXTOID, INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID}
};

static FpgoStatement forget_held_statement = {
	.sql = "DELETE FROM fpgo_internal.sighting g WHERE "
	IS_HELD("g.order_uuid"),
	.n_parameters = 0
};

static FpgoStatement forget_finished_statement = {
	.sql = "DELETE FROM fpgo_internal.likeness l WHERE NOT EXISTS"
	" (SELECT FROM fpgo_internal.submission s"
	"  WHERE s.id " EQ " l.submission"
	"  AND (s.state " EQ " ANY ('{sending,uncertain}')"
	"   OR " FPGO_IS_ELSEWHERE("s", "$1") "))",
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

/* ---------- sightings ---------- */

/* Room for n texts, and a NULL after the last; an empty text means NULL. */
static const char **
make_column(int n)
{
	return MemoryContextAllocExtended(CurrentMemoryContext,
									  sizeof(char *) * ((Size) n + 1),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static const char *
or_blank(const char *text)
{
	return text ? text : "";
}

List *
fpgo_sightings_unknown(const char *server, const FpgoSighting *sightings,
					   int n, MemoryContext context)
{
	const char **order_uuids = make_column(n);
	const char **statuses = make_column(n);
	FpgoParameters p = {0};
	List	   *places = NIL;
	int			n_unknown;

	for (int i = 0; i < n; i++)
	{
		order_uuids[i] = sightings[i].order_uuid;
		statuses[i] = or_blank(sightings[i].status);
	}
	fpgo_put_text(&p, server);
	fpgo_put_texts(&p, order_uuids);
	fpgo_put_texts(&p, statuses);
	n_unknown = fpgo_statement_run(&unknown_statement, &p);
	for (int i = 0; i < n_unknown; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		places = lappend_int(places, (int) fpgo_get_int64(i, 1) - 1);
		MemoryContextSwitchTo(old);
	}
	return places;
}

void
fpgo_sightings_record(const char *server, TimestampTz seen_at,
					  const FpgoSighting *sightings, int n)
{
	const char **columns[8];
	FpgoParameters p = {0};

	for (int i = 0; i < (int) lengthof(columns); i++)
		columns[i] = make_column(n);
	for (int i = 0; i < n; i++)
	{
		static const FpgoLikeness nothing = {0};
		const FpgoLikeness *seen = sightings[i].likeness;

		columns[0][i] = sightings[i].order_uuid;
		columns[1][i] = or_blank(sightings[i].status);
		columns[2][i] = seen ? "looked at" : "";
		if (seen == NULL)
			seen = &nothing;
		columns[3][i] = or_blank(seen->amounts);
		columns[4][i] = or_blank(seen->order_date);
		columns[5][i] = or_blank(seen->products);
		columns[6][i] = or_blank(seen->customer);
		columns[7][i] = or_blank(seen->contact);
	}
	fpgo_put_text(&p, server);
	for (int i = 0; i < (int) lengthof(columns); i++)
		fpgo_put_texts(&p, columns[i]);
	fpgo_put_datum(&p, TimestampTzGetDatum(seen_at), false);
	(void) fpgo_statement_run(&record_statement, &p);
}

/* ---------- matching ---------- */

static void
put_submissions(FpgoParameters *p, List *submissions)
{
	Datum	   *ids = palloc(sizeof(Datum) * (list_length(submissions) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, submissions)
		ids[n++] = Int64GetDatum(((FpgoUncertain *) lfirst(cell))->submission);
	fpgo_put_datum(p, PointerGetDatum(construct_array(ids, n, INT8OID, 8,
													  FLOAT8PASSBYVAL,
													  TYPALIGN_DOUBLE)),
				   false);
}

List *
fpgo_sightings_match(const char *server, List *submissions,
					 const FpgoSighting *sightings, int n,
					 MemoryContext context)
{
	const char **order_uuids = make_column(n);
	FpgoParameters p = {0};
	List	   *matches = NIL;
	int			n_rows;

	for (int i = 0; i < n; i++)
		order_uuids[i] = sightings[i].order_uuid;
	fpgo_put_text(&p, server);
	put_submissions(&p, submissions);
	fpgo_put_texts(&p, order_uuids);
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	n_rows = fpgo_statement_run(&match_statement, &p);
	for (int i = 0; i < n_rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		FpgoMatch  *match = palloc(sizeof(FpgoMatch));

		match->submission = fpgo_get_int64(i, 1);
		match->order_uuid = fpgo_get_text(i, 2, context);
		match->n_orders = (int) fpgo_get_int64(i, 3);
		match->n_unseen = (int) fpgo_get_int64(i, 4);
		match->n_rivals = (int) fpgo_get_int64(i, 5);
		matches = lappend(matches, match);
		MemoryContextSwitchTo(old);
	}
	return matches;
}

void
fpgo_sightings_tidy(void)
{
	FpgoParameters p = {0};

	(void) fpgo_statement_run(&forget_held_statement, &p);
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	(void) fpgo_statement_run(&forget_finished_statement, &p);
}
