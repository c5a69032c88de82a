/*
 * http.h
 *		One HTTPS request at a time or many at once, over libcurl.
 *
 * Only gateway/http* uses libcurl.  Nothing here knows of orders, of the
 * gateway's answers, or of SQL.  Callers see of libcurl only its numeric
 * result code, which outcome.c classifies.
 */
#ifndef FPGO_HTTP_H
#define FPGO_HTTP_H

#include "postgres.h"

#include "gateway/http_request.h"
#include "gateway/http_result.h"

/*
 * Make libcurl ready to run in this process, once.  Raises 0A000 if it cannot be
 * used.  Whoever records that an order is sent asks for it before.
 */
extern void fpgo_http_require(void);

/* result code of a transfer that fpgo_http_finish() ended before its time */
#define FPGO_HTTP_ABANDONED (-1)

typedef struct FpgoHttpTransfer FpgoHttpTransfer;

/*
 * Begin a request.  The transfer and everything libcurl holds for it belong to
 * a new child of parent.  Deleting or resetting that context releases all of
 * it: an error anywhere needs no clean-up code.  Raises only when memory or
 * descriptors run out (class 53) or the installed libcurl will not do (0A000),
 * before anything was sent; any other fault is the result of a transfer that
 * is done at once.
 */
extern FpgoHttpTransfer *fpgo_http_start(const FpgoHttpRequest *request,
										 MemoryContext parent);

/*
 * Drive every transfer of this process, and wait for the network for at most
 * wait_ms or 50 ms.  Returns at once when a transfer has ended or none is
 * under way.  Never raises; the caller looks at interrupts between steps.
 */
extern void fpgo_http_step(int wait_ms);

/*
 * Expect this many transfers at once: keep as many connections open between
 * requests.  The number only grows.  Raises as fpgo_http_start() does.
 */
extern void fpgo_http_expect(int n_transfers);

extern bool fpgo_http_is_done(const FpgoHttpTransfer *transfer);

/*
 * The facts so far; final once fpgo_http_is_done().  Until then they are those
 * of an abandoned request, which they will be if it is finished now.
 */
extern const FpgoHttpResult *
fpgo_http_result(const FpgoHttpTransfer *transfer);

/* Release the transfer, ending it first if it is still under way. */
extern void fpgo_http_finish(FpgoHttpTransfer *transfer);

/*
 * From now on let fpgo_http_step() end as well when the process's latch is set,
 * which it then resets.  False if the system cannot do that.  Called before
 * the first request.
 */
extern bool fpgo_http_heed_latch(void);

#endif							/* FPGO_HTTP_H */
