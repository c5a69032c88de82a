/*
 * show_request.c
 *		fpgo.request: what would be sent for an order.
 *
 * The order is completed, checked and written by the code that hands orders
 * in, and the request is made by the code that sends it.  Nothing is sent or
 * recorded.  No token is read: a request can be looked at before there is one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "account/account.h"
#include "base/arguments.h"
#include "handin/handin.h"
#include "order/spellings.h"
#include "validation/validate.h"

#define N_COLUMNS 5

static Datum
make_text_array(const char *const *texts, int n)
{
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static Datum
show_request(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	const char *server_name = fpgo_text_argument(fcinfo, 1);
	Jsonb	   *order = fpgo_order_argument(fcinfo, spelling);
	const FpgoAccount *account = fpgo_account_check(server_name, GetUserId());
	TupleDesc	descriptor;
	StringInfoData payload;
	int			wire_len;
	bool		is_filled;
	FpgoHttpShown shown;
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		descriptor->natts != N_COLUMNS)
		elog(ERROR, "return type must be a row of %d columns", N_COLUMNS);
	order = fpgo_handin_complete(order, spelling, account->terms.defaults,
								 &is_filled);
	fpgo_validate_require(order, account->terms.tax_rates);
	payload = fpgo_handin_payload(order, &wire_len);
	shown = fpgo_exchange_show(&account->target, payload.data, wire_len);

	values[0] = CStringGetTextDatum(shown.method);
	values[1] = CStringGetTextDatum(shown.url);
	values[2] = make_text_array(shown.headers, shown.n_headers);
	values[3] = CStringGetTextDatum(payload.data);
	values[4] = CStringGetTextDatum(shown.curl);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}

FPGO_ORDER_FUNCTIONS(fpgo_request, show_request);
