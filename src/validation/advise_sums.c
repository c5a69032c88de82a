/*
 * advise_sums.c
 *		Does an order add up?
 *
 * The API page prints no formula.  These are the formulas of the vendor's own
 * dashboard.  They are right for prices that include VAT and for prices
 * without:
 *
 *		amount = quantity * rate - discount
 *		grandTotal = sum of the amounts
 *		subTotal + totalTax - totalDiscount = grandTotal
 *
 * In the dashboard a rate includes VAT, as in the one worked example that the
 * vendor prints (rate 4500, tax 12, subTotal 4017.86, totalTax 482.14).  A
 * shop may round each total to two decimals once, or line by line.  Therefore
 * a sum may be off by 0.01 for each line.  The gateway was seen to accept
 * totals that do not add up.
 *
 * All decimals are exact (see amount.h).  A value that cannot be read as an
 * amount of money is unknown.  A sum with an unknown part is not checked:
 * validation says why.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/compat.h"
#include "order/reading.h"
#include "validation/advise_sums.h"

/* by how much a sum of n lines may be off: n times 0.01 */
static FpgoAmount
tolerance(int n)
{
	return fpgo_amount_units(Max(n, 1) * (FPGO_UNITS / 100));
}

static int
sign_of(FpgoAmount amount)
{
	return fpgo_amount_compare(amount, fpgo_amount_units(0));
}

/* Are two amounts equal, where n lines were rounded? */
static bool
differ(FpgoAmount a, FpgoAmount b, int n_lines)
{
	FpgoAmount	limit = tolerance(n_lines);

	return fpgo_amount_compare(fpgo_amount_subtract(a, b), limit) > 0 ||
		fpgo_amount_compare(fpgo_amount_subtract(b, a), limit) > 0;
}

/*
 * A result for the middle of a sentence, with at most two decimals; empty if
 * it has as many digits as a personal number.
 */
static const char *
show_result(FpgoAmount result)
{
	Numeric		number = fpgo_number_of_amount(result);
	Datum		rounded = DirectFunctionCall2(numeric_round,
											  NumericGetDatum(number),
											  Int32GetDatum(2));
	FpgoSpan	text;

	if (fpgo_amount_compare(fpgo_amount_number(DatumGetNumeric(rounded)),
							result) != 0)
		number = DatumGetNumeric(rounded);
	text = (FpgoSpan) {numeric_normalize(number), 0};
	text.len = strlen(text.text);
	return fpgo_violation_is_quotable(text) ? psprintf(" = %s", text.text) : "";
}

static const char *
name_of(const FpgoShape *shape, FpgoMeaning meaning)
{
	return shape->fields[fpgo_shape_find(shape, meaning)].json;
}

/* ---------- reading ---------- */

/* A sum over products outlives what is allocated for one of them. */
static void
add_to(FpgoAdvice *advice, FpgoAmount *sum, FpgoAmount part)
{
	Numeric		before = sum->number;

	*sum = fpgo_amount_add(*sum, part);
	if (sum->number)
	{
		Size		size = VARSIZE(sum->number);
		Numeric		kept = MemoryContextAlloc(advice->context, size);

		memcpy(kept, sum->number, size);
		sum->number = kept;
	}
	if (before)
		pfree(before);
}

/* The sum of the products with this rate of VAT; NULL if it is one too many. */
static FpgoVatSum *
find_vat_sum(FpgoAdvice *advice, FpgoAmount vat)
{
	FpgoVatSum *sum = advice->vat_sums;

	for (int i = 0; i < advice->n_vat_sums; i++, sum++)
	{
		if (fpgo_amount_compare(sum->vat, vat) == 0)
			return sum;
	}
	if (advice->n_vat_sums == FPGO_VAT_RATES_MAX)
		return NULL;
	advice->n_vat_sums++;
	*sum = (FpgoVatSum) {fpgo_amount_units(0), fpgo_amount_units(0),
	fpgo_amount_units(0)};
	add_to(advice, &sum->vat, vat);
	return sum;
}

