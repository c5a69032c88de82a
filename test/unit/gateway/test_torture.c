/*
 * test_torture.c
 *		One request end to end while memory, libcurl and json-c fail it.
 *
 * The N-th call that can fail is made to fail, once and from then on, for
 * N = 1, 2, ... until a request comes through without having made so many.
 * After each: nobody crashed; the gateway received the order at most once;
 * what fpgo says is no more than what the gateway's own count bears out; what
 * was taken is given back; the next order is accepted as if nothing had been.
 * An answer that came, but could not be read for want of memory, is read later.
 *
 * A request of a new process, which starts libcurl, makes many times more
 * calls than one of a process that has sent others before it; so each N has a
 * process of its own there, and only every so many-th N is tried, or every
 * FPGO_TORTURE-th.
 */
#include "postgres.h"

#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "utils/memutils.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>

/* OpenSSL loses some when it cannot start, and then never starts again */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libcrypto.so";
}
#endif

#include "gateway/exchange.h"
#include "gateway/http_libcurl.h"
#include "order/named_field.h"
#include "lib/faults.h"
#include "lib/loopback.h"
#include "lib/tap.h"

/* of backend_stubs.c */
extern int	stub_external_fds;

/* slices that no request takes, none waiting longer than its time limit */
#define MAX_STEPS 2000
#define TIME_LIMIT_MS 10000

/* longer than what json-c and we have room for at first */
#define URL_LENGTH 1500

/* in a new process: every so many-th N, unless FPGO_TORTURE says otherwise */
#define COLD_STRIDE "11"

/*
 * OpenSSL keeps a list of errors from the first one on, and 3.5 and 3.6 lose
 * more if they cannot start.  What fpgo loses shows where nothing is new.
 */
#define MAX_LIBRARY_BLOCKS 8

/* any request makes more that can fail, of either kind */
#define MIN_CALLS 5

#define ORDER_UUID "ODR3038905337-of-a-length-that-needs-room-to-be-read"
#define CUSTOMER_UUID "CSRT9475925296-of-a-length-that-needs-room-to-be-read"

/* What the gateway does, and what that comes to if nothing fails. */
typedef struct Scenario
{
	const char *name;
	const char *status;			/* NULL: no answer */
	const char *body;
	FpgoOutcomeClass class;
	int			keepalive_s;
} Scenario;

/* How a request under torture ended. */
typedef struct Ending
{
	bool		has_started;	/* nothing was raised until it was driven */
	bool		has_ended;		/* there is an outcome */
	bool		is_late;		/* but at the second try only */
	bool		is_stuck;
	FpgoOutcomeClass class;
	bool		is_right;		/* the reply is what was sent, if accepted */
} Ending;

/* What a child process found, for its parent. */
typedef struct Report
{
	bool		is_over;		/* the N-th call was not reached */
	bool		parsing_failed; /* see faults.h */
	long		n;				/* the one being tried */
	long		n_bad;
	long		n_blocks;
	long		n_given_up;		/* by OpenSSL, with the process */
	long		n_raised;
	long		n_late;
	long		n_of_class[FPGO_OUTCOME_UNKNOWN + 1];
} Report;

static char bank_id_url[URL_LENGTH + 1];
static char accepting_body[URL_LENGTH + 512];
static Loopback *loopback;
static Report *report;
static char submit_url[64];

static Scenario scenarios[] = {
	{"accepted", "201 Created", accepting_body, FPGO_OUTCOME_ACCEPTED, 60},
	{"accepted, on a connection of its own", "201 Created", accepting_body,
	FPGO_OUTCOME_ACCEPTED, 0},
	{"refused", "417 Expectation Failed", "{\"status_code\":417,"
		"\"is_error\":true,\"errors\":{\"products\":[\"The products field is "
		"required, and this sentence is long enough to need some room.\"],"
		"\"a\":\"b\",\"c\":\"d\",\"e\":[{\"message\":\"f\"}]}}",
	FPGO_OUTCOME_REFUSED, 60},
	{"asked to slow down", "429 Too Many Requests", "{\"message\":\"Too Many "
	"Attempts.\"}", FPGO_OUTCOME_SLOW_DOWN, 60},
	{"credentials refused", "401 Unauthorized", "{\"message\":\"no\"}",
	FPGO_OUTCOME_CREDENTIALS, 60},
	{"accepted with an error", "201 Created", "{\"data\":{\"orderUuid\":\"ODR1\""
		",\"list\":[[1,true],{\"a\":[]},\"b\"]},\"is_error\":true,\"n\":[1,2.5],"
	"\"status_code\":201}", FPGO_OUTCOME_UNKNOWN, 60},
	{"failed", "502 Bad Gateway", "<html>", FPGO_OUTCOME_UNKNOWN, 60},
	{"not answered", NULL, NULL, FPGO_OUTCOME_UNKNOWN, 60},
};

