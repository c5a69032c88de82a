/*
 * test_http.c
 *		The transport against a server of its own on loopback.
 *
 * The server counts the requests that it received whole: that count, and not
 * what the client believes, tells how often something was sent.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include <curl/curl.h>

#include "gateway/http.h"
#include "gateway/http_libcurl.h"
#include "lib/tap.h"

#define ANSWER_LIMIT 1000
#define MAX_REQUEST 65536
#define LARGE_BODY 60000
#define TLS_HANDSHAKE 22

#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"

/* an answer that begins with one of these is followed by the connection's end */
#define THEN_CLOSE "!"
#define THEN_RESET "?"
/* or, in a moment, by an answer that nobody asked for */
#define THEN_SPEAK "+"
/* an answer that begins so is sent in a moment */
#define LATE "~"
#define TIME_IS_UP "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
#define A_MOMENT_US 20000

/* more than are kept */
#define MANY_CONNECTIONS 12

/* in backend_stubs.c: waits that ended by their time */
extern int	stub_idle_waits;

/* What the server does with the n-th request; NULL: closes, says nothing. */
static const char *const *answers;
static int	n_answers;
static int	n_requests;			/* received whole */
static int	n_connections;
static char last_request[MAX_REQUEST];
static int	port;

/* Read one request, head and body; false at the connection's end, or TLS's start. */
static bool
receive_request(int client, char *request)
{
	size_t		n = 0;

	for (;;)
	{
		const char *body;
		const char *length;
		ssize_t		got = recv(client, request + n, MAX_REQUEST - 1 - n, 0);

		if (got <= 0)
			return false;
		n += got;
		request[n] = '\0';
		if (request[0] == TLS_HANDSHAKE)
			return false;
		body = strstr(request, "\r\n\r\n");
		length = strstr(request, "Content-Length: ");
		if (body && n - (body + 4 - request) >=
			(length ? strtoul(length + 16, NULL, 10) : 0))
			return true;
	}
}

/* Send one of the answers; false at the connection's end. */
static bool
send_answer(int client, const char *answer)
{
	static const struct linger at_once = {1, 0};
	char		then = *answer;
	bool		is_followed = strchr(THEN_CLOSE THEN_RESET THEN_SPEAK, then);

	answer += is_followed;
	if (then == *LATE)
	{
		usleep(A_MOMENT_US);
		answer++;
	}
	if (send(client, answer, strlen(answer), MSG_NOSIGNAL) < 0)
		return false;
	if (is_followed && then == *THEN_SPEAK)
	{
		usleep(A_MOMENT_US);
		return send(client, TIME_IS_UP, strlen(TIME_IS_UP), MSG_NOSIGNAL) > 0;
	}
	if (is_followed && then == *THEN_RESET)
	{
		usleep(A_MOMENT_US);
		setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	}
	return !is_followed;
}

static void *
serve_connection(void *arg)
{
	int			client = (int) (intptr_t) arg;
	char	   *request = malloc(MAX_REQUEST);

	while (receive_request(client, request))
	{
		int			n = __atomic_fetch_add(&n_requests, 1, __ATOMIC_SEQ_CST);
		const char *answer = n < n_answers ? answers[n] : NULL;

		memcpy(last_request, request, MAX_REQUEST);
		if (answer == NULL || !send_answer(client, answer))
			break;
	}
	close(client);
	free(request);
	return NULL;
}

static void *
serve(void *arg)
{
	int			listener = (int) (intptr_t) arg;

	for (;;)
	{
		pthread_t	thread;
		int			client = accept(listener, NULL, NULL);

		if (client < 0)
			return NULL;
		__atomic_fetch_add(&n_connections, 1, __ATOMIC_SEQ_CST);
		pthread_create(&thread, NULL, serve_connection,
					   (void *) (intptr_t) client);
		pthread_detach(thread);
	}
}

static void
start_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t	thread;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *) &address, len) != 0 ||
		listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &len) != 0)
		abort();
	port = ntohs(address.sin_port);
	pthread_create(&thread, NULL, serve, (void *) (intptr_t) listener);
	pthread_detach(thread);
}

