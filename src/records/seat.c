/*
 * seat.c
 *		Seats: which database sends the orders of an account.
 *
 * Part of the records (see submissions.c).  The seat is copied with the records.
 * In a copy it names the database that was copied, and so the copy sends
 * nothing.  A process asks once and is told of changes: the commit that changes a
 * seat sends an invalidation of the table.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "account/account.h"
#include "account/names.h"
#include "account/options.h"
#include "base/clock.h"
#include "base/fpgo.h"
#include "origin/parts.h"
#include "records/origins.h"
#include "records/seat.h"
#include "records/submissions.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* a database that may not send looks again after that, in milliseconds */
#define AGAIN_MS 1000

/*
 * And one that may take a seat which nobody has.  That takes a look at all of the
 * account's records, and changes with the seat.
 */
#define FREE_MS 60000

/*
 * How soon a process writes once more that standbys are synchronous, after another
 * one has written the contrary: that one may not have read the new setting yet.
 */
#define STANDBYS_MS 10000

/* The seat of an account, as it is on record. */
typedef struct Seat
{
	int64		origin;			/* 0: nobody has it */
	bool		has_standbys;
} Seat;

/* What the process knows of one account. */
typedef struct Known
{
	char	   *account;
	FpgoSeatAnswer answer;
	bool		has_standbys;	/* as is on record */
	FpgoMoment	until;			/* 0: until a seat changes */
} Known;

static List *known = NIL;		/* Known */
static bool is_stale = true;
static Oid	seat_table = InvalidOid;

static FpgoStatement find_statement = {
	.sql = "SELECT origin, standbys FROM fpgo_internal.seat"
	" WHERE account " EQ " $1",
	.n_parameters = 1,
	.types = {TEXTOID}
};

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.seat (account, origin, why, standbys)"
	" VALUES ($1, $2, $3, $4) ON CONFLICT (account) DO NOTHING",
	.n_parameters = 4,
	.types = {TEXTOID, INT8OID, TEXTOID, BOOLOID}
};

/* from the origin that had it */
static FpgoStatement move_statement = {
	.sql = "UPDATE fpgo_internal.seat SET origin = $2, why = $3, reason = NULL,"
	"  role = NULL, standbys = $4, since = pg_catalog.clock_timestamp()"
	" WHERE account " EQ " $1 AND origin " EQ " $5",
	.n_parameters = 5,
	.types = {TEXTOID, INT8OID, TEXTOID, BOOLOID, INT8OID}
};

/* nothing else changes */
static FpgoStatement standbys_statement = {
	.sql = "UPDATE fpgo_internal.seat SET standbys = $2"
	" WHERE account " EQ " $1 AND origin " EQ " $3",
	.n_parameters = 3,
	.types = {TEXTOID, BOOLOID, INT8OID}
};

static FpgoStatement give_statement = {
	.sql = "INSERT INTO fpgo_internal.seat AS s (account, origin, why, reason, role,"
	"  standbys)"
	" VALUES ($1, $2, 'person', $3, $4, $5) ON CONFLICT (account) DO UPDATE"
	" SET origin = excluded.origin, why = excluded.why,"
	"  reason = excluded.reason, role = excluded.role,"
	"  standbys = excluded.standbys, since = pg_catalog.clock_timestamp()",
	.n_parameters = 5,
	.types = {TEXTOID, INT8OID, TEXTOID, TEXTOID, BOOLOID}
};

static FpgoStatement event_statement = {
	.sql = "INSERT INTO fpgo_internal.event (role, what, reason, server)"
	" VALUES ($1, $2, $3, $4)",
	.n_parameters = 4,
	.types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID}
};

/*
 * Records of any state that were not handed in here.  Without any the account may
 * be one that nobody has used.  Then it counts whether other databases are on
 * record and none of the accounts is this one's: that is a copy.
 */
static FpgoStatement has_foreign_statement = {
	.sql = "SELECT FROM fpgo_internal.submission s WHERE s.server " EQ " $1"
	" AND (s.origin " EQ " ANY ($2)) IS NOT TRUE"
	" UNION ALL"
	" SELECT FROM (SELECT number FROM fpgo_internal.origin"
	"  UNION ALL SELECT origin FROM fpgo_internal.seat) o"
	" WHERE (o.number " EQ " ANY ($2)) IS NOT TRUE"
	" AND NOT EXISTS (SELECT FROM fpgo_internal.seat t"
	"  WHERE t.origin " EQ " ANY ($2)) LIMIT 1",
	.n_parameters = 2,
	.types = {TEXTOID, INT8ARRAYOID}
};