static void
count_vat(FpgoAdvice *advice, FpgoAmount price, FpgoAmount discount,
		  FpgoAmount vat)
{
	FpgoVatSum *sum = NULL;

	if (advice->n_vat_sums >= 0 && price.is_known && discount.is_known &&
		vat.is_known && sign_of(vat) >= 0)
		sum = find_vat_sum(advice, vat);
	if (sum == NULL)
	{
		advice->n_vat_sums = -1;
		return;
	}
	add_to(advice, &sum->price, price);
	add_to(advice, &sum->discount, discount);
}

/* Quantity times rate. */
static FpgoAmount
product_of(const FpgoAdvice *advice)
{
	return fpgo_amount_multiply(advice->amounts[FPGO_MEANS_QUANTITY],
								advice->amounts[FPGO_MEANS_RATE]);
}

static void
count_line(FpgoAdvice *advice)
{
	if (advice->n_lines++ == 0)
		advice->sum = fpgo_amount_units(0);
	add_to(advice, &advice->sum, advice->amounts[FPGO_MEANS_AMOUNT]);
	count_vat(advice, product_of(advice),
			  advice->amounts[FPGO_MEANS_DISCOUNT],
			  advice->amounts[FPGO_MEANS_VAT]);
}

void
fpgo_advise_read_amounts(FpgoAdvice *advice, const FpgoShape *shape,
						 const FpgoValue *members)
{
	bool		is_line = false;

	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];

		if (field->meaning < FPGO_MEANS_QUANTITY ||
			field->meaning > FPGO_MEANS_GRAND_TOTAL)
			continue;
		is_line = is_line || field->meaning == FPGO_MEANS_AMOUNT;
		/* an absent optional amount counts as zero */
		advice->amounts[field->meaning] =
			field->presence == FPGO_PRESENCE_OPTIONAL &&
			fpgo_reads_as_null(&members[i]) ? fpgo_amount_units(0) :
			fpgo_reads_as_amount(&members[i]);
	}
	if (is_line)
		count_line(advice);
}

/* ---------- decimals ---------- */

/* most decimals of an amount of money, and of a price or discount that came of one */
#define MONEY_DECIMALS 2
#define RATE_DECIMALS 10

/* Has a text, which is a number, more decimals than that, zeros not counted? */
static bool
has_more_in_text(FpgoSpan text, int most)
{
	const char *point = memchr(text.text, '.', text.len);
	const char *last = point;

	if (point == NULL || memchr(text.text, 'e', text.len) != NULL ||
		memchr(text.text, 'E', text.len) != NULL)
		return false;
	for (const char *c = point + 1; c < text.text + text.len; c++)
	{
		if (*c > '0' && *c <= '9')
			last = c;
	}
	return last - point > most;
}

static bool
has_more_decimals(const FpgoValue *value, int most)
{
	Datum		number;

	if (value->kind == FPGO_JSON_STRING)
		return has_more_in_text(value->text, most);
	if (value->kind != FPGO_JSON_NUMBER)
		return false;
	number = NumericGetDatum(value->number);
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, number)) > most &&
		DatumGetInt32(DirectFunctionCall1(numeric_min_scale, number)) > most;
}

/*
 * An amount of money has two decimals (EN 16931, BR-DEC), a price may have more.
 * A binary fraction has up to fifty: 0.1 + 0.2 is 0.30000000000000004.
 */
static void
advise_decimals(FpgoAdvice *advice, const FpgoFieldInOrder *at, int most)
{
	if (has_more_decimals(at->value, most))
		fpgo_advise_say(advice, &at->place, "decimals",
						"should have at most %d decimals.", most);
}

/* ---------- a product ---------- */

/*
 * The page prints no bounds.  But the gateway's order details give quantities
 * as integers, and the vendor's dashboard accepts digits only: a fraction may
 * get lost.  A quantity of 0 or less makes no sense.
 */
void
fpgo_advise_quantity(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	FpgoAmount	quantity = advice->amounts[FPGO_MEANS_QUANTITY];

	if (quantity.is_known &&
		(sign_of(quantity) <= 0 || !fpgo_amount_is_whole(quantity)))
		fpgo_advise_say(advice, &at->place, "whole_quantity",
						"should be a whole number above 0, not %s.",
						fpgo_violation_describe(at->field, at->value));
}

