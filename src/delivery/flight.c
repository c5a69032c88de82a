/*
 * flight.c
 *		One submission on its way: from a claim on record to its settlement.
 *
 * Every order goes to the gateway this way, from submit_invoice and from a
 * delivery loop.  The claim is committed before.  The request runs outside any
 * snapshot.  The outcome is committed after.  Conversions, which need
 * catalogs, are made while the flight is prepared: between the two commits
 * nothing but the gateway can fail.
 *
 * A change of an order that the gateway has goes in two steps, and three
 * commits.  The claim records that the order was not sent.  The gateway is asked
 * whether the order may be changed.  If so, it is recorded that the change is
 * sent, and it is sent.
 *
 * Each flight has its own memory context, which holds the request too.
 * Deleting the context ends the transfer.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "mb/pg_wchar.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "account/names.h"
#include "base/fpgo.h"
#include "base/texts.h"
#include "delivery/backoff.h"
#include "delivery/change.h"
#include "delivery/flight.h"
#include "gateway/outcome_text.h"
#include "order/named_field.h"
#include "order/payload.h"
#include "order/secrets.h"
#include "records/attempts.h"
#include "records/settle.h"

/*
 * A request without an answer is slow after so many milliseconds, and after
 * half its timeout
 */
#define SLOW_MS 10000

/* longest wait for the status of the order to be changed, in milliseconds */
#define QUESTION_TIMEOUT_MS 5000

/* Finds the secrets of a payload, which is fpgo's own text and JSON. */
static const char **
find_secrets(const char *payload)
{
	Datum		order = DirectFunctionCall1(jsonb_in, CStringGetDatum(payload));
	Jsonb	   *jsonb = DatumGetJsonbP(order);
	const char **secrets = fpgo_secrets_list(jsonb);

	explicit_bzero(VARDATA(jsonb), VARSIZE(jsonb) - VARHDRSZ);
	return secrets;
}

FpgoFlight *
fpgo_flight_prepare(const FpgoClaim *claim, int64 run,
					const FpgoTarget *target, FpgoRetention retention,
					MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "fpgo flight",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	FpgoFlight *flight = palloc0(sizeof(FpgoFlight));

	flight->context = context;
	flight->claim = *claim;
	flight->claim.server = pstrdup(claim->server);
	flight->claim.role = pstrdup(claim->role);
	flight->claim.mapping = pstrdup(claim->mapping);
	flight->claim.payload = pstrdup(claim->payload);
	if (claim->change_of != NULL)
		flight->claim.change_of = pstrdup(claim->change_of);
	flight->run = run;
	flight->retention = retention;
	fpgo_target_copy(&flight->target, target);
	flight->question = flight->target;
	flight->question.timeout_ms = Min(target->timeout_ms,
									  QUESTION_TIMEOUT_MS);
	flight->changes = fpgo_change_find_uuid(claim->payload);
	if (claim->secrets != NULL)
		flight->secrets = fpgo_texts_copy(claim->secrets);
	else
		flight->secrets = find_secrets(claim->payload);
	flight->wire = fpgo_payload_wire(flight->claim.payload,
									 &flight->wire_len);
	flight->allowance = fpgo_allowance_of(target);
	flight->ticket = fpgo_allowance_take(flight->allowance);
	MemoryContextSwitchTo(old);
	return flight;
}

/* End the flight as not sent. */
static void
land(FpgoFlight *flight, const char *reason)
{
	flight->exchange = NULL;
	flight->is_local = true;
	flight->outcome = MemoryContextAllocZero(flight->context,
											 sizeof(FpgoOutcome));
	flight->outcome->class = FPGO_OUTCOME_UNREACHED;
	flight->outcome->retry_after_s = -1;
	flight->outcome->reason = reason;
}

void
fpgo_flight_call_off(FpgoFlight *flight)
{
	land(flight, "No standby confirmed the record, so the order was not sent.");
}

/* Begin the question, or the order itself. */
static void
launch(FpgoFlight *flight)
{
	if (flight->stage == FPGO_FLIGHT_READY &&
		flight->claim.change_of != NULL)
	{
		flight->exchange = fpgo_exchange_ask_status(&flight->question,
													flight->claim.change_of,
													flight->secrets,
													flight->context);
		flight->stage = FPGO_FLIGHT_ASKING;
		return;
	}
	flight->exchange = fpgo_exchange_start(&flight->target, flight->wire,
										   flight->wire_len,
										   flight->changes != NULL,
										   flight->secrets, flight->context);
	flight->stage = FPGO_FLIGHT_SENDING;
}

