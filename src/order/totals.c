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
 * The books of most shops have VAT of what the customer pays, after discount,
 * and a discount without VAT.  'after_discount' reckons so:
 *
 *		totalTax = sum of (quantity * rate - discount) * tax / (100 + tax)
 *		totalDiscount = sum of discount * 100 / (100 + tax)
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

#include "base/fpgo.h"
#include "order/lines.h"
#include "order/money.h"
#include "order/totals.h"

PG_FUNCTION_INFO_V1(fpgo_summarize);
PG_FUNCTION_INFO_V1(fpgo_summarize_by_rule);

/* one hundred per cent */
#define WHOLE 100

/* Totals before rounding; NULL as soon as a part is NULL. */
typedef struct Sums
{
	Numeric		tax;
	Numeric		discount;
	Numeric		amount;
} Sums;

/* ---------- a line ---------- */

Numeric
fpgo_totals_exact(Numeric quantity, Numeric rate, Numeric discount)
{
	Numeric		amount = fpgo_money_multiply(quantity, rate);

	return discount ? fpgo_money_subtract(amount, discount) : amount;
}

Numeric
fpgo_totals_amount(Numeric quantity, Numeric rate, Numeric discount)
{
	return fpgo_money_round(fpgo_totals_exact(quantity, rate, discount));
}

/* A part of a sum with VAT in it; NULL for a rate of VAT below zero. */
static Numeric
part_of(Numeric sum, Numeric part, Numeric vat)
{
	if (vat == NULL || fpgo_money_sign(vat) < 0)
		return NULL;
	return fpgo_money_divide(fpgo_money_multiply(sum, part),
							 fpgo_money_add(int64_to_numeric(WHOLE), vat));
}

/* The VAT in a line. */
static Numeric
line_tax(const FpgoLine *line, FpgoVatRule rule)
{
	Numeric		price = rule == FPGO_VAT_AFTER_DISCOUNT ?
		fpgo_totals_exact(line->quantity, line->rate, line->discount) :
		fpgo_money_multiply(line->quantity, line->rate);

	return part_of(price, line->vat, line->vat);
}

static Numeric
line_discount(const FpgoLine *line, FpgoVatRule rule)
{
	if (line->discount == NULL)
		return int64_to_numeric(0);
	return rule == FPGO_VAT_AFTER_DISCOUNT ?
		part_of(line->discount, int64_to_numeric(WHOLE), line->vat) :
		line->discount;
}

/* ---------- an order ---------- */

static Sums
sum_up(FpgoLines *lines, FpgoVatRule rule)
{
	Numeric		zero = int64_to_numeric(0);
	Sums		sums = {zero, zero, zero};

	for (int i = 0; i < lines->n; i++)
	{
		FpgoLine	line = fpgo_lines_read(lines, i);

		if (line.is_null)
			return (Sums) {NULL, NULL, NULL};
		sums.tax = fpgo_money_add(sums.tax, line_tax(&line, rule));
		sums.discount = fpgo_money_add(sums.discount,
									   line_discount(&line, rule));
		sums.amount = fpgo_money_add(sums.amount, line.amount);
	}
	return sums;
}

static void
put(TupleDesc summary, FpgoMeaning meaning, Numeric total, Datum *values,
	bool *nulls)
{
	int			column = fpgo_lines_find(summary, meaning);

	nulls[column] = total == NULL;
	values[column] = total ? NumericGetDatum(total) : (Datum) 0;
}

static Datum
make_summary(TupleDesc summary, const Sums *sums)
{
	Datum	   *values = palloc0(sizeof(Datum) * summary->natts);
	bool	   *nulls = palloc(sizeof(bool) * summary->natts);
	Numeric		tax = fpgo_money_round(sums->tax);
	Numeric		discount = fpgo_money_round(sums->discount);
	Numeric		total = fpgo_money_round(sums->amount);

	memset(nulls, true, sizeof(bool) * summary->natts);
	put(summary, FPGO_MEANS_SUB_TOTAL,
		fpgo_money_subtract(fpgo_money_add(total, discount), tax),
		values, nulls);
	put(summary, FPGO_MEANS_TOTAL_TAX, tax, values, nulls);
	put(summary, FPGO_MEANS_TOTAL_DISCOUNT, discount, values, nulls);
	put(summary, FPGO_MEANS_GRAND_TOTAL, total, values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(summary, values, nulls));
}

Datum
fpgo_totals_summarize(ArrayType *products, FpgoVatRule rule,
					  const FpgoOwnTotals *own, TupleDesc summary)
{
	FpgoLines	lines;
	Sums		sums;

	if (ArrayGetNItems(ARR_NDIM(products), ARR_DIMS(products)) == 0)
		return 0;
	lines = fpgo_lines_open(products);
	sums = sum_up(&lines, rule);
	fpgo_lines_close(&lines);
	if (own && own->grand_total)
		sums.amount = own->grand_total;
	if (own && own->tax)
		sums.tax = own->tax;
	return make_summary(summary, &sums);
}

FpgoVatRule
fpgo_totals_vat_rule(text *word)
{
	char	   *rule = text_to_cstring(word);

	if (strcmp(rule, "before_discount") == 0)
		return FPGO_VAT_BEFORE_DISCOUNT;
	if (strcmp(rule, "after_discount") == 0)
		return FPGO_VAT_AFTER_DISCOUNT;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("vat must be 'before_discount' or 'after_discount'"),
			 fpgo_errhide()));
}

/* ---------- SQL ---------- */

static Datum
summarize(FunctionCallInfo fcinfo, FpgoVatRule rule)
{
	TupleDesc	descriptor;
	Datum		summary;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	summary = fpgo_totals_summarize(PG_GETARG_ARRAYTYPE_P(0), rule, NULL,
									descriptor);
	if (summary == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(summary);
}

Datum
fpgo_summarize(PG_FUNCTION_ARGS)
{
	return summarize(fcinfo, FPGO_VAT_BEFORE_DISCOUNT);
}

Datum
fpgo_summarize_by_rule(PG_FUNCTION_ARGS)
{
	return summarize(fcinfo, fpgo_totals_vat_rule(PG_GETARG_TEXT_PP(1)));
}