#define IS_QUEUED_ELSEWHERE \
	" s.state " EQ " ANY ('{queued}') AND s.server " EQ " $1" \
	" AND (s.origin " EQ " ANY ($2)) IS NOT TRUE "

static FpgoStatement count_statement = {
	.sql = "SELECT pg_catalog.count(*), pg_catalog.min(s.created_at),"
	" pg_catalog.sum(s.grand_total)::pg_catalog.text"
	" FROM fpgo_internal.submission s WHERE" IS_QUEUED_ELSEWHERE,
	.n_parameters = 2,
	.types = {TEXTOID, INT8ARRAYOID},
	.sees_latest = true
};

static FpgoStatement list_statement = {
	.sql = "SELECT s.id FROM fpgo_internal.submission s"
	" WHERE" IS_QUEUED_ELSEWHERE "ORDER BY s.id",
	.n_parameters = 2,
	.types = {TEXTOID, INT8ARRAYOID},
	.sees_latest = true
};

static FpgoStatement adopt_statement = {
	.sql = "UPDATE fpgo_internal.submission s SET origin = $3"
	" WHERE" IS_QUEUED_ELSEWHERE,
	.n_parameters = 3,
	.types = {TEXTOID, INT8ARRAYOID, INT8OID}
};

/* what one origin has queued: another one's, or nobody's, stays */
static FpgoStatement restamp_statement = {
	.sql = "UPDATE fpgo_internal.submission s SET origin = $2"
	" WHERE s.state " EQ " ANY ('{queued}') AND s.server " EQ " $1"
	" AND s.origin " EQ " $3",
	.n_parameters = 3,
	.types = {TEXTOID, INT8OID, INT8OID}
};

/* ---------- what the process knows ---------- */

static void
note_change(Datum arg, Oid table)
{
	if (table == InvalidOid || table == seat_table)
		is_stale = true;
}

static void
forget_stale(void)
{
	static bool is_registered = false;
	ListCell   *cell;

	if (!is_stale)
		return;
	if (!is_registered)
		CacheRegisterRelcacheCallback(note_change, (Datum) 0);
	is_registered = true;
	foreach(cell, known)
		pfree(((Known *) lfirst(cell))->account);
	list_free_deep(known);
	known = NIL;
	is_stale = false;
}

static Known *
find_known(const char *account)
{
	ListCell   *cell;

	forget_stale();
	foreach(cell, known)
	{
		Known	   *one = lfirst(cell);

		if (strcmp(one->account, account) == 0)
			return one;
	}
	return NULL;
}

/*
 * Views ask in parallel plans as well, where no newer snapshot can be taken.  So
 * what a transaction sees by an old one is not believed for long.
 */
static void
learn(const char *account, FpgoSeatAnswer answer, const Seat *seat)
{
	Known	   *one = find_known(account);
	MemoryContext old;

	if (one == NULL)
	{
		old = MemoryContextSwitchTo(TopMemoryContext);
		one = palloc0(sizeof(Known));
		one->account = pstrdup(account);
		known = lappend(known, one);
		MemoryContextSwitchTo(old);
	}
	one->answer = answer;
	one->has_standbys = seat->has_standbys;
	if (IsolationUsesXactSnapshot())
		one->until = fpgo_clock_in(AGAIN_MS);
	else if (answer == FPGO_SEAT_OURS)
		one->until = 0;
	else
		one->until = fpgo_clock_in(answer == FPGO_SEAT_FIRST ? FREE_MS :
								   AGAIN_MS);
}

/*
 * Has this server begun or ceased to wait for synchronous standbys?  What is on
 * record has to follow before the next claim: it tells a promoted standby whether
 * it has all that was sent.
 */
static FpgoMoment said_standbys_at = 0; /* 0: said last that there are none */

static bool
have_standbys_changed(bool on_record)
{
	if (fpgo_parts_have_standbys() == on_record)
		return false;
	return on_record || said_standbys_at == 0 ||
		fpgo_clock_has_passed(said_standbys_at, STANDBYS_MS);
}

/* What is known of the account; NULL if nothing is, or not any more. */
static const Known *
recall(const char *account)
{
	const Known *one = find_known(account);

	if (one == NULL || (one->until != 0 && fpgo_clock_has_come(one->until)))
		return NULL;
	if (one->answer == FPGO_SEAT_OURS && have_standbys_changed(one->has_standbys))
		return NULL;
	return one;
}

bool
fpgo_seat_is_known(const char *account)
{
	const Known *one = recall(account);

	return one != NULL && (one->answer == FPGO_SEAT_OURS ||
						   one->answer == FPGO_SEAT_OTHERS);
}

