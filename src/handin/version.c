/*
 * version.c
 *		What a hand-in becomes: a submission of its own, one that is on record,
 *		or an error.
 *
 * A call and a trigger differ in what they mean.  A call means this order.  Made
 * again it is the same call, and another order under its key is a mistake
 * unless the caller says what it does.  A trigger fires whenever the row
 * changes, and means that the order is to be as the row is now.
 *
 * A hand-in only adds a version, which waits in the queue.  What has become of
 * older versions by then is for the claim to find out (records/queue.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/fpgo.h"
#include "base/settings.h"
#include "handin/handin.h"
#include "handin/holder.h"
#include "handin/keyless.h"
#include "handin/same_order.h"
#include "handin/undelivered.h"
#include "handin/unversioned.h"
#include "handin/version.h"
#include "ipc/roster.h"
#include "records/insert.h"
#include "records/seat.h"
#include "records/taken_back.h"
#include "records/traces.h"
#include "records/unsourced.h"
#include "records/versions.h"

/*
 * How often a version is tried to be recorded.  A try fails if another
 * transaction recorded one meanwhile.
 */
#define MAX_TRIES 10

/* Say once a session that another database sends these orders. */
static void
notice_if_elsewhere(const FpgoHandIn *handin)
{
	static bool is_said = false;

	if (is_said || !fpgo_seat_is_others(handin->account))
		return;
	is_said = true;
	ereport(NOTICE,
			(errmsg("this database does not send the orders of server \"%s\"",
					handin->server),
			 errdetail("Another database sends them, or did when this one was copied or restored.  The orders stay queued."),
			 errhint("If from now on this database sends them, and no other: SELECT * FROM fpgo.take_seat(%s, '...');",
					 quote_literal_cstr(handin->server)),
			 fpgo_errhide()));
}

static void
note_queued(const FpgoHandIn *handin)
{
	fpgo_roster_wake_at_commit();
	fpgo_undelivered_notice_once();
	notice_if_elsewhere(handin);
}

pg_noreturn static void
raise_contended(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not queue the order: its key is contended"),
			 errhint("Nothing was queued; try again."),
			 fpgo_errhide()));
}

static bool
is_queued(const FpgoVersion *version)
{
	return version->submission.state == FPGO_STATE_QUEUED;
}

static bool
is_same(const FpgoHandIn *handin, const FpgoVersion *version)
{
	return version != NULL && !version->is_withdrawal &&
		fpgo_is_same_order(handin, &version->submission);
}

/*
 * Is it the order as it was accepted, so that nothing is to be sent?  Not while
 * a change is on its way that may be accepted yet: the claim finds out then.
 */
static bool
is_as_accepted(const FpgoHandIn *handin, const FpgoVersions *versions)
{
	return is_same(handin, versions->accepted) &&
		(versions->open == NULL || handin->on_change != FPGO_CHANGE_UPDATE);
}

/* Is a change of the accepted order queued, or on its way? */
static bool
is_changing(const FpgoVersions *versions)
{
	return versions->accepted != NULL &&
		(versions->open != NULL || is_queued(versions->newest));
}

static const char *
say_accepted(const FpgoVersion *accepted)
{
	return psprintf("Not sent: the order was accepted already as %s, submission %lld.",
					accepted->submission.order_uuid,
					(long long) accepted->submission.id);
}

/* Has the row another primary key than when it was handed in last? */
static bool
is_moved(const FpgoHandIn *handin, const FpgoVersion *newest)
{
	return handin->source != NULL && newest != NULL && newest->has_source &&
		memcmp(newest->source, handin->source->digest, FPGO_HASH_BYTES) != 0;
}

/*
 * Record a version that is not sent, and why; once, unless the row has moved:
 * its order is found by the new primary key from then on.
 */
static int64
refuse(const FpgoHandIn *handin, const FpgoVersions *versions,
	   const char *reason)
{
	if (is_moved(handin, versions->newest))
		return fpgo_submission_refuse(handin, versions, reason);
	return fpgo_submission_refuse_once(handin, versions, reason);
}

/*
 * Record a version that differs from the ones on record.  Returns its number, 0
 * if another transaction was faster.
 */
static int64
add_version(const FpgoHandIn *handin, const FpgoVersions *versions)
{
	int64		id;

	/* an accepted order stays accepted: no need to wait for the claim */
	if (versions->accepted != NULL && handin->on_change != FPGO_CHANGE_UPDATE)
		return refuse(handin, versions, say_accepted(versions->accepted));
	id = fpgo_submission_queue(handin, versions);
	if (id != 0)
		note_queued(handin);
	return id;
}

/* ---------- a call ---------- */

/*
 * The version that the call may be the same as: one that is accepted, on its
 * way, or still to be sent; NULL if the key is free.
 */
static const FpgoVersion *
find_holder(const FpgoHandIn *handin, const FpgoVersions *versions)
{
	if (versions->newest != NULL && is_queued(versions->newest) &&
		(versions->accepted == NULL ||
		 !is_same(handin, versions->accepted)))
		return versions->newest;
	if (versions->accepted != NULL)
		return versions->accepted;
	if (versions->open != NULL)
		return versions->open;
	return versions->same;
}

