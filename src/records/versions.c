/*
 * versions.c
 *		The versions of an order that are on record.
 *
 * Part of the records (see submissions.c).  An order that is handed in again
 * and differs is a version, with a submission of its own.  All versions of an
 * order name the submission of the first one, in first_version.
 *
 * An order that a trigger makes of a row is found by its source, the row.  Any
 * other is found by its key, among the orders of the same role or user mapping.
 * A submission of fpgo 1.0 has no source and no mapping: its order is found by
 * the key, whoever handed it in.
 *
 * Versions are only inserted: nobody who hands in changes a submission.  Two
 * transactions that hand in under one key get the same number for their
 * versions, and the unique index makes the second one wait.  Hand-ins of one
 * row are in order without that: a transaction that changes a row holds it.
 *
 * An order that was purged is found by its trace (traces.c), which is a version
 * like any other here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "base/fpgo.h"
#include "records/origins.h"
#include "records/traces.h"
#include "records/versions.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* ---------- statements ---------- */

/* most hand-ins are of new orders, and find no row here */
static FpgoStatement by_key_statement = {
	.sql = "SELECT CASE WHEN first_version IS NULL THEN id ELSE first_version END"
	" FROM fpgo_internal.submission"
	" WHERE server " BYTEWISE EQ " $1 AND key " BYTEWISE EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID},
	.sees_latest = true
};

static FpgoStatement by_source_statement = {
	.sql = "SELECT CASE WHEN first_version IS NULL THEN id ELSE first_version END"
	" FROM fpgo_internal.submission"
	" WHERE source " EQ " $1 AND server " BYTEWISE EQ " $2",
	.n_parameters = 2,
	.types = {BYTEAOID, TEXTOID},
	.sees_latest = true
};

static FpgoStatement by_number_statement = {
	.sql = "SELECT CASE WHEN first_version IS NULL THEN id ELSE first_version END"
	" FROM fpgo_internal.submission WHERE id " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID}
};

/* the orders of a key, by the transaction's own snapshot */
static FpgoStatement of_key_statement = {
	.sql = "SELECT CASE WHEN first_version IS NULL THEN id ELSE first_version END"
	" FROM fpgo_internal.submission"
	" WHERE server " BYTEWISE EQ " $1 AND key " BYTEWISE EQ " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

#define COLUMNS \
	"SELECT id, state::pg_catalog.text AS state, run, server, role," \
	" order_uuid, customer_uuid, bank_id_url, xmin, settled_at," \
	" order_hash, hash_rule," \
	" CASE WHEN first_version IS NULL THEN id ELSE first_version END," \
	" CASE WHEN version IS NULL THEN 0 ELSE version END AS number," \
	" key, mapping, source, withdrawn IS TRUE, for_good IS TRUE," \
	" attempts " GT " 0, error, source_table, origin FROM fpgo_internal.submission "

#define OF_ORDERS \
	COLUMNS "WHERE id " EQ " ANY ($1)" \
	" UNION ALL " \
	COLUMNS "WHERE first_version " EQ " ANY ($1) ORDER BY number, id"

static FpgoStatement latest_versions_statement = {
	.sql = OF_ORDERS,
	.n_parameters = 1,
	.types = {INT8ARRAYOID},
	.sees_latest = true
};

static FpgoStatement versions_statement = {
	.sql = OF_ORDERS,
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

static FpgoStatement refused_statement = {
	.sql = COLUMNS "s WHERE state " EQ " 'refused' AND attempts " EQ " 0"
	" AND source IS NOT NULL AND created_at " LT " $1"
	" AND NOT EXISTS (SELECT FROM fpgo_internal.submission o"
	"  WHERE (o.id " EQ " s.first_version OR o.first_version " EQ
	"   (CASE WHEN s.first_version IS NULL THEN s.id"
	"    ELSE s.first_version END))"
	"  AND (o.version " GT " s.version OR o.state " EQ " 'accepted'))"
	" ORDER BY id",
	.n_parameters = 1,
	.types = {TIMESTAMPTZOID}
};

/* how many of them the transaction's own snapshot shows */
static FpgoStatement seen_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM fpgo_internal.submission"
	" WHERE id " EQ " ANY ($1)",
	.n_parameters = 1,
	.types = {INT8ARRAYOID}
};

/* most orders have one version, and that is seen without the executor */
static FpgoStatement later_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE first_version " EQ " $1 LIMIT 1",
	.n_parameters = 1,
	.types = {INT8OID}
};

