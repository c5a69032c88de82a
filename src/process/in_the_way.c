/*
 * in_the_way.c
 *		What is in the way of recording an order.
 *
 * The process that sends waits for no transaction and for no reference.  It may
 * serve many sessions.  The transaction may also wait for the very session that
 * it serves, which no deadlock detector would see.  Therefore the session waits
 * itself, as for any lock, and asks again.
 */
#include "postgres.h"

#include "access/transam.h"

#include "base/clock.h"
#include "base/fpgo.h"
#include "delivery/allowance.h"
#include "process/in_the_way.h"
#include "records/locks.h"
#include "records/open_key.h"
#include "records/sweep.h"
#include "records/taken_back.h"

/* a session that waits for a time asks again after so long, in milliseconds */
#define LOOK_AGAIN_MS 500

bool
fpgo_in_the_way_is_open(const FpgoHandIn *handin, FpgoAnswer *answer)
{
	TransactionId open_transaction = InvalidTransactionId;

	if (handin->reference == NULL ||
		fpgo_lock_try_reference(handin->account, handin->reference))
	{
		open_transaction = fpgo_open_key_find(handin);
		if (!TransactionIdIsValid(open_transaction))
			return false;
	}
	answer->kind = FPGO_ANSWER_WAIT;
	answer->open_transaction = open_transaction;
	return true;
}

/*
 * The submission that makes this call the same as an earlier one, or whose
 * order is another one; NULL if the key is free.
 */
static const FpgoSubmission *
find_holder(const FpgoVersions *versions)
{
	const FpgoVersion *newest = versions->newest;

	if (versions->accepted != NULL)
		return &versions->accepted->submission;
	if (newest != NULL && newest->submission.state == FPGO_STATE_QUEUED)
		return &newest->submission;
	if (versions->open != NULL)
		return &versions->open->submission;
	/* whatever became of later versions: that one may have been sent */
	if (versions->elsewhere != NULL)
		return &versions->elsewhere->submission;
	return versions->same != NULL ? &versions->same->submission : NULL;
}

bool
fpgo_in_the_way_is_on_record(const FpgoHandIn *handin, FpgoAnswer *answer,
							 FpgoVersions **versions)
{
	const FpgoSubmission *found;

	*versions = fpgo_versions_find(handin);
	found = find_holder(*versions);
	/* a submission of a dead run is uncertain from now on */
	if (found != NULL && found->state == FPGO_STATE_SENDING &&
		fpgo_run_is_dead(found->run) && fpgo_submission_sweep() > 0)
	{
		*versions = fpgo_versions_find(handin);
		found = find_holder(*versions);
	}
	if (found != NULL)
	{
		answer->kind = FPGO_ANSWER_ON_RECORD;
		answer->on_record = *found;
		answer->submission = found->id;
		return true;
	}
	fpgo_taken_back_require_none(handin, *versions);
	return false;
}

/* "submit it again in 4 seconds" */
static char *
advise_later(long ms)
{
	long		seconds = (ms + 999) / 1000;

	if (seconds == 0)
		return pstrdup("The order was not processed; submit it again in a moment.");
	return psprintf(ngettext("The order was not processed; submit it again in %ld second.",
							 "The order was not processed; submit it again in %ld seconds.",
							 seconds), seconds);
}

bool
fpgo_in_the_way_is_time(const FpgoTarget *target, FpgoAnswer *answer)
{
	FpgoAllowance *allowance = fpgo_allowance_of(target);
	FpgoAllowanceWait wait;

	if (fpgo_allowance_left(allowance) > 0)
		return false;
	wait = fpgo_allowance_wait(allowance, FPGO_PACE_SUBMIT);
	answer->kind = FPGO_ANSWER_LATER;
	answer->look_again_ms = Min(fpgo_clock_left(wait.again_at),
								LOOK_AGAIN_MS);
	answer->not_before_ms = fpgo_clock_left(wait.never_before);
	answer->error.sqlerrcode = ERRCODE_FPGO_SLOW_DOWN;
	answer->error.message = wait.is_closed ?
		psprintf("server \"%s\" asked to slow down", target->server_name) :
		psprintf("allowance of server \"%s\" is used up",
				 target->server_name);
	answer->error.detail = wait.is_closed ?
		pstrdup("The gateway said so to another request.  Nothing was recorded and nothing was sent.") :
		pstrdup("The gateway takes no more requests with this token for now.  Nothing was recorded and nothing was sent.");
	answer->error.hint = advise_later(answer->not_before_ms);
	return true;
}
