/*
 * lines.h
 *		The lines of an order as a composite: an array of fpgo.product.
 */
#ifndef FPGO_LINES_H
#define FPGO_LINES_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/numeric.h"

#include "order/fields.h"

/* The members of a product that sums need; each may be NULL. */
typedef struct FpgoLine
{
	bool		is_null;		/* no product at all */
	Numeric		quantity;
	Numeric		rate;
	Numeric		discount;
	Numeric		vat;
	Numeric		amount;
} FpgoLine;

/* The lines of an array that is being read; the array must stay. */
typedef struct FpgoLines
{
	Oid			type;			/* fpgo.product */
	TupleDesc	descriptor;
	int			n;
	Datum	   *products;
	bool	   *nulls;
	int			quantity;		/* attributes of a product */
	int			rate;
	int			discount;
	int			vat;
	int			amount;
	Datum	   *values;			/* of the product that is being read */
	bool	   *value_nulls;
} FpgoLines;

extern FpgoLines fpgo_lines_open(ArrayType *products);
extern void fpgo_lines_close(FpgoLines *lines);

extern FpgoLine fpgo_lines_read(FpgoLines *lines, int i);

/* Replace a line's quantity, rate, discount and amount by those given. */
extern void fpgo_lines_write(FpgoLines *lines, int i, const FpgoLine *line);

/* The lines as an array; those with is_left_out (or NULL) are not in it. */
extern ArrayType *fpgo_lines_to_array(const FpgoLines *lines,
									  const bool *is_left_out);

/* The attribute of a row type that has a meaning. */
extern int	fpgo_lines_find(TupleDesc descriptor, FpgoMeaning meaning);

#endif							/* FPGO_LINES_H */
