/*
 * check.c
 *		fpgo.validate, advise, is_valid and json_schema: checks of an order.
 *
 * What an order is checked against depends on its server: the tax rates, and
 * the defaults that are laid under it.  Nothing is sent or recorded.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/numeric.h"

#include "account/account.h"
#include "base/arguments.h"
#include "base/fpgo.h"
#include "handin/handin.h"
#include "order/document.h"
#include "order/spellings.h"
#include "validation/advise.h"
#include "validation/json_schema.h"
#include "validation/validate.h"
#include "validation/violation.h"

PG_FUNCTION_INFO_V1(fpgo_is_valid);
PG_FUNCTION_INFO_V1(fpgo_json_schema);

/* ---------- what it breaks, what to advise ---------- */

static Datum
validate(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	Jsonb	   *order = fpgo_order_argument_or_null(fcinfo, spelling);
	const char *server_name = fpgo_text_argument(fcinfo, 1);
	FpgoTerms	terms = fpgo_account_terms(server_name);
	bool		is_filled;

	/* no order breaks no rule: a join may have none */
	if (order == NULL)
		return fpgo_violation_return(fcinfo, NIL);
	order = fpgo_handin_complete(order, spelling, terms.defaults, &is_filled);
	return fpgo_violation_return(fcinfo,
								 fpgo_validate_order(order, terms.tax_rates));
}

FPGO_ORDER_FUNCTIONS(fpgo_validate, validate);

static Datum
advise(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	Jsonb	   *order = fpgo_order_argument_or_null(fcinfo, spelling);
	const char *server_name = fpgo_text_argument(fcinfo, 1);
	FpgoTerms	terms = fpgo_account_terms(server_name);
	bool		is_filled;

	if (order == NULL)
		return fpgo_violation_return(fcinfo, NIL);
	order = fpgo_handin_complete(order, spelling, terms.defaults, &is_filled);
	return fpgo_violation_return(fcinfo, fpgo_advise_order(order));
}

FPGO_ORDER_FUNCTIONS(fpgo_advise, advise);

/* ---------- is it valid? ---------- */

/* The elements of a numeric[] as texts. */
static const char *const *
read_tax_rates(ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	const char **rates;

	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tax_rates must not be empty"),
				 errhint("NULL means the default tax rates."),
				 fpgo_errhide()));
	rates = palloc0(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		Numeric		rate = nulls[i] ? NULL : DatumGetNumeric(elements[i]);

		if (rate == NULL || numeric_is_nan(rate) || numeric_is_inf(rate))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("tax_rates must hold finite numbers only"),
					 fpgo_errhide()));
		rates[i] = fpgo_document_number_text(rate).text;
	}
	return rates;
}

Datum
fpgo_is_valid(PG_FUNCTION_ARGS)
{
	const char *const *tax_rates = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		tax_rates = read_tax_rates(PG_GETARG_ARRAYTYPE_P(1));
	PG_RETURN_BOOL(fpgo_validate_is_valid(PG_GETARG_JSONB_P(0), tax_rates));
}
/* ---------- the rules as a schema ---------- */

Datum
fpgo_json_schema(PG_FUNCTION_ARGS)
{
	const char *server_name = fpgo_text_argument(fcinfo, 0);
	const char *schema =
		fpgo_json_schema_write(fpgo_account_terms(server_name).tax_rates);

	return DirectFunctionCall1(jsonb_in, CStringGetDatum(schema));
}
