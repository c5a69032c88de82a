/*
 * wait_events.c
 *		The names of what processes of fpgo wait for.
 *
 * From PostgreSQL 17 on pg_stat_activity shows them as wait_event; before, an
 * extension cannot name one and all are "Extension" (see compat.h).
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/wait_events.h"

static const char *const names[] = {
	[FPGO_WAIT_GATEWAY] = "FpgoGateway",
	[FPGO_WAIT_HELPER] = "FpgoHelperMain",
	[FPGO_WAIT_WORKER] = "FpgoWorkerMain",
	[FPGO_WAIT_LAUNCHER] = "FpgoLauncherMain",
	[FPGO_WAIT_RECORD] = "FpgoRecord",
	[FPGO_WAIT_SLOT] = "FpgoWorkerSlot",
	[FPGO_WAIT_ANSWER] = "FpgoWorkerAnswer",
	[FPGO_WAIT_RETRY] = "FpgoRetry",
};

uint32
fpgo_wait_event(FpgoWait wait)
{
	static uint32 events[lengthof(names)];

	if (events[wait] == 0)
		events[wait] = fpgo_wait_event_new(names[wait]);
	return events[wait];
}
