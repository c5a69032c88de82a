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

#endif							/* FPGO_WAIT_H */
