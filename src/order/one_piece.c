/*
 * one_piece.c
 *		fpgo.as_one_piece: 1.5 kg become one piece of 1.5 kg.
 *
 * The gateway gives quantities as integers.  A quantity that is not whole
 * becomes part of the name, and the price of all of it the rate.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "order/lines.h"
#include "order/money.h"
#include "order/spellings.h"

PG_FUNCTION_INFO_V1(fpgo_as_one_piece);

static bool
is_whole(Numeric number)
{
	Datum		whole = DirectFunctionCall2(numeric_trunc,
											NumericGetDatum(number),
											Int32GetDatum(0));

	return fpgo_money_compare(number, DatumGetNumeric(whole)) == 0;
}

/* "Ost, 1,5 kg": with a comma, as all languages of the API but English. */
static Datum
name_with_quantity(const char *name, Numeric quantity, const char *unit)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s, ", name);
	for (const char *p = fpgo_money_show(quantity); *p; p++)
		appendStringInfoChar(&text, *p == '.' ? ',' : *p);
	if (unit && *unit)
		appendStringInfo(&text, " %s", unit);
	return CStringGetTextDatum(text.data);
}

/* The attributes of a product of one piece instead. */
static void
make_one(TupleDesc descriptor, Numeric quantity, const char *unit,
		 Datum *values, bool *nulls)
{
	int			name = fpgo_order_find_attribute(descriptor,
												 fpgo_shape_of(FPGO_MEANS_AMOUNT),
												 "name");
	int			rate = fpgo_lines_find(descriptor, FPGO_MEANS_RATE);
	int			pieces = fpgo_lines_find(descriptor, FPGO_MEANS_QUANTITY);

	if (!nulls[name])
		values[name] = name_with_quantity(TextDatumGetCString(values[name]),
										  quantity, unit);
	if (!nulls[rate])
		values[rate] = NumericGetDatum(fpgo_money_trim(fpgo_money_multiply(quantity,
																		   DatumGetNumeric(values[rate]))));
	values[pieces] = NumericGetDatum(int64_to_numeric(1));
}

Datum
fpgo_as_one_piece(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header;
	HeapTupleData tuple;
	TupleDesc	descriptor;
	Datum	   *values;
	bool	   *nulls;
	int			quantity;
	Datum		result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	header = PG_GETARG_HEAPTUPLEHEADER(0);
	tuple = (HeapTupleData) {.t_len = HeapTupleHeaderGetDatumLength(header),
	.t_data = header};
	descriptor = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
										HeapTupleHeaderGetTypMod(header));
	values = palloc(sizeof(Datum) * descriptor->natts);
	nulls = palloc(sizeof(bool) * descriptor->natts);
	heap_deform_tuple(&tuple, descriptor, values, nulls);
	quantity = fpgo_lines_find(descriptor, FPGO_MEANS_QUANTITY);
	result = PG_GETARG_DATUM(0);
	if (!nulls[quantity] &&
		fpgo_money_is_finite(DatumGetNumeric(values[quantity])) &&
		!is_whole(DatumGetNumeric(values[quantity])))
	{
		make_one(descriptor, DatumGetNumeric(values[quantity]),
				 PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)),
				 values, nulls);
		result = HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
	}
	ReleaseTupleDesc(descriptor);
	PG_RETURN_DATUM(result);
}
