/*
 * rounding.c
 *		Spreads what rounding left between a shop's total and its lines.
 *
 * Shops round a line, an order or an account, half up, half even, or in binary
 * floating point.  So a shop's total is taken over, and the amounts of its
 * lines give way, by 0.01 each and no more:
 *
 *		Each amount is rounded to two decimals, half up.
 *		A line may give way as long as its amount stays within 0.01 of
 *		quantity * rate - discount, or of that rounded, as advice allows.
 *		First come the lines whose amounts were rounded most to the other side,
 *		then those with the larger amounts, then those that stand first.
 *
 * A line that is free does not become 0.01.  A line whose amount is not
 * quantity * rate - discount as it is given keeps its amount: the shop meant
 * something else, and advice speaks of it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/fpgo.h"
#include "order/lines.h"
#include "order/money.h"
#include "order/rounding.h"
#include "order/totals.h"

/* digits of a personal number: nothing that has so many is shown */
#define SECRET_DIGITS 11

/* A line that may take 0.01. */
typedef struct Candidate
{
	int			i;				/* the line's index */
	Numeric		amount;
	Numeric		next;			/* 0.01 more or less */
	Numeric		rounded_off;	/* what rounding took to the other side */
} Candidate;

/* What is spread, and over which lines. */
typedef struct Spread
{
	FpgoLines	lines;
	Numeric		cent;			/* 0.01 */
	Numeric		sum;			/* of the rounded amounts */
	Numeric	   *amounts;		/* of the lines, rounded */
	Candidate  *candidates;
	int			n_candidates;
} Spread;

static Numeric
negate(Numeric a)
{
	return fpgo_money_subtract(int64_to_numeric(0), a);
}

static Numeric
size_of(Numeric a)
{
	return fpgo_money_sign(a) < 0 ? negate(a) : a;
}

static bool
is_within_a_cent(const Spread *spread, Numeric a, Numeric b)
{
	return fpgo_money_compare(size_of(fpgo_money_subtract(a, b)),
							  spread->cent) <= 0;
}

/* Would advice take this amount for what the line's other members make? */
static bool
fits(const Spread *spread, Numeric amount, Numeric exact)
{
	return is_within_a_cent(spread, amount, exact) ||
		is_within_a_cent(spread, amount, fpgo_money_round(exact));
}

/* Read and round the amounts; false if they do not add up to a number. */
static bool
add_up(Spread *spread)
{
	spread->sum = int64_to_numeric(0);
	for (int i = 0; i < spread->lines.n; i++)
	{
		FpgoLine	line = fpgo_lines_read(&spread->lines, i);

		if (line.is_null || !fpgo_money_is_finite(line.amount))
			return false;
		spread->amounts[i] = fpgo_money_round(line.amount);
		spread->sum = fpgo_money_add(spread->sum, spread->amounts[i]);
	}
	return true;
}

static Numeric
move(const Spread *spread, Numeric amount, int sign)
{
	return sign > 0 ? fpgo_money_add(amount, spread->cent) :
		fpgo_money_subtract(amount, spread->cent);
}

/* Find the lines that may take 0.01, more or less as the sign says. */
static void
find_candidates(Spread *spread, int sign)
{
	for (int i = 0; i < spread->lines.n; i++)
	{
		FpgoLine	line = fpgo_lines_read(&spread->lines, i);
		Numeric		exact = fpgo_totals_exact(line.quantity, line.rate,
											  line.discount);
		Numeric		amount = spread->amounts[i];
		Numeric		next = move(spread, amount, sign);
		Numeric		rounded_off = fpgo_money_subtract(exact, amount);

		if (fpgo_money_is_finite(exact) && fpgo_money_sign(exact) != 0 &&
			fits(spread, line.amount, exact) && fits(spread, next, exact))
			spread->candidates[spread->n_candidates++] =
				(Candidate) {i, amount, next,
				sign < 0 ? negate(rounded_off) : rounded_off};
	}
}

static int
compare_candidates(const void *a, const void *b)
{
	const Candidate *x = a;
	const Candidate *y = b;
	int			order = fpgo_money_compare(y->rounded_off, x->rounded_off);

	if (order == 0)
		order = fpgo_money_compare(y->amount, x->amount);
	return order != 0 ? order : x->i - y->i;
}

static const char *
show(Numeric a)
{
	const char *text = fpgo_money_show(a);
	int			n = 0;

	for (const char *p = text; *p; p++)
		n += *p >= '0' && *p <= '9';
	return n < SECRET_DIGITS ? text : psprintf("(%d digits)", n);
}

/* How many times 0.01 the sum lacks; more than there are lines is an error. */
static int
count_cents(const Spread *spread, Numeric grand_total, Numeric lack)
{
	Numeric		most = fpgo_money_multiply(int64_to_numeric(spread->n_candidates),
										   spread->cent);

	if (fpgo_money_compare(size_of(lack), most) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("grand_total is %s, but the products come to %s",
						show(grand_total), show(spread->sum)),
				 errdetail("Rounding explains %s at most: 0.01 for each product whose amount is quantity * rate - discount.",
						   show(most)),
				 errhint("Freight, fees, discounts and credits are products and discounts, too."),
				 fpgo_errhide()));
	return DatumGetInt32(DirectFunctionCall1(numeric_int4,
											 NumericGetDatum(fpgo_money_divide(size_of(lack),
																			   spread->cent))));
}

static void
spread_cents(Spread *spread, Numeric grand_total)
{
	Numeric		lack = fpgo_money_subtract(grand_total, spread->sum);
	int			sign = fpgo_money_sign(lack);
	int			n;

	if (sign == 0)
		return;
	find_candidates(spread, sign);
	n = count_cents(spread, grand_total, lack);
	qsort(spread->candidates, spread->n_candidates, sizeof(Candidate),
		  compare_candidates);
	for (int i = 0; i < n; i++)
		spread->amounts[spread->candidates[i].i] = spread->candidates[i].next;
}

static void
write_amounts(Spread *spread)
{
	for (int i = 0; i < spread->lines.n; i++)
	{
		FpgoLine	line = fpgo_lines_read(&spread->lines, i);

		line.amount = spread->amounts[i];
		fpgo_lines_write(&spread->lines, i, &line);
	}
}

ArrayType *
fpgo_rounding_spread(ArrayType *products, Numeric grand_total)
{
	Spread		spread = {.lines = fpgo_lines_open(products)};
	ArrayType  *result = products;

	spread.cent = int64_div_fast_to_numeric(1, 2);
	spread.amounts = palloc(sizeof(Numeric) * Max(spread.lines.n, 1));
	spread.candidates = palloc(sizeof(Candidate) * Max(spread.lines.n, 1));
	if (spread.lines.n > 0 && fpgo_money_is_finite(grand_total) &&
		add_up(&spread))
	{
		spread_cents(&spread, grand_total);
		write_amounts(&spread);
		result = fpgo_lines_to_array(&spread.lines, NULL);
	}
	fpgo_lines_close(&spread.lines);
	return result;
}
