/*
 * submit.c
 *		fpgo.submit_invoice: one order, sent now, its answer as a row.
 *
 * Resolve the gateway (and with it the right to submit), validate, send once,
 * wait, return.  Nothing is sent for an order that breaks a rule, and one
 * call transmits at most once.  The request runs in this backend: between two
 * steps of the transfer the wait looks at interrupts, and an error that ends
 * the wait takes the transfer with it (see exchange.h).
 */
#include "fpgo.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "document.h"

PG_FUNCTION_INFO_V1(fpgo_submit_invoice_text);
PG_FUNCTION_INFO_V1(fpgo_submit_invoice_jsonb);
PG_FUNCTION_INFO_V1(fpgo_submit_invoice_invoice_order);

/*
 * Largest payload in bytes: what nginx, which stands before the gateway,
 * takes unless it is told otherwise (client_max_body_size).
 */
#define PAYLOAD_MAX (1024 * 1024)

/* longest one step of the transfer waits before interrupts are looked at */
#define STEP_MS 50

/* What a waiting call knows of itself, for the CONTEXT of its errors. */
typedef struct Waiting
{
	const char *server_name;
	const FpgoExchange *exchange;
} Waiting;

/* Refuse where an invoice must not come from. */
static void
require_writable(void)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice during recovery"),
				 errhint("Submit it on the primary server.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice in a read-only transaction")));
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice during a parallel operation")));
}

/* The wire text in UTF-8. */
static StringInfo
make_wire(Jsonb *order)
{
	StringInfo	wire = makeStringInfo();
	char	   *utf8;

	fpgo_payload_write(wire, order);
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		utf8 = pg_server_to_any(wire->data, wire->len, PG_UTF8);
		if (utf8 != wire->data)
		{
			wire->data = utf8;
			wire->len = strlen(utf8);
		}
	}
	if (wire->len > PAYLOAD_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("order payload is too large"),
				 errdetail("It has %d bytes; the limit is %d.  Nothing was sent.",
						   wire->len, PAYLOAD_MAX),
				 fpgo_errhide()));
	return wire;
}

/*
 * What the gateway may echo and no message may show: every secret text of
 * the order, and the token.  NULL-terminated, in UTF-8.
 */
static const char **
list_secrets(Jsonb *order, const char *token)
{
	FpgoValue	root = fpgo_document_root(order);
	FpgoValue	members[FPGO_MAX_FIELDS];
	const char **secrets = palloc0(sizeof(char *) * (FPGO_MAX_FIELDS + 2));
	int			n = 0;

	secrets[n++] = token;
	fpgo_document_members(&root, &fpgo_order_shape, members);
	for (int i = 0; i < fpgo_order_shape.n_fields; i++)
	{
		const FpgoShape *shape = fpgo_order_shape.fields[i].shape;
		FpgoValue	inner[FPGO_MAX_FIELDS];

		if (shape == NULL)
			continue;
		fpgo_document_members(&members[i], shape, inner);
		for (int j = 0; j < shape->n_fields && n <= FPGO_MAX_FIELDS; j++)
		{
			FpgoSpan	text = fpgo_trim(inner[j].text);

			if (shape->fields[j].is_secret && inner[j].kind == FPGO_TEXT &&
				text.len > 0)
				secrets[n++] = pg_server_to_any(pnstrdup(text.text, text.len),
												text.len, PG_UTF8);
		}
	}
	return secrets;
}

/* CONTEXT of an error that ends the wait: what became of the order. */
static void
describe_waiting(void *arg)
{
	const Waiting *waiting = arg;

	/* the statement may hold the order; a cancelled one would be logged */
	errhidestmt(true);
	if (waiting->exchange == NULL)
		return;
	if (fpgo_exchange_mark_reached(waiting->exchange))
		errcontext("order on its way to server \"%s\": whether it arrived is not known; look before sending it again",
				   waiting->server_name);
	else
		errcontext("connecting to server \"%s\": the order was not sent",
				   waiting->server_name);
}

/* Send, and wait for the end of it. */
static FpgoOutcome *
exchange(const FpgoTarget *target, StringInfo wire, const char **secrets)
{
	Waiting		waiting = {.server_name = target->server_name};
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = describe_waiting, .arg = &waiting};
	FpgoExchange *under_way;

	error_context_stack = &callback;
	under_way = fpgo_exchange_start(target, wire->data, wire->len, secrets,
									CurTransactionContext);
	waiting.exchange = under_way;
	while (!fpgo_exchange_is_done(under_way))
	{
		CHECK_FOR_INTERRUPTS();
		fpgo_http_step(STEP_MS);
	}
	error_context_stack = callback.previous;
	return fpgo_exchange_finish(under_way);
}