/* What the next requests are answered with. */
static void
script(const char *const *new_answers, int n)
{
	answers = new_answers;
	n_answers = n;
	n_requests = 0;
	n_connections = 0;
}

/* The signals that were kept from the thread that looked a name up. */
static sigset_t resolver_mask;
static pthread_t resolver_thread;

/* the address of all names; NULL: they are not known */
static const char *known_address = NULL;

/* names that begin so are looked up for that long */
#define SLOW_NAME "slow"
#define SLOWNESS_S 10
#define MUCH_SOONER_MS 5000

/* What libcurl calls, in place of the C library's. */
int
getaddrinfo(const char *node, const char *service,
			const struct addrinfo *hints, struct addrinfo **found)
{
	if (strncmp(node, SLOW_NAME, strlen(SLOW_NAME)) == 0)
	{
		sleep(SLOWNESS_S);
		return EAI_AGAIN;
	}
	resolver_thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &resolver_mask);
	if (known_address)
	{
		int			(*in_libc) (const char *, const char *,
								const struct addrinfo *, struct addrinfo **) =
			dlsym(RTLD_NEXT, "getaddrinfo");

		return in_libc(known_address, service, NULL, found);
	}
	return EAI_NONAME;
}

static FpgoHttpRequest
make_request(int keepalive_s)
{
	static char url[64];
	FpgoHttpRequest request = {
		.url = url,
		.is_post = true,
		.body = "{\"a\":1}",
		.body_len = 7,
		.token = "tok_1",
		.connect_timeout_ms = 2000,
		.timeout_ms = 2000,
		.keepalive_s = keepalive_s,
		.answer_limit = ANSWER_LIMIT,
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/orders", port);
	return request;
}

static FpgoHttpTransfer *
run(const FpgoHttpRequest *request)
{
	FpgoHttpTransfer *transfer = fpgo_http_start(request,
												 CurrentMemoryContext);

	while (!fpgo_http_is_done(transfer))
		fpgo_http_step(50);
	return transfer;
}

static void
test_plain_exchange(void)
{
	static const char *const created[] = {"HTTP/1.1 201 Created\r\n"
		"Date: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
		"Content-Length: 2\r\nRetry-After: 7\r\nX-RateLimit-Limit: 240\r\n"
		"X-RateLimit-Remaining: oops\r\n\r\n{}"};
	FpgoHttpRequest request = make_request(0);
	FpgoHttpTransfer *transfer;
	const FpgoHttpResult *result;

	script(created, 1);
	transfer = run(&request);
	result = fpgo_http_result(transfer);
	ok(result->code == 0 && result->mark_reached && result->headers_complete &&
	   result->status == 201 && !result->over_limit, "a whole exchange");
	ok(strcmp(result->body, "{}") == 0 && result->body_len == 2, "its body");
	ok(result->retry_after_s == 7 && result->rate_limit == 240 &&
	   result->rate_remaining == -1 && result->date == 1792567680,
	   "its headers");
	ok(result->stage == FPGO_HTTP_SENT, "what it came to last");
	fpgo_http_finish(transfer);

	ok(strncmp(last_request, "POST /orders HTTP/1.1\r\n", 23) == 0,
	   "the request is a POST");
	ok(strstr(last_request, "\r\nAuthorization: Bearer tok_1\r\n") &&
	   strstr(last_request, "\r\nContent-Type: application/json\r\n") &&
	   strstr(last_request, "\r\nAccept: application/json\r\n") &&
	   strstr(last_request, "\r\nUser-Agent: fpgo/1.0\r\n"),
	   "it has its headers");
	ok(strcasestr(last_request, "\nExpect") == NULL &&
	   strcasestr(last_request, "\nAccept-Encoding") == NULL &&
	   strcasestr(last_request, "\nCookie") == NULL, "and no others");

	script(created, 1);
	request.is_post = false;
	fpgo_http_finish(run(&request));
	ok(strncmp(last_request, "GET /orders HTTP/1.1\r\n", 22) == 0 &&
	   strstr(last_request, "Content-") == NULL, "a GET has no body");

	script(created, 1);
	request.query = "type=a%20b";
	fpgo_http_finish(run(&request));
	ok(strncmp(last_request, "GET /orders?type=a%20b HTTP/1.1\r\n", 33) == 0,
	   "a query is sent as it is");
}

/* One transmission per request, whatever libcurl would like. */
static void
test_one_transmission(void)
{
	static const char *const dies[] = {CREATED, NULL, CREATED};
	static const char *const refuses[] = {
		THEN_CLOSE "HTTP/1.1 417 Expectation Failed\r\n"
		"Connection: close\r\nContent-Length: 2\r\n\r\n{}", CREATED};
	FpgoHttpRequest request = make_request(60);
	FpgoHttpTransfer *transfer;

	script(dies, 3);
	fpgo_http_finish(run(&request));
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->code == 42 &&
	   fpgo_http_result(transfer)->mark_reached,
	   "a kept connection dies with the request on it: stopped");
	ok(n_requests == 2, "two requests were received of two");
	fpgo_http_finish(transfer);

	script(refuses, 2);
	request.body = memset(palloc(LARGE_BODY), 'x', LARGE_BODY);
	request.body_len = LARGE_BODY;
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->status == 417 && n_requests == 1,
	   "a 417 is an answer, not a request to send again");
	fpgo_http_finish(transfer);

	script(dies, 1);
	request = make_request(60);
	fpgo_http_finish(run(&request));
	script(dies, 1);
	fpgo_http_finish(run(&request));
	ok(n_connections == 0, "a kept connection is used again");
	script(dies, 1);
	request = make_request(0);
	fpgo_http_finish(run(&request));
	ok(n_connections == 1, "or not, if none may be kept");
}

