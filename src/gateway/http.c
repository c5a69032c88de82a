/*
 * http.c
 *		The libcurl room: start, step, finish.
 *
 * The promise: a request is transmitted at most once, and result.mark_reached
 * is true from the moment its first byte may leave.  libcurl by itself sends
 * a POST again when a kept connection turns out dead, and on a 417;
 * on_prereq() is called before each transmission and stops the second.  It
 * also stops the first on a kept connection that it finds dead.  Nothing was
 * sent then, and start_anew() begins the request again.
 *
 * All transfers of a process run on one multi handle, which lives as long as
 * the process and keeps a few idle connections.  A transfer is one memory
 * context with one struct and one reset callback, release_transfer(), that is
 * registered before libcurl allocates anything; it can run after any error.
 * Memory contexts do not see what libcurl allocates by malloc: therefore the
 * answer has a limit.  The token and the answer are secrets.  fpgo's copies
 * and libcurl's (http_memory.c) are overwritten before they are freed; those
 * of the TLS library are not.
 *
 * Nothing here may palloc, raise or look at interrupts while libcurl is on
 * the stack: callbacks note a fault and return short.  libcurl's own error
 * texts name hosts and files and are never asked for.
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "gateway/http.h"
#include "gateway/http_easy.h"
#include "gateway/http_header.h"
#include "gateway/http_libcurl.h"
#include "gateway/http_lines.h"
#include "gateway/http_memory.h"
#include "gateway/http_peer.h"
#include "gateway/http_socket.h"
#include "gateway/http_wait.h"

/* longest slice: callers look at interrupts between slices */
#define MAX_SLICE_MS 50

/*
 * Idle connections kept by a process: twice the four requests that delivery
 * has in flight for an account.  They stand outside PostgreSQL's count of
 * descriptors, which leaves ten to spare for such things (NUM_RESERVED_FDS).
 */
#define MAX_KEPT_CONNECTIONS 8L

/* by number: fpgo may be built with a libcurl before 8.20, which has no names */
#define MULTI_RESOLVE_THREADS_MAX ((CURLMoption) (CURLOPTTYPE_LONG + 20))
#define MULTI_QUICK_EXIT ((CURLMoption) (CURLOPTTYPE_LONG + 21))

/*
 * Threads that look names up at most, two for a name.  Those that a dead name
 * service holds up must leave some for the names that it knows.
 */
#define MAX_RESOLVE_THREADS 200L

/* an answer has half a kilobyte, and malloc is slow for larger blocks */
#define FIRST_ANSWER_SIZE 1024

struct FpgoHttpTransfer
{
	FpgoHttpResult result;
	MemoryContext context;		/* holds this struct */
	MemoryContextCallback release;
	dlist_node	node;			/* in live, while in_multi */
	FpgoHttpEasy *easy;
	struct curl_slist authorization;	/* the first of the headers */
	char	   *answer;			/* malloc'd, NUL-terminated; NULL if no body */
	size_t		answer_size;	/* bytes allocated */
	size_t		answer_limit;	/* most bytes without the NUL */
	size_t		header_bytes;	/* of all header lines so far */
	instr_time	started;
	bool		may_be_internal;	/* as in the request */
	bool		met_refusal;	/* an address was refused; more may come */
	bool		met_dead;		/* a kept connection was dead */
	bool		has_socket;		/* one was opened for it */
	bool		holds_fd;
	bool		in_multi;
	bool		is_done;
	char		line[FLEXIBLE_ARRAY_MEMBER];	/* authorization's text */
};

static CURLM *multi = NULL;		/* of process multi_pid */
static int	multi_pid = 0;
static dlist_head live = DLIST_STATIC_INIT(live);	/* transfers in multi */
static long max_kept_connections = MAX_KEPT_CONNECTIONS;
static bool keeps_signals = false;	/* see on_resolve() */
static sigset_t usual_signals;		/* the mask before that */

/* ---------- headers and body, as they arrive ---------- */

/* Everything down to on_prereq() runs on libcurl's stack. */

/*
 * libcurl calls this for each line of each header block, and for trailers.  It
 * keeps all of them: therefore headers have a limit too.  A body in a coding
 * that is not read is not asked for.
 */
