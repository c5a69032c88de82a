/*
 * refused.h
 *		A refused submission that is queued again.
 *
 * Part of the records (see submissions.h).
 */
#ifndef FPGO_REFUSED_H
#define FPGO_REFUSED_H

#include "postgres.h"

#include "records/decide.h"

/*
 * Queue a locked submission that is refused again, as a person decides; the
 * event names the current user.  SPI must not be connected.  Raises 55000 if its
 * payload is not there any more, or if it is not the newest version of its
 * order; 23505 if another order has its key.
 */
extern void fpgo_refused_queue_again(const FpgoSubject *subject,
									 const char *reason);

#endif							/* FPGO_REFUSED_H */