/* Let no connection be kept: one is closed with each request. */
static void
use_up_connections(void)
{
	FpgoHttpRequest request = make_request(60);

	script(NULL, 0);
	for (int i = 0; i < MANY_CONNECTIONS; i++)
		fpgo_http_finish(run(&request));
}

/*
 * What ended kept connections is seen before anything is sent into them: the
 * next request has a connection of its own, however soon it comes.
 */
static void
test_dead_connections(void)
{
	static const struct
	{
		const char *name;
		const char *answer;
	} ends[] = {
		{"closed", THEN_CLOSE CREATED},
		{"reset", THEN_RESET CREATED},
		{"spoken on unasked", THEN_SPEAK CREATED},
	};

	for (size_t i = 0; i < lengthof(ends); i++)
	{
		const char *const replies[] = {ends[i].answer, ends[i].answer,
		ends[i].answer, CREATED, CREATED};
		FpgoHttpRequest request = make_request(60);
		FpgoHttpTransfer *transfers[3];
		bool		is_good = true;

		use_up_connections();
		script(replies, lengthof(replies));
		for (size_t j = 0; j < lengthof(transfers); j++)
			transfers[j] = fpgo_http_start(&request, CurrentMemoryContext);
		for (size_t j = 0; j < lengthof(transfers); j++)
		{
			while (!fpgo_http_is_done(transfers[j]))
				fpgo_http_step(50);
			is_good &= fpgo_http_result(transfers[j])->code == 0;
			fpgo_http_finish(transfers[j]);
		}
		ok(is_good && n_connections == 3, "three connections are kept");
		usleep(5 * A_MOMENT_US);

		for (int j = 0; j < 2; j++)
		{
			FpgoHttpTransfer *transfer = run(&request);

			if (!ok(fpgo_http_result(transfer)->code == 0 &&
					fpgo_http_result(transfer)->status == 201 &&
					n_requests == 4 + j,
					"they are %s: request %d is received once", ends[i].name,
					j + 1))
				printf("# code %d, %d connections, %d requests\n",
					   fpgo_http_result(transfer)->code, n_connections,
					   n_requests);
			fpgo_http_finish(transfer);
		}
	}
}

/*
 * Write the escapes of an address in capitals, as libcurl 8.22 does.  Whether
 * %2e or %2E is sent is the same address (RFC 3986, 6.2.2.1).
 */