/* Do a step at which only memory or descriptors can run out. */
static void
try_step(FpgoFlight *flight, void (*step) (FpgoFlight *flight),
		 const char *failure)
{
	MemoryContext old = CurrentMemoryContext;

	PG_TRY();
	{
		step(flight);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		FlushErrorState();
		land(flight, failure);
	}
	PG_END_TRY();
}

void
fpgo_flight_launch(FpgoFlight *flight)
{
	flight->slow_at = fpgo_clock_in(Min(flight->target.timeout_ms / 2,
										SLOW_MS));
	try_step(flight, launch, "The request could not be begun.");
}

bool
fpgo_flight_is_over(const FpgoFlight *flight)
{
	return flight->outcome != NULL ||
		(flight->stage == FPGO_FLIGHT_SENDING &&
		 fpgo_exchange_is_done(flight->exchange));
}

bool
fpgo_flight_is_slow(const FpgoFlight *flight)
{
	return !fpgo_flight_is_over(flight) &&
		fpgo_clock_has_come(flight->slow_at);
}

/* ---------- the question ---------- */

/* Take the answer to the question, or end it. */
static void
take_answer(FpgoFlight *flight)
{
	MemoryContext old = MemoryContextSwitchTo(flight->context);

	flight->outcome = fpgo_exchange_finish_status(flight->exchange,
												  flight->claim.change_of);
	flight->exchange = NULL;
	flight->stage = FPGO_FLIGHT_CLEARED;
	MemoryContextSwitchTo(old);
}

void
fpgo_flight_attend(FpgoFlight *flight)
{
	if (flight->outcome == NULL && flight->stage == FPGO_FLIGHT_ASKING &&
		fpgo_exchange_is_done(flight->exchange))
		try_step(flight, take_answer,
				 "The answer about the order's status could not be read.");
}

void
fpgo_flight_confirm(FpgoFlight *flight)
{
	Assert(flight->stage == FPGO_FLIGHT_CLEARED && flight->outcome == NULL);
	if (fpgo_attempt_end_question(flight->claim.submission,
								  flight->claim.attempt, flight->run))
		flight->stage = FPGO_FLIGHT_CONFIRMED;
	else
		fpgo_flight_give_up(flight);
}

void
fpgo_flight_give_up(FpgoFlight *flight)
{
	land(flight, "That the order is sent could not be recorded, so it was not sent.");
}

/* Has the order itself not been begun? */
static bool
is_before_order(const FpgoFlight *flight)
{
	return flight->stage != FPGO_FLIGHT_SENDING;
}

/* ---------- landing ---------- */

/* Ends the exchange if it is not over, and takes its outcome. */
static void
end_exchange(FpgoFlight *flight)
{
	MemoryContext old;

	if (is_before_order(flight))
	{
		land(flight, "The request was stopped before it was sent.");
		return;
	}
	flight->is_local = !fpgo_exchange_is_done(flight->exchange);
	old = MemoryContextSwitchTo(flight->context);
	flight->outcome = fpgo_exchange_finish(flight->exchange, fpgo_names_field);
	flight->exchange = NULL;
	MemoryContextSwitchTo(old);
}

void
fpgo_flight_stop_unsent(FpgoFlight *flight)
{
	/* nothing is sent between two steps: the mark cannot be reached here */
	if (fpgo_flight_is_over(flight) ||
		(!is_before_order(flight) && fpgo_exchange_is_sent(flight->exchange)))
		return;
	end_exchange(flight);
	flight->is_stopped = true;
}

/* Note, once, what came of the request for those that draw with it. */
static void
note_allowance(FpgoFlight *flight)
{
	if (!flight->is_noted)
		fpgo_allowance_note(flight->allowance, &flight->ticket,
							flight->outcome);
	flight->is_noted = true;
}

/* ---------- settlement ---------- */

static void
decide(const FpgoFlight *flight, bool is_awaited, FpgoSettlement *settlement)
{
	const FpgoOutcome *outcome = flight->outcome;

	switch (outcome->class)
	{
		case FPGO_OUTCOME_ACCEPTED:
			settlement->state = FPGO_STATE_ACCEPTED;
			settlement->order_uuid = outcome->reply->order_uuid;
			settlement->customer_uuid = outcome->reply->customer_uuid;
			settlement->bank_id_url = outcome->reply->bank_id_url;
			settlement->shares_uuid = flight->changes != NULL;
			break;
		case FPGO_OUTCOME_REFUSED:
			settlement->state = FPGO_STATE_REFUSED;
			break;
		case FPGO_OUTCOME_UNKNOWN:
			settlement->state = FPGO_STATE_UNCERTAIN;
			break;
		case FPGO_OUTCOME_UNREACHED:
		case FPGO_OUTCOME_MISCONFIGURED:
		case FPGO_OUTCOME_CREDENTIALS:
		case FPGO_OUTCOME_NOT_API:
			settlement->state = is_awaited ? FPGO_STATE_CANCELLED :
				FPGO_STATE_QUEUED;
			settlement->delay_s = flight->is_stopped ? 0 :
				fpgo_backoff(flight->claim.attempt);
			break;
		case FPGO_OUTCOME_SLOW_DOWN:
			settlement->state = is_awaited ? FPGO_STATE_CANCELLED :
				FPGO_STATE_QUEUED;
			settlement->delay_s = fpgo_backoff_slow_down(outcome->retry_after_s);
			break;
	}
}