/* Let the gateway answer so. */
static void
prepare_answer(const Scenario *scenario)
{
	loopback->answer[0] = '\0';
	if (scenario->status)
		snprintf(loopback->answer, sizeof(loopback->answer),
				 "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
				 "X-RateLimit-Limit: 240\r\nRetry-After: 7\r\n"
				 "Content-Length: %zu\r\n\r\n%s", scenario->status,
				 strlen(scenario->body), scenario->body);
}

static bool
is_right_reply(const FpgoReply *reply)
{
	return strcmp(reply->order_uuid, ORDER_UUID) == 0 &&
		reply->customer_uuid && strcmp(reply->customer_uuid,
									   CUSTOMER_UUID) == 0 &&
		reply->bank_id_url && strcmp(reply->bank_id_url, bank_id_url) == 0;
}

/* What it came to, into *ending; raises as fpgo_exchange_finish() does. */
static void
finish_order(FpgoExchange *exchange, volatile Ending *ending)
{
	FpgoOutcome *outcome = fpgo_exchange_finish(exchange, fpgo_names_field);

	ending->class = outcome->class;
	ending->is_right = outcome->reason != NULL &&
		(outcome->class != FPGO_OUTCOME_ACCEPTED ||
		 is_right_reply(outcome->reply));
	ending->has_ended = true;
}

/* Send an order to its end; raises as its parts do. */
static FpgoExchange *
drive_order(const FpgoTarget *target, volatile Ending *ending)
{
	static const char *const secrets[] = {"27818299901", "Kari", NULL};
	static const char payload[] = "{\"products\":[]}";
	FpgoExchange *exchange;
	int			n_steps = 0;

	fpgo_http_expect(12);
	exchange = fpgo_exchange_start(target, payload, sizeof(payload) - 1, false,
								   secrets, CurrentMemoryContext);
	ending->has_started = true;
	while (!fpgo_exchange_is_done(exchange) && n_steps++ < MAX_STEPS)
		fpgo_http_step(50);
	ending->is_stuck = n_steps > MAX_STEPS;
	return exchange;
}

/*
 * One request, as a flight makes it: in a context of its own, an outcome that
 * cannot be had asked for again, when nothing fails any more.
 */
static Ending
send_order(int keepalive_s)
{
	const FpgoTarget target = {
		.server_name = "s",
		.submit_url = submit_url,
		.token = "canary-token",
		.connect_timeout_ms = TIME_LIMIT_MS,
		.timeout_ms = TIME_LIMIT_MS,
		.keepalive_s = keepalive_s,
	};
	MemoryContext old = CurrentMemoryContext;
	volatile MemoryContext context = NULL;
	FpgoExchange *volatile exchange = NULL;
	volatile Ending ending = {0};

	PG_TRY();
	{
		context = AllocSetContextCreate(old, "torture", ALLOCSET_SMALL_SIZES);
		CurrentMemoryContext = context;
		exchange = drive_order(&target, &ending);
		finish_order(exchange, &ending);
	}
	PG_CATCH();
	{
		if (exchange)
		{
			disarm_fault();
			finish_order(exchange, &ending);
			ending.is_late = true;
		}
	}
	PG_END_TRY();

	CurrentMemoryContext = old;
	if (context)
		MemoryContextDelete(context);
	return ending;
}

/*
 * Orders that nothing fails; two of them, so that by the answer to the second
 * the gateway has read whatever was sent before.
 */
#define N_GOOD 2

static bool
send_good_orders(int keepalive_s)
{
	bool		is_good = true;

	prepare_answer(&scenarios[0]);
	for (int i = 0; i < N_GOOD; i++)
	{
		Ending		ending = send_order(keepalive_s);

		if (!ending.has_ended || !ending.is_right ||
			ending.class != FPGO_OUTCOME_ACCEPTED)
			is_good = false;
	}
	return is_good;
}

