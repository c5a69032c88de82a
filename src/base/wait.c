/*
 * wait.c
 *		One way to wait.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"

#include "base/wait.h"

void
fpgo_wait(long timeout_ms, FpgoWait what)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, fpgo_wait_event(what));
	ResetLatch(MyLatch);
}
