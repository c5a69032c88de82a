/*
 * mapping.c
 *		The shop's function that maps a row of a table to an order.
 *
 * On a partitioned or inherited table a trigger fires on the child, which has
 * a row type of its own.  The function usually takes the parent's row.
 * Therefore functions for the row of every ancestor are looked for, and the
 * row is converted by column names.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "order/mapping.h"
#include "order/spellings.h"

struct FpgoMapping
{
	FmgrInfo	function;		/* maps a row to an order */
	const char *name;			/* its name for messages */
	Oid			result;			/* type it returns, domains looked through */
	TupleDesc	row;			/* type it takes; NULL: the table's own */
	TupleConversionMap *conversion; /* to it; NULL if none is needed */
};

/* ---------- finding the function ---------- */

/*
 * Can a function that takes this type be called with a row of the table?  The
 * row can be passed as it is (the table's own type, or record), or as the row
 * of an ancestor or of the table's OF type.
 */
static bool
takes_own_row(Oid type, Relation table)
{
	return type == RelationGetForm(table)->reltype || type == RECORDOID;
}

static bool
takes_converted_row(Oid type, Relation table)
{
	const FormData_pg_class *form = RelationGetForm(table);

	return (OidIsValid(form->reloftype) && type == form->reloftype) ||
		typeInheritsFrom(form->reltype, type);
}

/* Is the first type nearer to the table than the second? */
static bool
is_nearer(Oid type, Oid other, Relation table)
{
	if (type == RelationGetForm(table)->reltype)
		return true;
	if (takes_own_row(other, table))
		return other == RECORDOID;
	return type != RECORDOID && typeInheritsFrom(type, other);
}

/* The function of this name whose argument is nearest to the table's row. */
static Oid
find_function(List *name, Relation table, Oid *argument)
{
	Oid			found = InvalidOid;
	FuncCandidateList candidate;

	for (candidate = FuncnameGetCandidates(name, 1, NIL, false, false, false,
										   true);
		 candidate != NULL; candidate = candidate->next)
	{
		Oid			type = candidate->args[0];

		if (!takes_own_row(type, table) && !takes_converted_row(type, table))
			continue;
		if (get_func_prokind(candidate->oid) != PROKIND_FUNCTION)
			continue;
		if (!OidIsValid(found) || is_nearer(type, *argument, table))
		{
			found = candidate->oid;
			*argument = type;
		}
	}
	return found;
}

/* How the function should be declared: with the row of the whole table. */
static const char *
advise_signature(List *name, Relation table)
{
	Oid			type = RelationGetForm(table)->reltype;

	if (RelationGetForm(table)->relispartition)
	{
		List	   *ancestors =
			get_partition_ancestors(RelationGetRelid(table));

		type = get_rel_type_id(llast_oid(ancestors));
	}
	return funcname_signature_string(NameListToString(name), 1, NIL, &type);
}

static Oid
require_function(const char *text, Relation table, Oid *argument)
{
	List	   *name;
	Oid			function;
	const char *advised;

	/* a name with its argument, as \df shows it, is no name of a function */
	if (strchr(text, '(') != NULL && strchr(text, '"') == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid function name \"%s\"", text),
				 errhint("Name the function without its argument."),
				 fpgo_errhide()));
	name = textToQualifiedNameList(cstring_to_text(text));
	function = find_function(name, table, argument);
	if (OidIsValid(function))
		return function;
	advised = advise_signature(name, table);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function %s does not exist", advised),
			 errdetail("The trigger's first argument names the function that maps a row of the table to an order."),
			 errhint("CREATE FUNCTION %s RETURNS fpgo.invoice_order ...; or name another function.",
					 advised),
			 fpgo_errhide()));
}

static Oid
invoice_order_type(void)
{
	Oid			schema = get_namespace_oid("fpgo", false);

	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum(fpgo_order_shape.type_name),
						   ObjectIdGetDatum(schema));
}

/* The type the function returns, domains looked through, if it is an order. */
static Oid
require_result(Oid function, const char *name)
{
	Oid			declared = get_func_rettype(function);
	Oid			type = getBaseType(declared);

	if (get_func_retset(function) ||
		(type != TEXTOID && type != JSONBOID && type != invoice_order_type()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s does not return an order", name),
				 errdetail("It returns %s%s; fpgo.invoice_order, jsonb or text is expected.",
						   get_func_retset(function) ? "a set of " : "",
						   format_type_be(declared)),
				 fpgo_errhide()));
	return type;
}

/* Asked for every row, since the user may change within a statement. */
static void
require_execute(Oid function)
{
	AclResult	result = fpgo_function_aclcheck(function, GetUserId(),
												ACL_EXECUTE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
}

FpgoMapping *
fpgo_mapping_find(const char *text, Relation table)
{
	FpgoMapping *mapping = palloc0(sizeof(FpgoMapping));
	Oid			argument = InvalidOid;
	Oid			function = require_function(text, table, &argument);

	mapping->name = format_procedure(function);
	mapping->result = require_result(function, mapping->name);
	if (!takes_own_row(argument, table))
	{
		mapping->row = lookup_rowtype_tupdesc_copy(argument, -1);
		mapping->conversion = convert_tuples_by_name(RelationGetDescr(table),
													 mapping->row);
	}
	fmgr_info_cxt(function, &mapping->function, CurrentMemoryContext);
	return mapping;
}

const char *
fpgo_mapping_name(const FpgoMapping *mapping)
{
	return mapping->name;
}

/* ---------- calling it ---------- */

static Datum
row_datum(const FpgoMapping *mapping, HeapTuple row, Relation table)
{
	if (mapping->conversion != NULL)
		row = execute_attr_map_tuple(row, mapping->conversion);
	return heap_copy_tuple_as_datum(row, mapping->row ? mapping->row :
									RelationGetDescr(table));
}

Jsonb *
fpgo_mapping_call(FpgoMapping *mapping, HeapTuple row, Relation table)
{
	LOCAL_FCINFO(call, 1);
	Datum		result;

	require_execute(mapping->function.fn_oid);
	InvokeFunctionExecuteHook(mapping->function.fn_oid);
	InitFunctionCallInfoData(*call, &mapping->function, 1, InvalidOid, NULL,
							 NULL);
	call->args[0].value = row_datum(mapping, row, table);
	call->args[0].isnull = false;

	/*
	 * A function that reads the order's lines is STABLE.  Without a new
	 * snapshot it would not see what the statement itself has done.
	 */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	result = FunctionCallInvoke(call);
	PopActiveSnapshot();

	if (call->isnull)
		return NULL;
	if (mapping->result == JSONBOID)
		return DatumGetJsonbP(result);
	if (mapping->result == TEXTOID)
	{
		text	   *json = DatumGetTextPP(result);

		return fpgo_order_from_text(VARDATA_ANY(json),
									VARSIZE_ANY_EXHDR(json));
	}
	return fpgo_order_from_composite(result);
}
