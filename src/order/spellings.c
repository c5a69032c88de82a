/*
 * spellings.c
 *		An order's three spellings: JSON text, jsonb, fpgo.invoice_order.
 *
 * All other code works on jsonb in the API's spelling.  The two conversions
 * walk the field tree.  They find attributes by name: a new attribute of a
 * composite type does not move a value to another.
 *
 * A member that the composite type cannot hold is an error, never lost
 * silently.
 *
 * No message here quotes a value of the order: it may be a personal number.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "datatype/timestamp.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "base/hide.h"
#include "order/json_text.h"
#include "order/reading.h"
#include "order/spellings.h"
#include "text/printed_value.h"

PG_FUNCTION_INFO_V1(fpgo_invoice_order_to_jsonb);
PG_FUNCTION_INFO_V1(fpgo_jsonb_to_invoice_order);
PG_FUNCTION_INFO_V1(fpgo_text_to_invoice_order);
PG_FUNCTION_INFO_V1(fpgo_json_to_invoice_order);

/* seconds from the Unix epoch to PostgreSQL's */
#define EPOCH_DIFFERENCE \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* orderDates before this are read; it is beyond year 30000 */
#define SECONDS_LIMIT INT64CONST(1000000000000)

static JsonbValue *push_composite(FpgoJsonbState *state, Datum composite,
								  const FpgoShape *shape, const char *path);
static Datum read_composite(const FpgoValue *map, const FpgoShape *shape,
							Oid type, const char *path);

/* "customerDetails" + "address" = "customerDetails.address" */
static const char *
member_path(const char *path, const char *name)
{
	return path[0] == '\0' ? name : psprintf("%s.%s", path, name);
}

/* ---------- JSON text ---------- */

Jsonb *
fpgo_order_from_text(const char *json, int len)
{
	FpgoJsonFault fault;
	Jsonb	   *order = fpgo_json_read(json, len, &fault);

	if (order == NULL)
	{
		const char *hint = fault.is_json ? NULL :
			fpgo_printed_value_hint((FpgoSpan) {json, len});

		ereport(ERROR,
				(errcode(fault.sqlstate),
				 fault.sqlstate == ERRCODE_INVALID_TEXT_REPRESENTATION
				 ? errmsg("order is not valid JSON")
				 : errmsg("order cannot be stored as jsonb"),
				 errdetail_internal("%s", fault.detail),
				 hint != NULL ? errhint("%s", hint) : 0,
				 fpgo_errhide()));
	}
	return order;
}

/* Is a composite NULL to SQL: has it no attribute that is not NULL? */
static bool
is_all_null(Datum composite)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(composite);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),
	.t_data = header};

	for (int i = 1; i <= HeapTupleHeaderGetNatts(header); i++)
	{
		if (!heap_attisnull(&tuple, i, NULL))
			return false;
	}
	return true;
}

static Jsonb *
order_of_text(text *json)
{
	return fpgo_order_from_text(VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json));
}

Jsonb *
fpgo_order_argument_or_null(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	if (PG_ARGISNULL(0))
		return NULL;
	switch (spelling)
	{
		case FPGO_SPELLED_TEXT:
			return order_of_text(PG_GETARG_TEXT_PP(0));
		case FPGO_SPELLED_JSONB:
			return PG_GETARG_JSONB_P(0);
		case FPGO_SPELLED_COMPOSITE:
			return is_all_null(PG_GETARG_DATUM(0)) ? NULL :
				fpgo_order_from_composite(PG_GETARG_DATUM(0));
	}
	pg_unreachable();
}

Jsonb *
fpgo_order_argument(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	Jsonb	   *order = fpgo_order_argument_or_null(fcinfo, spelling);

	if (order == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("order must not be null"),
				 fpgo_errhide()));
	return order;
}

Datum
fpgo_call_hidden(FpgoOrderFunction function, FunctionCallInfo fcinfo,
				 FpgoSpelling spelling)
{
	ErrorContextCallback callback = {.previous = error_context_stack,
	.callback = fpgo_hide_statement};
	Datum		result;

	error_context_stack = &callback;
	result = function(fcinfo, spelling);
	error_context_stack = callback.previous;
	return result;
}