static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	FpgoHttpTransfer *transfer = ((FpgoHttpEasy *) arg)->user;
	FpgoHttpResult *result = &transfer->result;
	size_t		len = size * count;
	long		status = 0;

	transfer->header_bytes += len;
	if (transfer->header_bytes > transfer->answer_limit)
	{
		result->over_limit = true;
		return 0;
	}
	if (result->body_len > 0 || len == 0)
		return len;				/* a trailer */

	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		fpgo_http_header_forget(result);
	else if (data[0] == '\r' || data[0] == '\n')
	{
		curl_easy_getinfo(transfer->easy->handle, CURLINFO_RESPONSE_CODE,
						  &status);
		result->status = (int) status;
		result->headers_complete = status >= 200;
		if (result->headers_complete && result->foreign_coding != NULL)
			return 0;
	}
	else
		fpgo_http_header_note(result, data, len);

	return len;
}

/*
 * Make room for needed bytes of answer and a NUL.  By malloc and not realloc,
 * which would leave copies of a secret behind.
 */
static bool
reserve_answer(FpgoHttpTransfer *transfer, size_t needed)
{
	size_t		size = Max(transfer->answer_size, FIRST_ANSWER_SIZE);
	char	   *grown;

	if (needed < transfer->answer_size)
		return true;
	while (size <= needed)
		size *= 2;
	size = Min(size, transfer->answer_limit + 1);
	grown = malloc(size);
	if (grown == NULL)
		return false;
	if (transfer->answer)
	{
		memcpy(grown, transfer->answer, transfer->result.body_len);
		explicit_bzero(transfer->answer, transfer->answer_size);
		free(transfer->answer);
	}
	transfer->answer = grown;
	transfer->answer_size = size;
	transfer->result.body = grown;
	return true;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	FpgoHttpTransfer *transfer = ((FpgoHttpEasy *) arg)->user;
	FpgoHttpResult *result = &transfer->result;
	size_t		len = size * count;

	if (len > transfer->answer_limit - result->body_len)
	{
		result->over_limit = true;
		return 0;
	}
	if (!reserve_answer(transfer, result->body_len + len))
	{
		result->no_memory = true;
		return 0;
	}
	memcpy(transfer->answer + result->body_len, data, len);
	result->body_len += len;
	transfer->answer[result->body_len] = '\0';
	return len;
}

/* May the request go to this peer?  Plain HTTP goes to this machine alone. */
static bool
may_see(const FpgoHttpTransfer *transfer, FpgoPeer peer)
{
	const FpgoHttpEasy *easy = transfer->easy;

	if (transfer->may_be_internal && !easy->is_plain)
		return true;
	return peer == (easy->names_loopback ? FPGO_PEER_LOOPBACK :
					FPGO_PEER_PUBLIC);
}

/*
 * The mark.  libcurl calls this once a connection exists, before the first
 * byte of each transmission of the request.
 */
static int
on_prereq(void *arg, char *peer_address,
		  char *own_address pg_attribute_unused(), int peer_port,
		  int own_port)
{
	FpgoHttpTransfer *transfer = ((FpgoHttpEasy *) arg)->user;

	/* the second call: libcurl is about to send the request again */
	if (transfer->result.mark_reached)
		return CURL_PREREQFUNC_ABORT;

	/* a kept connection may have been made for a server with other rights */
	if (!may_see(transfer, fpgo_peer_of_text(peer_address)))
	{
		transfer->met_refusal = true;
		return CURL_PREREQFUNC_ABORT;
	}

	if (fpgo_http_socket_is_dead(transfer->easy->handle, peer_address,
								 peer_port, own_port))
	{
		transfer->met_dead = true;
		return CURL_PREREQFUNC_ABORT;
	}

	transfer->result.mark_reached = true;
	return CURL_PREREQFUNC_OK;
}

/*
 * libcurl calls this before it connects to an address: a name that was checked
 * in the URL can still resolve to any address.
 */
static curl_socket_t
on_connect(void *arg, curlsocktype purpose pg_attribute_unused(),
		   struct curl_sockaddr *address)
{
	FpgoHttpTransfer *transfer = ((FpgoHttpEasy *) arg)->user;

	if (!may_see(transfer, fpgo_peer_of_socket(&address->addr)))
	{
		transfer->met_refusal = true;
		return CURL_SOCKET_BAD;
	}
	transfer->has_socket = true;
	return fpgo_http_socket_open(address);
}

