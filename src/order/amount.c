/*
 * amount.c
 *		Amounts of money, exactly.
 *
 * An order has a dozen amounts.  Reading one as numeric takes longer than all
 * other checks of it.  Therefore numbers are read in place, from the form in
 * which PostgreSQL stores them, and calculated with as integers.  If an
 * integer would overflow, or for a fraction of a unit, a numeric is used.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "order/amount.h"

/* ---------- reading ---------- */

/* most digits before the point and behind it in a text of units */
#define WHOLE_DIGITS_MAX 9
#define DECIMALS_MAX 4

/*
 * The stored form of a number, which is private to numeric.c.  It is as stable
 * as a public one, since tables of older versions must stay readable.  A first
 * word has sign and scale.  The weight is in the next word or, if it is short
 * enough, in the first.  Digits to base 10,000 follow; the first digit counts
 * 10,000 to the power of the weight.
 */
#define FORM_MASK		0xC000
#define FORM_NEGATIVE	0x4000
#define FORM_SHORT		0x8000
#define FORM_SPECIAL	0xC000	/* NaN, infinity */
#define LONG_SCALE		0x3FFF
#define SHORT_NEGATIVE	0x2000
#define SHORT_SCALE		0x1F80
#define SHORT_SCALE_SHIFT 7
#define SHORT_WEIGHT	0x003F
#define SHORT_WEIGHT_NEGATIVE 0x0040

#define DIGIT_BASE 10000

StaticAssertDecl(DIGIT_BASE == FPGO_UNITS, "a digit behind the point is units");

bool
fpgo_units_of_number(Numeric number, int64 *units)
{
	const uint16 *words = (const uint16 *) VARDATA(number);
	const uint16 *end = (const uint16 *) ((char *) number + VARSIZE(number));
	uint16		head = *words++;
	bool		is_negative;
	int			weight;
	int			n;

	if ((head & FORM_MASK) == FORM_SPECIAL)
		return false;
	if (head & FORM_SHORT)
	{
		is_negative = (head & SHORT_NEGATIVE) != 0;
		weight = head & SHORT_WEIGHT;
		if (head & SHORT_WEIGHT_NEGATIVE)
			weight |= ~SHORT_WEIGHT;
	}
	else
	{
		is_negative = (head & FORM_MASK) == FORM_NEGATIVE;
		weight = (int16) *words++;
	}
	n = end - words;
	if (weight > 2 || n > weight + 2)
		return false;
	*units = 0;
	for (int i = 0; i < weight + 2; i++)
		*units = *units * DIGIT_BASE + (i < n ? words[i] : 0);
	if (is_negative)
		*units = -*units;
	return true;
}

int
fpgo_scale_of_number(Numeric number)
{
	uint16		head = *(const uint16 *) VARDATA(number);

	return head & FORM_SHORT ? (head & SHORT_SCALE) >> SHORT_SCALE_SHIFT :
		head & LONG_SCALE;
}

/* Reads at most max digits at *p into *value, and moves *p behind them. */
static int
take_digits(const char **p, const char *end, int max, int64 *value)
{
	int			n = 0;

	for (; *p < end && **p >= '0' && **p <= '9' && n < max; (*p)++, n++)
		*value = *value * 10 + (**p - '0');
	return n;
}

bool
fpgo_units_of_text(FpgoSpan text, int64 *units)
{
	const char *p = text.text;
	const char *end = p + text.len;
	bool		is_negative = false;
	int			n_decimals = 0;

	*units = 0;
	if (p < end && (*p == '-' || *p == '+'))
		is_negative = *p++ == '-';
	if (take_digits(&p, end, WHOLE_DIGITS_MAX, units) == 0)
		return false;
	if (p < end && *p == '.')
	{
		p++;
		n_decimals = take_digits(&p, end, DECIMALS_MAX, units);
	}
	for (int i = n_decimals; i < DECIMALS_MAX; i++)
		*units *= 10;
	if (is_negative)
		*units = -*units;
	return p == end;
}

/* ---------- reckoning ---------- */

Numeric
fpgo_number_of_amount(FpgoAmount amount)
{
	Assert(amount.is_known);
	return amount.number ? amount.number :
		int64_div_fast_to_numeric(amount.units, DECIMALS_MAX);
}

FpgoAmount
fpgo_amount_add(FpgoAmount a, FpgoAmount b)
{
	int64		units;

	if (!a.is_known || !b.is_known)
		return (FpgoAmount) {0};
	if (!a.number && !b.number && !pg_add_s64_overflow(a.units, b.units, &units))
		return fpgo_amount_units(units);
	return fpgo_amount_number(FPGO_NUMERIC(add, fpgo_number_of_amount(a),
										   fpgo_number_of_amount(b), false));
}

FpgoAmount
fpgo_amount_subtract(FpgoAmount a, FpgoAmount b)
{
	int64		units;

	if (!a.is_known || !b.is_known)
		return (FpgoAmount) {0};
	if (!a.number && !b.number && !pg_sub_s64_overflow(a.units, b.units, &units))
		return fpgo_amount_units(units);
	return fpgo_amount_number(FPGO_NUMERIC(sub, fpgo_number_of_amount(a),
										   fpgo_number_of_amount(b), false));
}

FpgoAmount
fpgo_amount_multiply(FpgoAmount a, FpgoAmount b)
{
	int64		squares;		/* a product of two units */

	if (!a.is_known || !b.is_known)
		return (FpgoAmount) {0};
	if (!a.number && !b.number &&
		!pg_mul_s64_overflow(a.units, b.units, &squares) &&
		squares % FPGO_UNITS == 0)
		return fpgo_amount_units(squares / FPGO_UNITS);
	return fpgo_amount_number(FPGO_NUMERIC(mul, fpgo_number_of_amount(a),
										   fpgo_number_of_amount(b), false));
}

int
fpgo_amount_compare(FpgoAmount a, FpgoAmount b)
{
	Assert(a.is_known && b.is_known);
	if (!a.number && !b.number)
		return a.units < b.units ? -1 : a.units > b.units;
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(fpgo_number_of_amount(a)),
											 NumericGetDatum(fpgo_number_of_amount(b))));
}

bool
fpgo_amount_is_whole(FpgoAmount amount)
{
	Datum		whole;

	Assert(amount.is_known);
	if (!amount.number)
		return amount.units % FPGO_UNITS == 0;
	whole = DirectFunctionCall2(numeric_trunc,
								NumericGetDatum(amount.number),
								Int32GetDatum(0));
	return DatumGetBool(DirectFunctionCall2(numeric_eq, whole,
											NumericGetDatum(amount.number)));
}
