/*
 * by_key.c
 *		The submission that a person means by key or reference.
 *
 * Submissions of roles whose rights the user does not have are left out, as if
 * there were none.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "account/account.h"
#include "base/fpgo.h"
#include "followup/by_key.h"
#include "records/decide.h"
#include "records/versions.h"
#include "tables/operators.h"
#include "tables/statement.h"

/* most submissions that an error names */
#define MAX_NAMED 10

#define FIND(condition) \
	"SELECT id, state::pg_catalog.text, role FROM fpgo_internal.submission" \
	" WHERE server " condition " ORDER BY id USING " LT

static FpgoStatement key_statement = {
	.sql = FIND(BYTEWISE EQ " $1 AND key " BYTEWISE EQ " $2"),
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

static FpgoStatement reference_statement = {
	.sql = FIND(EQ " $1 AND reference " EQ " $2"),
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

/* What was found: those in the state that is asked for, and all others. */
typedef struct Found
{
	int64		id;				/* the last in that state */
	int			n;
	StringInfoData names;
	int			n_others;
	StringInfoData others;		/* with their states */
} Found;

/* Is it queued, and has its order a newer version? */
static bool
is_outdated(int64 id, const char *state)
{
	return strcmp(state, fpgo_state_name(FPGO_STATE_QUEUED)) == 0 &&
		fpgo_versions_of(id)->newest->submission.id != id;
}

static void
note_row(Found *found, int row, const char *state)
{
	long long	id = fpgo_get_int64(row, 1);
	const char *its = fpgo_get_text(row, 2, CurrentMemoryContext);

	/* one that a newer version has outdated is not sent */
	if (strcmp(its, state) == 0 && !is_outdated(id, its))
	{
		found->id = id;
		if (found->n++ < MAX_NAMED)
			appendStringInfo(&found->names, "%s%lld",
							 found->n > 1 ? ", " : "", id);
	}
	else if (found->n_others++ < MAX_NAMED)
		appendStringInfo(&found->others, "%s%lld (%s)",
						 found->n_others > 1 ? ", " : "", id, its);
}

static void
find(const FpgoByKey *by_key, const char *account, Found *found)
{
	bool		sees_all = fpgo_decide_is_operator();
	FpgoParameters p = {0};
	uint64		n_rows;

	SPI_connect();
	fpgo_put_text(&p, account);
	fpgo_put_text(&p, by_key->key ? by_key->key : by_key->reference);
	n_rows = fpgo_statement_run(by_key->key ? &key_statement :
								&reference_statement, &p);
	for (uint64 row = 0; row < n_rows; row++)
	{
		const char *role = fpgo_get_text(row, 3, CurrentMemoryContext);

		if (sees_all || fpgo_submission_is_for(role))
			note_row(found, row, fpgo_state_name(by_key->state));
	}
	SPI_finish();
}

/* " and N more", or nothing. */
static const char *
name_rest(int n)
{
	return n <= MAX_NAMED ? "" : psprintf(" and %d more", n - MAX_NAMED);
}

int64
fpgo_by_key_require(const FpgoByKey *by_key)
{
	const char *state = fpgo_state_name(by_key->state);
	const char *what = by_key->key ? "key" : "referenceNo";
	Found		found = {0};

	if ((by_key->key == NULL) == (by_key->reference == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("either key or reference must be given"),
				 errhint("The key of an order is its referenceNo unless it was handed in with another."),
				 fpgo_errhide()));
	initStringInfo(&found.names);
	initStringInfo(&found.others);
	find(by_key, fpgo_account_recorded_name(by_key->server), &found);
	if (found.n == 1)
		return found.id;
	if (found.n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("%d submissions of this %s are %s", found.n, what,
						state),
				 errdetail("They are %s%s.", found.names.data,
						   name_rest(found.n)),
				 errhint("Name one of them by its number."),
				 fpgo_errhide()));
	if (found.n_others > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no submission of this %s is %s", what, state),
				 errdetail("There is %s%s.", found.others.data,
						   name_rest(found.n_others)),
				 fpgo_errhide()));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no submission of this %s", what),
			 errdetail("Only submissions that the current user may decide about are looked at."),
			 fpgo_errhide()));
}