bool
fpgo_seat_is_ours(const char *account)
{
	const Known *one = recall(account);

	return one != NULL && one->answer == FPGO_SEAT_OURS;
}

/* ---------- finding out ---------- */

/* Who has the seat.  SPI is connected. */
static Seat
find_seat(const char *account)
{
	Seat		seat = {0};
	FpgoParameters p = {0};
	bool		is_null;

	fpgo_put_text(&p, account);
	if (fpgo_statement_run(&find_statement, &p) == 0)
		return seat;
	seat.origin = fpgo_get_int64(0, 1);
	seat.has_standbys = DatumGetBool(fpgo_get_datum(0, 2, &is_null));
	return seat;
}

static bool
has_foreign(const char *account)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, account);
	fpgo_put_datum(&p, fpgo_origins_own(), false);
	return fpgo_statement_run(&has_foreign_statement, &p) > 0;
}

/*
 * Does the server's owner trust that a failover leaves one database alone?  That
 * counts where the one that sent before waited for synchronous standbys, or where
 * this one does.  Patroni defines none until another node has joined.
 */
static bool
is_trusted(const char *account, const Seat *seat)
{
	const char *name = fpgo_account_find_server(account);
	ForeignServer *server = GetForeignServerByName(name ? name : account, true);
	const char *failover;

	if (server == NULL || (!seat->has_standbys && !fpgo_parts_have_standbys()))
		return false;
	failover = fpgo_option_find(server->options, "failover");
	return failover != NULL && strcmp(failover, "trust") == 0;
}

static FpgoSeatAnswer
decide(const char *account, const Seat *seat)
{
	/* an origin that has no row is another one's */
	static const FpgoOriginParts unknown = {.site = ""};
	FpgoSeatCase c = {.here = fpgo_origin_parts(),.start = fpgo_parts_start()};

	if (seat->origin != 0)
	{
		c.seat = fpgo_origin_find(seat->origin);
		if (c.seat == NULL)
			c.seat = seat->origin == fpgo_origin_here() ? c.here : &unknown;
		c.is_trusted = is_trusted(account, seat);
	}
	else
		c.has_foreign = has_foreign(account);
	return fpgo_seat_decide(&c);
}

static void
put_standbys(FpgoParameters *p)
{
	bool		have = fpgo_parts_have_standbys();

	fpgo_put_datum(p, BoolGetDatum(have), false);
	said_standbys_at = have ? fpgo_clock_now() : 0;
}

/* Take the seat; false if another process did meanwhile. */
static bool
take(const char *account, const Seat *seat, FpgoSeatAnswer answer)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, account);
	fpgo_put_int64(&p, fpgo_origin_here());
	fpgo_put_text(&p, fpgo_seat_word(answer));
	put_standbys(&p);
	if (seat->origin != 0)
		fpgo_put_int64(&p, seat->origin);
	return fpgo_statement_run(seat->origin == 0 ? &insert_statement :
							  &move_statement, &p) > 0;
}

/* Put on record whether this server waits for synchronous standbys. */
static void
note_standbys(const char *account, const Seat *seat)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, account);
	put_standbys(&p);
	fpgo_put_int64(&p, seat->origin);
	(void) fpgo_statement_run(&standbys_statement, &p);
	CacheInvalidateRelcacheByRelid(seat_table);
}

static int
restamp(const char *account, const Seat *seat)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, account);
	fpgo_put_int64(&p, fpgo_origin_here());
	fpgo_put_int64(&p, seat->origin);
	return fpgo_statement_run(&restamp_statement, &p);
}

static const char *
explain(FpgoSeatAnswer answer)
{
	switch (answer)
	{
		case FPGO_SEAT_FIRST:
			return "No database has sent for it before.";
		case FPGO_SEAT_CONTINUED:
			return "The same server went on after its promotion.";
		case FPGO_SEAT_FAILOVER:
			return "This standby was promoted, and the server's option failover trusts that it is the only one.";
		case FPGO_SEAT_PROMOTION:
			return "This standby was promoted.  What was queued before is held: see fpgo.holds.";
		case FPGO_SEAT_OURS:
		case FPGO_SEAT_OTHERS:
			break;
	}
	return "";
}

static const char *
server_of(const char *account)
{
	const char *server = fpgo_account_find_server(account);

	return server != NULL ? server : account;
}

/* Was that so when this process looked last? */
static bool
was_others(const char *account)
{
	const Known *one = find_known(account);

	return one != NULL && one->answer == FPGO_SEAT_OTHERS;
}

