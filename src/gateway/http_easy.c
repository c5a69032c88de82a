/*
 * http_easy.c
 *		The easy handle of a request, with its options.
 *
 * The options say what a request may do and where it may go: no redirects, no
 * proxy, no .netrc, TLS checked in full.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "gateway/http_easy.h"
#include "gateway/http_lines.h"
#include "gateway/http_text.h"
#include "gateway/http_url.h"

/* bytes; a distribution's whole collection of authorities has 0.25 million */
#define MAX_CA_FILE_SIZE 16000000

/*
 * For so long certificates are kept that were read, in seconds.  Those that are
 * replaced meanwhile count that much later.
 */
#define CA_CACHE_S 600L

/* 7.88 does not; 8.14 and 8.22 do */
#define FIRST_TO_KEEP_REQUESTS 0x080000

/* options that are the same for every request */
static const struct
{
	CURLoption	option;
	long		value;
} fixed_options[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_QUICK_EXIT, 1},
	{CURLOPT_VERBOSE, 0},
	{CURLOPT_FAILONERROR, 0},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_HTTP09_ALLOWED, 0},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
};

static FpgoHttpEasy *spare = NULL;	/* for the next request; or NULL */
static bool needs_system_file = false;	/* its directory was not enough */

/* Keeps the first failure.  A macro: curl_easy_setopt() checks types. */
#define SET_OPTION(code, easy, option, value) \
	do { \
		if ((code) == CURLE_OK) \
			(code) = curl_easy_setopt((easy)->handle, (option), (value)); \
	} while (0)

static bool
is_set_up_for(const FpgoHttpEasy *easy, const FpgoHttpRequest *request)
{
	if (easy->has_query || request->query != NULL)
		return false;
	if (easy->url == NULL || strcmp(easy->url, request->url) != 0)
		return false;
	if ((easy->ca_file == NULL) != (request->ca_file == NULL) ||
		(easy->ca_file && strcmp(easy->ca_file, request->ca_file) != 0))
		return false;
	return easy->is_post == request->is_post &&
		easy->connect_timeout_ms == request->connect_timeout_ms &&
		easy->timeout_ms == request->timeout_ms &&
		easy->keepalive_s == request->keepalive_s;
}

/* Take all options off a handle. */
static void
clear_setup(FpgoHttpEasy *easy)
{
	curl_easy_reset(easy->handle);
	curl_url_cleanup(easy->address);
	easy->address = NULL;
	free(easy->url);
	easy->url = NULL;
	free(easy->ca_file);
	easy->ca_file = NULL;
}

static FpgoHttpEasy *
create(void)
{
	FpgoHttpEasy *easy = calloc(1, sizeof(FpgoHttpEasy));

	if (easy == NULL)
		return NULL;
	easy->handle = curl_easy_init();
	if (easy->handle != NULL)
		return easy;
	free(easy);
	return NULL;
}

static void
destroy(FpgoHttpEasy *easy)
{
	curl_easy_cleanup(easy->handle);
	curl_url_cleanup(easy->address);
	free(easy->url);
	free(easy->ca_file);
	free(easy);
}

/* Note the request that the handle is set up for. */
static CURLcode
note_setup(FpgoHttpEasy *easy, const FpgoHttpRequest *request)
{
	easy->url = strdup(request->url);
	if (easy->url == NULL)
		return CURLE_OUT_OF_MEMORY;
	if (request->ca_file)
	{
		easy->ca_file = strdup(request->ca_file);
		if (easy->ca_file == NULL)
			return CURLE_OUT_OF_MEMORY;
	}
	easy->has_query = request->query != NULL;
	easy->is_post = request->is_post;
	easy->connect_timeout_ms = request->connect_timeout_ms;
	easy->timeout_ms = request->timeout_ms;
	easy->keepalive_s = request->keepalive_s;
	return CURLE_OK;
}

/*
 * Check the address and take it apart once; libcurl would do that for every
 * request.
 */
static CURLcode
set_address(FpgoHttpEasy *easy, const char *url, const char *query)
{
	CURLcode	code = CURLE_OK;

	if (fpgo_http_check_url(url) != NULL)
		return CURLE_URL_MALFORMAT;
	easy->address = fpgo_http_parse_url(url);
	if (easy->address == NULL)
		return CURLE_OUT_OF_MEMORY;
	if (query != NULL &&
		curl_url_set(easy->address, CURLUPART_QUERY, query, 0) != CURLUE_OK)
		return CURLE_OUT_OF_MEMORY;
	easy->is_plain = fpgo_http_is_plain(url);
	easy->names_loopback = fpgo_http_classify_host(url) == FPGO_PEER_LOOPBACK;
	SET_OPTION(code, easy, CURLOPT_CURLU, easy->address);
	return code;
}

