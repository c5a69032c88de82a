/*
 * http_memory.h
 *		Overwrites libcurl's memory before it is freed; for http.c alone.
 */
#ifndef FPGO_HTTP_MEMORY_H
#define FPGO_HTTP_MEMORY_H

#include <curl/curl.h>

/*
 * Calls curl_global_init() with functions that overwrite memory.  If another
 * module of the process has called it before, libcurl keeps that one's
 * functions.
 */
extern CURLcode fpgo_http_memory_init(void);

#endif							/* FPGO_HTTP_MEMORY_H */