/* ---------- composite to jsonb ---------- */

static void
push_text(FpgoJsonbState *state, JsonbIteratorToken token, const char *text,
		  int len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = len;
	fpgo_jsonb_push(state, token, &value);
}

static void
push_numeric(FpgoJsonbState *state, Numeric number, const char *path)
{
	JsonbValue	value;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("order field \"%s\" is %s", path,
						numeric_is_nan(number) ? "NaN" : "infinite"),
				 errdetail("JSON has no such number; a finite one is expected."),
				 fpgo_errhide()));
	value.type = jbvNumeric;
	value.val.numeric = number;
	fpgo_jsonb_push(state, WJB_VALUE, &value);
}

/* A point in time as a string of whole Unix seconds, rounded down. */
static void
push_seconds(FpgoJsonbState *state, TimestampTz time, const char *path)
{
	int64		seconds;
	char	   *text = palloc(MAXINT8LEN + 1);	/* jsonb is built later */

	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("order field \"%s\" is infinite", path),
				 errdetail("A point in time from 1970 on is expected."),
				 fpgo_errhide()));
	seconds = time / USECS_PER_SEC - (time % USECS_PER_SEC < 0 ? 1 : 0) +
		EPOCH_DIFFERENCE;
	if (seconds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("order field \"%s\" is before 1970", path),
				 errdetail("The gateway counts seconds from 1970-01-01 00:00:00 UTC; a point in time from then on is expected."),
				 fpgo_errhide()));
	push_text(state, WJB_VALUE, text, pg_lltoa(seconds, text));
}

static void
push_list(FpgoJsonbState *state, Datum datum, const FpgoShape *shape,
		  const char *path)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	Oid			type = ARR_ELEMTYPE(array);
	JsonbValue	null = {.type = jbvNull};
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("order field \"%s\" has %d dimensions", path,
						ARR_NDIM(array)),
				 errdetail("A one-dimensional array of fpgo.%s is expected.",
						   shape->type_name),
				 fpgo_errhide()));
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, type, typlen, typbyval, typalign, &elements,
					  &nulls, &n);
	fpgo_jsonb_push(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			fpgo_jsonb_push(state, WJB_ELEM, &null);
		else
			push_composite(state, elements[i], shape,
						   psprintf("%s[%d]", path, i));
	}
	fpgo_jsonb_push(state, WJB_END_ARRAY, NULL);
}

static void
push_attribute(FpgoJsonbState *state, const FpgoField *field, Datum datum,
			   const char *path)
{
	JsonbValue	value;

	switch (field->type)
	{
		case FPGO_FIELD_OBJECT:
			push_composite(state, datum, field->shape, path);
			break;
		case FPGO_FIELD_LIST:
			push_list(state, datum, field->shape, path);
			break;
		case FPGO_FIELD_STRING:
		case FPGO_FIELD_EMAIL:
		case FPGO_FIELD_URL:
		case FPGO_FIELD_CALLBACK_URL:
			{
				text	   *string = DatumGetTextPP(datum);

				push_text(state, WJB_VALUE, VARDATA_ANY(string),
						  VARSIZE_ANY_EXHDR(string));
				break;
			}
		case FPGO_FIELD_SECONDS:
			push_seconds(state, DatumGetTimestampTz(datum), path);
			break;
		case FPGO_FIELD_NUMERIC:
			push_numeric(state, DatumGetNumeric(datum), path);
			break;
		case FPGO_FIELD_BOOLEAN:
			value.type = jbvBool;
			value.val.boolean = DatumGetBool(datum);
			fpgo_jsonb_push(state, WJB_VALUE, &value);
			break;
	}
}

/* Index of the attribute with this name, or -1. */
static int
seek_attribute(TupleDesc descriptor, const char *name)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped &&
			strcmp(NameStr(attribute->attname), name) == 0)
			return i;
	}
	return -1;
}

/*
 * A composite value has a value that no field of the shape is named for: the
 * attribute was renamed, or is of a newer release.  To leave it out would make
 * another order.
 */
