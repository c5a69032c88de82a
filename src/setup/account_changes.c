/*
 * account_changes.c
 *		Changes of the table that says which account a server has.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "utils/inval.h"

#include "account/names.h"
#include "base/fpgo.h"
#include "setup/account_changes.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* how many names are tried for a new account */
#define MAX_NAMES 1000000

static FpgoStatement take_server_statement = {
	.sql = "UPDATE fpgo_internal.account SET server = NULL"
	" WHERE server " EQ " $1 AND name " NE " $2",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

static FpgoStatement give_statement = {
	.sql = "INSERT INTO fpgo_internal.account AS a (name, server, origin, reason)"
	" VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (name) DO UPDATE SET server = excluded.server,"
	"  origin = COALESCE(excluded.origin, a.origin),"
	"  reason = COALESCE(excluded.reason, a.reason)",
	.n_parameters = 4,
	.types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID}
};

static FpgoStatement find_statement = {
	.sql = "SELECT FROM fpgo_internal.account WHERE name " EQ " $1",
	.n_parameters = 1,
	.types = {TEXTOID}
};

static FpgoStatement has_records_statement = {
	.sql = "SELECT FROM fpgo_internal.submission WHERE server " EQ " $1"
	" UNION ALL SELECT FROM fpgo_internal.trace WHERE server " EQ " $1 LIMIT 1",
	.n_parameters = 1,
	.types = {TEXTOID}
};

static void
put_row(const char *account, const char *server, const char *origin,
		const char *reason)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, account);
	fpgo_put_text(&p, server);
	fpgo_put_text(&p, origin);
	fpgo_put_text(&p, reason);
	fpgo_statement_run(&give_statement, &p);
	SPI_finish();
	/* processes keep what they know of a server until a server changes */
	CacheInvalidateCatalog(ForeignServerRelationId);
}

void
fpgo_account_give(const char *account, const char *server, const char *origin,
				  const char *reason)
{
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, server);
	fpgo_put_text(&p, account);
	fpgo_statement_run(&take_server_statement, &p);
	SPI_finish();
	put_row(account, server, origin, reason);
}

void
fpgo_account_end(const char *account, const char *origin, const char *reason)
{
	put_row(account, NULL, origin, reason);
}

static bool
finds(FpgoStatement *statement, const char *name)
{
	FpgoParameters p = {0};
	bool		found;

	SPI_connect();
	fpgo_put_text(&p, name);
	found = fpgo_statement_run(statement, &p) > 0;
	SPI_finish();
	return found;
}

bool
fpgo_account_has_records(const char *account)
{
	return finds(&has_records_statement, account);
}

const char *
fpgo_account_new_name(const char *server)
{
	const char *name = server;

	for (int i = 2; i < MAX_NAMES; i++)
	{
		ForeignServer *of_that_name = GetForeignServerByName(name, true);

		if ((of_that_name == NULL || strcmp(name, server) == 0) &&
			!finds(&find_statement, name) && !fpgo_account_has_records(name))
			return name;
		name = psprintf("%s#%d", server, i);
	}
	elog(ERROR, "there is no free name for an account of server \"%s\"", server);
}
