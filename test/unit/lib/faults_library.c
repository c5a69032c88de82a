/*
 * faults_library.c
 *		Calls to libcurl and json-c that fail when they are told to.
 *
 * The linker leads each call of src/ to the function here (--wrap; see
 * Makefile), which makes it, or does nothing and says what the library says
 * when it cannot.  Calls that cannot fail are not among them.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "lib/faults.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* WRAP(result, name, parameters, arguments, what it says when it fails) */
#define WRAP(type, name, parameters, arguments, failed) \
	extern type __real_##name parameters; \
	extern type __wrap_##name parameters; \
	type \
	__wrap_##name parameters \
	{ \
		return fault_strikes(FAULT_LIBRARY) ? (failed) : \
			__real_##name arguments; \
	}

/* The same of a function whose last argument is a pointer or a long. */
#define WRAP_OPTION(type, name, handle, option, failed) \
	extern type __real_##name(handle, option, ...); \
	extern type __wrap_##name(handle, option, ...); \
	type \
	__wrap_##name(handle object, option which, ...) \
	{ \
		va_list		args; \
		void	   *value; \
		\
		va_start(args, which); \
		value = va_arg(args, void *); \
		va_end(args); \
		return fault_strikes(FAULT_LIBRARY) ? (failed) : \
			__real_##name(object, which, value); \
	}

_Static_assert(sizeof(void *) == sizeof(long) &&
			   sizeof(void *) == sizeof(curl_off_t),
			   "an option's value is passed on as a pointer");

WRAP(CURLcode, curl_global_init_mem,
	 (long flags, curl_malloc_callback m, curl_free_callback f,
	  curl_realloc_callback r, curl_strdup_callback s, curl_calloc_callback c),
	 (flags, m, f, r, s, c), CURLE_FAILED_INIT)
WRAP(CURL *, curl_easy_init, (void), (), NULL)
WRAP(CURLM *, curl_multi_init, (void), (), NULL)
WRAP(CURLU *, curl_url, (void), (), NULL)
WRAP(CURLUcode, curl_url_set,
	 (CURLU *address, CURLUPart part, const char *text, unsigned int flags),
	 (address, part, text, flags), CURLUE_OUT_OF_MEMORY)
WRAP(CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *easy),
	 (multi, easy), CURLM_OUT_OF_MEMORY)
WRAP(CURLMcode, curl_multi_perform, (CURLM *multi, int *n_running),
	 (multi, n_running), CURLM_INTERNAL_ERROR)
WRAP(CURLMcode, curl_multi_poll,
	 (CURLM *multi, struct curl_waitfd more[], unsigned int n_more,
	  int timeout_ms, int *n_ready),
	 (multi, more, n_more, timeout_ms, n_ready), CURLM_OUT_OF_MEMORY)
WRAP_OPTION(CURLcode, curl_easy_setopt, CURL *, CURLoption,
			CURLE_OUT_OF_MEMORY)
WRAP_OPTION(CURLcode, curl_easy_getinfo, CURL *, CURLINFO,
			CURLE_BAD_FUNCTION_ARGUMENT)
WRAP_OPTION(CURLMcode, curl_multi_setopt, CURLM *, CURLMoption,
			CURLM_OUT_OF_MEMORY)

/* PostgreSQL's, of which a process may have too few */
WRAP(bool, AcquireExternalFD, (void), (), false)

WRAP(struct json_tokener *, json_tokener_new_ex, (int depth), (depth), NULL)
extern struct json_object *__real_json_tokener_parse_ex(struct json_tokener *,
														const char *, int);
extern struct json_object *__wrap_json_tokener_parse_ex(struct json_tokener *,
														const char *, int);

struct json_object *
__wrap_json_tokener_parse_ex(struct json_tokener *tokener, const char *text,
							 int len)
{
	struct json_object *root;
	long		before = count_failures();

	if (fault_strikes(FAULT_LIBRARY))
	{
		errno = ENOMEM;
		return NULL;
	}
	root = __real_json_tokener_parse_ex(tokener, text, len);
	if (count_failures() != before)
		parsing_failed = true;
	return root;
}