static FpgoStatement note_accepted_statement = {
	.sql = "INSERT INTO fpgo_internal.event (submission, role, what, reason)"
	" SELECT $1, w.role, 'accepted though withdrawn', w.error FROM"
	"  (SELECT * FROM fpgo_internal.submission"
	"   WHERE first_version " EQ " $2"
	"   ORDER BY version USING " GT " LIMIT 1) w"
	" WHERE w.withdrawn",
	.n_parameters = 2,
	.types = {INT8OID, INT8OID}
};

/* ---------- reading ---------- */

bool
fpgo_versions_are_known(void)
{
	return get_attnum(fpgo_table_oid("submission"), "version") !=
		InvalidAttrNumber;
}

/* Reads the digest of a source; false if the column is NULL. */
static bool
read_source(uint8 digest[FPGO_HASH_BYTES], int row, int column)
{
	bool		is_null;
	Datum		value = fpgo_get_datum(row, column, &is_null);
	bytea	   *source;

	if (is_null)
		return false;
	source = DatumGetByteaPP(value);
	memcpy(digest, VARDATA_ANY(source),
		   Min(VARSIZE_ANY_EXHDR(source), FPGO_HASH_BYTES));
	return true;
}

static FpgoVersion *
read_version(int row, MemoryContext context)
{
	FpgoVersion *version = MemoryContextAllocZero(context,
												  sizeof(FpgoVersion));
	bool		is_null;

	fpgo_submission_read(&version->submission, row, context);
	version->order = fpgo_get_int64(row, 13);
	version->number = DatumGetInt32(fpgo_get_datum(row, 14, &is_null));
	version->key = fpgo_get_text(row, 15, context);
	version->mapping = fpgo_get_text(row, 16, context);
	version->has_source = read_source(version->source, row, 17);
	version->is_withdrawal = DatumGetBool(fpgo_get_datum(row, 18, &is_null));
	version->for_good = DatumGetBool(fpgo_get_datum(row, 19, &is_null));
	version->was_sent = DatumGetBool(fpgo_get_datum(row, 20, &is_null));
	version->error = fpgo_get_text(row, 21, context);
	version->source_table = fpgo_get_text(row, 22, context);
	version->origin = fpgo_get_int64(row, 23);
	return version;
}

static Datum
make_array(const int64 *numbers, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, n, INT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Adds the orders that a statement finds to those found before. */
static int64 *
find_orders(FpgoStatement *statement, FpgoParameters *p, int64 *orders, int *n)
{
	int			n_rows = fpgo_statement_run(statement, p);

	if (n_rows == 0)
		return orders;
	orders = orders == NULL ? palloc(sizeof(int64) * n_rows) :
		repalloc(orders, sizeof(int64) * (*n + n_rows));
	for (int i = 0; i < n_rows; i++)
		orders[(*n)++] = fpgo_get_int64(i, 1);
	return orders;
}

/* A version that the transaction's snapshot does not show: it must not go on. */
static void
require_seen(List *all)
{
	int64	   *numbers;
	FpgoParameters p = {0};
	ListCell   *cell;

	if (!IsolationUsesXactSnapshot())
		return;
	numbers = palloc(sizeof(int64) * list_length(all));
	foreach(cell, all)
		numbers[foreach_current_index(cell)] =
			((FpgoVersion *) lfirst(cell))->submission.id;
	fpgo_put_datum(&p, make_array(numbers, list_length(all)), false);
	fpgo_statement_run(&seen_statement, &p);
	if (fpgo_get_int64(0, 1) != list_length(all))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: the order was handed in concurrently"),
				 errhint("Nothing was queued; try again."),
				 fpgo_errhide()));
}