/*
 * libcurl calls this before it looks a name up, which it does in a thread.
 * The thread inherits the signal mask, and PostgreSQL's handlers must never
 * run in it.  Therefore all signals are blocked from here until perform()
 * unblocks them.
 */
static int
on_resolve(void *resolver pg_attribute_unused(),
		   void *reserved pg_attribute_unused(),
		   void *arg pg_attribute_unused())
{
	sigset_t	all_signals;

	if (!keeps_signals)
	{
		sigfillset(&all_signals);
		sigprocmask(SIG_SETMASK, &all_signals, &usual_signals);
		keeps_signals = true;
	}
	return 0;
}

static const FpgoHttpHooks hooks = {
	.on_resolve = on_resolve,
	.on_prereq = on_prereq,
	.on_header = on_header,
	.on_body = on_body,
	.on_connect = on_connect,
};

/* ---------- taking a transfer down ---------- */

/* Take the transfer off the multi handle; its connection may stay there. */
static void
detach(FpgoHttpTransfer *transfer)
{
	if (!transfer->in_multi)
		return;
	transfer->in_multi = false;
	dlist_delete(&transfer->node);
	curl_multi_remove_handle(multi, transfer->easy->handle);
}

/*
 * The reset callback: releases all that the transfer has, in whatever state.
 * Cannot fail.
 */
static void
release_transfer(void *arg)
{
	FpgoHttpTransfer *transfer = arg;

	detach(transfer);
	if (transfer->easy)
		fpgo_http_easy_give_back(transfer->easy,
								 transfer->result.code == CURLE_OK);
	transfer->easy = NULL;

	/* libcurl has read the line until now */
	explicit_bzero(transfer->line, strlen(transfer->line));

	if (transfer->answer)
	{
		explicit_bzero(transfer->answer, transfer->answer_size);
		free(transfer->answer);
	}
	transfer->answer = NULL;
	if (transfer->holds_fd)
		ReleaseExternalFD();
	transfer->holds_fd = false;
}

/* The stage that the transfer had reached when it ended. */
static FpgoHttpStage
find_stage(const FpgoHttpTransfer *transfer)
{
	long		n_connects;
	curl_off_t	elapsed;

	if (transfer->result.mark_reached)
		return FPGO_HTTP_SENT;
	if (transfer->easy == NULL)
		return FPGO_HTTP_RESOLVING;
	/* counts those of TCP; the time of connecting is 0 until TLS is agreed on */
	if (curl_easy_getinfo(transfer->easy->handle, CURLINFO_NUM_CONNECTS,
						  &n_connects) == CURLE_OK && n_connects > 0)
		return FPGO_HTTP_SECURING;
	/* 0 until it has happened */
	if (curl_easy_getinfo(transfer->easy->handle, CURLINFO_NAMELOOKUP_TIME_T,
						  &elapsed) == CURLE_OK && elapsed > 0)
		return FPGO_HTTP_CONNECTING;
	return FPGO_HTTP_RESOLVING;
}

/*
 * A body of no given length ends with its connection.  A gateway may close that
 * without TLS's goodbye: an error for libcurl 8, and none for libcurl 7.  If a
 * part of the body is missing, it is not JSON.
 */
static bool
has_ended_with_connection(const FpgoHttpResult *result, int code)
{
	return code == CURLE_RECV_ERROR && result->headers_complete &&
		!result->is_framed;
}

/* The transfer has ended: nothing of it will change any more. */
static void
settle(FpgoHttpTransfer *transfer, int code)
{
	FpgoHttpResult *result = &transfer->result;
	instr_time	elapsed;
	long		status = 0;

	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, transfer->started);
	result->elapsed_us = (int64) INSTR_TIME_GET_MICROSEC(elapsed);
	result->code = has_ended_with_connection(result, code) ? CURLE_OK : code;
	result->stage = find_stage(transfer);
	result->peer_refused = transfer->met_refusal && !result->mark_reached &&
		(code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK);
	if (transfer->easy &&
		curl_easy_getinfo(transfer->easy->handle, CURLINFO_RESPONSE_CODE,
						  &status) == CURLE_OK)
		result->status = (int) status;
	detach(transfer);
	transfer->is_done = true;
}

/* ---------- the multi handle ---------- */

