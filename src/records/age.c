/*
 * age.c
 *		What of a finished submission is not kept for ever: its payload, and the
 *		BankID address.
 *
 * Part of the records (see submissions.c).  A payload has the time of its
 * deletion beside it.  A BankID address has none: its age counts from the
 * acceptance, and option bank_id_age of the server may be changed meanwhile.  From
 * that age on nobody is shown the address.  Some time later it is taken out of
 * its row.
 *
 * No index finds the rows, since each acceptance would have to write it.  So
 * the table is read instead, a small part at a time: each process begins
 * somewhere and goes on where it stopped.  Sooner or later every row is met,
 * however many processes there are and however briefly they live.
 *
 * An empty text takes the place of the address, so that a NOTICE can tell an
 * address that is gone from one that never was.  The column has no index: the
 * change stays within the row's page where that has room (HOT).
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "account/account.h"
#include "account/options.h"
#include "base/day.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "records/age.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* so many pages are read in one go */
#define N_PAGES 256

/* so many addresses at most are taken out in one go */
#define N_ADDRESSES 500

/* ---------- payloads ---------- */

/*
 * A time that is later than the longest retention was recorded before the clock
 * was set back, and says nothing.
 */
static FpgoStatement delete_payloads_statement = {
	.sql = "DELETE FROM fpgo_internal.payload"
	" WHERE keep_until " LT " pg_catalog.now()"
	" OR keep_until " GT " (pg_catalog.now() " PLUS
	" interval '" CppAsString2(FPGO_LONGEST_RETENTION_DAYS) " days')",
	.n_parameters = 0
};

/* ---------- BankID addresses ---------- */

static FpgoStatement accounts_statement = {
	.sql = "SELECT account FROM fpgo_internal.server_account"
	" WHERE account IS NOT NULL",
	.n_parameters = 0
};

/*
 * Rows of the pages from $1 up to $2.  Accepted before $6 are all that may be
 * old enough; $3 and $4 say before when those of an account must be, and $5
 * those of an account without a server.
 */
static FpgoStatement empty_statement = {
	.sql = "WITH old AS MATERIALIZED (SELECT s.id"
	"  FROM fpgo_internal.submission s"
	"  WHERE s.ctid " GE " $1 AND s.ctid " LT " $2"
	"  AND s.bank_id_url " NE " '' AND s.state " EQ " 'accepted'"
	"  AND s.settled_at " LE " $6"
	"  AND s.settled_at " LE " COALESCE((SELECT pg_catalog.min(a.before)"
	"   FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4))"
	"    AS a (account, before)"
	"   WHERE a.account " BYTEWISE EQ " s.server), $5)"
	"  LIMIT " CppAsString2(N_ADDRESSES)
	"  FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE fpgo_internal.submission s SET bank_id_url = '' FROM old"
	" WHERE s.id " EQ " old.id",
	.n_parameters = 6,
	.types = {TIDOID, TIDOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID}
};

/* Until when an address of the account must have been accepted to be too old. */
static TimestampTz
oldest_kept(const char *account, TimestampTz now)
{
	return now - fpgo_account_bank_id_age(account) * USECS_PER_SEC;
}

/* Parameters 3 to 6 of the statement: which addresses are too old. */
static void
put_ages(FpgoParameters *p, TimestampTz now)
{
	FpgoParameters none = {0};
	int			n = fpgo_statement_run(&accounts_statement, &none);
	const char **accounts = palloc0(sizeof(char *) * (n + 1));
	Datum	   *times = palloc(sizeof(Datum) * (n + 1));
	TimestampTz otherwise = oldest_kept("", now);
	TimestampTz latest = otherwise;

	for (int i = 0; i < n; i++)
		accounts[i] = fpgo_get_text(i, 1, CurrentMemoryContext);
	for (int i = 0; i < n; i++)
	{
		TimestampTz before = oldest_kept(accounts[i], now);

		times[i] = TimestampTzGetDatum(before);
		latest = Max(latest, before);
	}
	fpgo_put_texts(p, accounts);
	fpgo_put_datum(p, PointerGetDatum(construct_array(times, n,
													  TIMESTAMPTZOID, 8,
													  FLOAT8PASSBYVAL,
													  TYPALIGN_DOUBLE)),
				   false);
	fpgo_put_datum(p, TimestampTzGetDatum(otherwise), false);
	fpgo_put_datum(p, TimestampTzGetDatum(latest), false);
}

static BlockNumber
count_pages(void)
{
	Relation	table = table_open(fpgo_table_oid("submission"),
								   AccessShareLock);
	BlockNumber n = RelationGetNumberOfBlocks(table);

	table_close(table, NoLock);
	return n;
}

static Datum
page_start(BlockNumber page)
{
	ItemPointer start = palloc(sizeof(ItemPointerData));

	ItemPointerSet(start, page, 0);
	return PointerGetDatum(start);
}

/* Empty the addresses of some pages; returns how many those were. */
static int64
empty_pages(BlockNumber first, BlockNumber end, TimestampTz now)
{
	FpgoParameters p = {0};

	fpgo_put_datum(&p, page_start(first), false);
	fpgo_put_datum(&p, page_start(end), false);
	put_ages(&p, now);
	return fpgo_statement_run(&empty_statement, &p);
}

/* The next part of the table. */
static void
empty_next(TimestampTz now)
{
	static BlockNumber next = InvalidBlockNumber;
	BlockNumber n_pages = count_pages();
	BlockNumber first;

	if (n_pages == 0)
		return;
	if (next == InvalidBlockNumber)
		next = n_pages <= N_PAGES ? 0 :
			pg_prng_uint64_range(&pg_global_prng_state, 0, n_pages - 1);
	first = next < n_pages ? next : 0;
	/* what a full step leaves is looked at again */
	next = empty_pages(first, first + N_PAGES, now) == N_ADDRESSES ? first :
		first + N_PAGES;
}

static void
empty_all(TimestampTz now)
{
	BlockNumber n_pages = count_pages();

	for (BlockNumber page = 0; page < n_pages;)
	{
		if (empty_pages(page, page + N_PAGES, now) < N_ADDRESSES)
			page += N_PAGES;
	}
}

void
fpgo_age_let_go(FpgoAgeScope scope)
{
	FpgoParameters p = {0};
	TimestampTz now = GetCurrentTimestamp();

	SPI_connect();
	fpgo_statement_run(&delete_payloads_statement, &p);
	if (scope != FPGO_AGE_NOWHERE && fpgo_extension_is_current())
	{
		if (scope == FPGO_AGE_WHOLE_TABLE)
			empty_all(now);
		else
			empty_next(now);
	}
	SPI_finish();
}

const char *
fpgo_age_show_address(const FpgoSubmission *submission, const char *account)
{
	const char *address = submission->bank_id_url;

	if (address == NULL)
		return NULL;
	if (address[0] != '\0' && (submission->settled_at == 0 ||
							   submission->settled_at >
							   oldest_kept(account, GetCurrentTimestamp())))
		return address;
	ereport(NOTICE,
			(errmsg("BankID address of submission %lld is not kept any more",
					(long long) submission->id),
			 errdetail("The order was accepted on %s.  Option bank_id_age of its server says how long such an address is kept.",
					   fpgo_day_name(submission->settled_at)),
			 fpgo_errhide()));
	return NULL;
}