/*
 * Can the certificates be read without waiting?  Opening a pipe would wait for
 * its writer, and reading a device might not end.  The TLS library reads the
 * file inside fpgo_http_step(), which must not wait so.
 */
static bool
is_readable_at_once(const char *ca_file)
{
	struct stat status;

	return stat(ca_file, &status) == 0 && S_ISREG(status.st_mode) &&
		status.st_size <= MAX_CA_FILE_SIZE;
}

/*
 * Where the system has its authorities in one file; NULL if nowhere.  libcurl
 * knows that, and where the directory is, from its own build.
 */
static const char *
system_file(void)
{
	const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;

	return file != NULL && is_readable_at_once(file) ? file : NULL;
}

/*
 * Does the system have a directory where OpenSSL finds an authority by its name?
 * Other TLS libraries read all of the directory.
 */
static bool
has_system_directory(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	struct stat status;

	return info->capath != NULL && info->ssl_version != NULL &&
		strncmp(info->ssl_version, "OpenSSL/", 8) == 0 &&
		stat(info->capath, &status) == 0 && S_ISDIR(status.st_mode);
}

/*
 * Set whom to trust.  Reading the system's file of authorities takes some thirty
 * times as long as all else of a new connection.  Therefore its directory is
 * asked first, where only the authority that is needed is read.  The file is read
 * once it turns out that the directory does not have it.  libcurl keeps what it
 * read of a file for the next connections, if it is given no directory.
 */