void
fpgo_http_require(void)
{
	static bool is_ready = false;
	FpgoHttpLibrary library;
	struct sigaction action;

	if (is_ready)
		return;

	library = fpgo_http_library();
	if (library.fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the installed HTTP library cannot be used"),
				 library.version == NULL ?
				 errdetail("%s", library.fault) :
				 errdetail("libcurl %s was found.  %s", library.version,
						   library.fault),
				 errhint("Install libcurl 7.87 or newer, with TLS and an "
						 "asynchronous resolver.")));

	/* libcurl may write to a socket that is closed, and does not do this */
	if (sigaction(SIGPIPE, NULL, &action) != 0 ||
		action.sa_handler != SIG_IGN)
		elog(ERROR, "SIGPIPE is not ignored");

	/* libcurl would write TLS secrets to the file that this variable names */
	unsetenv("SSLKEYLOGFILE");
	if (fpgo_http_memory_init() != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not initialize the HTTP library")));
	is_ready = true;
}

/*
 * Make a multi handle of this process, if there is none; raises if that fails.
 * A handle that was inherited over a fork shares its sockets with the parent,
 * and is not used.
 */
static void
require_multi(void)
{
	if (multi != NULL && multi_pid == MyProcPid)
		return;
	dlist_init(&live);
	multi = curl_multi_init();
	if (multi == NULL ||
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
						  max_kept_connections) != CURLM_OK)
	{
		curl_multi_cleanup(multi);
		multi = NULL;
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while preparing to send HTTP requests.")));
	}
	multi_pid = MyProcPid;

	/* an older libcurl does not know them, and does not need them */
	curl_multi_setopt(multi, MULTI_RESOLVE_THREADS_MAX, MAX_RESOLVE_THREADS);
	curl_multi_setopt(multi, MULTI_QUICK_EXIT, 1L);
}

void
fpgo_http_expect(int n_transfers)
{
	if (n_transfers <= max_kept_connections)
		return;
	fpgo_http_require();
	require_multi();
	if (curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
						  (long) n_transfers) == CURLM_OK)
		max_kept_connections = n_transfers;
}

/*
 * The multi handle failed, and its transfers may never end: end all of them,
 * as abandoned.
 */
static void
abandon_all(void)
{
	while (!dlist_is_empty(&live))
		settle(dlist_head_element(FpgoHttpTransfer, node, &live),
			   FPGO_HTTP_ABANDONED);
	curl_multi_cleanup(multi);
	multi = NULL;
}

/* The transfer of an easy handle. */
static FpgoHttpTransfer *
find_transfer(const CURL *handle)
{
	dlist_iter	i;

	dlist_foreach(i, &live)
	{
		FpgoHttpTransfer *transfer = dlist_container(FpgoHttpTransfer, node,
													 i.cur);

		if (transfer->easy->handle == handle)
			return transfer;
	}
	return NULL;
}

/*
 * Begin a transfer again if it only met a dead connection, or if there are
 * authorities that may know the gateway's certificate; false: it ended.
 */
static bool
start_anew(FpgoHttpTransfer *transfer, CURLcode code)
{
	CURL	   *handle = transfer->easy->handle;
	bool		met_dead = code == CURLE_ABORTED_BY_CALLBACK &&
		transfer->met_dead;

	if (transfer->result.mark_reached ||
		!(met_dead || code == CURLE_PEER_FAILED_VERIFICATION))
		return false;
	if (!met_dead && !fpgo_http_easy_trust_more(transfer->easy))
		return false;
	transfer->met_dead = false;
	curl_multi_remove_handle(multi, handle);
	if ((met_dead &&
		 fpgo_http_easy_want_fresh(transfer->easy) != CURLE_OK) ||
		curl_multi_add_handle(multi, handle) != CURLM_OK)
		settle(transfer, CURLE_FAILED_INIT);
	return !transfer->is_done;
}

/*
 * Let libcurl do what it can without waiting, and settle the transfers that
 * have ended.  Returns true if one has.
 */
static bool
perform(void)
{
	CURLMcode	code;
	CURLMsg    *message;
	int			n_running;
	int			n_left;
	CURLcode	result;
	bool		has_ended = false;

	code = curl_multi_perform(multi, &n_running);
	if (keeps_signals)
		sigprocmask(SIG_SETMASK, &usual_signals, NULL);
	keeps_signals = false;

	while ((message = curl_multi_info_read(multi, &n_left)) != NULL)
	{
		FpgoHttpTransfer *transfer = find_transfer(message->easy_handle);

		if (message->msg != CURLMSG_DONE || transfer == NULL)
			continue;
		/* both free the message */
		result = message->data.result;
		if (start_anew(transfer, result))
			continue;
		if (!transfer->is_done)
			settle(transfer, result);
		has_ended = true;
	}
	if (code != CURLM_OK)
	{
		abandon_all();
		has_ended = true;
	}
	return has_ended;
}