/* A change that was answered with another order may have made a second one. */
static void
doubt_other_order(FpgoFlight *flight)
{
	FpgoOutcome *outcome = flight->outcome;

	if (outcome->class != FPGO_OUTCOME_ACCEPTED || flight->changes == NULL ||
		strcmp(outcome->reply->order_uuid, flight->changes) == 0)
		return;
	outcome->reason =
		MemoryContextStrdup(flight->context,
							psprintf("The gateway was to change order %s, and answered with order %s.",
									 flight->changes,
									 outcome->reply->order_uuid));
	outcome->class = FPGO_OUTCOME_UNKNOWN;
}

/* Make the settlement of an outcome. */
static FpgoSettlement
draw_up(const FpgoFlight *flight, bool is_awaited)
{
	FpgoSettlement settlement = {0};

	settlement.submission = flight->claim.submission;
	settlement.order = flight->claim.order;
	settlement.server = flight->claim.server;
	settlement.attempt = flight->claim.attempt;
	settlement.attempt_began = flight->claim.attempt_began;
	settlement.run = flight->run;
	settlement.outcome = fpgo_outcome_name(flight->outcome->class);
	settlement.status = flight->outcome->status;
	settlement.reason = fpgo_outcome_describe(flight->outcome);
	decide(flight, is_awaited, &settlement);
	settlement.retention_s = settlement.state == FPGO_STATE_REFUSED ?
		flight->retention.refused_s : flight->retention.finished_s;
	return settlement;
}

/*
 * Settle an order that makes a new one, and was answered with an order uuid
 * that another submission holds.  The answer may belong to another request, and
 * the outcome of this one is unknown.  Returns false if no submission holds the
 * uuid, or if settling fails again.
 */
static bool
settle_doubtful(FpgoFlight *flight, bool is_awaited,
				FpgoSettlement *settlement)
{
	int64		holder = settlement->shares_uuid ? 0 :
		fpgo_submission_find_holder(settlement);

	if (holder == 0)
		return false;
	flight->outcome->class = FPGO_OUTCOME_UNKNOWN;
	flight->outcome->reason =
		MemoryContextStrdup(flight->context,
							psprintf("The gateway answered with the order uuid of submission %lld.",
									 (long long) holder));
	*settlement = draw_up(flight, is_awaited);
	return fpgo_submission_settle(settlement);
}

void
fpgo_flight_settle(FpgoFlight *flight, bool is_awaited)
{
	FpgoSettlement settlement;

	if (flight->outcome == NULL)
		end_exchange(flight);
	note_allowance(flight);
	doubt_other_order(flight);
	settlement = draw_up(flight, is_awaited);
	if (!fpgo_submission_settle(&settlement) &&
		!settle_doubtful(flight, is_awaited, &settlement))
		ereport(LOG,
				(errmsg("outcome of submission %lld was not recorded, since it is no longer being sent",
						(long long) flight->claim.submission),
				 errdetail("The outcome was: %s.", settlement.outcome),
				 fpgo_errhide()));
	flight->state = settlement.state;
	/* the gateway has the order, or may have it */
	if (settlement.state == FPGO_STATE_ACCEPTED ||
		settlement.state == FPGO_STATE_UNCERTAIN)
		fpgo_account_record(flight->claim.server, flight->target.server_name,
							flight->target.submit_url);
}

void
fpgo_flight_free(FpgoFlight *flight)
{
	note_allowance(flight);
	explicit_bzero(unconstify(char *, flight->target.token),
				   strlen(flight->target.token));
	explicit_bzero(unconstify(char *, flight->claim.payload),
				   strlen(flight->claim.payload));
	explicit_bzero(unconstify(char *, flight->wire), flight->wire_len);
	fpgo_secrets_wipe(flight->secrets);
	if (flight->outcome != NULL && flight->outcome->reply != NULL)
		fpgo_reply_wipe(flight->outcome->reply);
	MemoryContextDelete(flight->context);
}
