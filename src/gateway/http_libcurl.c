/*
 * http_libcurl.c
 *		Loads libcurl when it is first needed.
 *
 * libcurl brings some thirty libraries with it, and loading them takes longer
 * than a whole submit_invoice.  A session needs none of them, since another
 * process sends its orders.  Therefore fpgo is not linked with libcurl.  The
 * functions of libcurl that fpgo calls are defined here, under their own names.
 * Each loads the library if that has not been done, and calls the function of
 * that name there.
 *
 * The names are hidden: no other module can meet them.  If libcurl cannot be
 * loaded, a function says what libcurl says when it has no memory.  A later
 * call tries again.  http.c finds out before its first request, and raises.
 * Nothing here raises or uses a memory context.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <stdarg.h>

#define CURL_DISABLE_TYPECHECK
#pragma GCC visibility push(hidden)
#include <curl/curl.h>
#pragma GCC visibility pop

#include "gateway/http_libcurl.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* 7.87: QUICK_EXIT, without which a stuck resolver holds up a shutdown */
#define MIN_LIBCURL_VERSION 0x075700
#if LIBCURL_VERSION_NUM < MIN_LIBCURL_VERSION
#error "fpgo needs libcurl 7.87 or newer"
#endif

/* the Makefile names the one that headers are there of */
#ifndef FPGO_LIBCURL
#define FPGO_LIBCURL "libcurl.so.4"
#endif

/* FUNCTION(name) for each function that fpgo calls */
#define FUNCTIONS(FUNCTION) \
	FUNCTION(curl_easy_cleanup) \
	FUNCTION(curl_easy_getinfo) \
	FUNCTION(curl_easy_init) \
	FUNCTION(curl_easy_reset) \
	FUNCTION(curl_easy_setopt) \
	FUNCTION(curl_free) \
	FUNCTION(curl_getdate) \
	FUNCTION(curl_global_init_mem) \
	FUNCTION(curl_multi_add_handle) \
	FUNCTION(curl_multi_cleanup) \
	FUNCTION(curl_multi_info_read) \
	FUNCTION(curl_multi_init) \
	FUNCTION(curl_multi_perform) \
	FUNCTION(curl_multi_poll) \
	FUNCTION(curl_multi_remove_handle) \
	FUNCTION(curl_multi_setopt) \
	FUNCTION(curl_multi_timeout) \
	FUNCTION(curl_url) \
	FUNCTION(curl_url_cleanup) \
	FUNCTION(curl_url_get) \
	FUNCTION(curl_url_set) \
	FUNCTION(curl_version_info)

#define MEMBER(name) __typeof__(name) *name;

/* libcurl's own functions, once it is loaded */
static struct
{
	FUNCTIONS(MEMBER)
}			libcurl;

static bool is_loaded = false;
static char fault[300] = "";

/* Keep why libcurl could not be loaded; false. */
static bool
fail(void *library)
{
	const char *words = dlerror();

	snprintf(fault, sizeof(fault), "It could not be loaded: %s.",
			 words ? words : "no reason was given");
	if (library != NULL)
		dlclose(library);
	return false;
}