/* All versions of these orders, those with lower numbers first. */
static List *
read_orders(FpgoStatement *statement, const int64 *orders, int n,
			MemoryContext context)
{
	List	   *all = NIL;
	FpgoParameters p = {0};
	int			n_rows;

	if (n == 0)
		return NIL;
	fpgo_put_datum(&p, make_array(orders, n), false);
	n_rows = fpgo_statement_run(statement, &p);
	for (int i = 0; i < n_rows; i++)
	{
		FpgoVersion *version = read_version(i, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		all = lappend(all, version);
		MemoryContextSwitchTo(old);
	}
	return all;
}

/* ---------- which order it is ---------- */

static bool
is_open(const FpgoVersion *version)
{
	return version->submission.state == FPGO_STATE_SENDING ||
		version->submission.state == FPGO_STATE_UNCERTAIN;
}

/* Has another database queued it?  On a standby that is not known. */
static bool
is_elsewhere(const FpgoVersion *version)
{
	return version->submission.state == FPGO_STATE_QUEUED &&
		!RecoveryInProgress() && !fpgo_origin_is_own(version->origin);
}

bool
fpgo_version_holds_key(const FpgoVersion *version)
{
	return is_open(version) || version->for_good ||
		version->submission.state == FPGO_STATE_QUEUED ||
		version->submission.state == FPGO_STATE_ACCEPTED;
}

static const FpgoVersion *
newest_of(const List *all, int64 order)
{
	const FpgoVersion *newest = NULL;
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);

		if (version->order == order)
			newest = version;
	}
	return newest;
}

/* Is it of the role that hands in, or sent with the same user mapping? */
static bool
is_of(const FpgoVersion *version, const FpgoHandIn *handin)
{
	return version->mapping == NULL ||
		strcmp(version->mapping, handin->mapping) == 0 ||
		strcmp(version->submission.role, handin->role) == 0 ||
	/* its role was renamed, or is gone */
		(version->mapping[0] != '\0' &&
		 !OidIsValid(get_role_oid(version->mapping, true)));
}

static bool
has_source(const FpgoVersion *version, const FpgoSource *source)
{
	return version->has_source &&
		memcmp(version->source, source->digest, FPGO_HASH_BYTES) == 0;
}

/* Is the order that has this newest version another row's? */
static bool
is_of_another_row(const FpgoVersion *newest, const FpgoSource *source)
{
	return source != NULL && newest->has_source &&
		!has_source(newest, source);
}

/*
 * The order of a row.  Rows that had its primary key before, and are gone, may
 * have left orders there: the one that was handed in last is meant.
 */
static int64
find_by_source(const List *all, const FpgoSource *source)
{
	const FpgoVersion *found = NULL;
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);
		const FpgoVersion *newest = newest_of(all, version->order);

		if (has_source(version, source) && has_source(newest, source) &&
			(found == NULL || newest->submission.id > found->submission.id))
			found = newest;
	}
	return found == NULL ? 0 : found->order;
}

/* What an order's newest version was before this transaction; NULL: none was. */
static const FpgoVersion *
newest_before(const List *all, int64 order)
{
	const FpgoVersion *newest = NULL;
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);

		if (version->order == order && !version->submission.is_own)
			newest = version;
	}
	return newest;
}

/*
 * The order that a row had under its former primary key.  Several rows may have
 * had that key in this transaction.  If this one got it here, its order is the
 * one that was handed in last with it; else it is the one that had it before.
 * Without may_have_left, that one counts only if it was not handed in for another
 * primary key since: then it is the order of the row that has moved there.
 */
static int64
find_by_former_source(const List *all, const FpgoSource *former, bool is_own,
					  bool may_have_left)
{
	const FpgoVersion *found = NULL;
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);
		const FpgoVersion *newest = newest_of(all, version->order);

		if (is_own && !newest->submission.is_own)
			continue;
		if (!may_have_left && newest->submission.is_own &&
			!has_source(newest, former))
			continue;
		if (!is_own)
			newest = newest_before(all, version->order);
		if (newest != NULL && has_source(newest, former) &&
			(found == NULL || newest->submission.id > found->submission.id))
			found = newest;
	}
	return found == NULL ? 0 : found->order;
}

