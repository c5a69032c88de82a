/*
 * http_header.h
 *		The headers of an answer, as they arrive; for http.c alone.
 *
 * Nothing here allocates or raises, so libcurl's callbacks may call it.
 */
#ifndef FPGO_HTTP_HEADER_H
#define FPGO_HTTP_HEADER_H

#include "gateway/http_result.h"

/* Forget earlier headers: they were of an interim answer. */
extern void fpgo_http_header_forget(FpgoHttpResult *result);

/* Note what a header line says, if fpgo reads that header. */
extern void fpgo_http_header_note(FpgoHttpResult *result, const char *line,
								  size_t len);

#endif							/* FPGO_HTTP_HEADER_H */
