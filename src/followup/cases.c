/*
 * cases.c
 *		Submissions that may have an order at the gateway.
 *
 * Two kinds of them.  Of an uncertain one, the answer is not known.  Another one
 * was queued by a database of which this one is a copy, a restored backup or a
 * promoted standby: that database may have sent it since.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "followup/cases.h"
#include "records/attempts.h"
#include "records/origins.h"
#include "records/submissions.h"
#include "tables/statement.h"

/* ---------- statements ---------- */

/* the order of submission s: the number of its first version */
#define ORDER_OF_S \
	"(CASE WHEN s.first_version IS NULL THEN s.id ELSE s.first_version END)"

/*
 * What is asked of each submission that may have an order at the gateway: where
 * says which these are.
 */
#define CASES(payload, where) \
	"SELECT s.id, s.server, s.role," \
	" s.state " EQ " 'uncertain', s.run, " payload "," \
	" (SELECT pg_catalog.min(c.order_uuid) FROM fpgo_internal.callback c" \
	"  WHERE c.submission " EQ " s.id" \
	"  AND c.server " EQ " s.server)," \
	" (SELECT pg_catalog.max(c.order_uuid) FROM fpgo_internal.callback c" \
	"  WHERE c.submission " EQ " s.id" \
	"  AND c.server " EQ " s.server)," \
	" v.order_uuid, (SELECT q.payload FROM fpgo_internal.payload q" \
	"  WHERE q.submission " EQ " v.id)," \
	" (v.grand_total " NE " s.grand_total) IS TRUE," \
	" v.id IS NOT NULL AND EXISTS (SELECT FROM fpgo_internal.submission t" \
	"  WHERE (t.first_version " EQ " " ORDER_OF_S \
	"   OR t.id " EQ " s.first_version) AND t.id " NE " s.id" \
	"  AND t.state " EQ " ANY ('{refused,cancelled}')" \
	"  AND (t.version " GT " v.version) IS NOT FALSE" \
	"  AND EXISTS (SELECT FROM fpgo_internal.attempt a" \
	"   WHERE a.submission " EQ " t.id AND a.outcome " EQ " 'unknown'))" \
	" FROM fpgo_internal.submission s" \
	" LEFT JOIN LATERAL (SELECT o.* FROM fpgo_internal.submission o" \
	"  WHERE (o.first_version " EQ " " ORDER_OF_S \
	"   OR o.id " EQ " s.first_version)" \
	"  AND o.state " EQ " 'accepted'" \
	"  ORDER BY o.version USING " GT " LIMIT 1) v ON true" \
	" WHERE " where " ORDER BY s.server, s.role, s.id"

#define PAYLOAD_OF_S \
	"(SELECT p.payload FROM fpgo_internal.payload p" \
	"  WHERE p.submission " EQ " s.id)"

/* one that only asks was certainly not sent, whatever becomes of its process */
static FpgoStatement uncertain_statement = {
	.sql = CASES(PAYLOAD_OF_S, "s.state " EQ " ANY ('{sending,uncertain}')"
				 " AND NOT EXISTS (SELECT FROM fpgo_internal.attempt a"
				 "  WHERE a.submission " EQ " s.id"
				 "  AND a.number " EQ " s.attempts"
				 "  AND a.outcome " EQ " '" FPGO_ATTEMPT_ASKS "')"),
	.n_parameters = 0
};

