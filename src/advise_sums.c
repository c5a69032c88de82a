/*
 * advise_sums.c
 *		Does an order add up?
 *
 * The API page prints no formula.  These are the ones of the vendor's own
 * dashboard, and they hold for prices with VAT in them as for prices without:
 *
 *		amount = quantity * rate - discount
 *		grandTotal = sum of the amounts
 *		subTotal + totalTax - totalDiscount = grandTotal
 *
 * In the dashboard a rate has VAT in it, as in the one worked example the
 * vendor prints (rate 4500, tax 12, subTotal 4017.86, totalTax 482.14).  Each
 * total is rounded to two decimals once, or line by line, as the shop likes;
 * so sums may be off by 0.01 a line.  The gateway was seen to take totals
 * that do not add up.
 *
 * Exact decimals throughout.  What cannot be read as an amount of money takes
 * part in no sum, and then the sum is not asked for: validation says why.
 */
#include "advise.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "reading.h"

static Numeric
zero(void)
{
	return int64_to_numeric(0);
}

/* what a sum of n lines may be off by: n times 0.01 */
static Numeric
tolerance(int n)
{
	return int64_div_fast_to_numeric(Max(n, 1), 2);
}

static Numeric
add(Numeric a, Numeric b)
{
	return numeric_add_opt_error(a, b, NULL);
}

static Numeric
subtract(Numeric a, Numeric b)
{
	return numeric_sub_opt_error(a, b, NULL);
}

static int
compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a),
											 NumericGetDatum(b)));
}

static Numeric
absolute(Numeric a)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_abs,
											   NumericGetDatum(a)));
}

static bool
differ(Numeric a, Numeric b, int n_lines)
{
	return compare(absolute(subtract(a, b)), tolerance(n_lines)) > 0;
}

static bool
is_whole(Numeric a)
{
	Datum		whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(a),
											Int32GetDatum(0));

	return compare(DatumGetNumeric(whole), a) == 0;
}

/*
 * A result for the middle of a sentence, at most two decimals of it; nothing
 * if it has as many digits as a personal number.
 */
static const char *
show_result(Numeric result)
{
	Datum		rounded = DirectFunctionCall2(numeric_round,
											  NumericGetDatum(result),
											  Int32GetDatum(2));
	Numeric		shown = DatumGetNumeric(rounded);
	FpgoSpan	text;

	if (compare(shown, result) == 0)
		shown = result;
	text = (FpgoSpan) {numeric_normalize(shown), 0};
	text.len = strlen(text.text);
	return fpgo_violation_is_quotable(text) ? psprintf(" = %s", text.text) : "";
}

/* The amount a member holds; what is absent counts as zero if it may. */
static Numeric
read_member(const FpgoShape *shape, const FpgoValue *members,
			FpgoMeaning meaning)
{
	int			i = fpgo_shape_find(shape, meaning);

	if (shape->fields[i].presence == FPGO_OPTIONAL &&
		fpgo_reads_as_null(&members[i]))
		return zero();
	return fpgo_reads_as_amount(&members[i]);
}

static const char *
name_of(const FpgoShape *shape, FpgoMeaning meaning)
{
	return shape->fields[fpgo_shape_find(shape, meaning)].json;
}

/* ---------- a product ---------- */

void
fpgo_advise_count_line(FpgoAdvice *advice, const FpgoShape *shape,
					   const FpgoValue *members)
{
	Numeric		amount = read_member(shape, members, FPGO_MEANS_AMOUNT);
	MemoryContext old = MemoryContextSwitchTo(advice->context);
	Numeric		before = advice->amounts;

	if (advice->n_lines++ == 0)
		before = zero();
	advice->amounts = before && amount ? add(before, amount) : NULL;
	if (before)
		pfree(before);
	MemoryContextSwitchTo(old);
}

/* Quantity times rate, NULL if one of them cannot be read. */
static Numeric
read_product(const FpgoShape *shape, const FpgoValue *members)
{
	Numeric		quantity = read_member(shape, members, FPGO_MEANS_QUANTITY);
	Numeric		rate = read_member(shape, members, FPGO_MEANS_RATE);

	return quantity && rate ? numeric_mul_opt_error(quantity, rate, NULL) :
		NULL;
}

/*
 * The page prints no bounds.  But the gateway's order details give quantities
 * as integers, and the vendor's dashboard takes digits only: a fraction may
 * get lost on the way.  Nobody orders nothing, or less.
 */