/* May a request that ended so be said to have ended so? */
static bool
is_lawful(const Ending *ending, const Scenario *scenario, int n_begun,
		  int n_received)
{
	if (n_begun > 1 || ending->is_stuck)
		return false;
	if (!ending->has_started)
		return n_begun == 0;
	if (!ending->has_ended)
		return false;
	switch (ending->class)
	{
		case FPGO_OUTCOME_UNKNOWN:
			return true;
		case FPGO_OUTCOME_UNREACHED:
			/* libcurl: an address it had no memory to take apart */
		case FPGO_OUTCOME_MISCONFIGURED:
			return n_begun == 0;
		case FPGO_OUTCOME_NOT_API:
			/* what proves these two is the body, which was not read */
			return n_received == 1 &&
				(scenario->class == FPGO_OUTCOME_REFUSED ||
				 scenario->class == FPGO_OUTCOME_CREDENTIALS);
		default:
			return n_received == 1 && ending->is_right &&
				ending->class == scenario->class;
	}
}

/* One N; says what is wrong with it. */
static void
torture_one(const Scenario *scenario, FaultKind kind, long n, bool for_ever)
{
	Ending		ending;
	bool		is_good;
	int			n_begun;
	int			n_received;
	bool		is_well;

	report->n = n;
	loopback->n_begun = 0;
	loopback->n_received = 0;
	prepare_answer(scenario);
	arm_fault(kind, n, for_ever);
	ending = send_order(scenario->keepalive_s);
	report->is_over = disarm_fault() == 0;
	report->parsing_failed = parsing_failed;
	is_good = send_good_orders(scenario->keepalive_s);
	n_begun = loopback->n_begun - N_GOOD;
	n_received = loopback->n_received - N_GOOD;

	is_well = expect(is_good, "call %ld: the orders after it failed", n);
	is_well &= expect(stub_external_fds == 0, "call %ld: %d descriptors are "
					  "still counted", n, stub_external_fds);
	is_well &= expect(is_lawful(&ending, scenario, n_begun, n_received),
					  "call %ld: started %d, ended %d, stuck %d, as %s, right "
					  "%d; received %d, whole %d", n, ending.has_started,
					  ending.has_ended, ending.is_stuck,
					  fpgo_outcome_name(ending.class), ending.is_right,
					  n_begun, n_received);
	if (!is_well)
		report->n_bad++;
	if (ending.has_ended)
		report->n_of_class[ending.class]++;
	else
		report->n_raised++;
	if (ending.is_late)
		report->n_late++;
}

/* How many blocks of memory more are held than before? */
static void
judge_blocks(long left)
{
#ifdef __SANITIZE_ADDRESS__
	/* its strdup() makes blocks that are not counted; it looks by itself */
	left = 0;
#endif
	/* json-c itself forgets a value that it has no memory to put away */
	if (report->parsing_failed)
		return;
	if (!expect(left <= 0, "call %ld: %ld blocks of memory are left",
				report->n, left))
		report->n_bad++;
}

/*
 * Child processes, so that a crash is a failed test and not the last one.
 */

typedef struct Torture
{
	const Scenario *scenario;
	FaultKind	kind;
	bool		for_ever;
	long		n;				/* of a new process; 0: all N in one process */
} Torture;

/* One N in this process, to which all is new. */
static void
torture_cold(const Torture *torture)
{
	torture_one(torture->scenario, torture->kind, torture->n,
				torture->for_ever);
	report->n_blocks = count_blocks();
#ifdef __SANITIZE_ADDRESS__
	if (!report->parsing_failed && __lsan_do_recoverable_leak_check() != 0)
		report->n_bad++;
#endif
}

/*
 * Take off what libcurl 8 keeps: it numbers the handles of a process, and a
 * connection has one block more from the handle with number 256 on.
 */
static long
leave_out_connection(long left)
{
	static bool has_block = false;

	if (atoi(fpgo_http_library().version) < 8 || labs(left) != 1 ||
		has_block != (left < 0))
		return left;
	has_block = !has_block;
	return 0;
}

/* All N in this process, which has sent orders before. */
static void
torture_warm(const Torture *torture)
{
	long		before;

	send_good_orders(torture->scenario->keepalive_s);
	before = count_blocks();
	for (long n = 1; !report->is_over; n++)
	{
		long		left;

		torture_one(torture->scenario, torture->kind, n, torture->for_ever);
		left = count_blocks() - before;
		before += left;
		if (!report->parsing_failed)
			left = leave_out_connection(left);
		judge_blocks(left);
	}
}

