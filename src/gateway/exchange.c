/*
 * exchange.c
 *		One request to the gateway: transport, answer and outcome.
 *
 * An exchange uses http.c, reply.c and outcome.c, and says in a sentence what
 * happened.  The sentences are fpgo's own.  They repeat neither libcurl's
 * words nor the gateway's, and no address, no name and nothing of the order;
 * numbers at most.
 *
 * fpgo_http_step() drives all exchanges of a process at once.  An exchange
 * does not wait by itself.  Everything it allocates belongs to the parent
 * context given at the start.
 */
#include "postgres.h"

#include <time.h>

#include "utils/memutils.h"

#include "gateway/exchange.h"
#include "gateway/http_url.h"

/* an answer of the gateway has about half a kilobyte */
#define ANSWER_LIMIT (256 * 1024)

/* longest Retry-After that is followed, in seconds */
#define LONGEST_ABSENCE 900

struct FpgoExchange
{
	FpgoHttpTransfer *transfer;
	const FpgoTarget *target;
	const char *const *secrets;
	size_t		answer_limit;
	bool		wants_body;		/* hand the answer's body over unread */
	bool		is_change;		/* of an order that the gateway has */
};

/* the status of an order that may be changed; compared without case */
#define CHANGEABLE "SENT"

/*
 * The sentences for a libcurl code, before the mark and after it.  NULL: a
 * general sentence names the code.
 */
typedef struct CodeReason
{
	int			code;
	const char *before;
	const char *after;
} CodeReason;

#define NO_HTTP "The answer was not HTTP."
#define BAD_ADDRESS "The address of the gateway cannot be used."
#define NO_TLS "No TLS connection to the gateway could be agreed on."
#define UNTRUSTED "The TLS certificate of the gateway could not be verified."
#define BAD_CA "The file of trusted certificates could not be read."
#define NO_MEMORY "The answer could not be held in memory."
#define UNDECODED "The answer came in a coding, and could not be decoded."
#define BROKEN_BEFORE "The connection broke before the request was sent."
#define BROKEN_AFTER "The connection broke before the answer was complete."

static const CodeReason code_reasons[] = {
	{FPGO_HTTP_ABANDONED,
		"The request was stopped before it was sent.",
	"The request was stopped before the answer was complete."},
	{0, NULL, BROKEN_AFTER},
	{1, BAD_ADDRESS, NO_HTTP},
	{2, "The request could not be started.", NULL},
	{3, BAD_ADDRESS, NULL},
	{6, "The host name could not be resolved.", NULL},
	{7, "No connection to the gateway could be made.", BROKEN_AFTER},
	{8, NULL, NO_HTTP},
	{18, NULL, BROKEN_AFTER},
	{23, NULL, NO_MEMORY},
	{27, "Memory ran out before the request was sent.", NO_MEMORY},
	{35, NO_TLS, BROKEN_AFTER},
	{42, NULL,
	"The connection broke, and the request was not sent a second time."},
	{49, "The token holds characters that cannot be sent.", NULL},
	{52, BROKEN_BEFORE, "The connection was closed without an answer."},
	{55, BROKEN_BEFORE, BROKEN_AFTER},
	{56, BROKEN_BEFORE, BROKEN_AFTER},
	{58, "The gateway asks for a TLS client certificate.", NULL},
	{59, NO_TLS, NULL},
	{60, UNTRUSTED, NULL},
	{61, NULL, UNDECODED},
	{65, NULL,
	"The connection broke, and the request was not sent a second time."},
	{77, BAD_CA, NULL},
	{82, BAD_CA, NULL},
	{83, UNTRUSTED, NULL},
	{90, UNTRUSTED, NULL},
	{91, UNTRUSTED, NULL},
	{98, "The gateway asks for a TLS client certificate.", NULL},
	{100, NULL, "The headers of the answer were too large."},
};

#define ACCEPTED_WITH "The gateway accepted the order with HTTP status "