/*
 * Make a transfer in a new child of parent.  It has nothing of libcurl yet,
 * but can be released from now on.
 */
static FpgoHttpTransfer *
create_transfer(const FpgoHttpRequest *request, MemoryContext parent)
{
	static const char bearer[] = FPGO_HTTP_BEARER;
	size_t		token_len = strlen(request->token);
	MemoryContext context = AllocSetContextCreate(parent, "fpgo request",
												  ALLOCSET_SMALL_SIZES);
	FpgoHttpTransfer *transfer =
		MemoryContextAllocZero(context, offsetof(FpgoHttpTransfer, line) +
							   sizeof(bearer) + token_len);

	transfer->context = context;
	transfer->answer_limit = request->answer_limit;
	transfer->may_be_internal = request->may_be_internal;
	transfer->result.code = FPGO_HTTP_ABANDONED;
	transfer->result.body = "";
	fpgo_http_header_forget(&transfer->result);
	INSTR_TIME_SET_CURRENT(transfer->started);

	memcpy(transfer->line, bearer, sizeof(bearer) - 1);
	memcpy(transfer->line + sizeof(bearer) - 1, request->token, token_len);
	transfer->authorization.data = transfer->line;

	transfer->release.func = release_transfer;
	transfer->release.arg = transfer;
	MemoryContextRegisterResetCallback(context, &transfer->release);
	return transfer;
}

/* ---------- what http.h declares ---------- */

FpgoHttpTransfer *
fpgo_http_start(const FpgoHttpRequest *request, MemoryContext parent)
{
	FpgoHttpTransfer *transfer;
	CURLcode	code;

	Assert(request->connect_timeout_ms > 0 && request->timeout_ms > 0);
	fpgo_http_require();
	require_multi();

	transfer = create_transfer(request, parent);
	transfer->holds_fd = AcquireExternalFD();
	if (!transfer->holds_fd)
	{
		MemoryContextDelete(transfer->context);
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open a connection to the gateway"),
				 errdetail("Too many files are open in this process."),
				 errhint("Raise max_files_per_process or the operating "
						 "system's limit on open files.")));
	}

	/* a failure from here on is the transfer's result */
	transfer->easy = fpgo_http_easy_take(request, &hooks, &code);
	if (code == CURLE_OK)
		code = fpgo_http_easy_load(transfer->easy, request,
								   &transfer->authorization, transfer);
	if (code == CURLE_OK &&
		curl_multi_add_handle(multi, transfer->easy->handle) != CURLM_OK)
		code = CURLE_FAILED_INIT;
	if (code != CURLE_OK)
	{
		settle(transfer, code);
		return transfer;
	}
	transfer->in_multi = true;
	dlist_push_tail(&live, &transfer->node);
	return transfer;
}

/* Is a name being looked up, or about to be? */
static bool
is_resolving(void)
{
	dlist_iter	i;

	dlist_foreach(i, &live)
	{
		const FpgoHttpTransfer *transfer =
			dlist_container(FpgoHttpTransfer, node, i.cur);

		if (!transfer->has_socket && !transfer->result.mark_reached)
			return true;
	}
	return false;
}

bool
fpgo_http_heed_latch(void)
{
	return fpgo_http_wait_for_latch();
}

void
fpgo_http_step(int wait_ms)
{
	/* first without waiting: a new request is sent here */
	if (dlist_is_empty(&live) || perform())
		return;

	if (fpgo_http_wait(multi, Max(Min(wait_ms, MAX_SLICE_MS), 0),
					   is_resolving()) != CURLM_OK)
		abandon_all();
	else
		perform();
}

bool
fpgo_http_is_done(const FpgoHttpTransfer *transfer)
{
	return transfer->is_done;
}

const FpgoHttpResult *
fpgo_http_result(const FpgoHttpTransfer *transfer)
{
	return &transfer->result;
}

void
fpgo_http_finish(FpgoHttpTransfer *transfer)
{
	MemoryContextDelete(transfer->context);
}
