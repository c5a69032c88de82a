/*
 * probe.c
 *		A question to the gateway before an order is tried: does it answer?
 *
 * A question changes nothing at the gateway, and so may be asked often.  Its
 * answer says that somebody is there, and no more: a gateway may answer
 * questions and take no orders.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "delivery/probe.h"

/* the status of an order that no gateway has */
#define QUESTION FPGO_STATUS_PATH "/ODR0000000000"

/* longest wait for the answer, in milliseconds */
#define TIMEOUT_MS 5000

struct FpgoProbe
{
	MemoryContext context;
	FpgoTarget	target;
	FpgoExchange *exchange;
};

FpgoProbe *
fpgo_probe_begin(const FpgoTarget *target, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "fpgo probe",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	FpgoProbe  *probe = palloc0(sizeof(FpgoProbe));

	probe->context = context;
	fpgo_target_copy(&probe->target, target);
	probe->target.timeout_ms = Min(target->timeout_ms, TIMEOUT_MS);
	probe->exchange = fpgo_exchange_inquire(&probe->target, QUESTION, 0,
											context);
	MemoryContextSwitchTo(old);
	return probe;
}

bool
fpgo_probe_is_over(const FpgoProbe *probe)
{
	return fpgo_exchange_is_done(probe->exchange);
}

const char *
fpgo_probe_end(FpgoProbe *probe)
{
	FpgoFinding *finding = fpgo_exchange_find(probe->exchange);
	const char *reason = NULL;

	/* a server that is out of order says so by 5xx, to each request */
	if (finding->status == 0)
		reason = psprintf("The gateway does not answer questions either.  %s",
						  finding->reason);
	else if (finding->status >= 500)
		reason = psprintf("The gateway answered a question with HTTP status %d.",
						  finding->status);
	explicit_bzero(unconstify(char *, probe->target.token),
				   strlen(probe->target.token));
	MemoryContextDelete(probe->context);
	return reason;
}