/* The sentences for a status, by class of outcome; each takes the status. */
static const char *const class_reasons[] = {
	[FPGO_OUTCOME_ACCEPTED] = ACCEPTED_WITH "%d.",
	[FPGO_OUTCOME_REFUSED] =
		"The gateway refused the order with HTTP status %d.",
	[FPGO_OUTCOME_UNREACHED] =
		"The gateway answered HTTP status %d without looking at the order.",
	[FPGO_OUTCOME_MISCONFIGURED] =
		"The gateway takes no orders at this address: HTTP status %d.",
	[FPGO_OUTCOME_CREDENTIALS] =
		"The gateway refused the credentials with HTTP status %d.",
	[FPGO_OUTCOME_NOT_API] =
		"HTTP status %d came, which is not the API's own answer to an order.",
	[FPGO_OUTCOME_SLOW_DOWN] =
		"The gateway asked to slow down with HTTP status %d.",
	[FPGO_OUTCOME_UNKNOWN] =
		"The gateway answered HTTP status %d.",
};

/* "120 seconds" */
static const char *
describe_duration(int ms)
{
	if (ms % 1000 != 0)
		return psprintf("%d milliseconds", ms);
	if (ms == 1000)
		return "1 second";
	return psprintf("%d seconds", ms / 1000);
}

static const char *
describe_timeout(const FpgoTarget *target, const FpgoHttpResult *result)
{
	if (!result->mark_reached)
		return psprintf("No connection to the gateway came about within %s.",
						describe_duration(Min(target->connect_timeout_ms,
											  target->timeout_ms)));
	if (result->status == 0)
		return psprintf("No answer came within %s.",
						describe_duration(target->timeout_ms));
	return psprintf("The answer was not complete within %s.",
					describe_duration(target->timeout_ms));
}

/* Does the gateway's address name this machine? */
static bool
is_local(const FpgoTarget *target)
{
	return fpgo_http_classify_host(target->submit_url) == FPGO_PEER_LOOPBACK;
}

/* Did the exchange end with BAD_CA? */
static bool
needs_certificates(const FpgoHttpResult *result)
{
	return !result->mark_reached &&
		(result->code == 77 || result->code == 82);
}

/* Which coding of the answer fpgo does not read. */
static const char *
describe_coding(const char *name)
{
	if (name[0] == '\0')
		return "The answer came in a coding that is not known.";
	return psprintf("The answer came in the coding %s, which is not read.",
					name);
}

/* Why there is no whole answer. */
static const char *
describe_fault(const FpgoExchange *exchange, const FpgoHttpResult *result)
{
	if (result->peer_refused)
		return is_local(exchange->target) ?
			"The host of the gateway should be this machine, and is another." :
			"The host of the gateway has an address that is not public, and the server's option private_network is not true.";
	if (result->code == 28)
		return describe_timeout(exchange->target, result);
	if (result->over_limit)
		return psprintf("The answer was larger than %d kB.",
						(int) (exchange->answer_limit / 1024));
	if (result->foreign_coding != NULL)
		return describe_coding(result->foreign_coding);
	if (result->code == 23 && result->is_coded && !result->no_memory)
		return UNDECODED;

	for (size_t i = 0; i < lengthof(code_reasons); i++)
	{
		const CodeReason *line = &code_reasons[i];
		const char *reason = result->mark_reached ? line->after : line->before;

		if (line->code == result->code && reason != NULL)
			return reason;
	}
	return psprintf(result->mark_reached ?
					"The request failed with error %d after it may have been "
					"sent." :
					"The request failed with error %d before it was sent.",
					result->code);
}

/* Why a whole answer leaves the outcome open, or else what its status says. */
static const char *
describe_answer(FpgoOutcomeClass class, const FpgoHttpResult *result,
				const FpgoReply *reply, bool contradicts_itself)
{
	if (class == FPGO_OUTCOME_UNKNOWN)
	{
		if (result->body_len == 0)
			return psprintf("The gateway answered HTTP status %d, without a "
							"body.", result->status);
		if ((reply == NULL || !reply->is_json) && result->is_coded)
			return psprintf("The gateway answered HTTP status %d, and its "
							"answer was not JSON when it was decoded.",
							result->status);
		if (reply == NULL || !reply->is_json)
			return psprintf("The gateway answered HTTP status %d, not JSON.",
							result->status);
		if (contradicts_itself)
			return psprintf("The gateway answered HTTP status %d, but the "
							"body of its answer says otherwise.",
							result->status);
		if (reply->order_uuid != NULL)
			return psprintf("The gateway answered HTTP status %d, and yet "
							"named an order.", result->status);
		if (result->status >= 200 && result->status <= 299)
			return psprintf("The gateway answered HTTP status %d, but named "
							"no order.", result->status);
	}
	/* the sentence of nearly every order need not be formatted */
	if (class == FPGO_OUTCOME_ACCEPTED && result->status == 201)
		return ACCEPTED_WITH "201.";
	return psprintf(class_reasons[class], result->status);
}

