/*
 * wait.c
 *		One way to wait.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/wait.h"

void
fpgo_wait(long timeout_ms, FpgoWait what)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, fpgo_wait_event(what));
	ResetLatch(MyLatch);
}

static WaitEventSet *latch_and_fd = NULL;

void
fpgo_wait_watch(int fd)
{
	WaitEventSet *set = CreateWaitEventSet(NULL, 2);

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, fd, NULL, NULL);
	latch_and_fd = set;
}

bool
fpgo_wait_or_read(long timeout_ms, FpgoWait what)
{
	WaitEvent	event;

	if (WaitEventSetWait(latch_and_fd, timeout_ms, &event, 1,
						 fpgo_wait_event(what)) == 0 ||
		(event.events & WL_LATCH_SET) == 0)
		return false;
	ResetLatch(MyLatch);
	return true;
}