static CURLcode
set_trust(FpgoHttpEasy *easy, const char *ca_file)
{
	CURLcode	code = CURLE_OK;

	easy->trusts_directory = ca_file == NULL && !needs_system_file &&
		has_system_directory();
	if (easy->trusts_directory)
		SET_OPTION(code, easy, CURLOPT_CAINFO, NULL);
	else if (ca_file != NULL)
		SET_OPTION(code, easy, CURLOPT_CAINFO, ca_file);
	/* with a ca_file, the system's directory would be trusted too */
	if (!easy->trusts_directory && (ca_file != NULL || system_file() != NULL))
		SET_OPTION(code, easy, CURLOPT_CAPATH, NULL);
	SET_OPTION(code, easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
	return code;
}

bool
fpgo_http_easy_trust_more(FpgoHttpEasy *easy)
{
	const char *file = system_file();
	CURLcode	code = CURLE_OK;

	if (!easy->trusts_directory || file == NULL)
		return false;
	needs_system_file = true;
	easy->trusts_directory = false;
	SET_OPTION(code, easy, CURLOPT_CAINFO, file);
	SET_OPTION(code, easy, CURLOPT_CAPATH, NULL);
	return code == CURLE_OK;
}

/* Set address, way and time limits. */
static CURLcode
set_route(FpgoHttpEasy *easy, const FpgoHttpRequest *request)
{
	CURLcode	code = set_address(easy, request->url, request->query);

	SET_OPTION(code, easy, CURLOPT_PROTOCOLS_STR,
			   fpgo_http_is_plain(request->url) ? "http" : "https");
	SET_OPTION(code, easy, CURLOPT_PROXY, "");
	SET_OPTION(code, easy, CURLOPT_NOPROXY, "*");
	if (code == CURLE_OK && !easy->is_plain)
		code = set_trust(easy, request->ca_file);
	SET_OPTION(code, easy, CURLOPT_CONNECTTIMEOUT_MS,
			   (long) request->connect_timeout_ms);
	SET_OPTION(code, easy, CURLOPT_TIMEOUT_MS, (long) request->timeout_ms);
	if (request->keepalive_s > 0)
		SET_OPTION(code, easy, CURLOPT_MAXAGE_CONN,
				   (long) request->keepalive_s);
	else
	{
		SET_OPTION(code, easy, CURLOPT_FRESH_CONNECT, 1L);
		SET_OPTION(code, easy, CURLOPT_FORBID_REUSE, 1L);
	}
	return code;
}

/* All options but those of set_own(). */
static CURLcode
set_up(FpgoHttpEasy *easy, const FpgoHttpRequest *request,
	   const FpgoHttpHooks *hooks)
{
	CURLcode	code = note_setup(easy, request);

	for (size_t i = 0; i < lengthof(fixed_options); i++)
		SET_OPTION(code, easy, fixed_options[i].option,
				   fixed_options[i].value);
	SET_OPTION(code, easy, CURLOPT_RESOLVER_START_FUNCTION,
			   hooks->on_resolve);
	SET_OPTION(code, easy, CURLOPT_OPENSOCKETFUNCTION, hooks->on_connect);
	SET_OPTION(code, easy, CURLOPT_PREREQFUNCTION, hooks->on_prereq);
	SET_OPTION(code, easy, CURLOPT_HEADERFUNCTION, hooks->on_header);
	SET_OPTION(code, easy, CURLOPT_WRITEFUNCTION, hooks->on_body);
	SET_OPTION(code, easy, CURLOPT_OPENSOCKETDATA, easy);
	SET_OPTION(code, easy, CURLOPT_PREREQDATA, easy);
	SET_OPTION(code, easy, CURLOPT_HEADERDATA, easy);
	SET_OPTION(code, easy, CURLOPT_WRITEDATA, easy);
	/* decode an answer that comes in a coding although nobody asked */
	SET_OPTION(code, easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	if (request->is_post)
		SET_OPTION(code, easy, CURLOPT_POST, 1L);
	else
		SET_OPTION(code, easy, CURLOPT_HTTPGET, 1L);
	return code == CURLE_OK ? set_route(easy, request) : code;
}

/* Set headers and body, which are one request's own; NULL removes them. */
static CURLcode
set_own(FpgoHttpEasy *easy, struct curl_slist *headers, const char *body)
{
	CURLcode	code = CURLE_OK;

	SET_OPTION(code, easy, CURLOPT_HTTPHEADER, headers);
	if (easy->is_post)
		SET_OPTION(code, easy, CURLOPT_POSTFIELDS, body);
	return code;
}

FpgoHttpEasy *
fpgo_http_easy_take(const FpgoHttpRequest *request,
					const FpgoHttpHooks *hooks, CURLcode *code)
{
	FpgoHttpEasy *easy = spare;

	spare = NULL;
	*code = CURLE_OK;
	if (easy && is_set_up_for(easy, request))
		return easy;

	if (easy)
		clear_setup(easy);
	else
		easy = create();
	*code = easy ? set_up(easy, request, hooks) : CURLE_OUT_OF_MEMORY;
	return easy;
}

CURLcode
fpgo_http_easy_load(FpgoHttpEasy *easy, const FpgoHttpRequest *request,
					struct curl_slist *authorization, void *user)
{
	CURLcode	code = CURLE_OK;

	/* a line break in the token would begin another header */
	if (!fpgo_http_is_sendable_token(request->token))
		return CURLE_SETOPT_OPTION_SYNTAX;
	/* checked for each request, since the file may be replaced */
	if (request->ca_file && !fpgo_http_is_plain(request->url) &&
		!is_readable_at_once(request->ca_file))
		return CURLE_SSL_CACERT_BADFILE;

	easy->user = user;
	authorization->next = fpgo_http_lines(request->is_post);
	if (request->is_post)
		SET_OPTION(code, easy, CURLOPT_POSTFIELDSIZE_LARGE,
				   (curl_off_t) request->body_len);
	return code == CURLE_OK ? set_own(easy, authorization, request->body) :
		code;
}

/*
 * Does a handle have a copy of the last request until it is freed?  libcurl 8
 * keeps the buffer that it sent token and order from, for the next request.
 */
static bool
keeps_last_request(void)
{
	static unsigned int version = 0;

	if (version == 0)
		version = curl_version_info(CURLVERSION_NOW)->version_num;
	return version >= FIRST_TO_KEEP_REQUESTS;
}

CURLcode
fpgo_http_easy_want_fresh(FpgoHttpEasy *easy)
{
	easy->wants_fresh = true;
	return curl_easy_setopt(easy->handle, CURLOPT_FRESH_CONNECT, 1L);
}

/* Undo that, for the next request. */
static CURLcode
forget_fresh(FpgoHttpEasy *easy)
{
	CURLcode	code = CURLE_OK;

	if (easy->wants_fresh)
		SET_OPTION(code, easy, CURLOPT_FRESH_CONNECT, 0L);
	easy->wants_fresh = false;
	return code;
}

void
fpgo_http_easy_give_back(FpgoHttpEasy *easy, bool ended_well)
{
	if (ended_well && spare == NULL && !keeps_last_request() &&
		set_own(easy, NULL, NULL) == CURLE_OK &&
		forget_fresh(easy) == CURLE_OK)
	{
		easy->user = NULL;
		spare = easy;
	}
	else
		destroy(easy);
}
