/*
 * http_memory.h
 *		libcurl's memory, overwritten when it is given back; for http.c alone.
 */
#ifndef FPGO_HTTP_MEMORY_H
#define FPGO_HTTP_MEMORY_H

#include <curl/curl.h>

/*
 * curl_global_init() that lets libcurl use such memory.  Where something else
 * in the process has made libcurl ready before, it keeps the memory it has.
 */
extern CURLcode fpgo_http_memory_init(void);

#endif							/* FPGO_HTTP_MEMORY_H */
