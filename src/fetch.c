/*
 * fetch.c
 *		The functions that ask the gateway about orders it has.
 *
 * Each is a GET, which changes nothing at the gateway and is tried again when
 * it fails for the moment.  No network traffic happens in this process: the
 * request goes the way that submit_invoice takes (ask.c).  What is learnt of an
 * order that was submitted here is kept (news.c), in the caller's transaction.
 *
 * The gateway says "there is none" with a 404 of its own, in several spellings,
 * and so does a list that is empty.  A 404 that is not the API's own, a page of
 * nginx's for instance, says that the address is wrong.
 */
#include "fpgo.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "ascii.h"
#include "ask.h"
#include "compat.h"
#include "format.h"
#include "json_text.h"
#include "news.h"
#include "resolve.h"
#include "waits.h"

PG_FUNCTION_INFO_V1(fpgo_fetch_status);
PG_FUNCTION_INFO_V1(fpgo_fetch_details);
PG_FUNCTION_INFO_V1(fpgo_fetch_invoice_number);
PG_FUNCTION_INFO_V1(fpgo_fetch_orders);

#define STATUS_PATH "/connect/orders/status"
#define DETAILS_PATH "/connect/orders/details"
#define INVOICE_NUMBER_PATH "/connect/orders/invoice-number"

/* how often it is tried, and the longest pause between two tries */
#define MAX_TRIES 3
#define FIRST_PAUSE_MS 200
#define MAX_PAUSE_MS 5000

/*
 * Largest answers, in bytes: about one order, all of one order, and a list of
 * some 300,000.
 */
#define NEWS_LIMIT FPGO_ASK_SMALL
#define DETAILS_LIMIT (256 * 1024)
#define LIST_LIMIT (16 * 1024 * 1024)

/* longest that one try may take, in milliseconds */
#define TRY_TIMEOUT 30000

/* longest identifier and filter in bytes */
#define UUID_MAX 255
#define FILTER_MAX 255

/* ---------- asking ---------- */

/* A member that is a text or a number, as text; NULL if it is neither. */
static char *
read_member(JsonbContainer *object, const char *name)
{
	JsonbValue *value;

	if (!JsonContainerIsObject(object))
		return NULL;
	value = getKeyJsonValueFromContainer(object, name, strlen(name), NULL);
	if (value != NULL && value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value != NULL && value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	return NULL;
}

/* Whether another try may go better. */
static bool
may_mend(const FpgoFinding *finding)
{
	if (finding->status == 0)
		return true;
	return finding->status == 408 || finding->status == 425 ||
		finding->status == 429 || finding->status >= 500;
}

/* How long to wait before it, in milliseconds; -1: longer than one waits here. */
static int
choose_pause(const FpgoFinding *finding, int n_tries)
{
	int			pause_ms = FIRST_PAUSE_MS << (n_tries - 1);

	/* not all at once who failed at once */
	pause_ms += (int) (pg_prng_double(&pg_global_prng_state) * pause_ms);
	if (finding->retry_after_s > MAX_PAUSE_MS / 1000)
		return -1;
	return Max(pause_ms, finding->retry_after_s * 1000);
}

static void
pause_for(int pause_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 pause_ms, fpgo_wait_event(FPGO_WAIT_RETRY));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void pg_attribute_noreturn()
raise_unanswered(const FpgoFinding *finding, const char *server_name)
{
	int			code = ERRCODE_FPGO_UNREACHED;
	const char *message = "server \"%s\" did not answer the question";
	const char *hint = "Nothing was changed; ask again later.";

	if (finding->status == 401 || finding->status == 403)
	{
		code = ERRCODE_FPGO_CREDENTIALS;
		message = "server \"%s\" refused the credentials";
		hint = "Put the right token into the user mapping.";
	}
	else if (finding->status == 429)
	{
		code = ERRCODE_FPGO_SLOW_DOWN;
		message = "server \"%s\" asked to slow down";
		if (finding->retry_after_s >= 0)
			hint = psprintf(ngettext("Ask again in %d second.",
									 "Ask again in %d seconds.",
									 finding->retry_after_s),
							finding->retry_after_s);
	}
	else if (!may_mend(finding))
		hint = "SELECT * FROM fpgo.doctor() says more.";
	ereport(ERROR,
			(errcode(code),
			 errmsg(message, server_name),
			 finding->reason != NULL
			 ? errdetail_internal("%s", finding->reason)
			 : errdetail("It answered HTTP status %d.", finding->status),
			 errhint("%s", hint),
			 fpgo_errhide()));
}

/*
 * The answer as the API gives it, which repeats its status; NULL if it is none
 * of the API's own.
 */
static JsonbContainer *
read_answer(const FpgoFinding *finding)
{
	FpgoJsonFault fault;
	char	   *status;
	Jsonb	   *answer;
	char	   *text;

	if (finding->body == NULL)
		return NULL;
	text = pg_any_to_server(finding->body, strlen(finding->body), PG_UTF8);
	answer = fpgo_json_read(text, strlen(text), &fault);
	if (answer == NULL)
		return NULL;
	status = read_member(&answer->root, "status_code");
	if (status == NULL ||
		strcmp(status, psprintf("%d", finding->status)) != 0)
		return NULL;
	return &answer->root;
}

/* The finding of the last try that a question takes. */
static const FpgoFinding *
ask_patiently(const FpgoGateway *gateway, FpgoRequest *request)
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
							gateway->target.server_name,
							answer->error.message),
					 fpgo_errhide()));
		if (!may_mend(finding))
			return finding;
		pause_ms = choose_pause(finding, n_tries);
		if (n_tries == MAX_TRIES || pause_ms < 0)
			raise_unanswered(finding, gateway->target.server_name);
		pause_for(pause_ms);
	}
}

