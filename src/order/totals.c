/*
 * totals.c
 *		Calculates the sums of an order from its products.
 *
 * The API page prints no formula.  These are the formulas of the vendor's own
 * dashboard, where a rate includes VAT.  They fit the one worked example that
 * the vendor prints (rate 4500, tax 12, subTotal 4017.86, totalTax 482.14):
 *
 *		amount = quantity * rate - discount
 *		totalTax = sum of quantity * rate * tax / (100 + tax)
 *		totalDiscount = sum of the discounts
 *		grandTotal = sum of the amounts
 *		subTotal = sum of quantity * rate * 100 / (100 + tax)
 *
 * Exact decimals throughout, and one rounding to two decimals: of a line's
 * amount, since it is money, and of each total at the end.  But four totals
 * that are rounded one by one do not always add up.  The state asks for the
 * tax, and the customer pays the grand total.  Therefore the subtotal takes
 * the difference, never more than half a cent a line and one cent in all:
 *
 *		subTotal = grandTotal + totalDiscount - totalTax
 *
 * A missing discount counts as zero, since it is optional.  Any other missing
 * member makes the totals that need it NULL, and validation says what is
 * missing.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "order/spellings.h"
#include "order/totals.h"

PG_FUNCTION_INFO_V1(fpgo_summarize);

/* one hundred per cent */
#define WHOLE 100

/* decimals of an amount of money */
#define MONEY_DECIMALS 2

/* The members of a product that the totals need; each may be NULL. */
typedef struct Line
{
	Numeric		quantity;
	Numeric		rate;
	Numeric		discount;
	Numeric		vat;
	Numeric		amount;
} Line;

/* The attribute of each in a product's row type. */
typedef struct Columns
{
	TupleDesc	descriptor;
	int			quantity;
	int			rate;
	int			discount;
	int			vat;
	int			amount;
	Datum	   *values;			/* of the line that is being read */
	bool	   *nulls;
} Columns;

/* Totals before rounding; NULL as soon as a part is NULL. */
typedef struct Sums
{
	Numeric		tax;
	Numeric		discount;
	Numeric		amount;
} Sums;

/* ---------- arithmetic: nothing in, nothing out ---------- */

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

static Numeric
add(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(add, a, b, true));
}

static Numeric
subtract(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(sub, a, b, true));
}

static Numeric
multiply(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(mul, a, b, true));
}

static Numeric
divide(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return NULL;
	return require_number(FPGO_NUMERIC(div, a, b, true));
}

static Numeric
round_money(Numeric a)
{
	if (a == NULL)
		return NULL;
	return DatumGetNumeric(DirectFunctionCall2(numeric_round,
											   NumericGetDatum(a),
											   Int32GetDatum(MONEY_DECIMALS)));
}

static bool
is_below_zero(Numeric a)
{
	Numeric		zero = int64_to_numeric(0);

	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a),
											NumericGetDatum(zero)));
}

/* ---------- a line ---------- */

Numeric
fpgo_totals_amount(Numeric quantity, Numeric rate, Numeric discount)
{
	Numeric		amount = multiply(quantity, rate);

	return round_money(discount ? subtract(amount, discount) : amount);
}

/* The VAT in a line; NULL for a rate of VAT below zero. */
static Numeric
line_tax(const Line *line)
{
	Numeric		price = multiply(line->quantity, line->rate);

	if (line->vat == NULL || is_below_zero(line->vat))
		return NULL;
	return divide(multiply(price, line->vat),
				  add(int64_to_numeric(WHOLE), line->vat));
}

static int
find_column(TupleDesc descriptor, FpgoMeaning meaning)
{
	const FpgoShape *shape = fpgo_shape_of(meaning);
	const FpgoField *field = &shape->fields[fpgo_shape_find(shape, meaning)];

	return fpgo_order_find_attribute(descriptor, shape, field->sql);
}

static void
open_columns(Columns *columns, Oid product_type)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc(product_type, -1);

	columns->descriptor = descriptor;
	columns->quantity = find_column(descriptor, FPGO_MEANS_QUANTITY);
	columns->rate = find_column(descriptor, FPGO_MEANS_RATE);
	columns->discount = find_column(descriptor, FPGO_MEANS_DISCOUNT);
	columns->vat = find_column(descriptor, FPGO_MEANS_VAT);
	columns->amount = find_column(descriptor, FPGO_MEANS_AMOUNT);
	columns->values = palloc(sizeof(Datum) * descriptor->natts);
	columns->nulls = palloc(sizeof(bool) * descriptor->natts);
}

static Numeric
take(const Columns *columns, int column)
{
	return columns->nulls[column] ? NULL :
		DatumGetNumeric(columns->values[column]);
}

static Line
read_line(const Columns *columns, Datum product)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(product);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),
	.t_data = header};

	heap_deform_tuple(&tuple, columns->descriptor, columns->values,
					  columns->nulls);
	return (Line) {
		.quantity = take(columns, columns->quantity),
		.rate = take(columns, columns->rate),
		.discount = take(columns, columns->discount),
		.vat = take(columns, columns->vat),
		.amount = take(columns, columns->amount),
	};
}

/* ---------- an order ---------- */

static Sums
sum_up(const Columns *columns, const Datum *products, const bool *nulls, int n)
{
	Numeric		zero = int64_to_numeric(0);
	Sums		sums = {zero, zero, zero};

	for (int i = 0; i < n; i++)
	{
		Line		line;

		if (nulls[i])
			return (Sums) {NULL, NULL, NULL};
		line = read_line(columns, products[i]);
		sums.tax = add(sums.tax, line_tax(&line));
		sums.discount = add(sums.discount,
							line.discount ? line.discount : zero);
		sums.amount = add(sums.amount, line.amount);
	}
	return sums;
}

static void
put(TupleDesc summary, FpgoMeaning meaning, Numeric total, Datum *values,
	bool *nulls)
{
	int			column = find_column(summary, meaning);

	nulls[column] = total == NULL;
	values[column] = total ? NumericGetDatum(total) : (Datum) 0;
}

static Datum
make_summary(TupleDesc summary, const Sums *sums)
{
	Datum	   *values = palloc0(sizeof(Datum) * summary->natts);
	bool	   *nulls = palloc(sizeof(bool) * summary->natts);
	Numeric		tax = round_money(sums->tax);
	Numeric		discount = round_money(sums->discount);
	Numeric		total = round_money(sums->amount);

	memset(nulls, true, sizeof(bool) * summary->natts);
	put(summary, FPGO_MEANS_SUB_TOTAL, subtract(add(total, discount), tax),
		values, nulls);
	put(summary, FPGO_MEANS_TOTAL_TAX, tax, values, nulls);
	put(summary, FPGO_MEANS_TOTAL_DISCOUNT, discount, values, nulls);
	put(summary, FPGO_MEANS_GRAND_TOTAL, total, values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(summary, values, nulls));
}

Datum
fpgo_totals_summarize(ArrayType *products, TupleDesc summary)
{
	Oid			type = ARR_ELEMTYPE(products);
	Columns		columns;
	Sums		sums;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(products, type, typlen, typbyval, typalign, &elements,
					  &nulls, &n);
	if (n == 0)
		return 0;
	open_columns(&columns, type);
	sums = sum_up(&columns, elements, nulls, n);
	ReleaseTupleDesc(columns.descriptor);
	return make_summary(summary, &sums);
}

/* ---------- SQL ---------- */

Datum
fpgo_summarize(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		summary;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	summary = fpgo_totals_summarize(PG_GETARG_ARRAYTYPE_P(0), descriptor);
	if (summary == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(summary);
}