/* there may be many: payloads are read a few at a time */
static FpgoStatement elsewhere_statement = {
	.sql = CASES("NULL::pg_catalog.text", FPGO_IS_ELSEWHERE("s", "$1")),
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

static FpgoStatement has_elsewhere_statement = {
	.sql = "SELECT FROM fpgo_internal.submission s"
	" WHERE " FPGO_IS_ELSEWHERE("s", "$1") " LIMIT 1",
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

static FpgoStatement undescribed_statement = {
	.sql = "SELECT s.id, p.payload FROM fpgo_internal.submission s"
	" JOIN fpgo_internal.payload p ON p.submission " EQ " s.id"
	" WHERE " FPGO_IS_ELSEWHERE("s", "$1") " AND NOT EXISTS"
	"  (SELECT FROM fpgo_internal.likeness l WHERE l.submission " EQ " s.id)"
	" LIMIT $2",
	.n_parameters = 2,
	.types = {INT8ARRAYOID, INT8OID}
};

/* accounts whose seat another database had, and who handed in for them last */
static FpgoStatement moved_statement = {
	.sql = "SELECT t.account, (SELECT s.role FROM fpgo_internal.submission s"
	"  WHERE s.server " EQ " t.account ORDER BY s.id USING " GT " LIMIT 1)"
	" FROM fpgo_internal.seat t WHERE t.why " NE " 'first'"
	" AND t.origin " EQ " ANY ($1) ORDER BY t.account",
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

static FpgoStatement describe_statement = {
	.sql = "INSERT INTO fpgo_internal.likeness (submission, amounts, order_date,"
	"  products, customer, contact) VALUES ($1, $2, $3, $4, $5, $6)"
	" ON CONFLICT (submission) DO NOTHING",
	.n_parameters = 6,
	.types = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
};

/* ---------- what is uncertain ---------- */

static FpgoUncertain *
read_uncertain(int row, MemoryContext context)
{
	FpgoUncertain *uncertain = MemoryContextAllocZero(context,
													  sizeof(FpgoUncertain));
	MemoryContext old = MemoryContextSwitchTo(context);
	const char *first = fpgo_get_text(row, 7, context);
	const char *last = fpgo_get_text(row, 8, context);
	bool		is_null;

	uncertain->submission = fpgo_get_int64(row, 1);
	uncertain->server = fpgo_get_text(row, 2, context);
	uncertain->role = fpgo_get_text(row, 3, context);
	uncertain->is_uncertain = DatumGetBool(fpgo_get_datum(row, 4, &is_null));
	uncertain->run = fpgo_get_int64(row, 5);
	uncertain->payload = fpgo_get_text(row, 6, context);
	uncertain->change_of = fpgo_get_text(row, 9, context);
	uncertain->former_payload = fpgo_get_text(row, 10, context);
	uncertain->had_other_total = DatumGetBool(fpgo_get_datum(row, 11,
															 &is_null));
	uncertain->has_rival = DatumGetBool(fpgo_get_datum(row, 12, &is_null));
	if (first != NULL)
		uncertain->named = list_make1(unconstify(char *, first));
	if (first != NULL && strcmp(first, last) != 0)
		uncertain->named = lappend(uncertain->named, unconstify(char *, last));
	MemoryContextSwitchTo(old);
	return uncertain;
}

static List *
read_all(FpgoStatement *statement, FpgoParameters *p, bool is_elsewhere,
		 MemoryContext context)
{
	List	   *submissions = NIL;
	int			n = fpgo_statement_run(statement, p);

	for (int i = 0; i < n; i++)
	{
		FpgoUncertain  *uncertain = read_uncertain(i, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		uncertain->is_elsewhere = is_elsewhere;
		submissions = lappend(submissions, uncertain);
		MemoryContextSwitchTo(old);
	}
	return submissions;
}

List *
fpgo_cases_uncertain(MemoryContext context)
{
	FpgoParameters p = {0};

	return read_all(&uncertain_statement, &p, false, context);
}

/* ---------- what another database queued ---------- */

List *
fpgo_cases_elsewhere(MemoryContext context)
{
	FpgoParameters p = {0};

	fpgo_put_datum(&p, fpgo_origins_own(), false);
	return read_all(&elsewhere_statement, &p, true, context);
}

bool
fpgo_cases_have_elsewhere(void)
{
	FpgoParameters p = {0};
	bool		have;

	if (!fpgo_origins_have_others())
		return false;
	SPI_connect();
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	have = fpgo_statement_run(&has_elsewhere_statement, &p) > 0;
	SPI_finish();
	return have;
}

List *
fpgo_cases_undescribed(int max, MemoryContext context)
{
	FpgoParameters p = {0};
	List	   *submissions = NIL;
	int			n;

	fpgo_put_datum(&p, fpgo_origins_own(), false);
	fpgo_put_int64(&p, max);
	n = fpgo_statement_run(&undescribed_statement, &p);
	for (int i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		FpgoUncertain *uncertain = palloc0(sizeof(FpgoUncertain));

		uncertain->submission = fpgo_get_int64(i, 1);
		uncertain->payload = fpgo_get_text(i, 2, context);
		uncertain->is_elsewhere = true;
		submissions = lappend(submissions, uncertain);
		MemoryContextSwitchTo(old);
	}
	return submissions;
}

List *
fpgo_cases_moved(MemoryContext context)
{
	FpgoParameters p = {0};
	List	   *moved = NIL;
	int			n;

	fpgo_put_datum(&p, fpgo_origins_own(), false);
	n = fpgo_statement_run(&moved_statement, &p);
	for (int i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		FpgoMovedAccount *account = palloc(sizeof(FpgoMovedAccount));

		account->server = fpgo_get_text(i, 1, context);
		account->role = fpgo_get_text(i, 2, context);
		moved = lappend(moved, account);
		MemoryContextSwitchTo(old);
	}
	return moved;
}

/* ---------- likeness ---------- */

void
fpgo_cases_describe(const FpgoUncertain *uncertain,
						const FpgoLikeness *likeness)
{
	FpgoParameters p = {0};

	fpgo_put_int64(&p, uncertain->submission);
	fpgo_put_text(&p, likeness->amounts);
	fpgo_put_text(&p, likeness->order_date);
	fpgo_put_text(&p, likeness->products);
	fpgo_put_text(&p, likeness->customer);
	fpgo_put_text(&p, likeness->contact);
	(void) fpgo_statement_run(&describe_statement, &p);
}