static void
raise_escapes(char *text)
{
	for (; *text; text++)
	{
		for (int i = 1; *text == '%' && i <= 2 && text[i]; i++)
			text[i] = toupper((unsigned char) text[i]);
	}
}

/*
 * A handle is kept with its options between requests; nothing of one request
 * may show in the next.
 */
static void
test_kept_options(void)
{
	static const char *const replies[] = {CREATED, CREATED, CREATED, NULL,
		CREATED, CREATED};
	static const struct
	{
		const char *path;
		const char *token;
		const char *body;		/* NULL: a GET */
		int			code;
	} cases[] = {
		{"/a", "tok_1", "{\"first\":1}", 0},
		{"/a", "tok_22", "{}", 0},
		{"/a", "tok_3", NULL, 0},
		{"/a", "tok_4", "{\"fourth\":4}", 42},
		{"/a/../b%2e/./c", "tok_5", "[]", 0},
		{"/a", "tok_6", "{\"sixth\":6}", 0},
	};
	char		url[128];
	char		wanted[512];

	script(replies, lengthof(replies));
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		FpgoHttpRequest request = make_request(60);
		FpgoHttpTransfer *transfer;
		const char *body = cases[i].body;
		int			n;

		snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port,
				 cases[i].path);
		request.url = url;
		request.token = cases[i].token;
		request.is_post = body != NULL;
		request.body = body;
		request.body_len = body ? strlen(body) : 0;
		n = snprintf(wanted, sizeof(wanted), "%s %s HTTP/1.1\r\n"
					 "Host: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n%s"
					 "Accept: application/json\r\nUser-Agent: fpgo/1.0\r\n",
					 body ? "POST" : "GET", cases[i].path, port,
					 cases[i].token,
					 body ? "Content-Type: application/json\r\n" : "");
		if (body)
			n += snprintf(wanted + n, sizeof(wanted) - n,
						  "Content-Length: %zu\r\n", strlen(body));
		snprintf(wanted + n, sizeof(wanted) - n, "\r\n%s", body ? body : "");

		transfer = run(&request);
		raise_escapes(wanted);
		raise_escapes(last_request);
		if (!ok(fpgo_http_result(transfer)->code == cases[i].code &&
				strcmp(last_request, wanted) == 0,
				"request %zu of several is what was asked for", i))
			printf("# %s\n", last_request);
		fpgo_http_finish(transfer);
	}
	ok(n_requests == lengthof(cases), "each was received once");
}

static void
test_answers(void)
{
	static const struct
	{
		const char *name;
		const char *answer;
		int			code;
		int			status;
		bool		headers_complete;
	} cases[] = {
		{"interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early "
			"Hints\r\nRetry-After: 9\r\nDate: Wed, 21 Oct 2026 07:28:00 GMT"
			"\r\n\r\n" CREATED, 0, 201, true},
		{"an interim answer alone", THEN_CLOSE "HTTP/1.1 103 Early Hints\r\n"
			"\r\n", 52, 103, false},
		{"an interim answer and half of another", THEN_CLOSE
			"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nX: ",
			0, 201, false},
		{"a cut status line", THEN_CLOSE "HTTP/1.", 52, 0, false},
		{"cut headers", THEN_CLOSE "HTTP/1.1 201 Created\r\nContent-Le", 0,
			201, false},
		{"a cut body", THEN_CLOSE "HTTP/1.1 201 Created\r\nContent-Length: 9"
			"\r\n\r\n{", 18, 201, true},
		{"a broken chunk", THEN_CLOSE "HTTP/1.1 201 Created\r\n"
			"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", 56, 201, true},
		{"chunks and a trailer", "HTTP/1.1 201 Created\r\n"
			"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nRetry-After: 9"
			"\r\n\r\n", 0, 201, true},
		{"garbage", THEN_CLOSE "SSH-2.0-x\r\n\r\n", 1, 0, false},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: /x\r\n"
			"Content-Length: 0\r\n\r\n", 0, 302, true},
		{"nothing", NULL, 52, 0, false},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		FpgoHttpRequest request = make_request(0);
		FpgoHttpTransfer *transfer;
		const FpgoHttpResult *result;

		script(&cases[i].answer, 1);
		transfer = run(&request);
		result = fpgo_http_result(transfer);
		if (!ok(result->code == cases[i].code &&
				result->status == cases[i].status &&
				result->headers_complete == cases[i].headers_complete &&
				result->mark_reached && result->retry_after_s == -1 &&
				result->date == -1 && result->stage == FPGO_HTTP_SENT &&
				n_requests == 1, "%s", cases[i].name))
			printf("# code %d status %d headers %d\n", result->code,
				   result->status, result->headers_complete);
		fpgo_http_finish(transfer);
	}
}

