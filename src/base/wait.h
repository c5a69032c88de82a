/*
 * wait.h
 *		One way to wait.
 */
#ifndef FPGO_WAIT_H
#define FPGO_WAIT_H

#include "base/wait_events.h"

/*
 * Wait on this process's latch until it is set or the time, in milliseconds,
 * is over, and reset it.  Ends the process if the postmaster dies.  A caller
 * that waits in a loop must check for interrupts after each wait.
 */
extern void fpgo_wait(long timeout_ms, FpgoWait what);

/*
 * Wait on the latch, or until the descriptor that was named before is readable.
 * Does not end the process if the postmaster dies: the caller must look after
 * that.  True if the latch was set.  The descriptor is named once, early, since
 * that takes another descriptor, and is never closed.
 */
extern void fpgo_wait_watch(int fd);
extern bool fpgo_wait_or_read(long timeout_ms, FpgoWait what);

#endif							/* FPGO_WAIT_H */
