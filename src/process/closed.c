/*
 * closed.c
 *		May the order of a session be sent now, or is it held?
 *
 * A person waits for this order, so it goes before queued ones: once the pause
 * of a hold is over, it may be the order that is tried.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/fpgo.h"
#include "delivery/holds.h"
#include "process/closed.h"

/* when to look again while another order is tried, in milliseconds */
#define LOOK_MS 250

/* a delivery has asked its question by then, in milliseconds, if one runs */
#define ASKED_MS 10000

/* The hold that turns the order away, of the account or of its mapping. */
static FpgoHold *
find_hold(const FpgoRequest *request, const char *mapping)
{
	FpgoHold   *hold = fpgo_holds_check(request->handin.account, mapping,
										&request->target);

	return hold != NULL && fpgo_hold_closes(&hold->state) ? hold : NULL;
}

/*
 * May this order be tried?  Where a question comes first, a delivery asks it.  If
 * that had no answer, orders are not tried, unless nobody asks any more.
 */
static bool
is_to_try(const FpgoHold *hold)
{
	if (!fpgo_holds_is_due(hold) || !fpgo_holds_is_free(hold))
		return false;
	return hold->state.asked == 0 ||
		fpgo_clock_has_passed(fpgo_holds_due_at(hold), ASKED_MS);
}

static void
turn_away(const FpgoRequest *request, const FpgoHold *hold,
		  FpgoAnswer *answer)
{
	ErrorData  *error = &answer->error;
	bool		is_due = fpgo_holds_is_due(hold);
	int64		left_ms = fpgo_clock_left(fpgo_holds_due_at(hold));

	answer->kind = FPGO_ANSWER_LATER;
	answer->not_before_ms = is_due ? 0 : left_ms;
	answer->look_again_ms = is_due ? LOOK_MS : left_ms;
	error->sqlerrcode = ERRCODE_FPGO_UNREACHED;
	error->message = psprintf("server \"%s\" is closed for now",
							  request->target.server_name);
	error->detail = pstrdup("Nothing was recorded and nothing was sent.");
	error->hint = psprintf("Since %s: %s  fpgo.holds shows hold %lld, and when an order is tried again.",
						   timestamptz_to_str(hold->since), hold->because,
						   (long long) hold->id);
}

bool
fpgo_closed_is(const FpgoRequest *request, int64 run, FpgoAnswer *answer,
			   int64 *canary_of)
{
	const char *mappings[] = {NULL, request->handin.mapping};
	FpgoHold   *hold;

	*canary_of = 0;
	fpgo_holds_look();
	for (int i = 0; i < (int) lengthof(mappings); i++)
	{
		hold = find_hold(request, mappings[i]);
		if (hold == NULL || is_to_try(hold))
			continue;
		turn_away(request, hold, answer);
		return true;
	}
	for (int i = 0; i < (int) lengthof(mappings) && *canary_of == 0; i++)
	{
		int64		id;

		hold = find_hold(request, mappings[i]);
		if (hold == NULL)
			continue;
		id = hold->id;
		if (fpgo_holds_take(hold, run))
			*canary_of = id;
		else
		{
			/* another process is faster, or lifts the hold */
			hold = find_hold(request, mappings[i]);
			if (hold == NULL)
				continue;
			turn_away(request, hold, answer);
			return true;
		}
	}
	return false;
}
