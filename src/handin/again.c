/*
 * again.c
 *		Orders that a person hands in again: those that were taken back, and those
 *		that were refused at hand-in.
 *
 * A person takes an order back by cancelling its submission.  A call hands it
 * in again on purpose, and is refused only if it was taken back for good.  A
 * trigger fires whenever somebody changes the row, which says nothing about the
 * invoice.  So the trigger records that it did not hand the order in again
 * (version.c).  Where that is wrong, a person says so by fpgo.hand_in_again.
 *
 * An order without a payload is made anew of its row, as the row is now.  So is
 * one that was refused at hand-in: the mapping function, or the server's
 * options, may have been mended since.
 */
#include "postgres.h"

#include "nodes/value.h"
#include "utils/timestamp.h"

#include "base/arguments.h"
#include "base/fpgo.h"
#include "delivery/durable.h"
#include "handin/map_again.h"
#include "ipc/roster.h"
#include "records/decide.h"
#include "records/taken_back.h"
#include "records/traces.h"
#include "records/versions.h"

PG_FUNCTION_INFO_V1(fpgo_hand_in_again);
PG_FUNCTION_INFO_V1(fpgo_hand_in_refused);

/* The row that a version was made of; NULL if it was made of none. */
static FpgoWantedRow *
make_wanted(const FpgoVersion *version)
{
	FpgoWantedRow *wanted;

	if (!version->has_source)
		return NULL;
	wanted = palloc0(sizeof(FpgoWantedRow));
	wanted->source.table = version->source_table;
	memcpy(wanted->source.digest, version->source, FPGO_HASH_BYTES);
	wanted->role = version->submission.role;
	return wanted;
}

/* Make the order of the row anew; returns its submission, 0 if there is none. */
static int64
map_row(const FpgoVersion *version)
{
	FpgoWantedRow *wanted = make_wanted(version);

	if (wanted == NULL)
		return 0;
	fpgo_map_again(version->submission.server, list_make1(wanted), true);
	return wanted->submission;
}

/* Undo a cancellation; returns the order's submission, 0 if its key is free. */
static int64
undo_cancellation(int64 id, const char *reason)
{
	FpgoSubject *subject = fpgo_decide_lock(id);

	fpgo_decide_require_right(subject);
	fpgo_decide_require_state(subject, FPGO_STATE_CANCELLED,
							  "Only an order that was taken back, or refused at hand-in, needs this.  The key of one that the gateway refused is free.");
	return fpgo_decide_again(subject, reason) ? id :
		map_row(fpgo_versions_of(id)->newest);
}

/*
 * The version that was refused at hand-in, if this submission is the newest of
 * its order and is one; else NULL.
 */
static const FpgoVersion *
find_refused(const FpgoVersions *versions, int64 id)
{
	const FpgoVersion *newest = versions->newest;

	return newest->submission.id == id && !newest->was_sent &&
		newest->submission.state == FPGO_STATE_REFUSED &&
		versions->accepted == NULL ? newest : NULL;
}

/* Of an order that was purged nothing is left to queue: its key is free. */
static void
free_purged(int64 id, const char *reason)
{
	const FpgoVersion *trace = fpgo_trace_find(id);

	if (trace == NULL)
		fpgo_submission_raise_missing(id);
	if (!fpgo_decide_is_operator())
		fpgo_submission_require_for(id, trace->submission.role);
	if (!trace->is_taken_back ||
		trace->submission.state != FPGO_STATE_CANCELLED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("submission %lld was not taken back", (long long) id),
				 errdetail("It is %s, and its record was purged.",
						   fpgo_state_name(trace->submission.state)),
				 fpgo_errhide()));
	fpgo_trace_free(id, reason);
}

static int64
hand_in_again(int64 id, const char *reason)
{
	FpgoVersions *versions = fpgo_versions_are_known() ?
		fpgo_versions_of(id) : NULL;
	const FpgoVersion *refused;
	FpgoTakenBack *taken_back;
	int64		made;

	if (versions == NULL)
	{
		free_purged(id, reason);
		return 0;
	}
	refused = find_refused(versions, id);
	if (refused == NULL)
		return undo_cancellation(id, reason);
	/* it was refused since a person had taken the order back */
	taken_back = fpgo_taken_back_find(versions);
	if (taken_back != NULL)
		return undo_cancellation(taken_back->id, reason);
	fpgo_decide_require_right(fpgo_decide_lock(id));
	made = map_row(refused);
	if (made != 0)
		fpgo_decide_note_again(id, reason);
	return made;
}

Datum
fpgo_hand_in_again(PG_FUNCTION_ARGS)
{
	const char *reason;
	int64		id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("submission must not be null"),
				 fpgo_errhide()));
	reason = fpgo_decide_require_reason(fpgo_text_argument(fcinfo, 1));
	id = hand_in_again(PG_GETARG_INT64(0), reason);
	fpgo_durable_require();
	if (id == 0)
		PG_RETURN_NULL();
	fpgo_roster_wake_at_commit();
	PG_RETURN_INT64(id);
}

/* Hand in the rows of one account again; returns how many have a new version. */
static int64
map_rows(const char *account, const List *refused, const char *reason)
{
	List	   *wanted = NIL;
	List	   *before = NIL;
	int64		n = 0;
	ListCell   *cell;

	foreach(cell, refused)
	{
		const FpgoVersion *version = lfirst(cell);

		if (strcmp(version->submission.server, account) != 0)
			continue;
		wanted = lappend(wanted, make_wanted(version));
		before = lappend(before, (void *) version);
	}
	fpgo_map_again(account, wanted, false);
	foreach(cell, wanted)
	{
		const FpgoWantedRow *row = lfirst(cell);
		const FpgoVersion *version = list_nth(before,
											  foreach_current_index(cell));

		if (row->submission == 0 ||
			row->submission == version->submission.id)
			continue;
		fpgo_decide_note_again(version->submission.id, reason);
		n++;
	}
	return n;
}

Datum
fpgo_hand_in_refused(PG_FUNCTION_ARGS)
{
	bool		sees_all = fpgo_decide_is_operator();
	const char *reason;
	List	   *refused = NIL;
	List	   *accounts = NIL;
	int64		n = 0;
	ListCell   *cell;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("before must not be null"),
				 fpgo_errhide()));
	reason = fpgo_decide_require_reason(fpgo_text_argument(fcinfo, 1));
	foreach(cell, fpgo_versions_refused_at_hand_in(PG_GETARG_TIMESTAMPTZ(0)))
	{
		FpgoVersion *version = lfirst(cell);
		const FpgoSubmission *submission = &version->submission;

		if ((!sees_all && !fpgo_submission_is_for(submission->role)) ||
			fpgo_taken_back_find(fpgo_versions_of(submission->id)) != NULL)
			continue;
		refused = lappend(refused, version);
		accounts = list_append_unique(accounts,
									  makeString(pstrdup(submission->server)));
	}
	foreach(cell, accounts)
		n += map_rows(strVal(lfirst(cell)), refused, reason);
	fpgo_durable_require();
	fpgo_roster_wake_at_commit();
	PG_RETURN_INT64(n);
}