/* Does the body contradict the status? */
static bool
contradicts(const FpgoHttpResult *result, const FpgoReply *reply)
{
	if (reply == NULL || !reply->is_json)
		return false;
	if (reply->status_code != 0 && reply->status_code != result->status)
		return true;
	return reply->is_error && result->status >= 200 && result->status <= 299;
}

/* The caller's secrets and the token, which an answer could repeat as well. */
static const char *const *
list_secrets(const FpgoExchange *exchange)
{
	size_t		n = 0;
	const char **list;

	while (exchange->secrets && exchange->secrets[n])
		n++;
	list = palloc((n + 2) * sizeof(char *));
	if (n > 0)
		memcpy(list, exchange->secrets, n * sizeof(char *));
	list[n] = exchange->target->token;
	list[n + 1] = NULL;
	return list;
}

void
fpgo_target_copy(FpgoTarget *copy, const FpgoTarget *target)
{
	*copy = *target;
	copy->server_name = pstrdup(target->server_name);
	copy->url = pstrdup(target->url);
	copy->submit_url = pstrdup(target->submit_url);
	copy->token = pstrdup(target->token);
	copy->ca_file = target->ca_file ? pstrdup(target->ca_file) : NULL;
}

/* A request to a target, without its body. */
static FpgoHttpRequest
make_request(const FpgoTarget *target, const char *url)
{
	return (FpgoHttpRequest)
	{
		.url = url,
		.token = target->token,
		.ca_file = target->ca_file,
		.connect_timeout_ms = target->connect_timeout_ms,
		.timeout_ms = target->timeout_ms,
		.keepalive_s = target->keepalive_s,
		.answer_limit = ANSWER_LIMIT,
		.may_be_internal = target->private_network,
	};
}

static FpgoExchange *
begin(const FpgoTarget *target, const FpgoHttpRequest *request,
	  MemoryContext parent)
{
	FpgoExchange *exchange = MemoryContextAllocZero(parent,
													sizeof(FpgoExchange));

	exchange->target = target;
	exchange->answer_limit = request->answer_limit;
	exchange->transfer = fpgo_http_start(request, parent);
	return exchange;
}

/* The request that submits an order. */
static FpgoHttpRequest
make_submission(const FpgoTarget *target, const char *payload,
				size_t payload_len)
{
	FpgoHttpRequest request = make_request(target, target->submit_url);

	request.is_post = true;
	request.body = payload;
	request.body_len = payload_len;
	return request;
}

FpgoHttpShown
fpgo_exchange_show(const FpgoTarget *target, const char *payload,
				   size_t wire_len)
{
	FpgoHttpRequest request = make_submission(target, payload, wire_len);

	return fpgo_http_show(&request);
}

FpgoExchange *
fpgo_exchange_start(const FpgoTarget *target, const char *payload,
					size_t payload_len, bool is_change,
					const char *const *secrets, MemoryContext parent)
{
	FpgoHttpRequest request = make_submission(target, payload, payload_len);
	FpgoExchange *exchange = begin(target, &request, parent);

	exchange->is_change = is_change;
	exchange->secrets = secrets;
	return exchange;
}

FpgoExchange *
fpgo_exchange_ask_status(const FpgoTarget *target, const char *order_uuid,
						 const char *const *secrets, MemoryContext parent)
{
	char	   *path = psprintf(FPGO_STATUS_PATH "/%s", order_uuid);
	FpgoExchange *exchange = fpgo_exchange_inquire(target, path, 0, parent);

	exchange->secrets = secrets;
	pfree(path);
	return exchange;
}

