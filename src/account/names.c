/*
 * names.c
 *		Under which name the records keep the account of a foreign server.
 *
 * Two rules say which account a server has, and which server an account has:
 *
 *		A server has the account whose row names it.  Without such a row it has
 *		the account of its own name, unless that one has a row.
 *		An account has the server that its row names.  Without a row it has the
 *		server of its own name.
 *
 * Most accounts need no row, and an order can be handed in before there is
 * one.  A process that sends makes it when the gateway has an order.  Then a
 * server that is made later under another name can be recognised.
 *
 * The table has a row for each account that ever was, which are few.  It is
 * read as it is committed, like the catalogs that it goes with: the snapshot of
 * a transaction that began earlier does not count.  In a database whose SQL
 * objects are those of 1.0 there is no such table, and every account has the
 * name of its server.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "account/names.h"
#include "account/options.h"
#include "base/fpgo.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* A row of fpgo_internal.account. */
typedef struct Row
{
	const char *name;
	const char *server;			/* NULL: it has none any more */
	const char *origin;			/* NULL: not known */
} Row;

/* the columns that are read, numbered from 1 */
enum
{
	COLUMN_NAME = 1,
	COLUMN_SERVER,
	COLUMN_ORIGIN
};

static const char *
read_column(HeapTuple tuple, TupleDesc descriptor, int column)
{
	bool		is_null;
	Datum		value = heap_getattr(tuple, column, descriptor, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

/* The table, locked for reading; NULL where it does not exist. */
static Relation
open_table(void)
{
	Oid			schema = get_namespace_oid("fpgo_internal", true);
	Oid			table = get_relname_relid("account", schema);

	return OidIsValid(table) ? table_open(table, AccessShareLock) : NULL;
}

/* All rows. */
static List *
read_rows(void)
{
	Relation	table = open_table();
	List	   *rows = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (table == NULL)
		return NIL;
	scan = systable_beginscan(table, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Row		   *row = palloc(sizeof(Row));
		TupleDesc	descriptor = RelationGetDescr(table);

		row->name = read_column(tuple, descriptor, COLUMN_NAME);
		row->server = read_column(tuple, descriptor, COLUMN_SERVER);
		row->origin = read_column(tuple, descriptor, COLUMN_ORIGIN);
		rows = lappend(rows, row);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return rows;
}

/* Is there no table, or is a transaction under way that changes it? */
static bool
is_out_of_reach(void)
{
	Relation	table = open_table();
	SnapshotData dirty;
	SysScanDesc scan;
	bool		is_changing = false;

	if (table == NULL)
		return true;
	InitDirtySnapshot(dirty);
	scan = systable_beginscan(table, InvalidOid, false, &dirty, 0, NULL);
	while (!is_changing && HeapTupleIsValid(systable_getnext(scan)))
		is_changing = TransactionIdIsValid(dirty.xmin) ||
			TransactionIdIsValid(dirty.xmax);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return is_changing;
}

static const Row *
find_by_name(List *rows, const char *name)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		const Row  *row = lfirst(cell);

		if (strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

static const Row *
find_by_server(List *rows, const char *server)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		const Row  *row = lfirst(cell);

		if (row->server != NULL && strcmp(row->server, server) == 0)
			return row;
	}
	return NULL;
}

/* ---------- what is asked ---------- */

/* The account that orders were sent for to this place, if its server is gone. */
static const Row *
find_left(List *rows, const char *origin)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		const Row  *row = lfirst(cell);

		if (row->server != NULL && row->origin != NULL &&
			strcmp(row->origin, origin) == 0 &&
			GetForeignServerByName(row->server, true) == NULL)
			return row;
	}
	return NULL;
}

const char *
fpgo_account_find_name(const char *server, const char *url,
					   FpgoAccountDoubt *doubt)
{
	List	   *rows = read_rows();
	const Row  *row = find_by_server(rows, server);

	if (row != NULL)
		return row->name;
	if (rows == NIL)
		return server;
	row = find_by_name(rows, server);
	if (row != NULL)
	{
		doubt->reason = row->server == NULL ?
			"The account of that name in the records has no server any more." :
			psprintf("The account of that name in the records belongs to server \"%s\".",
					 row->server);
		doubt->former = row->server == NULL ? row->name : NULL;
		return NULL;
	}
	row = find_left(rows, fpgo_account_origin(url));
	if (row != NULL)
	{
		doubt->reason = psprintf("Server \"%s\", which is gone, had orders at the same address.",
								 row->server);
		doubt->former = row->server;
		return NULL;
	}
	return server;
}

const char *
fpgo_account_advise(const char *server, const FpgoAccountDoubt *doubt)
{
	const char *quoted = quote_literal_cstr(server);

	if (doubt->former == NULL)
		return psprintf("Say that it is another account of the gateway: SELECT fpgo.new_account(%s, '...');",
						quoted);
	return psprintf("If orders of the former server must not be invoiced again: SELECT fpgo.adopt_account(%s, %s, '...');  If this is another account of the gateway: SELECT fpgo.new_account(%s, '...');",
					quote_literal_cstr(doubt->former), quoted, quoted);
}

