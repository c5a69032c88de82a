/*
 * left.c
 *		What is left to be sent, and why.
 *
 * Part of the records (see submissions.c).  Submissions that wait for each other
 * have one reason, whatever number they wait for.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "records/left.h"
#include "records/queue.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* an order that waits with others was not even tried: the hold says why */
#define HELD_BECAUSE \
	"(SELECT h.because FROM fpgo_internal.hold h" \
	" WHERE h.server " EQ " s.server " BYTEWISE \
	" AND (h.role IS NULL OR h.role " EQ " s.role " BYTEWISE ")" \
	" AND (h.mapping IS NULL OR h.mapping " EQ " s.mapping " BYTEWISE ")" \
	" ORDER BY h.id LIMIT 1)"

/* what another database has queued, or sends, is not sent here */
#define ELSEWHERE_BECAUSE \
	"fpgo_internal.describe_elsewhere(CASE WHEN s.state " EQ " 'queued'" \
	" THEN fpgo_internal.sent_elsewhere(s.origin, s.server) END)"

#define IS_MEANT "($1 " EQ " 0 OR s.id " EQ " $1)"

static FpgoStatement explain_statement = {
	.sql = "SELECT w.n, w.state, COALESCE(n.server, w.server), w.reason, w.until,"
	"  w.n_all::pg_catalog.int8"
	" FROM (SELECT pg_catalog.count(*) AS n,"
	"   pg_catalog.sum(pg_catalog.count(*)) OVER () AS n_all, s.state::pg_catalog.text AS state,"
	"   s.server, CASE WHEN " ELSEWHERE_BECAUSE " IS NOT NULL"
	"    THEN " ELSEWHERE_BECAUSE
	"    WHEN pg_catalog.starts_with(s.error, '" FPGO_WAITS "')"
	"    THEN '" FPGO_WAITS "'"
	"    WHEN s.error IS NULL AND s.state " EQ " 'queued' THEN " HELD_BECAUSE
	"    ELSE s.error END AS reason,"
	"   pg_catalog.min(s.not_before) AS until"
	"  FROM fpgo_internal.submission s"
	"  WHERE s.state " EQ " ANY ('{queued,sending,uncertain}') AND " IS_MEANT
	"  GROUP BY 3, 4, 5"
	"  ORDER BY 1 USING " GT ", 3 USING " LT " LIMIT $2) w"
	" LEFT JOIN fpgo_internal.shown_server n"
	"  ON n.account " EQ " w.server " BYTEWISE
	" ORDER BY w.n USING " GT ", w.state USING " LT ", w.reason USING " LT,
	.n_parameters = 2,
	.types = {INT8OID, INT4OID}
};

static FpgoStatement count_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM fpgo_internal.submission s"
	" WHERE s.state " EQ " ANY ('{queued,sending,uncertain}')"
	" AND s.state " NE " 'uncertain' AND " IS_MEANT,
	.n_parameters = 1,
	.types = {INT8OID}
};

/* one alone is found by its number, however many are queued */
static FpgoStatement explain_one_statement = {
	.sql = "SELECT 1::pg_catalog.int8, s.state::pg_catalog.text,"
	" COALESCE(n.server, s.server),"
	" CASE WHEN " ELSEWHERE_BECAUSE " IS NOT NULL THEN " ELSEWHERE_BECAUSE
	"  WHEN s.error IS NULL AND s.state " EQ " 'queued' THEN " HELD_BECAUSE
	"  ELSE s.error END, s.not_before, 1::pg_catalog.int8"
	" FROM fpgo_internal.submission s LEFT JOIN fpgo_internal.shown_server n"
	"  ON n.account " EQ " s.server " BYTEWISE
	" WHERE s.id " EQ " $1"
	" AND (s.state " EQ " ANY ('{queued,sending,uncertain}')) IS NOT FALSE",
	.n_parameters = 1,
	.types = {INT8OID}
};

List *
fpgo_left_explain(int64 only, int limit)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *all = NIL;
	FpgoParameters p = {0};
	int			n;

	SPI_connect();
	fpgo_put_int64(&p, only);
	if (only == 0)
		fpgo_put_int(&p, limit);
	n = fpgo_statement_run(only == 0 ? &explain_statement :
						   &explain_one_statement, &p);
	for (int i = 0; i < n; i++)
	{
		FpgoLeft   *left = MemoryContextAlloc(caller, sizeof(FpgoLeft));
		MemoryContext spi;
		bool		is_null;
		Datum		until = fpgo_get_datum(i, 5, &is_null);

		left->n = fpgo_get_int64(i, 1);
		left->n_all = fpgo_get_int64(i, 6);
		left->until = is_null ? 0 : DatumGetTimestampTz(until);
		left->state = fpgo_get_text(i, 2, caller);
		left->server = fpgo_get_text(i, 3, caller);
		left->reason = fpgo_get_text(i, 4, caller);
		spi = MemoryContextSwitchTo(caller);
		all = lappend(all, left);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return all;
}

int64
fpgo_left_count(int64 only)
{
	FpgoParameters p = {0};
	int64		n;

	if (only != 0)
		return list_length(fpgo_left_explain(only, 1));
	SPI_connect();
	fpgo_put_int64(&p, only);
	fpgo_statement_run(&count_statement, &p);
	n = fpgo_get_int64(0, 1);
	SPI_finish();
	return n;
}
