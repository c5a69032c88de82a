/*
 * fault.c
 *		What is recorded of a row that no order can be made of.
 *
 * With on_invalid=record one odd row must not fail the statement of a shop that
 * has been paid.  But an error that the next try may not have, or that every
 * row has since a deployment broke the mapping, is no fault of the row.  If it
 * were recorded, orders would be lost while every COMMIT succeeds.  So there is
 * a list of what is recorded, and all else is raised.
 *
 * Views show what is recorded.  The text of a foreign error may quote a
 * personal number, so that only its SQLSTATE is kept.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "handin/fault.h"
#include "records/keyed_hash.h"

/* bytes of a row's hash that its key shows */
#define SHOWN_BYTES 8

/* ---------- which errors ---------- */

static bool
is_of_class(int code, int of_class)
{
	return ERRCODE_TO_CATEGORY(code) == of_class;
}

/* Is it about the row, if the shop's function raised it? */
static bool
is_recorded(int code)
{
	return is_of_class(code, ERRCODE_CARDINALITY_VIOLATION) ||
		is_of_class(code, ERRCODE_DATA_EXCEPTION) ||
		is_of_class(code, ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION) ||
		is_of_class(code, ERRCODE_EXTERNAL_ROUTINE_EXCEPTION) ||
		is_of_class(code, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION) ||
		is_of_class(code, ERRCODE_PLPGSQL_ERROR) ||
		code == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* Is it about the order that the function returned? */
static bool
is_fault_of_order(int code)
{
	return is_of_class(code, ERRCODE_DATA_EXCEPTION) ||
		code == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* Are all messages of this code fpgo's own, where an order is read? */
static bool
is_own_message(int code)
{
	return code == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE ||
		code == ERRCODE_DATETIME_VALUE_OUT_OF_RANGE ||
		code == ERRCODE_ARRAY_SUBSCRIPT_ERROR ||
		code == ERRCODE_INVALID_PARAMETER_VALUE ||
		code == ERRCODE_INVALID_TEXT_REPRESENTATION ||
		code == ERRCODE_UNTRANSLATABLE_CHARACTER ||
		code == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

const char *
fpgo_fault_sentence(const ErrorData *error, const char *function)
{
	int			code = error->sqlerrcode;
	const char *name = unpack_sql_state(code);

	if (function != NULL)
		return is_recorded(code) ?
			psprintf("Mapping function %s raised %s.", function, name) : NULL;
	if (!is_fault_of_order(code))
		return NULL;
	if (!is_own_message(code) || error->message == NULL)
		return psprintf("Order could not be read: %s.", name);
	/* this DETAIL is fpgo's own, and says which character of which field */
	return psprintf("%c%s (%s)%s%s",
					pg_toupper((unsigned char) error->message[0]),
					error->message + 1, name,
					code == ERRCODE_UNTRANSLATABLE_CHARACTER ? ": " : ".",
					code == ERRCODE_UNTRANSLATABLE_CHARACTER &&
					error->detail != NULL ? error->detail : "");
}

/* ---------- which row ---------- */

static void
append_column(StringInfo text, HeapTuple row, TupleDesc columns, int number)
{
	Form_pg_attribute column = TupleDescAttr(columns, number - 1);
	Oid			output;
	bool		is_varlena;
	bool		is_null;
	Datum		value;

	if (column->attisdropped)
		return;
	value = heap_getattr(row, number, columns, &is_null);
	getTypeOutputInfo(column->atttypid, &output, &is_varlena);
	/* what ends a value cannot stand in it */
	if (!is_null)
		appendStringInfoString(text, OidOutputFunctionCall(output, value));
	appendStringInfoChar(text, is_null ? '\1' : '\0');
}

static const char *
qualified_name(Oid table)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
									  get_rel_name(table));
}

const char *
fpgo_fault_key(HeapTuple row, Relation table)
{
	TupleDesc	columns = RelationGetDescr(table);
	Oid			top = RelationGetRelid(table);
	StringInfoData text;
	uint8		hash[FPGO_HASH_BYTES];

	if (RelationGetForm(table)->relispartition)
		top = llast_oid(get_partition_ancestors(top));
	initStringInfo(&text);
	appendStringInfoString(&text, qualified_name(top));
	appendStringInfoChar(&text, '\0');
	for (int i = 1; i <= columns->natts; i++)
		append_column(&text, row, columns, i);
	fpgo_keyed_hash(text.data, text.len, hash);

	resetStringInfo(&text);
	appendStringInfo(&text, "%s/", qualified_name(top));
	for (int i = 0; i < SHOWN_BYTES; i++)
		appendStringInfo(&text, "%02x", hash[i]);
	return text.data;
}