#define FIND(name) \
	if ((*(void **) &libcurl.name = dlsym(library, #name)) == NULL) \
		return fail(library);

static bool
load(void)
{
	void	   *library;

	if (is_loaded)
		return true;
	/* now: a library that lacks a function would end the process later */
	library = dlopen(FPGO_LIBCURL, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return fail(NULL);
	FUNCTIONS(FIND)
	is_loaded = true;
	return true;
}

bool
fpgo_http_load(void)
{
	return load();
}

FpgoHttpLibrary
fpgo_http_library(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	FpgoHttpLibrary library = {.built_with = LIBCURL_VERSION};

	if (info == NULL)
	{
		library.fault = fault;
		return library;
	}
	library.version = info->version;
	library.tls = info->ssl_version;
	if (info->version_num < MIN_LIBCURL_VERSION)
		library.fault = "It is older than 7.87.";
	else if ((info->features & CURL_VERSION_SSL) == 0)
		library.fault = "It has no TLS.";
	else if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
		library.fault = "It has no asynchronous resolver.";
	return library;
}

/* ---------- libcurl's functions ---------- */

/* PASS(result, name, parameters, arguments, what is said without libcurl) */
#define PASS(type, name, parameters, arguments, unloaded) \
	type \
	name parameters \
	{ \
		return load() ? libcurl.name arguments : (unloaded); \
	}

/* The same without a result. */
#define PASS_VOID(name, parameters, arguments) \
	void \
	name parameters \
	{ \
		if (load()) \
			libcurl.name arguments; \
	}

/* The same with one argument more, whose type depends on the option. */
#define PASS_OPTION(type, name, handle, option, unloaded) \
	type \
	name(handle object, option which, ...) \
	{ \
		va_list		args; \
		type		result = (unloaded); \
		\
		if (!load()) \
			return result; \
		va_start(args, which); \
		switch ((int) which / 10000 * 10000) \
		{ \
			case CURLOPTTYPE_LONG: \
				result = libcurl.name(object, which, va_arg(args, long)); \
				break; \
			case CURLOPTTYPE_OFF_T: \
				result = libcurl.name(object, which, \
									  va_arg(args, curl_off_t)); \
				break; \
			default: \
				result = libcurl.name(object, which, va_arg(args, void *)); \
				break; \
		} \
		va_end(args); \
		return result; \
	}

PASS(CURLcode, curl_global_init_mem,
	 (long flags, curl_malloc_callback m, curl_free_callback f,
	  curl_realloc_callback r, curl_strdup_callback s, curl_calloc_callback c),
	 (flags, m, f, r, s, c), CURLE_OUT_OF_MEMORY)
PASS(CURL *, curl_easy_init, (void), (), NULL)
PASS_VOID(curl_easy_cleanup, (CURL *easy), (easy))
PASS_VOID(curl_easy_reset, (CURL *easy), (easy))
PASS_OPTION(CURLcode, curl_easy_setopt, CURL *, CURLoption,
			CURLE_OUT_OF_MEMORY)
PASS_OPTION(CURLMcode, curl_multi_setopt, CURLM *, CURLMoption,
			CURLM_OUT_OF_MEMORY)
PASS(CURLM *, curl_multi_init, (void), (), NULL)
PASS(CURLMcode, curl_multi_cleanup, (CURLM *multi), (multi),
	 CURLM_OUT_OF_MEMORY)
PASS(CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *easy),
	 (multi, easy), CURLM_OUT_OF_MEMORY)
PASS(CURLMcode, curl_multi_remove_handle, (CURLM *multi, CURL *easy),
	 (multi, easy), CURLM_OUT_OF_MEMORY)
PASS(CURLMcode, curl_multi_perform, (CURLM *multi, int *n_running),
	 (multi, n_running), CURLM_OUT_OF_MEMORY)
PASS(CURLMcode, curl_multi_poll,
	 (CURLM *multi, struct curl_waitfd more[], unsigned int n_more,
	  int timeout_ms, int *n_ready),
	 (multi, more, n_more, timeout_ms, n_ready), CURLM_OUT_OF_MEMORY)
PASS(CURLMcode, curl_multi_timeout, (CURLM *multi, long *left_ms),
	 (multi, left_ms), CURLM_OUT_OF_MEMORY)
PASS(CURLMsg *, curl_multi_info_read, (CURLM *multi, int *n_left),
	 (multi, n_left), NULL)
PASS(CURLU *, curl_url, (void), (), NULL)
PASS_VOID(curl_url_cleanup, (CURLU *address), (address))
/* its first parameter is const in later versions alone */
typedef __typeof__(_Generic(&curl_url_get,
							CURLUcode (*) (const CURLU *, CURLUPart, char **,
										   unsigned int) : (const CURLU *) NULL,
							default : (CURLU *) NULL)) ReadUrl;
PASS(CURLUcode, curl_url_get,
	 (ReadUrl address, CURLUPart part, char **text, unsigned int flags),
	 (address, part, text, flags), CURLUE_OUT_OF_MEMORY)
PASS(CURLUcode, curl_url_set,
	 (CURLU *address, CURLUPart part, const char *text, unsigned int flags),
	 (address, part, text, flags), CURLUE_OUT_OF_MEMORY)
PASS_VOID(curl_free, (void *memory), (memory))
PASS(time_t, curl_getdate, (const char *text, const time_t *unused),
	 (text, unused), -1)
PASS(curl_version_info_data *, curl_version_info, (CURLversion age), (age),
	 NULL)

/* What is asked for is always written to an address. */
CURLcode
curl_easy_getinfo(CURL *easy, CURLINFO which, ...)
{
	va_list		args;
	CURLcode	code;

	if (!load())
		return CURLE_OUT_OF_MEMORY;
	va_start(args, which);
	code = libcurl.curl_easy_getinfo(easy, which, va_arg(args, void *));
	va_end(args);
	return code;
}
