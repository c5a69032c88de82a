/*
 * batch.c
 *		What is claimed for one lane in one turn, made ready to be sent.
 *
 * The role that handed an order in may have lost its right to the server or
 * its user mapping since, or the role may be gone.  What a role sends with is
 * looked up once a turn.
 */
#include "postgres.h"

#include "utils/acl.h"

#include "base/subtransaction.h"
#include "delivery/backoff.h"
#include "delivery/batch.h"
#include "delivery/change.h"
#include "delivery/flight.h"
#include "records/attempts.h"
#include "records/settle.h"

typedef struct Look
{
	const char *server;
	const char *role;
	const char *mapping;
	FpgoAccount *account;
} Look;

static void
resolve(void *arg)
{
	Look	   *look = arg;
	Oid			role = get_role_oid(look->role, false);

	look->account = fpgo_account_resolve_recorded(look->server, role);
	look->mapping = fpgo_account_mapping(look->account->server, role);
}

/*
 * The account of the role that handed an order in, as it is now.  The server's
 * options, the role's right and its token may have changed since the hand-in.
 */
FpgoView *
fpgo_batch_view(FpgoBatch *batch, const char *role)
{
	Look		look = {.server = batch->lane->server,.role = role};
	FpgoView	   *view;
	ErrorData  *error;
	ListCell   *cell;

	foreach(cell, batch->views)
	{
		view = lfirst(cell);
		if (strcmp(view->role, role) == 0)
			return view;
	}
	view = palloc0(sizeof(FpgoView));
	view->role = role;
	batch->views = lappend(batch->views, view);
	error = fpgo_subtransaction_run(resolve, &look);
	if (error == NULL)
	{
		view->account = look.account;
		view->mapping = look.mapping;
		view->allowance = fpgo_allowance_of(&look.account->target);
	}
	else
		view->reason = psprintf("Not sent: %s.", error->message);
	return view;
}

/* Queue again a claim that cannot be made ready, with the reason. */
static void
put_back(const FpgoClaim *claim, int64 run, const char *reason)
{
	FpgoSettlement settlement = {.submission = claim->submission,
		.attempt = claim->attempt,.attempt_began = claim->attempt_began,
		.run = run,.state = FPGO_STATE_QUEUED,
	.outcome = fpgo_outcome_name(FPGO_OUTCOME_UNREACHED)};

	settlement.reason = reason;
	settlement.delay_s = fpgo_backoff(claim->attempt);
	(void) fpgo_submission_settle(&settlement);
}

/* A change that must not be sent: the claim ends refused, with the reason. */
static void
refuse(const FpgoClaim *claim, int64 run, const FpgoAccount *account,
	   const char *reason)
{
	FpgoSettlement settlement = {.submission = claim->submission,
		.attempt = claim->attempt,.attempt_began = claim->attempt_began,
		.run = run,.state = FPGO_STATE_REFUSED,
		.outcome = fpgo_outcome_name(FPGO_OUTCOME_REFUSED),
		.reason = reason,.retention_s = account->retention.refused_s};

	(void) fpgo_submission_settle(&settlement);
}

typedef struct Preparation
{
	FpgoClaim	claim;
	int64		run;
	const FpgoAccount *account;
	MemoryContext context;
	FpgoFlight *flight;			/* NULL if it must not be sent ... */
	const char *refusal;		/* ... and why */
} Preparation;

/*
 * Of a change the payload is made here.  Which order it changes is known by
 * the claim.
 */
static void
make_flight(void *arg)
{
	Preparation *preparation = arg;
	FpgoClaim  *claim = &preparation->claim;
	const FpgoAccount *account = preparation->account;
	FpgoChange	change = {0};

	if (claim->change_of != NULL)
	{
		change = fpgo_change_make(claim->payload, claim->change_of,
								  account->terms.tax_rates);
		preparation->refusal = change.refusal;
		if (change.payload == NULL)
			return;
		claim->payload = change.payload;
		fpgo_attempt_begin_question(claim->submission, claim->attempt);
		claim->attempt_began = 0;
	}
	preparation->flight = fpgo_flight_prepare(claim, preparation->run,
											  &account->target,
											  account->retention,
											  preparation->context);
	if (change.payload != NULL)
		explicit_bzero(unconstify(char *, change.payload),
					   strlen(change.payload));
}

/*
 * Make a flight of one claim; no transaction is needed after this.  Returns
 * NULL if that fails: the other claims must be sent nevertheless.
 */
static FpgoFlight *
prepare(const FpgoClaim *claim, int64 run, const FpgoAccount *account,
		MemoryContext context)
{
	Preparation preparation = {.claim = *claim,.run = run,.account = account,
	.context = context};
	ErrorData  *error = fpgo_subtransaction_run(make_flight, &preparation);

	if (error == NULL && preparation.flight == NULL)
		refuse(claim, run, account, preparation.refusal);
	if (error == NULL)
		return preparation.flight;
	/* the message may quote the payload */
	put_back(claim, run,
			 psprintf("Not sent: its payload cannot be read (SQLSTATE %s).",
					  unpack_sql_state(error->sqlerrcode)));
	return NULL;
}

/* Overwrite payloads; the flights have copies of their own. */
static void
wipe(List *claims)
{
	ListCell   *cell;

	foreach(cell, claims)
	{
		const FpgoClaim *claim = lfirst(cell);

		explicit_bzero(unconstify(char *, claim->payload),
					   strlen(claim->payload));
	}
}

int
fpgo_batch_places(const FpgoBatch *batch)
{
	return Max(fpgo_lane_free_places(batch->lane) - batch->n, 0);
}

int
fpgo_batch_find(FpgoBatch *batch, const char *role, FpgoWhichDue which,
				int limit, int64 first, FpgoDueWalk *walk)
{
	List	   *dues = fpgo_submission_due(batch->lane->server, role, which,
										   limit, first, walk);
	ListCell   *cell;

	foreach(cell, dues)
		batch->ids[batch->n++] = ((FpgoDue *) lfirst(cell))->submission;
	return list_length(dues) + walk->n_finished;
}

void
fpgo_batch_claim(FpgoBatch *batch)
{
	List	   *claims = NIL;
	ListCell   *cell;

	if (batch->n > 0)
		claims = fpgo_submission_claim(batch->run, batch->ids, batch->n);
	foreach(cell, claims)
	{
		FpgoClaim  *claim = lfirst(cell);
		FpgoView	   *view = fpgo_batch_view(batch, claim->role);
		FpgoFlight *flight;
		MemoryContext old;

		claim->mapping = view->mapping;
		flight = prepare(claim, batch->run, view->account, batch->context);
		if (flight == NULL)
			continue;
		flight->canary_of = batch->canary_of;
		batch->lane->n_flights++;
		batch->n_prepared++;
		old = MemoryContextSwitchTo(batch->context);
		*batch->flights = lappend(*batch->flights, flight);
		MemoryContextSwitchTo(old);
	}
	wipe(claims);
}

void
fpgo_batch_wipe(FpgoBatch *batch)
{
	ListCell   *cell;

	foreach(cell, batch->views)
	{
		const FpgoView *view = lfirst(cell);

		if (view->account != NULL)
			fpgo_account_wipe(view->account);
	}
}