FpgoExchange *
fpgo_exchange_inquire(const FpgoTarget *target, const char *path,
					  size_t body_limit, MemoryContext parent)
{
	int			path_len = strcspn(path, "?");
	char	   *url = psprintf("%s%.*s", target->url, path_len, path);
	FpgoHttpRequest request = make_request(target, url);
	FpgoExchange *exchange;

	if (path[path_len] != '\0')
		request.query = path + path_len + 1;
	if (body_limit > 0)
		request.answer_limit = body_limit;
	exchange = begin(target, &request, parent);
	exchange->wants_body = body_limit > 0;
	pfree(url);
	return exchange;
}

bool
fpgo_exchange_is_done(const FpgoExchange *exchange)
{
	return fpgo_http_is_done(exchange->transfer);
}

bool
fpgo_exchange_is_sent(const FpgoExchange *exchange)
{
	return fpgo_http_result(exchange->transfer)->mark_reached;
}

static bool
is_whole_answer(const FpgoHttpResult *result)
{
	return result->code == 0 && result->headers_complete;
}

/* Reads the answer; NULL unless it is whole: the rest may say the opposite. */
static FpgoReply *
read_answer(const FpgoExchange *exchange)
{
	const FpgoHttpResult *result = fpgo_http_result(exchange->transfer);

	if (!is_whole_answer(result))
		return NULL;
	return fpgo_reply_read(result->body, result->body_len,
						   list_secrets(exchange));
}

static void
release(FpgoExchange *exchange)
{
	fpgo_http_finish(exchange->transfer);
	pfree(exchange);
}

/* Seconds until the gateway wants to be asked again; -1 if it does not say. */
static int
when_to_return(const FpgoHttpResult *result)
{
	int64		seconds = result->retry_after_s;

	if (seconds < 0)
		return -1;
	/* it is a moment of the gateway's clock, which may not be this machine's */
	if (result->retry_at != -1 && result->date != -1)
		seconds = result->retry_at - result->date;
	return (int) Min(Max(seconds, 1), LONGEST_ABSENCE);
}

/* Is the answer the API's own: JSON which names its status? */
static bool
is_api(const FpgoHttpResult *result, const FpgoReply *reply)
{
	return reply != NULL && reply->is_json &&
		reply->status_code == result->status;
}

/* Does a sentence of the answer name a field of an order? */
static bool
names_field(const FpgoReply *reply, FpgoNamesField *is_named)
{
	for (int i = 0; reply != NULL && i < reply->n_messages; i++)
	{
		if (is_named(reply->messages[i]))
			return true;
	}
	return false;
}

static FpgoOutcomeFacts
list_facts(const FpgoExchange *exchange, const FpgoReply *reply)
{
	const FpgoHttpResult *result = fpgo_http_result(exchange->transfer);

	return (FpgoOutcomeFacts)
	{
		.code = result->code,
		.mark_reached = result->mark_reached,
		.peer_refused = result->peer_refused,
		.headers_complete = result->headers_complete,
		.status = result->status,
		.has_order_uuid = reply != NULL && reply->order_uuid != NULL,
		.contradicts_itself = contradicts(result, reply),
		.is_change = exchange->is_change,
		.is_json = reply != NULL && reply->is_json,
		.is_api = is_api(result, reply),
		.says_no_order = is_api(result, reply) && reply->says_no_order,
	};
}

/* An outcome without class and reason. */
static FpgoOutcome *
make_outcome(const FpgoExchange *exchange, const FpgoReply *reply)
{
	const FpgoHttpResult *result = fpgo_http_result(exchange->transfer);
	FpgoOutcome *outcome = palloc0(sizeof(FpgoOutcome));

	outcome->status = result->status;
	outcome->retry_after_s = when_to_return(result);
	outcome->rate_limit = result->rate_limit;
	outcome->rate_remaining = result->rate_remaining;
	outcome->needs_private_network = result->peer_refused &&
		!is_local(exchange->target);
	outcome->needs_certificates = needs_certificates(result);
	outcome->reply = reply;
	return outcome;
}