static void
raise_unknown_attribute(TupleDesc descriptor, const bool *nulls,
						const FpgoShape *shape)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		const FormData_pg_attribute *attribute = TupleDescAttr(descriptor, i);
		const char *name = NameStr(attribute->attname);
		int			field = 0;

		while (field < shape->n_fields &&
			   strcmp(shape->fields[field].sql, name) != 0)
			field++;
		if (nulls[i] || attribute->attisdropped || field < shape->n_fields)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("type fpgo.%s has an attribute \"%s\" that this library of fpgo does not know",
						shape->type_name, name),
				 errdetail("The library is of version %s.", FPGO_VERSION),
				 fpgo_errhide()));
	}
}

int
fpgo_order_find_attribute(TupleDesc descriptor, const FpgoShape *shape,
						  const char *name)
{
	int			at = seek_attribute(descriptor, name);

	if (at >= 0)
		return at;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("type fpgo.%s has no attribute \"%s\"", shape->type_name,
					name),
			 errhint("The library and the extension's SQL are of different versions; run ALTER EXTENSION fpgo UPDATE."),
			 fpgo_errhide()));
}

/* Returns the finished object, which is the document if path is the root. */
static JsonbValue *
push_composite(FpgoJsonbState *state, Datum composite,
			   const FpgoShape *shape, const char *path)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(composite);
	TupleDesc	descriptor =
		lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
							   HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),
	.t_data = header};
	Datum	   *values = palloc(sizeof(Datum) * descriptor->natts);
	bool	   *nulls = palloc(sizeof(bool) * descriptor->natts);
	int			n_values = 0;

	heap_deform_tuple(&tuple, descriptor, values, nulls);
	for (int i = 0; i < descriptor->natts; i++)
		n_values += !nulls[i] && !TupleDescAttr(descriptor, i)->attisdropped;
	fpgo_jsonb_push(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		int			at = seek_attribute(descriptor, field->sql);

		/* the type of an older release lacks the fields of a newer one */
		if (at < 0 || nulls[at])
			continue;
		n_values--;
		push_text(state, WJB_KEY, field->json, strlen(field->json));
		push_attribute(state, field, values[at],
					   member_path(path, field->json));
	}
	if (n_values > 0)
		raise_unknown_attribute(descriptor, nulls, shape);
	ReleaseTupleDesc(descriptor);
	return fpgo_jsonb_push(state, WJB_END_OBJECT, NULL);
}

Jsonb *
fpgo_order_from_composite(Datum composite)
{
	FpgoJsonbState state = {0};

	return JsonbValueToJsonb(push_composite(&state, composite,
											&fpgo_order_shape, ""));
}

Datum
fpgo_invoice_order_to_jsonb(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(fpgo_order_from_composite(PG_GETARG_DATUM(0)));
}

/* ---------- jsonb to composite ---------- */

/* "order" for the document itself, else the path in quotes */
static const char *
name_place(const char *path)
{
	return path[0] == '\0' ? "order" : psprintf("order field \"%s\"", path);
}

pg_noreturn static void
refuse_value(const char *path, const char *expected, const FpgoValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s cannot be held by fpgo.invoice_order",
					name_place(path)),
			 errdetail("Expected %s, found %s.", expected,
					   value->kind == FPGO_JSON_STRING ? "some other string" :
					   fpgo_document_kind_name(value->kind)),
			 errhint("Keep the order as jsonb, or correct it; fpgo.validate lists what the gateway would refuse."),
			 fpgo_errhide()));
}

/* A member name as it may be printed: short, and no personal number. */
static const char *
quote_member(FpgoSpan key)
{
	if (key.len > 64 || fpgo_has_eleven_digits(key))
		return "(a long name)";
	return psprintf("\"%.*s\"", (int) key.len, key.text);
}

static void
refuse_unknown_members(const FpgoValue *map, const FpgoShape *shape,
					   const char *path)
{
	FpgoCursor	cursor;
	FpgoSpan	key;
	FpgoValue	value;

	fpgo_document_open(&cursor, map);
	while (fpgo_document_next(&cursor, &key, &value))
	{
		if (fpgo_document_find_field(shape, key) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s has a member %s that fpgo.%s cannot hold",
							name_place(path), quote_member(key),
							shape->type_name),
					 errhint("Keep the order as jsonb, or remove the member; names are case-sensitive."),
					 fpgo_errhide()));
	}
}

