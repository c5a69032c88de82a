/*
 * fetch.c
 *		The functions that ask the gateway about orders it has.
 *
 * Each function makes one inquiry (inquiry.c).  What the gateway says of an
 * order that was submitted here is recorded (order_status.c), in the caller's
 * transaction.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "base/arguments.h"
#include "base/datum.h"
#include "base/fpgo.h"
#include "followup/inquiry.h"
#include "followup/order_status.h"
#include "followup/resolve.h"
#include "order/json_text.h"
#include "text/ascii.h"
#include "text/identifier.h"

PG_FUNCTION_INFO_V1(fpgo_fetch_status);
PG_FUNCTION_INFO_V1(fpgo_fetch_details);
PG_FUNCTION_INFO_V1(fpgo_fetch_invoice_number);
PG_FUNCTION_INFO_V1(fpgo_fetch_orders);

/* how long a caller waits at most because the gateway asks for a pause */
#define LONGEST_PAUSE_MS 5000

/* longest filter in bytes */
#define FILTER_MAX 255

/* ---------- asking ---------- */

/* A question, and its answer. */
typedef struct Question
{
	const FpgoAccount *account;
	const char *path;
	int			body_limit;
	const FpgoInquiry *inquiry;
} Question;

static void
ask(void *arg)
{
	Question   *question = arg;

	question->inquiry = fpgo_inquire(question->account, question->path,
									 question->body_limit, LONGEST_PAUSE_MS);
}

/*
 * Member data of the answer to a GET of path; NULL if the gateway has nothing
 * of that name, or says nothing of it.
 */
static const JsonbValue *
inquire(const FpgoAccount *account, const char *path, int body_limit)
{
	Question	question = {.account = account, .path = path,
	.body_limit = body_limit};
	const FpgoInquiry *inquiry;

	fpgo_account_use(account, ask, &question);
	inquiry = question.inquiry;
	if (inquiry->end == FPGO_INQUIRY_FAILED ||
		inquiry->end == FPGO_INQUIRY_UNREADABLE)
		fpgo_inquiry_raise(inquiry, account->target.server_name);
	return inquiry->data;
}

pg_noreturn static void
raise_odd_answer(const char *server_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_FPGO_UNREACHED),
			 errmsg("server \"%s\" did not answer the question", server_name),
			 errdetail("Its answer lacks a member that it must have, or is about another order."),
			 fpgo_errhide()));
}

/* ---------- arguments ---------- */

static char *
uuid_argument(FunctionCallInfo fcinfo)
{
	char	   *uuid;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("order_uuid must not be null"),
				 fpgo_errhide()));
	uuid = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!fpgo_is_identifier(uuid, strlen(uuid)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order_uuid is no identifier of the gateway's"),
				 errdetail("It must have %s.", FPGO_IDENTIFIER_RULE),
				 errhint("It looks like ODR4286244937; fpgo.submissions has it of each accepted order."),
				 fpgo_errhide()));
	return uuid;
}

static const FpgoAccount *
account_argument(FunctionCallInfo fcinfo)
{
	return fpgo_account_resolve(fpgo_text_argument(fcinfo, 1),
								GetUserId());
}