/* Take the seat if nobody did meanwhile.  SPI is connected. */
static void
settle(const char *account, const Seat *seat, FpgoSeatAnswer answer)
{
	if (!take(account, seat, answer))
		return;
	if (answer == FPGO_SEAT_CONTINUED || answer == FPGO_SEAT_FAILOVER)
		(void) restamp(account, seat);
	CacheInvalidateRelcacheByRelid(seat_table);
	ereport(LOG,
			(errmsg("this database sends the orders of server \"%s\" from now on",
					server_of(account)),
			 errdetail("%s", explain(answer)),
			 fpgo_errhide()));
}

void
fpgo_seat_settle(const char *account)
{
	Seat		seat;
	FpgoSeatAnswer answer;

	seat_table = fpgo_table_find("seat");
	if (!OidIsValid(seat_table))
		return;
	SPI_connect();
	fpgo_origin_record();
	seat = find_seat(account);
	answer = decide(account, &seat);
	/* what is written is known when that is committed */
	if (fpgo_seat_word(answer) != NULL)
		settle(account, &seat, answer);
	else if (answer == FPGO_SEAT_OURS && have_standbys_changed(seat.has_standbys))
		note_standbys(account, &seat);
	else
	{
		if (answer == FPGO_SEAT_OTHERS && !was_others(account))
			ereport(LOG,
					(errmsg("this database does not send the orders of server \"%s\"",
							server_of(account)),
					 errdetail("Another database sends them, or did when this one was copied or restored: see fpgo.take_seat."),
					 fpgo_errhide()));
		learn(account, answer, &seat);
	}
	SPI_finish();
}

bool
fpgo_seat_is_others(const char *account)
{
	const Known *one = find_known(account);
	FpgoSeatAnswer answer;
	Seat		seat;

	if (one != NULL && (one->until == 0 || !fpgo_clock_has_come(one->until)))
		return one->answer == FPGO_SEAT_OTHERS;
	seat_table = fpgo_table_find("seat");
	if (!OidIsValid(seat_table))
		return false;
	SPI_connect();
	seat = find_seat(account);
	answer = decide(account, &seat);
	SPI_finish();
	learn(account, answer, &seat);
	return answer == FPGO_SEAT_OTHERS;
}

/* ---------- a person decides ---------- */

void
fpgo_seat_give(const char *account, const char *what, const char *reason)
{
	const char *role = GetUserNameFromId(GetUserId(), false);
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_origin_record();
	fpgo_put_text(&p, account);
	fpgo_put_int64(&p, fpgo_origin_here());
	fpgo_put_text(&p, reason);
	fpgo_put_text(&p, role);
	put_standbys(&p);
	(void) fpgo_statement_run(&give_statement, &p);
	p.n = 0;
	fpgo_put_text(&p, role);
	fpgo_put_text(&p, what);
	fpgo_put_text(&p, reason);
	fpgo_put_text(&p, account);
	(void) fpgo_statement_run(&event_statement, &p);
	CacheInvalidateRelcacheByRelid(fpgo_table_find("seat"));
	SPI_finish();
}

static void
put_foreign(FpgoParameters *p, const char *account)
{
	fpgo_put_text(p, account);
	fpgo_put_datum(p, fpgo_origins_own(), false);
}

FpgoTakeover
fpgo_seat_find_foreign(const char *account)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoTakeover found;
	FpgoParameters p = {0};
	Datum		oldest;

	SPI_connect();
	put_foreign(&p, account);
	fpgo_statement_run(&count_statement, &p);
	found.n = fpgo_get_int64(0, 1);
	oldest = fpgo_get_datum(0, 2, &found.is_empty);
	found.oldest = found.is_empty ? 0 : DatumGetTimestampTz(oldest);
	found.sum = fpgo_get_text(0, 3, caller);
	SPI_finish();
	return found;
}

void
fpgo_seat_adopt_foreign(const char *account)
{
	FpgoParameters p = {0};

	SPI_connect();
	put_foreign(&p, account);
	fpgo_put_int64(&p, fpgo_origin_here());
	fpgo_statement_run(&adopt_statement, &p);
	SPI_finish();
}

List *
fpgo_seat_list_foreign(const char *account)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *found = NIL;
	FpgoParameters p = {0};
	MemoryContext spi;
	int			n;

	SPI_connect();
	put_foreign(&p, account);
	n = fpgo_statement_run(&list_statement, &p);
	spi = MemoryContextSwitchTo(caller);
	for (int i = 0; i < n; i++)
	{
		int64	   *id = palloc(sizeof(int64));

		*id = fpgo_get_int64(i, 1);
		found = lappend(found, id);
	}
	MemoryContextSwitchTo(spi);
	SPI_finish();
	return found;
}