/*
 * The order of a key.  of_row: the order that the row has, or had under its
 * former primary key; 0 if none.  Receives in versions what stands in its way:
 * an order of another row, or one like it of another user mapping.
 */
static int64
find_by_key(const List *all, const FpgoHandIn *handin, int64 of_row,
			FpgoVersions *versions)
{
	int64		found = 0;
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);

		if (strcmp(version->key, handin->key) != 0)
			continue;
		if (!is_of(version, handin))
		{
			if (fpgo_version_holds_key(version) && !version->for_good &&
				version->submission.hash_rule == handin->hash_rule &&
				memcmp(version->submission.order_hash, handin->order_hash,
					   FPGO_HASH_BYTES) == 0)
				versions->same = version;
			continue;
		}
		if (version->order != of_row &&
			is_of_another_row(newest_of(all, version->order), handin->source))
		{
			/* a key that is made of the row is not that row's any more */
			if (fpgo_version_holds_key(version) && handin->reference != NULL)
				versions->obstacle = version;
			continue;
		}
		/* an order whose key was changed holds the former one if it was sent */
		if (fpgo_version_holds_key(version) ||
			strcmp(newest_of(all, version->order)->key, handin->key) == 0)
			found = version->order;
	}
	return found;
}

void
fpgo_versions_note(FpgoVersions *versions, const List *all, int64 order)
{
	ListCell   *cell;

	versions->order = order;
	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);

		if (version->order != order)
			continue;
		if (versions->newest == NULL)
			versions->mapping = version->mapping;
		versions->newest = version;
		if (version->submission.state == FPGO_STATE_ACCEPTED)
			versions->accepted = version;
		if (is_open(version))
			versions->open = version;
		if (is_elsewhere(version))
			versions->elsewhere = version;
		if (version->for_good)
			versions->taken_back = version;
		versions->next = Max(versions->next, version->number + 1);
	}
}

/* The number must also be new among the versions that have the key. */
static void
note_key(FpgoVersions *versions, const List *all, const char *key)
{
	ListCell   *cell;

	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);

		if (strcmp(version->key, key) == 0)
			versions->next = Max(versions->next, version->number + 1);
	}
}

List *
fpgo_versions_read(const int64 *orders, int n, MemoryContext context)
{
	return read_orders(&latest_versions_statement, orders, n, context);
}

/*
 * The versions of these orders, and of those that were purged.  Traces are
 * looked for last, by a newer snapshot: an order that was purged since it was
 * found is among them.  A trace comes before the versions that its order has.
 */
static List *
find_versions(const FpgoHandIn *handin, const int64 *orders, int n,
			  MemoryContext context)
{
	List	   *all = fpgo_versions_read(orders, n, context);
	List	   *traces = fpgo_traces_find(handin, context);
	ListCell   *cell;

	if (all != NIL)
		require_seen(all);
	foreach(cell, traces)
	{
		const FpgoVersion *trace = lfirst(cell);
		MemoryContext old;

		/* it may have been made again, under another key */
		if (newest_of(all, trace->order) == NULL)
		{
			List	   *revived = fpgo_versions_read(&trace->order, 1, context);

			old = MemoryContextSwitchTo(context);
			all = list_concat(all, revived);
			MemoryContextSwitchTo(old);
		}
	}
	/* with NIL, list_concat() would copy all, to SPI's memory */
	return traces == NIL ? all : list_concat(traces, all);
}

static List *
find_all(const FpgoHandIn *handin, MemoryContext context)
{
	int64	   *orders = NULL;
	int			n = 0;
	FpgoParameters p = {0};
	const FpgoSource *sources[] = {handin->source, handin->former_source};

	if (handin->key != NULL)
	{
		fpgo_put_text(&p, handin->account);
		fpgo_put_text(&p, handin->key);
		orders = find_orders(&by_key_statement, &p, orders, &n);
	}
	for (int i = 0; i < (int) lengthof(sources); i++)
	{
		if (sources[i] == NULL)
			continue;
		p.n = 0;
		fpgo_put_bytes(&p, sources[i]->digest, FPGO_HASH_BYTES);
		fpgo_put_text(&p, handin->account);
		orders = find_orders(&by_source_statement, &p, orders, &n);
	}
	return find_versions(handin, orders, n, context);
}

