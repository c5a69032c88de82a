/*
 * service.h
 *		Serves one request of a session: from mailbox to answer.
 *
 * A service is what a background process does for one request of a mailbox:
 * begin; launch; while the request is in flight, drive it (fpgo_http_step()); settle,
 * again and again until that is done; answer.  Nothing here raises: an error
 * becomes the answer.
 */
#ifndef FPGO_SERVICE_H
#define FPGO_SERVICE_H

#include "postgres.h"

#include "ipc/mailbox.h"

typedef struct FpgoService FpgoService;

/*
 * Read a request.  Record its order, or find what is in the way; or launch its
 * inquiry.  data is overwritten.  If a lock is in the way of
 * recording, the answer is that error; with may_wait false, it is that another
 * process has to serve the request.
 */
extern FpgoService *fpgo_service_begin(FpgoMailbox *mailbox, void *data,
									   Size len, int64 run, bool may_wait);

/*
 * Launch the order if it was recorded by fpgo_service_begin(), and if standbys
 * acknowledged that.  The record must be flushed.
 */
extern void fpgo_service_launch(FpgoService *service);

/* Is it in flight?  An inquiry ends early: its caller left, or a shutdown. */
extern bool fpgo_service_is_in_flight(const FpgoService *service);

/*
 * For a process that is to end: stop the order unless it may have been sent.
 * The answer is then that another process has to serve it.
 */
extern void fpgo_service_stop_unsent(FpgoService *service);

/*
 * Record the outcome; a request still in flight is ended first.  Returns false
 * if recording failed, and is to be tried again after FPGO_RETRY_MS.
 */
extern bool fpgo_service_settle(FpgoService *service);

/*
 * Hand the answer back and free the service.  What it answers must be flushed.
 * Returns false if the mailbox
 * must not be used again: the caller is gone, or this process should end.
 */
extern bool fpgo_service_answer(FpgoService *service);

/*
 * Once settled: could the outcome not be recorded?  Then the end of the run
 * makes the submission uncertain.
 */
extern bool fpgo_service_is_unrecorded(const FpgoService *service);

/* The run that its submission belongs to, as given at the beginning. */
extern int64 fpgo_service_run(const FpgoService *service);

#endif							/* FPGO_SERVICE_H */
