/*
 * http_libcurl.h
 *		The libcurl that is installed, which is loaded when it is first needed.
 */
#ifndef FPGO_HTTP_LIBCURL_H
#define FPGO_HTTP_LIBCURL_H

#include <stdbool.h>

/*
 * Load libcurl now, and not when it is first needed; false if that fails.  The
 * postmaster does so for its children.  Starts nothing of libcurl.
 */
extern bool fpgo_http_load(void);

/* What is known of it, for diagnosis. */
typedef struct FpgoHttpLibrary
{
	const char *version;		/* "7.88.1"; NULL if it cannot be loaded */
	const char *built_with;		/* the version fpgo was compiled with */
	const char *tls;			/* "OpenSSL/3.0.17"; NULL if it has none */
	const char *fault;			/* why it will not do, a sentence; or NULL */
} FpgoHttpLibrary;

/* May be called by any process: starts nothing of libcurl, but may load it. */
extern FpgoHttpLibrary fpgo_http_library(void);

#endif							/* FPGO_HTTP_LIBCURL_H */
