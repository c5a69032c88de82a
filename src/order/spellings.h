/*
 * spellings.h
 *		An order's three spellings: text, jsonb, composite type.
 */
#ifndef FPGO_SPELLINGS_H
#define FPGO_SPELLINGS_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/jsonb.h"

#include "order/fields.h"

/*
 * JSON text to jsonb.  Raises 22P02 if it is not JSON, with a message of
 * fpgo's: PostgreSQL's would print the line, and the personal number in it.
 * Raises 22P05 for a character that the database's encoding lacks.
 */
extern Jsonb *fpgo_order_from_text(const char *json, int len);

/*
 * fpgo.invoice_order to jsonb, attribute for attribute: NULL is left out,
 * numeric becomes a number, order_date a string of whole seconds.  Raises
 * 22003 for a value JSON has no spelling for.
 */
extern Jsonb *fpgo_order_from_composite(Datum composite);

/*
 * Index of a composite type's attribute by its name; raises 42703 if the type
 * has lost it.
 */
extern int	fpgo_order_find_attribute(TupleDesc descriptor,
									  const FpgoShape *shape,
									  const char *name);

/*
 * The order in argument 0, whatever its spelling.  NULL, or a composite that
 * is NULL to SQL as all its attributes are, raises 22004; or it gives NULL.
 */
typedef enum FpgoSpelling
{
	FPGO_SPELLED_TEXT,
	FPGO_SPELLED_JSONB,
	FPGO_SPELLED_COMPOSITE
} FpgoSpelling;

extern Jsonb *fpgo_order_argument(FunctionCallInfo fcinfo,
								  FpgoSpelling spelling);
extern Jsonb *fpgo_order_argument_or_null(FunctionCallInfo fcinfo,
										  FpgoSpelling spelling);

/*
 * Run an SQL function that takes an order.  Errors and messages in it,
 * PostgreSQL's too, are logged without the statement that called it.
 */
typedef Datum (*FpgoOrderFunction) (FunctionCallInfo fcinfo,
									FpgoSpelling spelling);

extern Datum fpgo_call_hidden(FpgoOrderFunction function,
							  FunctionCallInfo fcinfo, FpgoSpelling spelling);

/*
 * The SQL functions NAME_text, NAME_jsonb and NAME_invoice_order, one a
 * spelling, of one FpgoOrderFunction.
 */
#define FPGO_ORDER_FUNCTIONS(name, function) \
	PG_FUNCTION_INFO_V1(name##_text); \
	PG_FUNCTION_INFO_V1(name##_jsonb); \
	PG_FUNCTION_INFO_V1(name##_invoice_order); \
	Datum \
	name##_text(PG_FUNCTION_ARGS) \
	{ \
		return fpgo_call_hidden(function, fcinfo, FPGO_SPELLED_TEXT); \
	} \
	Datum \
	name##_jsonb(PG_FUNCTION_ARGS) \
	{ \
		return fpgo_call_hidden(function, fcinfo, FPGO_SPELLED_JSONB); \
	} \
	Datum \
	name##_invoice_order(PG_FUNCTION_ARGS) \
	{ \
		return fpgo_call_hidden(function, fcinfo, FPGO_SPELLED_COMPOSITE); \
	} \
	extern int	no_such_variable

#endif							/* FPGO_SPELLINGS_H */