/* Answers about as large as may be. */
static void
test_answer_limit(void)
{
	FpgoHttpRequest request = make_request(0);

	for (int size = ANSWER_LIMIT - 1; size <= ANSWER_LIMIT + 1; size++)
	{
		/* static, since the server may send it longer than we listen */
		static char answer[ANSWER_LIMIT + 200];
		static const char *list = answer;
		int			n = snprintf(answer, sizeof(answer), "HTTP/1.1 201 Created"
								 "\r\nContent-Length: %d\r\n\r\n", size);
		FpgoHttpTransfer *transfer;
		const FpgoHttpResult *result;

		memset(answer + n, 'x', size);
		answer[n + size] = '\0';
		script(&list, 1);
		transfer = run(&request);
		result = fpgo_http_result(transfer);
		if (size <= ANSWER_LIMIT)
			ok(result->code == 0 && (int) result->body_len == size &&
			   (int) strlen(result->body) == size, "%d bytes of %d", size,
			   ANSWER_LIMIT);
		else
			ok(result->code == 23 && result->over_limit, "%d bytes of %d",
			   size, ANSWER_LIMIT);
		fpgo_http_finish(transfer);
	}
}

/* Headers without end, be they of the answer or of many before it. */
static void
test_header_limit(void)
{
	static const char *const repeated[] = {"X-Many: 0123456789012345678901\r\n",
		"\r\nHTTP/1.1 103 Early Hints\r\n"};

	for (size_t i = 0; i < lengthof(repeated); i++)
	{
		static char answer[2 * ANSWER_LIMIT + 200];
		static const char *list = answer;
		FpgoHttpRequest request = make_request(0);
		FpgoHttpTransfer *transfer;
		const FpgoHttpResult *result;

		strcpy(answer, i == 0 ? "HTTP/1.1 201 Created\r\n" :
			   "HTTP/1.1 103 Early Hints\r\n");
		while (strlen(answer) <= ANSWER_LIMIT)
			strcat(answer, repeated[i]);
		strcat(answer, i == 0 ? "Content-Length: 2\r\n\r\n{}" :
			   "\r\n" CREATED);
		script(&list, 1);
		transfer = run(&request);
		result = fpgo_http_result(transfer);
		ok(result->code == 23 && result->over_limit &&
		   !result->headers_complete, "too many headers: %s",
		   i == 0 ? "of the answer" : "of interim answers");
		fpgo_http_finish(transfer);
	}
}

static void
test_not_sent(void)
{
	FpgoHttpRequest request = make_request(60);
	FpgoHttpTransfer *transfer;

	script(NULL, 0);
	request.token = "tok\r\nX-Evil: 1";
	transfer = fpgo_http_start(&request, CurrentMemoryContext);
	ok(fpgo_http_is_done(transfer) && fpgo_http_result(transfer)->code == 49,
	   "a token with a line break is not sent");
	ok(fpgo_http_result(transfer)->stage == FPGO_HTTP_RESOLVING,
	   "nor is a name looked up for it");
	fpgo_http_finish(transfer);

	request = make_request(60);
	transfer = fpgo_http_start(&request, CurrentMemoryContext);
	ok(!fpgo_http_is_done(transfer) &&
	   fpgo_http_result(transfer)->code == FPGO_HTTP_ABANDONED &&
	   !fpgo_http_result(transfer)->mark_reached,
	   "a request that was not driven has not left");
	fpgo_http_finish(transfer);

	request.url = "http://127.0.0.1:1/";
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->code == 7 &&
	   !fpgo_http_result(transfer)->mark_reached, "no server");
	ok(fpgo_http_result(transfer)->stage == FPGO_HTTP_CONNECTING,
	   "found, but not reached");
	fpgo_http_finish(transfer);

	/* the server hangs up on who speaks TLS */
	request.url = psprintf("https://127.0.0.1:%d/", port);
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->code == 35 &&
	   !fpgo_http_result(transfer)->mark_reached, "no TLS");
	ok(fpgo_http_result(transfer)->stage == FPGO_HTTP_SECURING,
	   "reached, but not agreed on TLS");
	fpgo_http_finish(transfer);

	ok(n_requests == 0, "nothing was received");

	fpgo_http_step(1000);
	ok(true, "with nothing under way, a step does not wait");
}

