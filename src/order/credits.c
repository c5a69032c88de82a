/*
 * credits.c
 *		fpgo.fold_credits: products below zero become discounts of others.
 *
 * A return, a credit or a gift card is a line below zero in most shops.  An
 * invoice has none.  Such a line is taken off the products of the same rate
 * of VAT, so that the VAT of the order stays what it was: off the one that
 * costs most, the first among equals, until nothing is left of it; then off
 * the next.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/fpgo.h"
#include "order/lines.h"
#include "order/money.h"
#include "order/totals.h"

PG_FUNCTION_INFO_V1(fpgo_fold_credits);

/* A line while credits are taken off. */
typedef struct Entry
{
	FpgoLine	line;
	Numeric		left;			/* what it costs; NULL if that is not known */
	bool		is_credit;
	bool		is_changed;
} Entry;

static Entry
make_entry(FpgoLines *lines, int i)
{
	Entry		entry = {.line = fpgo_lines_read(lines, i)};
	Numeric		left = fpgo_totals_exact(entry.line.quantity, entry.line.rate,
										 entry.line.discount);

	if (fpgo_money_is_finite(left) && fpgo_money_is_finite(entry.line.vat))
	{
		entry.left = left;
		entry.is_credit = fpgo_money_sign(left) < 0 &&
			fpgo_money_sign(fpgo_money_multiply(entry.line.quantity,
												entry.line.rate)) < 0;
	}
	return entry;
}

/* The line of this rate of VAT that costs most; NULL if none costs anything. */
static Entry *
find_dearest(Entry *entries, int n, Numeric vat)
{
	Entry	   *dearest = NULL;

	for (Entry *entry = entries; entry < entries + n; entry++)
	{
		if (entry->left == NULL || fpgo_money_sign(entry->left) <= 0 ||
			fpgo_money_compare(entry->line.vat, vat) != 0)
			continue;
		if (dearest == NULL ||
			fpgo_money_compare(entry->left, dearest->left) > 0)
			dearest = entry;
	}
	return dearest;
}

static void
take_off(Entry *entry, Numeric credit)
{
	FpgoLine   *line = &entry->line;

	line->discount = fpgo_money_trim(line->discount ?
									 fpgo_money_add(line->discount, credit) :
									 credit);
	line->amount = fpgo_totals_amount(line->quantity, line->rate,
									  line->discount);
	entry->left = fpgo_money_subtract(entry->left, credit);
	entry->is_changed = true;
}

static void
fold(Entry *entries, int n, int i)
{
	Numeric		credit = fpgo_money_subtract(int64_to_numeric(0),
											 entries[i].left);

	while (fpgo_money_sign(credit) > 0)
	{
		Entry	   *entry = find_dearest(entries, n, entries[i].line.vat);
		Numeric		part = credit;

		if (entry == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("products of the same rate of VAT cost less than the credit in product %d",
							i + 1),
					 errhint("Give the credit the rate of VAT of products that cost as much, or return NULL as order: an invoice is no credit note."),
					 fpgo_errhide()));
		if (fpgo_money_compare(part, entry->left) > 0)
			part = entry->left;
		take_off(entry, part);
		credit = fpgo_money_subtract(credit, part);
	}
}

static ArrayType *
fold_all(FpgoLines *lines)
{
	Entry	   *entries = palloc(sizeof(Entry) * Max(lines->n, 1));
	bool	   *is_credit = palloc(sizeof(bool) * Max(lines->n, 1));

	for (int i = 0; i < lines->n; i++)
	{
		entries[i] = make_entry(lines, i);
		is_credit[i] = entries[i].is_credit;
	}
	for (int i = 0; i < lines->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_credit[i])
			fold(entries, lines->n, i);
	}
	for (int i = 0; i < lines->n; i++)
	{
		if (entries[i].is_changed)
			fpgo_lines_write(lines, i, &entries[i].line);
	}
	return fpgo_lines_to_array(lines, is_credit);
}

Datum
fpgo_fold_credits(PG_FUNCTION_ARGS)
{
	FpgoLines	lines = fpgo_lines_open(PG_GETARG_ARRAYTYPE_P(0));
	ArrayType  *folded = fold_all(&lines);

	fpgo_lines_close(&lines);
	PG_RETURN_ARRAYTYPE_P(folded);
}