/* The same order is on record: answer the call with it. */
static int64
answer_same(const FpgoHandIn *handin, const FpgoVersion *holder,
			bool ignore_duplicate)
{
	const FpgoSubmission *submission = &holder->submission;

	if (submission->is_own)
		return submission->id;
	if (handin->is_keyless && submission->state == FPGO_STATE_ACCEPTED)
		fpgo_keyless_answer(handin, submission);
	else if (!ignore_duplicate)
		fpgo_holder_raise_duplicate(handin, submission);
	return submission->id;
}

/* Another order: may the call put its own in that one's place? */
static void
require_replaceable(const FpgoHandIn *handin, const FpgoVersion *holder)
{
	if (holder->submission.is_own && is_queued(holder))
		return;
	/* a row's order follows its row, and a role's order is that role's */
	if (handin->on_change == FPGO_CHANGE_ERROR || holder->has_source ||
		!fpgo_submission_is_for(holder->submission.role))
		fpgo_holder_raise_taken(handin, &holder->submission);
}

static int64
try_call(const FpgoHandIn *handin, bool ignore_duplicate)
{
	FpgoVersions *versions = fpgo_versions_find(handin);
	const FpgoVersion *holder = find_holder(handin, versions);

	if (holder == NULL)
	{
		fpgo_taken_back_require_none(handin, versions);
		return add_version(handin, versions);
	}
	if (is_same(handin, holder))
	{
		/* it is to be as it was accepted, and not as a change would make it */
		if (holder == versions->accepted && is_changing(versions) &&
			handin->on_change != FPGO_CHANGE_ERROR &&
			!is_same(handin, versions->newest))
			return is_as_accepted(handin, versions) ?
				fpgo_submission_supersede(handin, versions) :
				add_version(handin, versions);
		return answer_same(handin, holder, ignore_duplicate);
	}
	require_replaceable(handin, holder);
	fpgo_taken_back_require_none(handin, versions);
	/* of an accepted order this one is on its way, or was told before */
	if (versions->accepted != NULL && is_same(handin, versions->newest))
	{
		if (versions->newest == versions->open)
			return answer_same(handin, versions->open, ignore_duplicate);
		if (handin->on_change != FPGO_CHANGE_UPDATE)
			return versions->newest->submission.id;
	}
	return add_version(handin, versions);
}

int64
fpgo_version_of_call(const FpgoHandIn *handin, bool ignore_duplicate)
{
	bool		is_new;
	int64		id;

	if (handin->hash_rule == FPGO_RULE_1_0)
	{
		id = fpgo_unversioned_queue(handin, ignore_duplicate, &is_new);
		if (is_new)
			note_queued(handin);
		return id;
	}
	for (int i = 0; i < MAX_TRIES; i++)
	{
		id = try_call(handin, ignore_duplicate);
		if (id != 0)
			return id;
		CHECK_FOR_INTERRUPTS();
	}
	raise_contended();
}

/* ---------- a row ---------- */

/* The key must not be that of another row's order, or of another role's. */
static void
require_key(const FpgoHandIn *handin, const FpgoVersions *versions)
{
	const FpgoVersion *deciding;

	if (versions->obstacle != NULL)
		fpgo_holder_raise_taken(handin, &versions->obstacle->submission);
	if (versions->order == 0 || versions->newest->has_source)
		return;
	deciding = fpgo_versions_deciding(versions);
	if (!fpgo_submission_is_for(deciding->submission.role) &&
		!is_same(handin, deciding))
		fpgo_holder_raise_taken(handin, &deciding->submission);
}

/*
 * Is the newest version not sent, though nobody wants that any more?  fpgo
 * refused it at hand-in, by a rule that the order now keeps; or its caller was
 * told that it was not sent; or a person freed its key.
 */
static bool
is_void(const FpgoVersion *newest)
{
	return newest->submission.state == FPGO_STATE_CANCELLED ||
		(newest->submission.state == FPGO_STATE_REFUSED && !newest->was_sent);
}

/* Can an order of the row be on record without the row? */
static bool
may_be_unsourced(const FpgoHandIn *handin, const FpgoVersions *versions)
{
	return handin->source != NULL && handin->reference == NULL &&
		(versions->newest == NULL ||
		 (is_void(versions->newest) && versions->accepted == NULL &&
		  versions->open == NULL));
}

/* The order of the row, if fpgo 1.0 recorded it without the row; or NULL. */
static const FpgoSubmission *
find_unsourced(const FpgoHandIn *handin)
{
	uint8		hash[FPGO_HASH_BYTES];
	List	   *found;
	ListCell   *cell;

	fpgo_handin_hash(handin, FPGO_RULE_1_0, hash);
	found = fpgo_unsourced_by_hash(handin, hash);
	if (found != NIL)
		return linitial(found);
	/* with other defaults or another date it has another hash */
	foreach(cell, fpgo_unsourced_with_payload(handin))
	{
		if (fpgo_is_same_payload(handin, lfirst(cell)))
			return lfirst(cell);
	}
	return NULL;
}

