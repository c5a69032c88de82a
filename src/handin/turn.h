/*
 * turn.h
 *		A session waits for its turn to submit.
 */
#ifndef FPGO_TURN_H
#define FPGO_TURN_H

#include "postgres.h"

#include "ipc/message.h"

/*
 * Hand an order to a process that sends, as fpgo_ask() does.  While another
 * transaction has its key, or its reference, wait for that and ask again.  A
 * cancel, a timeout or a deadlock ends the wait; its CONTEXT says that the
 * order was not recorded.
 *
 * While the order may not be sent, ask again for up to fpgo.submit_wait.  The
 * answer is FPGO_ANSWER_LATER if that was in vain.
 *
 * Raises what fpgo_ask() raises, and 55000 if the other transaction is the
 * caller's own.
 */
extern FpgoAnswer *fpgo_turn_ask(FpgoRequest *request);

#endif							/* FPGO_TURN_H */