const char *
fpgo_account_name(const char *server, const char *url)
{
	FpgoAccountDoubt doubt = {0};
	const char *name = fpgo_account_find_name(server, url, &doubt);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("account of server \"%s\" is not known", server),
				 errdetail("%s  Nothing was recorded and nothing was sent.",
						   doubt.reason),
				 errhint("%s", fpgo_account_advise(server, &doubt)),
				 fpgo_errhide()));
	return name;
}

const char *
fpgo_account_find_server(const char *account)
{
	const Row  *row = find_by_name(read_rows(), account);

	return row == NULL ? account : row->server;
}

const char *
fpgo_account_find_by_server(const char *server)
{
	const Row  *row = find_by_server(read_rows(), server);

	return row == NULL ? NULL : row->name;
}

const char *
fpgo_account_list_left(void)
{
	StringInfoData names;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, read_rows())
	{
		const Row  *row = lfirst(cell);

		if (row->server != NULL &&
			GetForeignServerByName(row->server, true) == NULL)
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
							 row->name);
	}
	return names.len > 0 ? names.data : NULL;
}

/* Has a server of the same wrapper that address? */
static bool
is_at(const ForeignServer *server, const ForeignServer *other,
	  const char *origin)
{
	const char *url = fpgo_option_find(server->options, "url");

	return server->serverid != other->serverid &&
		server->fdwid == other->fdwid && url != NULL &&
		strcmp(fpgo_account_origin(url), origin) == 0;
}

const char *
fpgo_account_list_at(const char *origin, const ForeignServer *except)
{
	StringInfoData names;
	Relation	servers = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(servers, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;

	initStringInfo(&names);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			oid = ((Form_pg_foreign_server) GETSTRUCT(tuple))->oid;
		const ForeignServer *server = GetForeignServer(oid);

		if (is_at(server, except, origin))
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
							 server->servername);
	}
	systable_endscan(scan);
	table_close(servers, AccessShareLock);
	return names.len > 0 ? names.data : NULL;
}

bool
fpgo_account_is_recorded(const char *account)
{
	return find_by_name(read_rows(), account) != NULL;
}

const char *
fpgo_account_moved_from(const char *account, const char *url)
{
	const Row  *row = find_by_name(read_rows(), account);

	if (row == NULL || row->origin == NULL ||
		strcmp(row->origin, fpgo_account_origin(url)) == 0)
		return NULL;
	return row->origin;
}

void
fpgo_account_notice_move(const char *server, const char *account,
						 const char *former_origin)
{
	ereport(NOTICE,
			(errmsg("orders of server \"%s\" were for %s before", server,
					former_origin),
			 errdetail("Their keys still count, though the gateway at the new address may not know them."),
			 errhint("If the new address is another account of the gateway: SELECT fpgo.new_account(%s, '...');  If it is the same one: SELECT fpgo.adopt_account(%s, %s, '...');",
					 quote_literal_cstr(server), quote_literal_cstr(account),
					 quote_literal_cstr(server)),
			 fpgo_errhide()));
}

const char *
fpgo_account_origin(const char *url)
{
	const char *host = strstr(url, "://");
	char	   *origin;
	char	   *port;

	if (host == NULL)
		return pstrdup(url);
	origin = pnstrdup(url, host + 3 - url + strcspn(host + 3, "/?#"));
	for (char *p = origin; *p != '\0'; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	port = strrchr(origin, ':');
	if ((strncmp(origin, "https:", 6) == 0 && strcmp(port, ":443") == 0) ||
		(strncmp(origin, "http:", 5) == 0 && strcmp(port, ":80") == 0))
		*port = '\0';
	return origin;
}

/* ---------- recording ---------- */

static FpgoStatement insert_statement = {
	.sql = "INSERT INTO fpgo_internal.account (name, server, origin)"
	" VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

static FpgoStatement place_statement = {
	.sql = "UPDATE fpgo_internal.account SET origin = $3"
	" WHERE name " EQ " $1 AND server " EQ " $2 AND origin IS NULL",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

/* The account last seen on record, to look once for each run of orders. */
static char last_seen[FPGO_ACCOUNT_NAME_MAX + 1];

void
fpgo_account_record(const char *account, const char *server, const char *url)
{
	FpgoParameters p = {0};
	const Row  *row;

	if (strcmp(account, last_seen) == 0)
		return;
	row = find_by_name(read_rows(), account);
	if (row != NULL && row->origin != NULL)
	{
		strlcpy(last_seen, account, sizeof(last_seen));
		return;
	}
	/* whoever changes the table may wait for this process */
	if (is_out_of_reach())
		return;
	SPI_connect();
	fpgo_put_text(&p, account);
	fpgo_put_text(&p, server);
	fpgo_put_text(&p, fpgo_account_origin(url));
	fpgo_statement_run(row == NULL ? &insert_statement : &place_statement, &p);
	SPI_finish();
}