/* An invoice is no credit note; a discount has a field of its own. */
void
fpgo_advise_rate(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	FpgoAmount	rate = advice->amounts[FPGO_MEANS_RATE];

	if (rate.is_known && sign_of(rate) < 0)
		fpgo_advise_say(advice, &at->place, "negative_rate",
						"should be 0 or more, not %s.",
						fpgo_violation_describe(at->field, at->value));
	else
		advise_decimals(advice, at, RATE_DECIMALS);
}

/*
 * A discount is an amount in NOK.  This advice also helps where per cent were
 * meant.  A line below zero has its own advice, in quantity or rate.
 */
void
fpgo_advise_discount(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	FpgoAmount	discount = advice->amounts[FPGO_MEANS_DISCOUNT];
	FpgoAmount	line = product_of(advice);

	if (discount.is_known && line.is_known && sign_of(line) >= 0 &&
		sign_of(discount) < 0)
		fpgo_advise_say(advice, &at->place, "negative_discount",
						"should be 0 or more, not %s; what makes a line dearer is a line of its own.",
						fpgo_violation_describe(at->field, at->value));
	else if (discount.is_known && line.is_known && sign_of(line) < 0 &&
			 sign_of(discount) > 0)
		fpgo_advise_say(advice, &at->place, "discount_of_return",
						"should be 0 or less, not %s: what is returned comes back less its discount.",
						fpgo_violation_describe(at->field, at->value));
	else if (discount.is_known && line.is_known && sign_of(line) >= 0 &&
		fpgo_amount_compare(discount,
							fpgo_amount_add(line, tolerance(1))) > 0)
		fpgo_advise_say(advice, &at->place, "discount_over_line",
						"should be at most %s * %s%s, being an amount in NOK, not %s.",
						name_of(at->shape, FPGO_MEANS_QUANTITY),
						name_of(at->shape, FPGO_MEANS_RATE),
						show_result(line),
						fpgo_violation_describe(at->field, at->value));
	else
		advise_decimals(advice, at, RATE_DECIMALS);
}

static FpgoAmount
round_to_cent(FpgoAmount amount)
{
	Datum		number = NumericGetDatum(fpgo_number_of_amount(amount));

	return fpgo_amount_number(DatumGetNumeric(DirectFunctionCall2(numeric_round,
																  number,
																  Int32GetDatum(2))));
}

/*
 * An amount is money.  It may be off by 0.01 from the rounded product, too: a
 * shop that rounds a line without VAT first comes to as much.
 */
void
fpgo_advise_amount(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	FpgoAmount	amount = advice->amounts[FPGO_MEANS_AMOUNT];
	FpgoAmount	expected = fpgo_amount_subtract(product_of(advice),
												advice->amounts[FPGO_MEANS_DISCOUNT]);

	if (amount.is_known && expected.is_known && differ(amount, expected, 1) &&
		differ(amount, round_to_cent(expected), 1))
		fpgo_advise_say(advice, &at->place, "line_amount",
						"should be %s * %s - %s%s, not %s.",
						name_of(at->shape, FPGO_MEANS_QUANTITY),
						name_of(at->shape, FPGO_MEANS_RATE),
						name_of(at->shape, FPGO_MEANS_DISCOUNT),
						show_result(expected),
						fpgo_violation_describe(at->field, at->value));
	else
		advise_decimals(advice, at, MONEY_DECIMALS);
}

/* ---------- the totals ---------- */

void
fpgo_advise_total(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	advise_decimals(advice, at, MONEY_DECIMALS);
}

/* The page prints no bounds; an invoice is due within a year. */
#define MATURITY_MAX_DAYS 365

void
fpgo_advise_maturity(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	FpgoAmount	days = fpgo_reads_as_amount(at->value);

	if (days.is_known &&
		(sign_of(days) < 0 || !fpgo_amount_is_whole(days) ||
		 fpgo_amount_compare(days,
							 fpgo_amount_units(MATURITY_MAX_DAYS * FPGO_UNITS)) > 0))
		fpgo_advise_say(advice, &at->place, "maturity",
						"should be whole days, 0 to %d, not %s.",
						MATURITY_MAX_DAYS,
						fpgo_violation_describe(at->field, at->value));
}