/* The same.  The token is of no use after this, however it ends. */
static const FpgoFinding *
ask(const FpgoGateway *gateway, FpgoRequest *request)
{
	const FpgoFinding *volatile finding = NULL;

	PG_TRY();
	{
		finding = ask_patiently(gateway, request);
	}
	PG_CATCH();
	{
		fpgo_gateway_wipe(gateway);
		PG_RE_THROW();
	}
	PG_END_TRY();
	fpgo_gateway_wipe(gateway);
	return finding;
}

/*
 * Member data of the answer to a GET of path; NULL if the gateway has nothing
 * of that name.
 */
static JsonbValue *
inquire(const FpgoGateway *gateway, const char *path, int body_limit)
{
	FpgoRequest request = {
		.kind = FPGO_REQUEST_INQUIRY,
		.target = gateway->target,
		.path = path,
		.body_limit = body_limit,
	};
	const FpgoFinding *finding;
	JsonbContainer *answer;
	JsonbValue *data;

	request.target.timeout_ms = Min(request.target.timeout_ms, TRY_TIMEOUT);
	finding = ask(gateway, &request);
	answer = read_answer(finding);
	if (answer != NULL && finding->status == 404)
		return NULL;
	data = answer == NULL || finding->status < 200 || finding->status > 299 ?
		NULL : getKeyJsonValueFromContainer(answer, "data", 4, NULL);
	if (data == NULL || data->type != jbvBinary)
		raise_unanswered(finding, gateway->target.server_name);
	return data;
}

/* ---------- reading ---------- */

/* The same of an amount in NOK. */
static char *
read_amount(JsonbContainer *object, const char *name)
{
	char	   *text = read_member(object, name);

	if (text == NULL || !fpgo_is_amount((FpgoSpan) {text, strlen(text)}))
		return NULL;
	return text;
}

/* What an answer says of an order; false if it does not say of which. */
static bool
read_news(const JsonbValue *value, FpgoNews *news)
{
	JsonbContainer *object = value->val.binary.data;

	news->order_uuid = read_member(object, "uuid");
	news->status = read_member(object, "status");
	news->order_amount = read_amount(object, "orderAmount");
	news->refunded_amount = read_amount(object, "refundedAmount");
	if (news->status != NULL && news->status[0] == '\0')
		news->status = NULL;
	return news->order_uuid != NULL && news->order_uuid[0] != '\0';
}

static void pg_attribute_noreturn()
raise_odd_answer(const char *server_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_FPGO_UNREACHED),
			 errmsg("server \"%s\" did not answer the question", server_name),
			 errdetail("Its answer lacks what it should say, or is about another order."),
			 fpgo_errhide()));
}

/* ---------- arguments ---------- */

static char *
uuid_argument(FunctionCallInfo fcinfo)
{
	char	   *uuid;
	size_t		len;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("order_uuid must not be null"),
				 fpgo_errhide()));
	uuid = text_to_cstring(PG_GETARG_TEXT_PP(0));
	len = strlen(uuid);
	for (size_t i = 0; i < len; i++)
	{
		if (!is_ascii_alnum(uuid[i]) && !is_one_of(uuid[i], "-_"))
			len = 0;
	}
	if (len == 0 || len > UUID_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order_uuid is no identifier of the gateway's"),
				 errdetail("It must have letters, digits, - and _ only, and at most %d of them.",
						   UUID_MAX),
				 errhint("It looks like ODR4286244937; fpgo.submissions has it of each accepted order."),
				 fpgo_errhide()));
	return uuid;
}

static const FpgoGateway *
gateway_argument(FunctionCallInfo fcinfo)
{
	return fpgo_gateway_resolve(PG_ARGISNULL(1) ? NULL :
								text_to_cstring(PG_GETARG_TEXT_PP(1)),
								GetUserId());
}

/* A status as the value of a parameter: everything but letters escaped. */
static char *
filter_path(const char *status)
{
	char	   *utf8 = pg_server_to_any(status, strlen(status), PG_UTF8);
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfoString(&path, STATUS_PATH "?type=");
	for (const char *c = utf8; *c != '\0'; c++)
	{
		if (is_ascii_alnum(*c))
			appendStringInfoChar(&path, *c);
		else
			appendStringInfo(&path, "%%%02X", (unsigned char) *c);
	}
	return path.data;
}