FpgoVersions *
fpgo_versions_find(const FpgoHandIn *handin)
{
	FpgoVersions *versions = palloc0(sizeof(FpgoVersions));
	MemoryContext caller = CurrentMemoryContext;
	List	   *all;
	int64		order = 0;

	versions->next = 1;
	versions->mapping = handin->mapping;
	SPI_connect();
	all = find_all(handin, caller);
	SPI_finish();
	if (all == NIL)
		return versions;
	if (handin->former_source != NULL)
		order = find_by_former_source(all, handin->former_source,
									  handin->former_is_own, true);
	if (order == 0 && handin->source != NULL)
		order = find_by_source(all, handin->source);
	/* changed in this transaction, and not handed in */
	if (order == 0 && handin->former_source != NULL)
		order = find_by_former_source(all, handin->former_source, false,
									  !handin->former_is_own);
	if (handin->key != NULL)
	{
		int64		of_key = find_by_key(all, handin, order, versions);

		order = order == 0 ? of_key : order;
		note_key(versions, all, handin->key);
	}
	if (order != 0)
		fpgo_versions_note(versions, all, order);
	if (versions->mapping == NULL)
		versions->mapping = handin->mapping;
	return versions;
}

FpgoVersions *
fpgo_versions_of(int64 submission)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoVersions *versions = NULL;
	FpgoParameters p = {0};
	int64	   *orders;
	int			n = 0;

	SPI_connect();
	fpgo_put_int64(&p, submission);
	orders = find_orders(&by_number_statement, &p, NULL, &n);
	if (n > 0)
	{
		List	   *all = read_orders(&versions_statement, orders, n,
									   caller);

		versions = MemoryContextAllocZero(caller, sizeof(FpgoVersions));
		versions->next = 1;
		fpgo_versions_note(versions, all, orders[0]);
	}
	SPI_finish();
	return versions;
}

const FpgoVersion *
fpgo_versions_deciding(const FpgoVersions *versions)
{
	if (versions->accepted != NULL)
		return versions->accepted;
	return versions->open != NULL ? versions->open : versions->newest;
}

List *
fpgo_versions_refused_at_hand_in(TimestampTz before)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *refused = NIL;
	FpgoParameters p = {0};
	int			n;

	SPI_connect();
	fpgo_put_datum(&p, TimestampTzGetDatum(before), false);
	n = fpgo_statement_run(&refused_statement, &p);
	for (int i = 0; i < n; i++)
	{
		FpgoVersion *version = read_version(i, caller);
		MemoryContext spi = MemoryContextSwitchTo(caller);

		refused = lappend(refused, version);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return refused;
}

const FpgoVersion *
fpgo_versions_of_key(const char *account, const char *key)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	const FpgoVersion *found = NULL;
	bool		is_for = false;
	int64	   *orders;
	int			n = 0;
	List	   *all;
	ListCell   *cell;

	SPI_connect();
	fpgo_put_text(&p, account);
	fpgo_put_text(&p, key);
	orders = find_orders(&of_key_statement, &p, NULL, &n);
	all = read_orders(&versions_statement, orders, n, caller);
	SPI_finish();
	all = list_concat(fpgo_traces_find_key(account, key), all);
	foreach(cell, all)
	{
		const FpgoVersion *version = lfirst(cell);
		FpgoVersions versions = {0};
		bool		may_see = fpgo_submission_is_for(version->submission.role);

		if (strcmp(version->key, key) != 0 || (is_for && !may_see))
			continue;
		fpgo_versions_note(&versions, all, version->order);
		version = fpgo_versions_deciding(&versions);
		if (!fpgo_version_holds_key(version))
			continue;
		found = version;
		is_for = may_see;
	}
	return found;
}

void
fpgo_versions_note_accepted(int64 submission, int64 order)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, order);
	if (fpgo_statement_run(&later_statement, &p) > 0)
	{
		p.n = 0;
		fpgo_put_int64(&p, submission);
		fpgo_put_int64(&p, order);
		fpgo_statement_run(&note_accepted_statement, &p);
	}
	SPI_finish();
}