void
fpgo_advise_quantity(FpgoAdvice *advice, const FpgoSpot *spot)
{
	Numeric		quantity = fpgo_reads_as_amount(spot->value);

	if (quantity && (compare(quantity, zero()) <= 0 || !is_whole(quantity)))
		fpgo_advise_say(advice, &spot->place, "whole_quantity",
						"should be a whole number above 0, not %s.",
						fpgo_violation_describe(spot->field, spot->value));
}

/* An invoice is no credit note; what is taken off has a field of its own. */
void
fpgo_advise_rate(FpgoAdvice *advice, const FpgoSpot *spot)
{
	Numeric		rate = fpgo_reads_as_amount(spot->value);

	if (rate && compare(rate, zero()) < 0)
		fpgo_advise_say(advice, &spot->place, "negative_rate",
						"should be 0 or more, not %s.",
						fpgo_violation_describe(spot->field, spot->value));
}

/*
 * A discount is an amount in NOK; who means per cent gets here, too.  A line
 * below zero has its own advice, in quantity or rate.
 */
void
fpgo_advise_discount(FpgoAdvice *advice, const FpgoSpot *spot)
{
	Numeric		discount = fpgo_reads_as_amount(spot->value);
	Numeric		line = read_product(spot->shape, spot->members);

	if (discount && line && compare(line, zero()) >= 0 &&
		compare(discount, add(line, tolerance(1))) > 0)
		fpgo_advise_say(advice, &spot->place, "discount_over_line",
						"should be at most %s * %s%s, being an amount in NOK, not %s.",
						name_of(spot->shape, FPGO_MEANS_QUANTITY),
						name_of(spot->shape, FPGO_MEANS_RATE),
						show_result(line),
						fpgo_violation_describe(spot->field, spot->value));
}

void
fpgo_advise_amount(FpgoAdvice *advice, const FpgoSpot *spot)
{
	Numeric		amount = fpgo_reads_as_amount(spot->value);
	Numeric		line = read_product(spot->shape, spot->members);
	Numeric		discount = read_member(spot->shape, spot->members,
									   FPGO_MEANS_DISCOUNT);
	Numeric		expected;

	if (!amount || !line || !discount)
		return;
	expected = subtract(line, discount);
	if (differ(amount, expected, 1))
		fpgo_advise_say(advice, &spot->place, "line_amount",
						"should be %s * %s - %s%s, not %s.",
						name_of(spot->shape, FPGO_MEANS_QUANTITY),
						name_of(spot->shape, FPGO_MEANS_RATE),
						name_of(spot->shape, FPGO_MEANS_DISCOUNT),
						show_result(expected),
						fpgo_violation_describe(spot->field, spot->value));
}

/* ---------- the totals ---------- */

void
fpgo_advise_totals(FpgoAdvice *advice, const FpgoShape *shape,
				   const FpgoValue *members, const FpgoPlace *place)
{
	int			i = fpgo_shape_find(shape, FPGO_MEANS_GRAND_TOTAL);
	Numeric		sub_total = read_member(shape, members, FPGO_MEANS_SUB_TOTAL);
	Numeric		tax = read_member(shape, members, FPGO_MEANS_TOTAL_TAX);
	Numeric		discount = read_member(shape, members,
									   FPGO_MEANS_TOTAL_DISCOUNT);
	Numeric		grand_total = fpgo_reads_as_amount(&members[i]);
	Numeric		expected;

	if (!sub_total || !tax || !discount || !grand_total)
		return;
	expected = subtract(add(sub_total, tax), discount);
	if (differ(grand_total, expected, advice->n_lines))
		fpgo_advise_say(advice, place, "sum_of_totals",
						"should add up: %s + %s - %s%s, but %s is %s.",
						name_of(shape, FPGO_MEANS_SUB_TOTAL),
						name_of(shape, FPGO_MEANS_TOTAL_TAX),
						name_of(shape, FPGO_MEANS_TOTAL_DISCOUNT),
						show_result(expected), shape->fields[i].json,
						fpgo_violation_describe(&shape->fields[i],
												&members[i]));
}

void
fpgo_advise_grand_total(FpgoAdvice *advice, const FpgoSpot *spot)
{
	Numeric		grand_total = fpgo_reads_as_amount(spot->value);

	if (grand_total && advice->amounts &&
		differ(grand_total, advice->amounts, advice->n_lines))
		fpgo_advise_say(advice, &spot->place, "sum_of_amounts",
						"should be the sum of the products' amounts%s, not %s.",
						show_result(advice->amounts),
						fpgo_violation_describe(spot->field, spot->value));
}