static void
run_in_child(void (*torture) (const Torture *), const Torture *arg)
{
	int			status;
	pid_t		child;

	fflush(stdout);
	report->n = 0;
	report->is_over = false;
	child = fork();
	if (child == 0)
	{
		tell_openssl_crashes();
		alarm(60);
		torture(arg);
		fflush(stdout);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	if (WIFEXITED(status) && WEXITSTATUS(status) == OPENSSL_GAVE_UP)
	{
		report->n_given_up++;
		if (!expect(loopback->n_begun <= 1, "call %ld: was sent %d times",
					report->n, loopback->n_begun))
			report->n_bad++;
		return;
	}
	if (!expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
				"call %ld: the process ended by signal %d, status %d",
				report->n, WTERMSIG(status), WEXITSTATUS(status)))
	{
		report->n_bad++;
		report->is_over = true;
	}
}

static const char *
describe_report(void)
{
	static char text[256];
	size_t		n = snprintf(text, sizeof(text), "%ld not begun, %ld read late",
							 report->n_raised, report->n_late);

	if (report->n_given_up > 0)
		n += snprintf(text + n, sizeof(text) - n, ", %ld given up by OpenSSL",
					  report->n_given_up);
	for (int class = 0; class <= FPGO_OUTCOME_UNKNOWN; class++)
	{
		if (report->n_of_class[class] > 0)
			n += snprintf(text + n, sizeof(text) - n, ", %ld %s",
						  report->n_of_class[class],
						  fpgo_outcome_name(class));
	}
	return text;
}

static const char *const kind_names[] = {
	[FAULT_MEMORY] = "memory",
	[FAULT_LIBRARY] = "a library",
};

static void
test_warm(const Scenario *scenario, FaultKind kind, bool for_ever)
{
	Torture		torture = {scenario, kind, for_ever, 0};

	memset(report, 0, sizeof(Report));
	run_in_child(torture_warm, &torture);
	ok(report->n_bad == 0 && report->n > MIN_CALLS, "%s, and %s fails %s",
	   scenario->name,
	   kind_names[kind], for_ever ? "for ever" : "once");
	printf("# %ld calls: %s\n", report->n - 1, describe_report());
}

static void
test_cold(const Scenario *scenario, FaultKind kind, bool for_ever)
{
	const char *stride = getenv("FPGO_TORTURE");
	Torture		torture = {scenario, kind, for_ever, LONG_MAX};
	long		n_tried = 0;
	long		blocks;

	/* what is held if nothing fails */
	memset(report, 0, sizeof(Report));
	run_in_child(torture_cold, &torture);
	blocks = report->n_blocks;

	memset(report, 0, sizeof(Report));
	for (torture.n = 1; !report->is_over; n_tried++)
	{
		long		n_given_up = report->n_given_up;

		run_in_child(torture_cold, &torture);
		if (n_given_up == report->n_given_up)
			judge_blocks(report->n_blocks - blocks - MAX_LIBRARY_BLOCKS);
		/* there are thousands of calls for memory, and few to libraries */
		torture.n += kind == FAULT_LIBRARY ? 1 :
			Max(atoi(stride ? stride : COLD_STRIDE), 1);
	}
	ok(report->n_bad == 0 && report->n > MIN_CALLS &&
	   report->n_given_up < n_tried / 2, "%s in a new process, and %s fails %s",
	   scenario->name, kind_names[kind], for_ever ? "for ever" : "once");
	printf("# %ld of %ld calls: %s\n", n_tried - 1, report->n - 1,
		   describe_report());
}

int
main(void)
{
	/* as a backend has it */
	signal(SIGPIPE, SIG_IGN);

	memset(bank_id_url, 'u', URL_LENGTH);
	memcpy(bank_id_url, "https://", 8);
	snprintf(accepting_body, sizeof(accepting_body), "{\"status_code\":201,"
			 "\"is_error\":false,\"message\":\"Created\",\"data\":{"
			 "\"orderUuid\":\"" ORDER_UUID "\",\"customerUuid\":\""
			 CUSTOMER_UUID "\",\"bankIdUrl\":\"%s\"}}", bank_id_url);
	loopback = start_loopback();
	snprintf(submit_url, sizeof(submit_url), "http://127.0.0.1:%d/orders",
			 loopback->port);
	report = mmap(NULL, sizeof(Report), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		abort();

	for (int for_ever = 0; for_ever <= 1; for_ever++)
	{
		for (size_t i = 0; i < lengthof(scenarios); i++)
		{
			test_warm(&scenarios[i], FAULT_MEMORY, for_ever);
			test_warm(&scenarios[i], FAULT_LIBRARY, for_ever);
		}
		test_cold(&scenarios[0], FAULT_MEMORY, for_ever);
		test_cold(&scenarios[0], FAULT_LIBRARY, for_ever);
	}
	return done_testing();
}