/* A status as the value of a parameter: everything but letters escaped. */
static char *
filter_path(const char *status)
{
	char	   *utf8 = pg_server_to_any(status, strlen(status), PG_UTF8);
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfoString(&path, FPGO_STATUS_PATH "?type=");
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

static void
keep(const FpgoAccount *account, const FpgoOrderStatus *order_status, int n)
{
	SPI_connect();
	fpgo_order_status_keep(account->name, order_status, n);
	SPI_finish();
}

/* A row of type fpgo.order_status. */
static void
put_row(ReturnSetInfo *result, const FpgoOrderStatus *order_status)
{
	Datum		values[4];
	bool		nulls[4];

	values[0] = fpgo_text_datum(order_status->order_uuid, &nulls[0]);
	values[1] = fpgo_text_datum(order_status->status, &nulls[1]);
	values[2] = fpgo_numeric_datum(order_status->order_amount, &nulls[2]);
	values[3] = fpgo_numeric_datum(order_status->refunded_amount, &nulls[3]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
fpgo_fetch_status(PG_FUNCTION_ARGS)
{
	const char *uuid = uuid_argument(fcinfo);
	const FpgoAccount *account = account_argument(fcinfo);
	const JsonbValue *data = inquire(account,
									 psprintf(FPGO_STATUS_PATH "/%s", uuid),
									 FPGO_ORDER_STATUS_LIMIT);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	FpgoOrderStatus order_status;

	InitMaterializedSRF(fcinfo, 0);
	if (data == NULL)
		PG_RETURN_NULL();
	if (!fpgo_order_status_read(data->val.binary.data, &order_status) ||
		strcmp(order_status.order_uuid, uuid) != 0)
		raise_odd_answer(account->target.server_name);
	put_row(result, &order_status);
	keep(account, &order_status, 1);
	PG_RETURN_NULL();
}

Datum
fpgo_fetch_orders(PG_FUNCTION_ARGS)
{
	const char *status = fpgo_text_argument(fcinfo, 0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const FpgoAccount *account;
	const JsonbValue *data;
	FpgoOrderStatus *order_status;
	JsonbContainer **list;
	uint32		n;

	if (status != NULL && (status[0] == '\0' || strlen(status) > FILTER_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("status must have from 1 to %d bytes", FILTER_MAX),
				 errhint("NULL asks for all orders."),
				 fpgo_errhide()));
	account = account_argument(fcinfo);
	data = inquire(account, status ? filter_path(status) : FPGO_STATUS_PATH,
				   FPGO_LIST_LIMIT);
	InitMaterializedSRF(fcinfo, 0);
	if (data == NULL)
		PG_RETURN_NULL();
	list = fpgo_inquiry_elements(data, &n);
	order_status = MemoryContextAllocHuge(CurrentMemoryContext,
										  sizeof(FpgoOrderStatus) *
										  ((Size) n + 1));
	for (uint32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (list[i] == NULL ||
			!fpgo_order_status_read(list[i], &order_status[i]))
			raise_odd_answer(account->target.server_name);
		put_row(result, &order_status[i]);
	}
	keep(account, order_status, n);
	PG_RETURN_NULL();
}

Datum
fpgo_fetch_invoice_number(PG_FUNCTION_ARGS)
{
	const char *uuid = uuid_argument(fcinfo);
	const FpgoAccount *account = account_argument(fcinfo);
	const JsonbValue *data = inquire(account,
									 psprintf(FPGO_INVOICE_NUMBER_PATH "/%s", uuid),
									 FPGO_ORDER_STATUS_LIMIT);
	char	   *number = data == NULL ? NULL :
	fpgo_json_member(data->val.binary.data, "invoiceNumber");
	char	   *other = data == NULL ? NULL : fpgo_json_member(data->val.binary.data, "orderUuid");

	if (other != NULL && strcmp(other, uuid) != 0)
		raise_odd_answer(account->target.server_name);
	if (number == NULL || number[0] == '\0')
		PG_RETURN_NULL();
	SPI_connect();
	fpgo_order_status_keep_invoice_number(account->name, uuid,
										  number);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(number));
}

Datum
fpgo_fetch_details(PG_FUNCTION_ARGS)
{
	const char *uuid = uuid_argument(fcinfo);
	const FpgoAccount *account = account_argument(fcinfo);
	const JsonbValue *data;
	const char *other;

	fpgo_resolve_require_order(account->name, uuid);
	data = inquire(account, psprintf(FPGO_DETAILS_PATH "/%s", uuid),
				   FPGO_DETAILS_LIMIT);
	if (data == NULL)
		PG_RETURN_NULL();
	other = fpgo_json_member(data->val.binary.data, "orderUuid");
	if (other == NULL || strcmp(other, uuid) != 0)
		raise_odd_answer(account->target.server_name);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(unconstify(JsonbValue *, data)));
}