/*
 * Does a value become NULL?  null does, and a blank text unless the attribute
 * is a text: there it stays as it is.
 */
static bool
becomes_null(const FpgoValue *value, FpgoFieldType type)
{
	if (value->kind == FPGO_JSON_STRING && type != FPGO_FIELD_NUMERIC &&
		type != FPGO_FIELD_BOOLEAN && type != FPGO_FIELD_SECONDS)
		return false;
	return fpgo_reads_as_null(value);
}

static Datum
read_numeric(const FpgoValue *value, const char *path)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile Datum number = 0;
	FpgoSpan	text;

	if (value->kind == FPGO_JSON_NUMBER)
		return NumericGetDatum(value->number);
	if (value->kind != FPGO_JSON_STRING || !fpgo_is_numeric(value->text))
		refuse_value(path, "a number or a string that holds one", value);
	text = fpgo_trim(value->text);
	PG_TRY();
	{
		number = DirectFunctionCall3(numeric_in,
									 CStringGetDatum(pnstrdup(text.text, text.len)),
									 ObjectIdGetDatum(InvalidOid),
									 Int32GetDatum(-1));
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		/* "1e999999" is a number to the gateway */
		refuse_value(path, "a number that numeric can hold", value);
	}
	PG_END_TRY();
	return number;
}

static Datum
read_boolean(const FpgoValue *value, const char *path)
{
	FpgoSpan	text = {"", 0};

	if (value->kind == FPGO_JSON_BOOL)
		return BoolGetDatum(value->boolean);
	if (value->kind == FPGO_JSON_STRING)
		text = fpgo_trim(value->text);
	else if (value->kind == FPGO_JSON_NUMBER)
		text = fpgo_document_number_text(value->number);
	if (text.len != 1 || (text.text[0] != '0' && text.text[0] != '1'))
		refuse_value(path, "true, false, 0 or 1", value);
	return BoolGetDatum(text.text[0] == '1');
}

static Datum
read_seconds(const FpgoValue *value, const char *path)
{
	int64		seconds;

	if (!fpgo_reads_as_seconds(value, &seconds) || seconds >= SECONDS_LIMIT)
		refuse_value(path, "a string of whole Unix seconds", value);
	return TimestampTzGetDatum((seconds - EPOCH_DIFFERENCE) * USECS_PER_SEC);
}

static Datum
read_list(const FpgoValue *value, const FpgoShape *shape, Oid type,
		  const char *path)
{
	Oid			element_type = get_element_type(type);
	Datum	   *elements;
	bool	   *nulls;
	int			lower_bound = 1;
	int			n = 0;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	FpgoCursor	cursor;
	FpgoValue	element;

	if (value->kind != FPGO_JSON_ARRAY)
		refuse_value(path, "an array", value);
	if (value->count == 0)
		return PointerGetDatum(construct_empty_array(element_type));
	elements = palloc(sizeof(Datum) * value->count);
	nulls = palloc0(sizeof(bool) * value->count);
	fpgo_document_open(&cursor, value);
	for (; fpgo_document_next(&cursor, NULL, &element); n++)
	{
		nulls[n] = element.kind == FPGO_JSON_NULL;
		if (!nulls[n])
			elements[n] = read_composite(&element, shape, element_type,
										 psprintf("%s[%d]", path, n));
	}
	get_typlenbyvalalign(element_type, &typlen, &typbyval, &typalign);
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &n,
											  &lower_bound, element_type,
											  typlen, typbyval, typalign));
}

