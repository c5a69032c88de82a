/*
 * ask.h
 *		A session hands a request to a process that sends, and waits.
 */
#ifndef FPGO_ASK_H
#define FPGO_ASK_H

#include "postgres.h"

#include "ipc/message.h"

/* largest body for the resident worker, in bytes: an answer fits a queue */
#define FPGO_ASK_SMALL 12288

/*
 * Hand a request to the database's resident worker or, where there is none, to
 * a helper process of this session, and wait for the answer.  The answer is
 * allocated in the current memory context.  fpgo_ask fills in the request's
 * number.
 *
 * Raises
 * - 53400 if no worker slot becomes free;
 * - 55000 if the process is lost twice before it recorded the order, or before
 *   it had an answer to the inquiry;
 * - 38F01 if the process is lost with the order on record;
 * - what the process raised when it started.
 *
 * If the wait for an order is cut short, the CONTEXT of that error says what
 * becomes of the order.  An inquiry is given up.
 */
extern FpgoAnswer *fpgo_ask(FpgoRequest *request);

/*
 * A request will follow: if it needs a helper and a worker slot is free, start
 * the helper now.  It starts while the caller prepares the request.  If none
 * follows, say so: the helper then waits for a later request, as after any
 * other, and ends if none comes or if another session needs its slot.
 */
extern void fpgo_ask_ahead(void);
extern void fpgo_ask_nothing(void);

#endif							/* FPGO_ASK_H */
