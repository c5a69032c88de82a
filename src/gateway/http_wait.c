/*
 * http_wait.c
 *		Waits for the network, and perhaps for the process's latch.
 *
 * libcurl waits for its own sockets, and PostgreSQL for the latch.  To wait for
 * both, the sockets are put on a watch, a descriptor that the latch's wait can
 * have beside the latch.  The watch tells only that something has happened since
 * it was emptied.  Whether that matters is for libcurl to say, which is asked
 * without waiting, before each wait.
 */
#include "postgres.h"

#include "utils/wait_event.h"

#include "base/wait.h"
#include "gateway/http_socket.h"
#include "gateway/http_wait.h"

/* longest wait on the latch while a name is looked up, which no socket tells of */
#define RESOLVE_SLICE_MS 1

static bool heeds_latch = false;

bool
fpgo_http_wait_for_latch(void)
{
	int			watch = fpgo_http_socket_watch();

	if (watch >= 0 && !heeds_latch)
		fpgo_wait_watch(watch);
	heeds_latch = watch >= 0;
	return heeds_latch;
}

static CURLMcode
wait_with_latch(CURLM *multi, int wait_ms, bool is_resolving)
{
	int			n_ready = 0;
	long		left_ms = -1;
	CURLMcode	code;

	/* the watch tells of what happens from now on, libcurl of what was before */
	fpgo_http_socket_empty_watch();
	code = curl_multi_poll(multi, NULL, 0, 0, &n_ready);
	if (code == CURLM_OK && n_ready == 0)
		code = curl_multi_timeout(multi, &left_ms);
	if (code != CURLM_OK || n_ready > 0)
		return code;
	if (left_ms >= 0)
		wait_ms = Min(wait_ms, left_ms);
	if (is_resolving)
		wait_ms = Min(wait_ms, RESOLVE_SLICE_MS);
	(void) fpgo_wait_or_read(wait_ms, FPGO_WAIT_GATEWAY);
	return CURLM_OK;
}

CURLMcode
fpgo_http_wait(CURLM *multi, int wait_ms, bool is_resolving)
{
	CURLMcode	code;

	if (heeds_latch)
		return wait_with_latch(multi, wait_ms, is_resolving);
	pgstat_report_wait_start(fpgo_wait_event(FPGO_WAIT_GATEWAY));
	code = curl_multi_poll(multi, NULL, 0, wait_ms, NULL);
	pgstat_report_wait_end();
	return code;
}