static Datum
read_attribute(const FpgoValue *value, const FpgoField *field, Oid type,
			   const char *path)
{
	switch (field->type)
	{
		case FPGO_FIELD_OBJECT:
			return read_composite(value, field->shape, type, path);
		case FPGO_FIELD_LIST:
			return read_list(value, field->shape, type, path);
		case FPGO_FIELD_STRING:
		case FPGO_FIELD_EMAIL:
		case FPGO_FIELD_URL:
		case FPGO_FIELD_CALLBACK_URL:
			if (value->kind != FPGO_JSON_STRING)
				refuse_value(path, "a string", value);
			return PointerGetDatum(cstring_to_text_with_len(value->text.text,
															value->text.len));
		case FPGO_FIELD_SECONDS:
			return read_seconds(value, path);
		case FPGO_FIELD_NUMERIC:
			return read_numeric(value, path);
		case FPGO_FIELD_BOOLEAN:
			return read_boolean(value, path);
	}
	pg_unreachable();
}

static Datum
read_composite(const FpgoValue *map, const FpgoShape *shape, Oid type,
			   const char *path)
{
	TupleDesc	descriptor;
	FpgoValue	members[FPGO_MAX_FIELDS];
	Datum	   *values;
	bool	   *nulls;
	HeapTuple	tuple;

	if (map->kind != FPGO_JSON_OBJECT)
		refuse_value(path, "an object", map);
	refuse_unknown_members(map, shape, path);
	fpgo_document_members(map, shape, members);

	descriptor = lookup_rowtype_tupdesc(type, -1);
	values = palloc0(sizeof(Datum) * descriptor->natts);
	nulls = palloc(sizeof(bool) * descriptor->natts);
	memset(nulls, true, sizeof(bool) * descriptor->natts);
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		int			at;

		if (becomes_null(&members[i], field->type))
			continue;
		at = fpgo_order_find_attribute(descriptor, shape, field->sql);
		nulls[at] = false;
		values[at] = read_attribute(&members[i], field,
									TupleDescAttr(descriptor, at)->atttypid,
									member_path(path, field->json));
	}
	tuple = heap_form_tuple(descriptor, values, nulls);
	ReleaseTupleDesc(descriptor);
	return HeapTupleGetDatum(tuple);
}

Datum
fpgo_jsonb_to_invoice_order(PG_FUNCTION_ARGS)
{
	FpgoValue	root = fpgo_document_root(PG_GETARG_JSONB_P(0));
	Oid			type = get_func_rettype(fcinfo->flinfo->fn_oid);

	PG_RETURN_DATUM(read_composite(&root, &fpgo_order_shape, type, ""));
}

/* ---------- text to composite ---------- */

static Datum
read_row(text *literal, Oid type)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile Datum row = 0;
	Oid			input;
	Oid			parameter;

	getTypeInputInfo(type, &input, &parameter);
	PG_TRY();
	{
		row = OidInputFunctionCall(input, text_to_cstring(literal), parameter,
								   -1);
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (ERRCODE_TO_CATEGORY(code) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		/* PostgreSQL's message prints the text */
		ereport(ERROR,
				(errcode(code),
				 errmsg("text is no row of fpgo.invoice_order"),
				 errhint("Pass the order as JSON, or as fpgo.invoice_order itself."),
				 fpgo_errhide()));
	}
	PG_END_TRY();
	return row;
}

/*
 * Text that is cast to the composite: JSON, or what PostgreSQL prints of the
 * composite, as such a cast read before there was a function for it.
 */
static Datum
cast_text(FunctionCallInfo fcinfo, FpgoSpelling spelling)
{
	text	   *order = PG_GETARG_TEXT_PP(0);
	Oid			type = get_func_rettype(fcinfo->flinfo->fn_oid);
	FpgoSpan	begin = fpgo_trim((FpgoSpan) {VARDATA_ANY(order),
			VARSIZE_ANY_EXHDR(order)});
	FpgoValue	root;

	if (begin.len > 0 && begin.text[0] == '(')
		return read_row(order, type);
	root = fpgo_document_root(order_of_text(order));
	return read_composite(&root, &fpgo_order_shape, type, "");
}

Datum
fpgo_text_to_invoice_order(PG_FUNCTION_ARGS)
{
	return fpgo_call_hidden(cast_text, fcinfo, FPGO_SPELLED_TEXT);
}

/* JSON as PostgreSQL stores it is text of that form. */
Datum
fpgo_json_to_invoice_order(PG_FUNCTION_ARGS)
{
	return fpgo_call_hidden(cast_text, fcinfo, FPGO_SPELLED_TEXT);
}