/* DETAIL: what happened and, one a line, what the gateway said about it. */
static char *
describe_outcome(const FpgoOutcome *outcome)
{
	StringInfoData detail;
	const FpgoReply *reply = outcome->reply;

	initStringInfo(&detail);
	appendStringInfoString(&detail, outcome->reason);
	for (int i = 0; reply != NULL && i < reply->n_messages; i++)
		appendStringInfo(&detail, "\n%s", reply->messages[i]);
	if (reply != NULL && reply->n_left_off > 0)
		appendStringInfo(&detail, "\n... and %d more.", reply->n_left_off);
	return detail.data;
}

/* How an outcome is raised; %s in message and hint is the server's name. */
typedef struct OutcomeError
{
	int			code;
	const char *message;
	const char *hint;			/* NULL if there is nothing to advise */
} OutcomeError;

static const OutcomeError outcome_errors[] = {
	[FPGO_OUTCOME_REFUSED] = {ERRCODE_FPGO_REFUSED,
	"server \"%s\" refused the order", NULL},
	[FPGO_OUTCOME_UNREACHED] = {ERRCODE_FPGO_UNREACHED,
		"could not reach server \"%s\"",
	"The order was not processed; it is safe to submit it again."},
	[FPGO_OUTCOME_MISCONFIGURED] = {ERRCODE_FPGO_UNREACHED,
		"could not reach the order service of server \"%s\"",
	"The order was not processed.  Check the server's options: ALTER SERVER %s OPTIONS (SET url '...');"},
	[FPGO_OUTCOME_CREDENTIALS] = {ERRCODE_FPGO_CREDENTIALS,
		"server \"%s\" refused the credentials",
	"The order was not processed.  Put the right token into the user mapping of server %s."},
	[FPGO_OUTCOME_SLOW_DOWN] = {ERRCODE_FPGO_SLOW_DOWN,
		"server \"%s\" asked to slow down",
	"The order was not processed; submit it again in a minute."},
	[FPGO_OUTCOME_UNKNOWN] = {ERRCODE_FPGO_UNKNOWN,
		"outcome of submitting the order to server \"%s\" is unknown",
	"The order may have been invoiced.  Look at the gateway before submitting it again."},
};

static void pg_attribute_noreturn()
raise_outcome(const FpgoOutcome *outcome, const char *server_name)
{
	const OutcomeError *error = &outcome_errors[outcome->class];
	const char *hint = error->hint;

	if (outcome->class == FPGO_OUTCOME_SLOW_DOWN &&
		outcome->retry_after_s >= 0)
		hint = psprintf("The order was not processed; submit it again in %d seconds.",
						outcome->retry_after_s);
	ereport(ERROR,
			(errcode(error->code),
			 errmsg(error->message, server_name),
			 errdetail_internal("%s", describe_outcome(outcome)),
			 hint ? errhint(hint, quote_identifier(server_name)) : 0,
			 fpgo_errhide()));
}

static Datum
text_or_null(const char *text, bool *is_null)
{
	*is_null = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static Datum
submit(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	const char *server_name = PG_ARGISNULL(1) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(1));
	Jsonb	   *order;
	FpgoGateway *gateway;
	FpgoOutcome *outcome;
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3];

	require_writable();
	order = fpgo_order_argument(fcinfo, spelling);
	gateway = fpgo_gateway_resolve(server_name);
	fpgo_validate_require(order, gateway->tax_rates);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	outcome = exchange(&gateway->target, make_wire(order),
					   list_secrets(order, gateway->target.token));
	if (outcome->class != FPGO_OUTCOME_ACCEPTED)
		raise_outcome(outcome, gateway->target.server_name);

	values[0] = text_or_null(outcome->reply->order_uuid, &nulls[0]);
	values[1] = text_or_null(outcome->reply->customer_uuid, &nulls[1]);
	values[2] = text_or_null(outcome->reply->bank_id_url, &nulls[2]);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}

Datum
fpgo_submit_invoice_text(PG_FUNCTION_ARGS)
{
	return submit(fcinfo, FPGO_SPELLED_TEXT);
}

Datum
fpgo_submit_invoice_jsonb(PG_FUNCTION_ARGS)
{
	return submit(fcinfo, FPGO_SPELLED_JSONB);
}

Datum
fpgo_submit_invoice_invoice_order(PG_FUNCTION_ARGS)
{
	return submit(fcinfo, FPGO_SPELLED_COMPOSITE);
}