/* A name is looked up in a thread, where a backend's handlers must not run. */
static void
test_resolver_signals(void)
{
	FpgoHttpRequest request = make_request(60);
	FpgoHttpTransfer *transfer;
	sigset_t	mask;

	request.url = "https://gateway.invalid/";
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->code == 6 &&
	   !fpgo_http_result(transfer)->mark_reached, "a name nobody knows");
	ok(fpgo_http_result(transfer)->stage == FPGO_HTTP_RESOLVING,
	   "and nothing is connected to");
	fpgo_http_finish(transfer);
	ok(!pthread_equal(resolver_thread, pthread_self()) &&
	   sigismember(&resolver_mask, SIGINT) == 1 &&
	   sigismember(&resolver_mask, SIGTERM) == 1 &&
	   sigismember(&resolver_mask, SIGUSR1) == 1,
	   "it is looked up in a thread that gets no signals");
	sigprocmask(SIG_SETMASK, NULL, &mask);
	ok(sigismember(&mask, SIGINT) == 0 && sigismember(&mask, SIGUSR1) == 0,
	   "and this one gets them as before");
}

/* Makes the next wait for the network fail; see rooms.mk. */
static bool poll_fails = false;

extern CURLMcode __real_curl_multi_poll(CURLM *multi,
										struct curl_waitfd more[],
										unsigned int n_more, int timeout_ms,
										int *n_ready);
extern CURLMcode __wrap_curl_multi_poll(CURLM *multi,
										struct curl_waitfd more[],
										unsigned int n_more, int timeout_ms,
										int *n_ready);

CURLMcode
__wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd more[],
					   unsigned int n_more, int timeout_ms, int *n_ready)
{
	bool		fails = poll_fails;

	poll_fails = false;
	return fails ? CURLM_OUT_OF_MEMORY :
		__real_curl_multi_poll(multi, more, n_more, timeout_ms, n_ready);
}

static int64
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

/* Names that take long to look up hold nothing up but their own requests. */
static void
test_slow_names(void)
{
	FpgoHttpRequest request = make_request(0);
	FpgoHttpTransfer *slow[30];
	FpgoHttpTransfer *transfer;
	char		urls[lengthof(slow)][64];
	int64		began = now_ms();
	int			status;
	pid_t		child;

	script(NULL, 0);
	request.connect_timeout_ms = request.timeout_ms = 60000;
	for (size_t i = 0; i < lengthof(slow); i++)
	{
		snprintf(urls[i], sizeof(urls[i]), "https://" SLOW_NAME "%zu.example/",
				 i);
		request.url = urls[i];
		slow[i] = fpgo_http_start(&request, CurrentMemoryContext);
		fpgo_http_step(0);
	}
	request.url = "https://elsewhere.invalid/";
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->code == 6 && now_ms() - began < MUCH_SOONER_MS,
	   "another name is looked up beside %zu slow ones", lengthof(slow));
	fpgo_http_finish(transfer);
	for (size_t i = 1; i < lengthof(slow); i++)
		fpgo_http_finish(slow[i]);
	ok(now_ms() - began < MUCH_SOONER_MS, "a request ends while its name is looked up");

	poll_fails = true;
	while (!fpgo_http_is_done(slow[0]))
		fpgo_http_step(50);
	ok(fpgo_http_result(slow[0])->code == FPGO_HTTP_ABANDONED &&
	   now_ms() - began < MUCH_SOONER_MS, "and so do all when libcurl fails");
	fpgo_http_finish(slow[0]);

	fflush(stdout);
	began = now_ms();
	child = fork();
	if (child == 0)
	{
		MyProcPid = getpid();
		request.url = urls[0];
		(void) fpgo_http_start(&request, CurrentMemoryContext);
		fpgo_http_step(50);
		exit(0);
	}
	ok(waitpid(child, &status, 0) == child && status == 0 &&
	   now_ms() - began < MUCH_SOONER_MS, "a process ends while it looks a name up");
}

