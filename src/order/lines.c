/*
 * lines.c
 *		The lines of an order as a composite: an array of fpgo.product.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "order/lines.h"
#include "order/spellings.h"

int
fpgo_lines_find(TupleDesc descriptor, FpgoMeaning meaning)
{
	const FpgoShape *shape = fpgo_shape_of(meaning);
	const FpgoField *field = &shape->fields[fpgo_shape_find(shape, meaning)];

	return fpgo_order_find_attribute(descriptor, shape, field->sql);
}

FpgoLines
fpgo_lines_open(ArrayType *products)
{
	FpgoLines	lines = {.type = ARR_ELEMTYPE(products)};
	TupleDesc	descriptor = lookup_rowtype_tupdesc(lines.type, -1);
	int16		typlen;
	bool		typbyval;
	char		typalign;

	get_typlenbyvalalign(lines.type, &typlen, &typbyval, &typalign);
	deconstruct_array(products, lines.type, typlen, typbyval, typalign,
					  &lines.products, &lines.nulls, &lines.n);
	lines.descriptor = descriptor;
	lines.quantity = fpgo_lines_find(descriptor, FPGO_MEANS_QUANTITY);
	lines.rate = fpgo_lines_find(descriptor, FPGO_MEANS_RATE);
	lines.discount = fpgo_lines_find(descriptor, FPGO_MEANS_DISCOUNT);
	lines.vat = fpgo_lines_find(descriptor, FPGO_MEANS_VAT);
	lines.amount = fpgo_lines_find(descriptor, FPGO_MEANS_AMOUNT);
	lines.values = palloc(sizeof(Datum) * descriptor->natts);
	lines.value_nulls = palloc(sizeof(bool) * descriptor->natts);
	return lines;
}

void
fpgo_lines_close(FpgoLines *lines)
{
	ReleaseTupleDesc(lines->descriptor);
}

static void
deform(FpgoLines *lines, int i)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(lines->products[i]);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),
	.t_data = header};

	heap_deform_tuple(&tuple, lines->descriptor, lines->values,
					  lines->value_nulls);
}

static Numeric
take(const FpgoLines *lines, int attribute)
{
	return lines->value_nulls[attribute] ? NULL :
		DatumGetNumeric(lines->values[attribute]);
}

FpgoLine
fpgo_lines_read(FpgoLines *lines, int i)
{
	if (lines->nulls[i])
		return (FpgoLine) {.is_null = true};
	deform(lines, i);
	return (FpgoLine) {
		.quantity = take(lines, lines->quantity),
		.rate = take(lines, lines->rate),
		.discount = take(lines, lines->discount),
		.vat = take(lines, lines->vat),
		.amount = take(lines, lines->amount),
	};
}

static void
put(FpgoLines *lines, int attribute, Numeric value)
{
	lines->value_nulls[attribute] = value == NULL;
	lines->values[attribute] = value ? NumericGetDatum(value) : (Datum) 0;
}

void
fpgo_lines_write(FpgoLines *lines, int i, const FpgoLine *line)
{
	deform(lines, i);
	put(lines, lines->quantity, line->quantity);
	put(lines, lines->rate, line->rate);
	put(lines, lines->discount, line->discount);
	put(lines, lines->amount, line->amount);
	lines->products[i] =
		HeapTupleGetDatum(heap_form_tuple(lines->descriptor, lines->values,
										  lines->value_nulls));
}

ArrayType *
fpgo_lines_to_array(const FpgoLines *lines, const bool *is_left_out)
{
	Datum	   *products = palloc(sizeof(Datum) * lines->n);
	bool	   *nulls = palloc(sizeof(bool) * lines->n);
	int			dims[1] = {0};
	int			lower_bounds[1] = {1};
	int16		typlen;
	bool		typbyval;
	char		typalign;

	for (int i = 0; i < lines->n; i++)
	{
		if (is_left_out && is_left_out[i])
			continue;
		products[dims[0]] = lines->products[i];
		nulls[dims[0]++] = lines->nulls[i];
	}
	if (dims[0] == 0)
		return construct_empty_array(lines->type);
	get_typlenbyvalalign(lines->type, &typlen, &typbyval, &typalign);
	return construct_md_array(products, nulls, 1, dims, lower_bounds,
							  lines->type, typlen, typbyval, typalign);
}