void
fpgo_advise_totals(FpgoAdvice *advice, const FpgoShape *shape,
				   const FpgoValue *members, const FpgoPlace *place)
{
	int			i = fpgo_shape_find(shape, FPGO_MEANS_GRAND_TOTAL);
	FpgoAmount	grand_total = advice->amounts[FPGO_MEANS_GRAND_TOTAL];
	FpgoAmount	expected;

	expected = fpgo_amount_add(advice->amounts[FPGO_MEANS_SUB_TOTAL],
							   advice->amounts[FPGO_MEANS_TOTAL_TAX]);
	expected = fpgo_amount_subtract(expected,
									advice->amounts[FPGO_MEANS_TOTAL_DISCOUNT]);
	if (grand_total.is_known && expected.is_known &&
		differ(grand_total, expected, advice->n_lines))
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
fpgo_advise_grand_total(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	FpgoAmount	grand_total = advice->amounts[FPGO_MEANS_GRAND_TOTAL];

	if (grand_total.is_known && sign_of(grand_total) <= 0)
		fpgo_advise_say(advice, &at->place, "nothing_to_pay",
						"should be above 0, not %s: an invoice is no credit note.",
						fpgo_violation_describe(at->field, at->value));
	else if (grand_total.is_known && advice->sum.is_known &&
		differ(grand_total, advice->sum, advice->n_lines))
		fpgo_advise_say(advice, &at->place, "sum_of_amounts",
						"should be the sum of the products' amounts%s, not %s.",
						show_result(advice->sum),
						fpgo_violation_describe(at->field, at->value));
	else
		advise_decimals(advice, at, MONEY_DECIMALS);
}

/* The VAT that is in a sum of products of one rate. */
static FpgoAmount
vat_in(FpgoAmount sum, FpgoAmount vat)
{
	FpgoAmount	whole = fpgo_amount_add(fpgo_amount_units(100 * FPGO_UNITS),
										vat);
	Numeric		part = fpgo_number_of_amount(fpgo_amount_multiply(sum, vat));

	return fpgo_amount_number(FPGO_NUMERIC(div, part,
										   fpgo_number_of_amount(whole), false));
}

/*
 * The dashboard reckons VAT of the price before discount, the books of most
 * shops after it.  A credit without VAT that is given as a discount comes to
 * something between the two.
 */
void
fpgo_advise_total_tax(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	FpgoAmount	tax = advice->amounts[FPGO_MEANS_TOTAL_TAX];
	FpgoAmount	before = fpgo_amount_units(0);
	FpgoAmount	after = fpgo_amount_units(0);
	FpgoAmount	limit = tolerance(advice->n_lines);
	bool		is_one;

	if (has_more_decimals(at->value, MONEY_DECIMALS))
	{
		advise_decimals(advice, at, MONEY_DECIMALS);
		return;
	}
	if (!tax.is_known || advice->n_vat_sums <= 0)
		return;
	for (int i = 0; i < advice->n_vat_sums; i++)
	{
		const FpgoVatSum *sum = &advice->vat_sums[i];

		if (!sum->price.is_known || !sum->discount.is_known)
			return;
		before = fpgo_amount_add(before, vat_in(sum->price, sum->vat));
		after = fpgo_amount_add(after,
								vat_in(fpgo_amount_subtract(sum->price,
															sum->discount),
									   sum->vat));
	}
	is_one = !differ(before, after, 0);
	if (fpgo_amount_compare(before, after) < 0)
	{
		FpgoAmount	larger = after;

		after = before;
		before = larger;
	}
	if (fpgo_amount_compare(tax, fpgo_amount_add(before, limit)) <= 0 &&
		fpgo_amount_compare(tax, fpgo_amount_subtract(after, limit)) >= 0)
		return;
	fpgo_advise_say(advice, &at->place, "total_tax",
					"should be the VAT in the products%s%s%s%s, not %s.",
					is_one ? "" : ", before discount", show_result(before),
					is_one ? "" : " or after it",
					is_one ? "" : show_result(after),
					fpgo_violation_describe(at->field, at->value));
}
