/*
 * http_wait.h
 *		Waits for the network, and perhaps for the process's latch; for http.c alone.
 */
#ifndef FPGO_HTTP_WAIT_H
#define FPGO_HTTP_WAIT_H

#include <curl/curl.h>
#include <stdbool.h>

/* From now on wait for the latch, too; false if the system cannot do that. */
extern bool fpgo_http_wait_for_latch(void);

/*
 * Wait until libcurl has something to do, at most wait_ms.  is_resolving: a name
 * is being looked up.
 */
extern CURLMcode fpgo_http_wait(CURLM *multi, int wait_ms, bool is_resolving);

#endif							/* FPGO_HTTP_WAIT_H */