/* To a name of that address; each has its own, since libcurl remembers them. */
static FpgoHttpResult
call_name(const char *address, bool may_be_internal)
{
	static int	n_names = 0;
	FpgoHttpRequest request = make_request(0);
	FpgoHttpTransfer *transfer;
	FpgoHttpResult result;
	char		url[64];

	snprintf(url, sizeof(url), "https://name%d.example:%d/", n_names++, port);
	request.url = url;
	request.may_be_internal = may_be_internal;
	known_address = address;
	script(NULL, 0);
	transfer = run(&request);
	result = *fpgo_http_result(transfer);
	known_address = NULL;
	fpgo_http_finish(transfer);
	return result;
}

/* A name can have any address, but not any address is connected to. */
static void
test_addresses(void)
{
	static const char *const internal[] = {"127.0.0.1", "::1", "10.0.0.1",
		"169.254.169.254", "100.64.0.1", "0.0.0.0", "::", "224.0.0.1", "fd00::1",
	"fe80::1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a00:1::"};
	FpgoHttpRequest request = make_request(60);
	FpgoHttpTransfer *transfer;
	FpgoHttpResult result;

	for (size_t i = 0; i < lengthof(internal); i++)
	{
		result = call_name(internal[i], false);
		ok(result.peer_refused && result.code == 7 && !result.mark_reached &&
		   n_connections == 0 && result.elapsed_us < 1000000,
		   "a name that has the address %s", internal[i]);
	}

	/* it speaks no TLS, so the connection is all there is */
	result = call_name("127.0.0.1", true);
	ok(!result.peer_refused && result.code == 35 && n_connections == 1,
	   "one that may have it");

	/* libcurl knows this name by itself */
	request.url = "https://x.localhost/";
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->peer_refused, "a name below localhost");
	fpgo_http_finish(transfer);

	request.url = "http://127.0.0.1:1/";
	request.may_be_internal = true;
	transfer = run(&request);
	ok(fpgo_http_result(transfer)->code == 7 &&
	   !fpgo_http_result(transfer)->peer_refused,
	   "who cannot be reached is not refused");
	fpgo_http_finish(transfer);
}

/* What no option can hold is not sent either. */
static void
call_unchecked(const FpgoHttpRequest *request)
{
	FpgoHttpTransfer *transfer = run(request);

	ok(fpgo_http_result(transfer)->code == 3 &&
	   !fpgo_http_result(transfer)->mark_reached, "not sent to \"%s\"",
	   request->url);
	fpgo_http_finish(transfer);
}

/* The path is sent as it stands; an address that is none leads nowhere. */
static void
test_wire(void)
{
	static const char *const created[] = {CREATED};
	static const char line[] = "POST /a/../b//./%2E%2E/%2F HTTP/1.1\r\n";
	FpgoHttpRequest request = make_request(60);
	char		url[64];

	script(created, lengthof(created));
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a/../b//./%%2e%%2e/%%2F",
			 port);
	request.url = url;
	fpgo_http_finish(run(&request));
	raise_escapes(last_request);
	ok(strncmp(last_request, line, strlen(line)) == 0,
	   "a path is sent as it stands");

	request.url = "https://user@127.0.0.1/";
	script(NULL, 0);
	call_unchecked(&request);
	request.url = "http://example.com/";
	call_unchecked(&request);
	request.url = "x";
	call_unchecked(&request);
}