FpgoOutcome *
fpgo_exchange_finish(FpgoExchange *exchange, FpgoNamesField *is_named)
{
	const FpgoHttpResult *result = fpgo_http_result(exchange->transfer);
	FpgoReply  *reply = read_answer(exchange);
	FpgoOutcomeFacts facts = list_facts(exchange, reply);
	FpgoOutcome *outcome = make_outcome(exchange, reply);

	facts.names_field = names_field(reply, is_named);
	outcome->class = fpgo_outcome_classify(&facts);
	if (is_whole_answer(result) ||
		(result->mark_reached && outcome->class != FPGO_OUTCOME_UNKNOWN))
		outcome->reason = describe_answer(outcome->class, result, reply,
										  facts.contradicts_itself);
	else
		outcome->reason = describe_fault(exchange, result);
	release(exchange);
	return outcome;
}

/* Why a change was not sent; the answer about the order's status is whole. */
static const char *
describe_status(const FpgoOutcome *outcome, const char *order_uuid)
{
	switch (outcome->class)
	{
		case FPGO_OUTCOME_REFUSED:
			return outcome->status == 404 ?
				psprintf("Not changed: the gateway does not know order %s.",
						 order_uuid) :
				psprintf("Not changed: the gateway says that order %s is %s.",
						 order_uuid, outcome->reply->order_status);
		case FPGO_OUTCOME_CREDENTIALS:
		case FPGO_OUTCOME_SLOW_DOWN:
			return psprintf(class_reasons[outcome->class], outcome->status);
		case FPGO_OUTCOME_MISCONFIGURED:
		case FPGO_OUTCOME_NOT_API:
			return psprintf("The gateway tells no order's status at this "
							"address: HTTP status %d.", outcome->status);
		default:
			return psprintf("The gateway did not say what status order %s "
							"has: HTTP status %d.", order_uuid,
							outcome->status);
	}
}

FpgoOutcome *
fpgo_exchange_finish_status(FpgoExchange *exchange, const char *order_uuid)
{
	const FpgoHttpResult *result = fpgo_http_result(exchange->transfer);
	FpgoReply  *reply = read_answer(exchange);
	FpgoOutcomeFacts facts = list_facts(exchange, reply);
	FpgoOutcome *outcome = make_outcome(exchange, reply);

	facts.names_status = is_api(result, reply) &&
		reply->order_status != NULL && reply->shown_uuid != NULL &&
		strcmp(reply->shown_uuid, order_uuid) == 0;
	facts.is_changeable = facts.names_status &&
		pg_strcasecmp(reply->order_status, CHANGEABLE) == 0;
	outcome->class = fpgo_outcome_classify_status(&facts);
	if (is_whole_answer(result))
		outcome->reason = describe_status(outcome, order_uuid);
	else
		outcome->reason =
			psprintf("The order's status could not be asked for.  %s",
					 describe_fault(exchange, result));
	/* a refusal is fpgo's own: the gateway's sentence has nothing to add */
	if (outcome->class == FPGO_OUTCOME_REFUSED)
		outcome->reply = NULL;
	release(exchange);
	return outcome->class == FPGO_OUTCOME_ACCEPTED ? NULL : outcome;
}

FpgoFinding *
fpgo_exchange_find(FpgoExchange *exchange)
{
	const FpgoHttpResult *result = fpgo_http_result(exchange->transfer);
	FpgoFinding *finding = palloc0(sizeof(FpgoFinding));
	FpgoReply  *reply = exchange->wants_body ? NULL : read_answer(exchange);
	const char *text = result->body;
	size_t		len = result->body_len;

	/* the stage is known only when the request has ended */
	finding->stage = result->mark_reached ? FPGO_HTTP_SENT : result->stage;
	finding->retry_after_s = when_to_return(result);
	finding->elapsed_us = result->elapsed_us;
	finding->has_date = result->headers_complete && result->date != -1;
	if (finding->has_date)
		finding->ahead_s = (int64) time(NULL) - result->date;
	if (is_whole_answer(result))
		finding->status = result->status;
	else
		finding->reason = describe_fault(exchange, result);
	finding->needs_private_network = result->peer_refused &&
		!is_local(exchange->target);
	finding->needs_certificates = needs_certificates(result);
	finding->is_api = is_api(result, reply);
	if (exchange->wants_body && is_whole_answer(result) &&
		fpgo_reply_find_text(&text, &len))
		finding->body = pnstrdup(text, len);
	release(exchange);
	return finding;
}