/* The same of an order that was purged, which becomes that of the row; or 0. */
static int64
take_unsourced_trace(const FpgoHandIn *handin)
{
	uint8		hash[FPGO_HASH_BYTES];
	int64		id;

	fpgo_handin_hash(handin, FPGO_RULE_1_0, hash);
	id = fpgo_trace_find_unsourced(handin, hash);
	return id != 0 && fpgo_trace_take(id, handin->source) ? id : 0;
}

/*
 * The row has the same order as on record.  A submission of 1.0 does not tell
 * its row: it becomes that of this row.  Returns its number, 0 if it has become
 * another row's.
 */
static int64
keep(const FpgoHandIn *handin, const FpgoVersion *newest)
{
	int64		id = newest->submission.id;

	if (newest->is_trace)
	{
		if (newest->submission.hash_rule == FPGO_RULE_1_0 &&
			handin->source != NULL && !newest->has_source)
			(void) fpgo_trace_take(id, handin->source);
		return id;
	}
	if (newest->number > 0 || newest->has_source || handin->source == NULL ||
		strcmp(newest->submission.role, handin->role) != 0)
		return id;
	return fpgo_unsourced_take(id, handin->source) ? id : 0;
}

static int64
try_row(const FpgoHandIn *handin)
{
	FpgoVersions *versions = fpgo_versions_find(handin);
	const FpgoVersion *newest = versions->newest;
	bool		may_be = may_be_unsourced(handin, versions);
	const FpgoSubmission *unsourced = may_be ? find_unsourced(handin) : NULL;
	int64		purged = may_be && unsourced == NULL ?
		take_unsourced_trace(handin) : 0;
	FpgoTakenBack *taken_back;

	if (unsourced != NULL)
		return fpgo_unsourced_take(unsourced->id, handin->source) ?
			unsourced->id : 0;
	if (purged != 0)
		return purged;
	require_key(handin, versions);
	if (newest == NULL)
		return versions->same != NULL ? versions->same->submission.id :
			add_version(handin, versions);
	taken_back = fpgo_taken_back_find(versions);
	if (taken_back != NULL)
		return taken_back->is_answered && !is_moved(handin, newest) ?
			taken_back->id : fpgo_submission_refuse(handin, versions,
								   fpgo_taken_back_reason(taken_back));
	if (versions->accepted != NULL ? is_same(handin, newest) :
		is_same(handin, newest) && !is_void(newest))
	{
		if (!is_moved(handin, newest))
			return keep(handin, newest);
		/* the same order of another primary key: a version for the record */
		if (versions->accepted != NULL && !is_changing(versions))
			return fpgo_submission_supersede(handin, versions);
		if (newest->submission.state == FPGO_STATE_REFUSED)
			return fpgo_submission_refuse(handin, versions, newest->error);
	}
	else if (is_as_accepted(handin, versions))
		return fpgo_submission_supersede(handin, versions);
	if (versions->accepted != NULL && handin->on_change == FPGO_CHANGE_ERROR)
		fpgo_holder_raise_taken(handin, &versions->accepted->submission);
	return add_version(handin, versions);
}

int64
fpgo_version_of_row(const FpgoHandIn *handin)
{
	if (handin->hash_rule == FPGO_RULE_1_0)
		return fpgo_version_of_call(handin, true);
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int64		id = try_row(handin);

		if (id != 0)
			return id;
		CHECK_FOR_INTERRUPTS();
	}
	raise_contended();
}

int64
fpgo_version_refuse(const FpgoHandIn *handin, const char *reason)
{
	if (handin->hash_rule == FPGO_RULE_1_0)
		return fpgo_submission_refuse(handin, NULL, reason);
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int64		id = refuse(handin, fpgo_versions_find(handin), reason);

		if (id != 0)
			return id;
		CHECK_FOR_INTERRUPTS();
	}
	raise_contended();
}

/* Is a version queued, sending or uncertain, and no withdrawal after it? */
static bool
is_wanted(const FpgoVersions *versions)
{
	if (versions->newest == NULL || versions->newest->is_withdrawal)
		return false;
	return is_queued(versions->newest) || versions->open != NULL;
}

void
fpgo_version_withdraw(const FpgoHandIn *handin, const char *reason)
{
	FpgoHandIn	withdrawal = *handin;

	if (handin->hash_rule == FPGO_RULE_1_0)
		return;
	for (int i = 0; i < MAX_TRIES; i++)
	{
		FpgoVersions *versions = fpgo_versions_find(&withdrawal);

		/* of a row that has moved, all that was handed in moves with it */
		if ((!is_wanted(versions) && !is_moved(handin, versions->newest)) ||
			fpgo_submission_withdraw(&withdrawal, versions, reason) != 0)
			return;
		/* another row, under its former primary key, has versions of the key */
		withdrawal.key = versions->newest->key;
		CHECK_FOR_INTERRUPTS();
	}
	raise_contended();
}
