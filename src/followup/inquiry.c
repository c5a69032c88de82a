/*
 * inquiry.c
 *		Questions to the gateway about its orders.
 *
 * An inquiry is a GET.  It changes nothing at the gateway, and is tried again
 * after a failure that may pass.  This process has no network traffic of its
 * own: another process sends the request, as for submit_invoice (ask.c).
 *
 * If the gateway has no such order, or a list is empty, it answers with a 404
 * of the API, in several spellings.  A 404 that is not the API's own, such as
 * a page of nginx, says that the address is wrong.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/pg_prng.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/jsonb.h"

#include "base/clock.h"
#include "base/fpgo.h"
#include "base/wait.h"
#include "followup/inquiry.h"
#include "gateway/outcome_text.h"
#include "ipc/ask.h"
#include "order/json_text.h"

StaticAssertDecl(FPGO_ORDER_STATUS_LIMIT <= FPGO_ASK_SMALL,
				 "what is said about one order must not need a helper process");

/* most tries of an inquiry, and the shortest pause between two */
#define MAX_TRIES 3
#define FIRST_PAUSE_MS 200

/* the longest one because the gateway is out of order */
#define LONGEST_OUTAGE_MS 5000

/* longest that one try may take, in milliseconds */
#define TRY_TIMEOUT 30000

/* ---------- trying ---------- */

/* May another try succeed? */
static bool
may_mend(const FpgoFinding *finding)
{
	if (finding->status == 0)
		return true;
	return finding->status == 408 || finding->status == 425 ||
		finding->status == 429 || finding->status >= 500;
}

/*
 * How long to wait before the next try, in milliseconds; -1: too long to wait.
 */
static int
choose_pause(const FpgoFinding *finding, int n_tries, int longest_ms)
{
	int			pause_ms = FIRST_PAUSE_MS << (n_tries - 1);

	/* a random part keeps sessions from trying again at the same time */
	pause_ms += (int) (pg_prng_double(&pg_global_prng_state) * pause_ms);
	if (finding->status != 429)
		longest_ms = Min(longest_ms, LONGEST_OUTAGE_MS);
	if (finding->retry_after_s > longest_ms / 1000)
		return -1;
	return Max(pause_ms, finding->retry_after_s * 1000);
}

static void
pause_for(int pause_ms)
{
	FpgoMoment	end = fpgo_clock_in(pause_ms);

	do
	{
		fpgo_wait(fpgo_clock_left(end), FPGO_WAIT_RETRY);
		CHECK_FOR_INTERRUPTS();
	} while (!fpgo_clock_has_come(end));
}

/* Converts to the database's encoding; NULL if that lacks a character. */
static char *
convert_answer(const char *utf8)
{
	int			len = strlen(utf8);
	int			encoding = GetDatabaseEncoding();
	Oid			conversion;
	unsigned char *text;
	int			text_size;

	/* the answer is known to be UTF-8 */
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pstrdup(utf8);
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		return NULL;
	/* the conversion asks for a buffer of this size */
	text_size = (len + 1) * MAX_CONVERSION_GROWTH;
	text = palloc(text_size);
	if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
									  (unsigned char *) utf8, len, text,
									  text_size, true) != len)
		return NULL;
	return (char *) text;
}

/*
 * Reads an answer of the API's own, which repeats its HTTP status; NULL if it
 * is anything else, or unreadable.
 */
static JsonbContainer *
read_answer(FpgoInquiry *inquiry)
{
	const FpgoFinding *finding = inquiry->finding;
	char	   *text = finding->body ? convert_answer(finding->body) : NULL;
	FpgoJsonFault fault = {0};
	char	   *status;
	Jsonb	   *answer = NULL;

	if (text != NULL)
		answer = fpgo_json_read(text, strlen(text), &fault);
	if (answer == NULL)
	{
		if (finding->status >= 200 && finding->status <= 299 &&
			finding->reason == NULL && (text == NULL || fault.is_json))
			inquiry->end = FPGO_INQUIRY_UNREADABLE;
		return NULL;
	}
	status = fpgo_json_member(&answer->root, "status_code");
	if (status == NULL ||
		strcmp(status, psprintf("%d", finding->status)) != 0)
		return NULL;
	return &answer->root;
}

/* What the gateway says in an answer that is no success, for people. */
static const FpgoReply *
read_sentences(const FpgoAccount *account, const FpgoFinding *finding)
{
	const char *const secrets[] = {account->target.token, NULL};

	if (finding->body == NULL)
		return NULL;
	return fpgo_reply_read(finding->body, strlen(finding->body), secrets);
}

/* Asks, again if need be, and returns the finding of the last try. */
static const FpgoFinding *
ask_patiently(const FpgoAccount *account, FpgoRequest *request,
			  int longest_pause_ms)
{
	for (int n_tries = 1;; n_tries++)
	{
		const FpgoAnswer *answer = fpgo_ask(request);
		const FpgoFinding *finding = &answer->finding;
		int			pause_ms;

		if (answer->kind != FPGO_ANSWER_FINDING)
			ereport(ERROR,
					(errcode(answer->error.sqlerrcode),
					 errmsg("could not ask server \"%s\": %s",
							account->target.server_name,
							answer->error.message),
					 fpgo_errhide()));
		if (!may_mend(finding))
			return finding;
		pause_ms = choose_pause(finding, n_tries, longest_pause_ms);
		if (n_tries == MAX_TRIES || pause_ms < 0)
			return finding;
		pause_for(pause_ms);
	}
}