/* ---------- the functions ---------- */

/* Keep what is known now; that a status was left out is no news. */
static void
keep(const FpgoGateway *gateway, FpgoNews *news, int n)
{
	int			n_kept = 0;

	for (int i = 0; i < n; i++)
	{
		if (news[i].status != NULL)
			news[n_kept++] = news[i];
	}
	SPI_connect();
	fpgo_news_keep(gateway->target.server_name, news, n_kept);
	SPI_finish();
}

static void
put_text(Datum *value, bool *is_null, const char *text)
{
	*is_null = text == NULL;
	*value = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
put_amount(Datum *value, bool *is_null, const char *text)
{
	*is_null = text == NULL;
	*value = text == NULL ? (Datum) 0 :
		DirectFunctionCall3(numeric_in, CStringGetDatum(text),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* A row of type fpgo.order_status. */
static void
put_row(ReturnSetInfo *result, const FpgoNews *news)
{
	Datum		values[4];
	bool		nulls[4];

	put_text(&values[0], &nulls[0], news->order_uuid);
	put_text(&values[1], &nulls[1], news->status);
	put_amount(&values[2], &nulls[2], news->order_amount);
	put_amount(&values[3], &nulls[3], news->refunded_amount);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
fpgo_fetch_status(PG_FUNCTION_ARGS)
{
	const char *uuid = uuid_argument(fcinfo);
	const FpgoGateway *gateway = gateway_argument(fcinfo);
	const JsonbValue *data = inquire(gateway,
									 psprintf(STATUS_PATH "/%s", uuid),
									 NEWS_LIMIT);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	FpgoNews	news;

	InitMaterializedSRF(fcinfo, 0);
	if (data == NULL)
		PG_RETURN_NULL();
	if (!read_news(data, &news) || strcmp(news.order_uuid, uuid) != 0)
		raise_odd_answer(gateway->target.server_name);
	put_row(result, &news);
	keep(gateway, &news, 1);
	PG_RETURN_NULL();
}

Datum
fpgo_fetch_orders(PG_FUNCTION_ARGS)
{
	const char *status = PG_ARGISNULL(0) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(0));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const FpgoGateway *gateway;
	const JsonbValue *data;
	FpgoNews   *news;
	JsonbContainer *list;
	int			n = 0;

	if (status != NULL && (status[0] == '\0' || strlen(status) > FILTER_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("status must have from 1 to %d bytes", FILTER_MAX),
				 errhint("NULL asks for all orders."),
				 fpgo_errhide()));
	gateway = gateway_argument(fcinfo);
	data = inquire(gateway, status ? filter_path(status) : STATUS_PATH,
				   LIST_LIMIT);
	InitMaterializedSRF(fcinfo, 0);
	if (data == NULL)
		PG_RETURN_NULL();
	list = data->val.binary.data;
	if (!JsonContainerIsArray(list))
		raise_odd_answer(gateway->target.server_name);
	news = MemoryContextAllocHuge(CurrentMemoryContext,
								  sizeof(FpgoNews) *
								  (Size) Max(JsonContainerSize(list), 1));
	for (uint32 i = 0; i < JsonContainerSize(list); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(list, i);

		CHECK_FOR_INTERRUPTS();
		if (element->type != jbvBinary || !read_news(element, &news[n]))
			raise_odd_answer(gateway->target.server_name);
		put_row(result, &news[n++]);
	}
	keep(gateway, news, n);
	PG_RETURN_NULL();
}

Datum
fpgo_fetch_invoice_number(PG_FUNCTION_ARGS)
{
	const char *uuid = uuid_argument(fcinfo);
	const FpgoGateway *gateway = gateway_argument(fcinfo);
	const JsonbValue *data = inquire(gateway,
									 psprintf(INVOICE_NUMBER_PATH "/%s", uuid),
									 NEWS_LIMIT);
	char	   *number = data == NULL ? NULL :
	read_member(data->val.binary.data, "invoiceNumber");
	char	   *other = data == NULL ? NULL : read_member(data->val.binary.data, "orderUuid");

	if (other != NULL && strcmp(other, uuid) != 0)
		raise_odd_answer(gateway->target.server_name);
	if (number == NULL || number[0] == '\0')
		PG_RETURN_NULL();
	SPI_connect();
	fpgo_news_keep_invoice_number(gateway->target.server_name, uuid, number);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(number));
}

Datum
fpgo_fetch_details(PG_FUNCTION_ARGS)
{
	const char *uuid = uuid_argument(fcinfo);
	const FpgoGateway *gateway = gateway_argument(fcinfo);
	JsonbValue *data;
	char	   *other;

	fpgo_resolve_require_order(gateway->target.server_name, uuid);
	data = inquire(gateway, psprintf(DETAILS_PATH "/%s", uuid), DETAILS_LIMIT);
	if (data == NULL)
		PG_RETURN_NULL();
	other = read_member(data->val.binary.data, "orderUuid");
	if (other == NULL || strcmp(other, uuid) != 0)
		raise_odd_answer(gateway->target.server_name);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(data));
}
