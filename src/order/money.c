/*
 * money.c
 *		Arithmetic on numeric: nothing in, nothing out.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "order/money.h"

/* decimals of an amount of money */
#define MONEY_DECIMALS 2

/* Returns NULL on failure: numeric's own error would not hide the order. */
static Numeric
require_number(Numeric result)
{
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("total is beyond what numeric can hold"),
				 fpgo_errhide()));
	return result;
}

Numeric
fpgo_money_add(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(add, a, b, true));
}

Numeric
fpgo_money_subtract(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(sub, a, b, true));
}

Numeric
fpgo_money_multiply(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(mul, a, b, true));
}

Numeric
fpgo_money_divide(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(div, a, b, true));
}

Numeric
fpgo_money_round(Numeric a)
{
	if (a == NULL)
		return NULL;
	return DatumGetNumeric(DirectFunctionCall2(numeric_round,
											   NumericGetDatum(a),
											   Int32GetDatum(MONEY_DECIMALS)));
}

Numeric
fpgo_money_trim(Numeric a)
{
	if (a == NULL)
		return NULL;
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
											   NumericGetDatum(a)));
}

bool
fpgo_money_is_finite(Numeric a)
{
	return a != NULL && !numeric_is_nan(a) && !numeric_is_inf(a);
}

int
fpgo_money_compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a),
											 NumericGetDatum(b)));
}

int
fpgo_money_sign(Numeric a)
{
	return fpgo_money_compare(a, int64_to_numeric(0));
}

char *
fpgo_money_show(Numeric a)
{
	return numeric_normalize(a);
}