FpgoInquiry *
fpgo_inquire(const FpgoAccount *account, const char *path, int body_limit,
			 int longest_pause_ms)
{
	FpgoRequest request = {
		.kind = FPGO_REQUEST_INQUIRY,
		.target = account->target,
		.path = path,
		.body_limit = body_limit,
	};
	FpgoInquiry *inquiry = palloc0(sizeof(FpgoInquiry));
	JsonbContainer *answer;
	JsonbValue *data;
	int			status;

	request.target.timeout_ms = Min(request.target.timeout_ms, TRY_TIMEOUT);
	inquiry->end = FPGO_INQUIRY_FAILED;
	inquiry->finding = ask_patiently(account, &request, longest_pause_ms);
	status = inquiry->finding->status;
	answer = may_mend(inquiry->finding) ? NULL : read_answer(inquiry);
	if (answer != NULL && status == 404)
		inquiry->end = FPGO_INQUIRY_NOTHING;
	if (status < 200 || status > 299)
	{
		inquiry->reply = read_sentences(account, inquiry->finding);
		return inquiry;
	}
	data = answer == NULL ? NULL :
		getKeyJsonValueFromContainer(answer, "data", 4, NULL);
	if (data != NULL && data->type == jbvNull)
		inquiry->end = FPGO_INQUIRY_EMPTY;
	if (data != NULL && data->type == jbvBinary)
	{
		inquiry->end = FPGO_INQUIRY_ANSWERED;
		inquiry->data = data;
	}
	return inquiry;
}

JsonbContainer **
fpgo_inquiry_elements(const JsonbValue *data, uint32 *n)
{
	JsonbContainer *list = data->val.binary.data;
	JsonbContainer **elements =
		MemoryContextAllocHuge(CurrentMemoryContext, sizeof(*elements) *
							   ((Size) JsonContainerSize(list) + 1));
	JsonbIterator *iterator = JsonbIteratorInit(list);
	JsonbIteratorToken token;
	JsonbValue	value;

	*n = 0;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM || token == WJB_VALUE)
			elements[(*n)++] = value.type == jbvBinary ?
				value.val.binary.data : NULL;
	}
	return elements;
}

/* ---------- failing ---------- */

const char *
fpgo_inquiry_reason(const FpgoInquiry *inquiry)
{
	const FpgoFinding *finding = inquiry->finding;

	if (inquiry->end == FPGO_INQUIRY_UNREADABLE && finding->body == NULL)
		return "Its answer is not UTF-8.";
	if (inquiry->end == FPGO_INQUIRY_UNREADABLE)
		return psprintf("Its answer has characters that encoding %s does not have.",
						GetDatabaseEncodingName());
	if (inquiry->end == FPGO_INQUIRY_EMPTY)
		return "Its answer has no data.";
	return finding->reason != NULL ? finding->reason :
		psprintf("It answered HTTP status %d.", finding->status);
}

/* The reason, and what the gateway itself says. */
static const char *
describe(const FpgoInquiry *inquiry)
{
	FpgoOutcome outcome = {.reason = fpgo_inquiry_reason(inquiry),
	.reply = inquiry->reply};

	return fpgo_outcome_describe(&outcome);
}

/* When to ask again; NULL if the gateway did not say. */
static const char *
advise_pause(const FpgoFinding *finding)
{
	if (finding->retry_after_s < 0)
		return NULL;
	return psprintf(ngettext("Ask again in %d second.",
							 "Ask again in %d seconds.",
							 finding->retry_after_s),
					finding->retry_after_s);
}

void
fpgo_inquiry_raise(const FpgoInquiry *inquiry, const char *server_name)
{
	const FpgoFinding *finding = inquiry->finding;
	int			code = ERRCODE_FPGO_UNREACHED;
	const char *message = "server \"%s\" did not answer the question";
	const char *pause = may_mend(finding) ? advise_pause(finding) : NULL;
	const char *hint = pause != NULL ? pause :
		"Nothing was changed; ask again later.";

	if (inquiry->end == FPGO_INQUIRY_UNREADABLE && finding->body != NULL)
	{
		code = ERRCODE_UNTRANSLATABLE_CHARACTER;
		message = "answer of server \"%s\" cannot be read";
		hint = GetDatabaseEncoding() == PG_UTF8 ? "Nothing was changed." :
			"A database with encoding UTF8 can hold more.";
	}
	else if (finding->status == 401 || finding->status == 403)
	{
		code = ERRCODE_FPGO_CREDENTIALS;
		message = "server \"%s\" refused the credentials";
		hint = "Put the right token into the user mapping.";
	}
	else if (finding->status == 429)
	{
		code = ERRCODE_FPGO_SLOW_DOWN;
		message = "server \"%s\" asked to slow down";
	}
	else if (finding->needs_certificates)
		hint = FPGO_CERTIFICATES_HINT;
	else if (!may_mend(finding))
		hint = "SELECT * FROM fpgo.doctor() says more.";
	ereport(ERROR,
			(errcode(code),
			 errmsg(message, server_name),
			 errdetail_internal("%s", describe(inquiry)),
			 errhint("%s", hint),
			 fpgo_errhide()));
}
