/*
 * closed.c
 *		May the order of a session be sent now, or is it held?
 *
 * A person waits for this order, so it goes before queued ones: once the pause
 * of a hold is over, it may be the order that is tried.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/fpgo.h"
#include "delivery/holds.h"
#include "delivery/seating.h"
#include "process/closed.h"
#include "process/worker.h"
#include "records/seat.h"

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

void
fpgo_closed_attend(const FpgoRequest *request)
{
	fpgo_seating_attend(request->handin.account, &fpgo_worker_transactions);
}

/*
 * Does this database send the orders of the account?  If not, or if that is not
 * known, the answer says so.
 */
static bool
has_seat(const FpgoRequest *request, FpgoAnswer *answer)
{
	const char *server = request->target.server_name;
	ErrorData  *error = &answer->error;

	if (fpgo_seat_is_ours(request->handin.account))
		return true;
	answer->kind = FPGO_ANSWER_LATER;
	if (fpgo_seat_is_known(request->handin.account))
	{
		/* a person decides: to wait would be in vain */
		answer->not_before_ms = answer->look_again_ms = INT_MAX;
		error->sqlerrcode = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
		error->message = psprintf("this database may not send orders of server \"%s\"",
								  server);
		error->detail = pstrdup("Another database sends them, or did when this one was copied or restored.  Nothing was recorded and nothing was sent.");
		error->hint = psprintf("If from now on this database sends them, and no other: SELECT * FROM fpgo.take_seat(%s, '...');",
							   quote_literal_cstr(server));
		return false;
	}
	answer->look_again_ms = LOOK_MS;
	error->sqlerrcode = ERRCODE_FPGO_UNREACHED;
	error->message = psprintf("server \"%s\" is closed for now", server);
	error->detail = pstrdup("Nothing was recorded and nothing was sent.");
	error->hint = pstrdup("Whether this database sends its orders could not be found out; the log says why.");
	return false;
}

bool
fpgo_closed_is(const FpgoRequest *request, int64 run, FpgoAnswer *answer,
			   int64 *canary_of)
{
	const char *mappings[] = {NULL, request->handin.mapping};
	FpgoHold   *hold;

	*canary_of = 0;
	if (!has_seat(request, answer))
		return true;
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