/* Stopped with the request out and no answer yet, and others in flight. */
static void
test_many(void)
{
	static const char *const created[] = {CREATED, CREATED, CREATED, CREATED,
		CREATED, CREATED, CREATED, CREATED, CREATED, CREATED, CREATED,
		CREATED};
	FpgoHttpRequest request = make_request(60);
	FpgoHttpTransfer *transfers[12];
	int			n_done = 0;

	script(created, lengthof(created));
	for (size_t i = 0; i < lengthof(transfers); i++)
		transfers[i] = fpgo_http_start(&request, CurrentMemoryContext);
	while (!fpgo_http_result(transfers[5])->mark_reached)
		fpgo_http_step(0);
	ok(fpgo_http_is_done(transfers[5]) ||
	   fpgo_http_result(transfers[5])->code == FPGO_HTTP_ABANDONED,
	   "until it is done, a request counts as abandoned");
	fpgo_http_finish(transfers[5]);
	transfers[5] = NULL;

	for (int step = 0; step < 100 && n_done < 11; step++)
	{
		fpgo_http_step(50);
		n_done = 0;
		for (size_t i = 0; i < lengthof(transfers); i++)
			n_done += transfers[i] && fpgo_http_is_done(transfers[i]);
	}
	for (size_t i = 0; i < lengthof(transfers); i++)
	{
		if (transfers[i] == NULL)
			continue;
		n_done -= fpgo_http_result(transfers[i])->code == 0;
		fpgo_http_finish(transfers[i]);
	}
	ok(n_done == 0, "eleven others came through");
	ok(n_requests >= 11 && n_requests <= 12, "each was received once");
}

/*
 * A wait on the latch and the network ends when the answer comes.  (Not always the
 * first time: the machine may be busy.)
 */
static void
test_wait_with_latch(void)
{
	static const char *const last[] = {"HTTP/1.1 201 Created\r\n"
		"Connection: close\r\nContent-Length: 2\r\n\r\n{}"};
	static const char *const late[] = {LATE CREATED, LATE CREATED};
	FpgoHttpRequest request = make_request(10);
	bool		ended_in_time[2] = {false, false};

	ok(fpgo_http_heed_latch(), "the system can wait for the latch and the network");
	/* connections from before are not on the watch: use them up */
	do
	{
		script(last, 1);
		fpgo_http_finish(run(&request));
	} while (n_connections == 0);
	for (int i = 0; i < 20 && !(ended_in_time[0] && ended_in_time[1]); i++)
	{
		script(late, 2);
		request.keepalive_s = i % 2 == 0 ? 0 : 10;
		for (int j = 0; j < 2; j++)
		{
			FpgoHttpTransfer *transfer;
			int			n_before = n_connections;

			stub_idle_waits = 0;
			transfer = run(&request);
			if (fpgo_http_result(transfer)->status == 201 && stub_idle_waits == 0)
				ended_in_time[n_connections == n_before] = true;
			fpgo_http_finish(transfer);
		}
	}
	ok(ended_in_time[0], "an answer on a new connection ends the wait");
	ok(ended_in_time[1], "and one on a kept connection");
}

int
main(void)
{
	/* as a backend has it */
	signal(SIGPIPE, SIG_IGN);

	start_server();
	test_plain_exchange();
	test_one_transmission();
	test_dead_connections();
	test_kept_options();
	test_answers();
	test_answer_limit();
	test_header_limit();
	test_not_sent();
	test_resolver_signals();
	test_slow_names();
	test_addresses();
	test_wire();
	test_many();
	/* and again */
	test_wait_with_latch();
	test_plain_exchange();
	test_one_transmission();
	test_dead_connections();
	test_answers();
	test_not_sent();
	test_slow_names();
	test_many();
	ok(fpgo_http_library().fault == NULL &&
	   strcmp(fpgo_http_library().built_with, LIBCURL_VERSION) == 0,
	   "libcurl %s, with %s", fpgo_http_library().version,
	   fpgo_http_library().tls);
	return done_testing();
}
