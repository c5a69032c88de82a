/*
 * mapping.c
 *		The shop's function that maps a row of a table to an order.
 *
 * On a partitioned or inherited table a trigger fires on the child, which has
 * a row type of its own.  The function usually takes the parent's row.
 * Therefore functions for the row of every ancestor are looked for, and the
 * row is converted by column names.  A function of a domain over such a row,
 * of record or of a polymorphic type does as well.
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
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
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

/* A table, as far as the type of its rows goes. */
typedef struct Table
{
	Oid			oid;
	Oid			type;			/* of its rows */
	Oid			of_type;		/* that it was created OF, else invalid */
	bool		is_partition;
} Table;

struct FpgoMapping
{
	FmgrInfo	function;		/* maps a row to an order */
	const char *name;			/* its name for messages */
	Oid			result;			/* type it returns, domains looked through */
	Oid			domain;			/* of its argument; invalid if it is none */
	void	   *domain_checks;	/* kept by domain_check() */
	List	   *defaults;		/* expressions of its further arguments */
	TupleDesc	row;			/* type it takes; NULL: the table's own */
	TupleConversionMap *conversion; /* to it; NULL if none is needed */
};

/* How a row of the table is passed to a function, the nearest first. */
typedef enum Nearness
{
	OWN_ROW,					/* as the row of the table */
	CONVERTED_ROW,				/* as that of an ancestor or of its OF type */
	RECORD,
	POLYMORPHIC,
	UNSUITABLE
} Nearness;

/* most functions of one name that a message goes through */
#define MAX_EXPLAINED 5

/* ---------- the table ---------- */

static Table
describe_table(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	const FormData_pg_class *form;
	Table		table;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", oid);
	form = (Form_pg_class) GETSTRUCT(tuple);
	table = (Table) {.oid = oid, .type = form->reltype,
		.of_type = form->reloftype, .is_partition = form->relispartition};
	ReleaseSysCache(tuple);
	return table;
}

/* ---------- finding the function ---------- */

/* Can a function that takes this type be called with a row of the table? */
static Nearness
nearness(Oid argument, const Table *table)
{
	Oid			type = getBaseType(argument);

	if (type == table->type)
		return OWN_ROW;
	if ((OidIsValid(table->of_type) && type == table->of_type) ||
		typeInheritsFrom(table->type, type))
		return CONVERTED_ROW;
	if (type == RECORDOID)
		return RECORD;
	if (type == ANYELEMENTOID || type == ANYNONARRAYOID ||
		type == ANYCOMPATIBLEOID || type == ANYCOMPATIBLENONARRAYOID)
		return POLYMORPHIC;
	return UNSUITABLE;
}

/* Is the first type nearer to the table than the second? */
static bool
is_nearer(Oid type, Oid other, const Table *table)
{
	Nearness	near = nearness(type, table);
	Nearness	far = nearness(other, table);

	if (near != far)
		return near < far;
	if (getBaseType(type) == getBaseType(other))
		return other != getBaseType(other);
	return near == CONVERTED_ROW &&
		typeInheritsFrom(getBaseType(type), getBaseType(other));
}

pg_noreturn static void
raise_not_unique(const char *signature)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
			 errmsg("function %s is not unique", signature),
			 errdetail("Several functions take this argument, and have defaults for the others."),
			 errhint("Give one of them a name of its own, and name it in the trigger."),
			 fpgo_errhide()));
}

/*
 * The function of this name whose argument is nearest to the table's row.  It
 * takes the row alone, or it may have further arguments that have defaults.
 */
static Oid
find_function(List *name, const Table *table, bool with_defaults)
{
	Oid			found = InvalidOid;
	Oid			argument = InvalidOid;
	FuncCandidateList candidate;

	for (candidate = fpgo_function_candidates(name, 1, with_defaults);
		 candidate != NULL; candidate = candidate->next)
	{
		Oid			type = candidate->args[0];

		if (nearness(type, table) == UNSUITABLE)
			continue;
		if (OidIsValid(candidate->oid) &&
			get_func_prokind(candidate->oid) != PROKIND_FUNCTION)
			continue;
		if (OidIsValid(argument) && !is_nearer(type, argument, table))
			continue;
		found = candidate->oid;
		argument = type;
	}
	/* two that differ in arguments with defaults have become one without oid */
	if (OidIsValid(argument) && !OidIsValid(found))
		raise_not_unique(funcname_signature_string(NameListToString(name), 1,
												   NIL, &argument));
	return found;
}

/* Why a function of the right name cannot map a row: "which ...". */
static const char *
explain_unsuitable(Oid function, const Table *table)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	const FormData_pg_proc *form;
	const char *reason;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->prokind == PROKIND_PROCEDURE)
		reason = "is a procedure";
	else if (form->prokind == PROKIND_AGGREGATE)
		reason = "is an aggregate";
	else if (form->prokind == PROKIND_WINDOW)
		reason = "is a window function";
	else if (form->pronargs == 0)
		reason = "takes no row";
	else if (form->pronargs == 1 && OidIsValid(form->provariadic))
		reason = "takes its argument as VARIADIC";
	else if (nearness(form->proargtypes.values[0], table) == UNSUITABLE)
		reason = psprintf("takes %s, not a row of the table",
						  format_type_be(form->proargtypes.values[0]));
	else
		reason = "takes further arguments that have no default";
	ReleaseSysCache(tuple);
	return reason;
}

/* What there is of this name, and why it does not do; NULL if nothing is. */
static const char *
explain_missing(List *name, const Table *table)
{
	StringInfoData reasons;
	int			n = 0;
	FuncCandidateList candidate;

	initStringInfo(&reasons);
	for (candidate = fpgo_function_candidates(name, -1, false);
		 candidate != NULL && n < MAX_EXPLAINED;
		 candidate = candidate->next)
		appendStringInfo(&reasons, "%sThere is %s, which %s.",
						 n++ > 0 ? "\n" : "",
						 format_procedure(candidate->oid),
						 explain_unsuitable(candidate->oid, table));
	return n > 0 ? reasons.data : NULL;
}

/* How the function should be declared: with the row of the whole table. */
static const char *
advise_signature(List *name, const Table *table)
{
	Oid			type = table->type;

	if (table->is_partition)
		type = get_rel_type_id(llast_oid(get_partition_ancestors(table->oid)));
	return funcname_signature_string(NameListToString(name), 1, NIL, &type);
}

pg_noreturn static void
raise_missing(List *name, const Table *table)
{
	const char *advised = advise_signature(name, table);
	const char *reasons = explain_missing(name, table);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function %s does not exist", advised),
			 reasons != NULL
			 ? errdetail_internal("%s", reasons)
			 : errdetail("The trigger's first argument names the function that maps a row of the table to an order."),
			 list_length(name) == 1 && reasons == NULL
			 ? errhint("Name the function with its schema, such as 'shop.invoice_for': the search path may be another one whenever the trigger fires.")
			 : errhint("CREATE FUNCTION %s RETURNS fpgo.invoice_order ...; or name another function.",
					   advised),
			 fpgo_errhide()));
}

static Oid
require_function(const char *text, const Table *table)
{
	List	   *name;
	Oid			function;

	/* a name with its argument, as \df shows it, is no name of a function */
	if (strchr(text, '(') != NULL && strchr(text, '"') == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid function name \"%s\"", text),
				 errhint("Name the function without its argument."),
				 fpgo_errhide()));
	name = textToQualifiedNameList(cstring_to_text(text));
	function = find_function(name, table, false);
	if (!OidIsValid(function))
		function = find_function(name, table, true);
	if (!OidIsValid(function))
		raise_missing(name, table);
	return function;
}

static Oid
invoice_order_type(void)
{
	Oid			schema = get_namespace_oid("fpgo", false);

	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum(fpgo_order_shape.type_name),
						   ObjectIdGetDatum(schema));
}

/* Is it a type whose values are JSON as text? */
static bool
is_json_text(Oid type)
{
	return type == TEXTOID || type == JSONOID || type == VARCHAROID ||
		type == BPCHAROID;
}

/* The type the function returns, domains looked through, if it is an order. */
static Oid
require_result(Oid function, const char *name)
{
	Oid			declared = get_func_rettype(function);
	Oid			type = getBaseType(declared);

	if (get_func_retset(function) ||
		(!is_json_text(type) && type != JSONBOID &&
		 type != invoice_order_type()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s does not return an order", name),
				 errdetail("It returns %s%s; fpgo.invoice_order, jsonb, json or text is expected.",
						   get_func_retset(function) ? "a set of " : "",
						   format_type_be(declared)),
				 fpgo_errhide()));
	return type;
}

Oid
fpgo_mapping_check(const char *text, Oid table)
{
	Table		described = describe_table(table);
	Oid			function = require_function(text, &described);

	(void) require_result(function, format_procedure(function));
	return function;
}

/* ---------- how it is called ---------- */

/* The types of the function's arguments, the row's as it is passed. */
static List *
list_arguments(Oid row_type, List *defaults)
{
	Param	   *row = makeNode(Param);

	/* a parameter, since nothing may take the row for a constant */
	row->paramkind = PARAM_EXEC;
	row->paramtype = row_type;
	row->paramtypmod = -1;
	row->location = -1;
	return lcons(row, list_copy(defaults));
}

/* The defaults of all arguments but the first, as expressions. */
static List *
read_defaults(HeapTuple function, int n)
{
	List	   *defaults;
	Datum		stored;
	bool		is_null;

	if (n == 0)
		return NIL;
	stored = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proargdefaults,
						   &is_null);
	if (is_null)
		elog(ERROR, "function has lost its defaults");
	defaults = stringToNode(TextDatumGetCString(stored));
	return list_copy_tail(defaults, list_length(defaults) - n);
}

/* Let the function see the types it is called with, as polymorphic ones do. */
static void
prepare_call(FpgoMapping *mapping, Oid function, Relation table)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	const FormData_pg_proc *form;
	Oid			argument;
	Oid			type;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	argument = form->proargtypes.values[0];
	type = getBaseType(argument);
	if (type != argument)
		mapping->domain = argument;
	if (get_typtype(type) == TYPTYPE_PSEUDO ||
		type == RelationGetForm(table)->reltype)
		type = RelationGetForm(table)->reltype;
	else
	{
		mapping->row = lookup_rowtype_tupdesc_copy(type, -1);
		mapping->conversion = convert_tuples_by_name(RelationGetDescr(table),
													 mapping->row);
	}
	mapping->defaults = read_defaults(tuple, form->pronargs - 1);
	fmgr_info_cxt(function, &mapping->function, CurrentMemoryContext);
	fmgr_info_set_expr((Node *) makeFuncExpr(function, form->prorettype,
											 list_arguments(type,
															mapping->defaults),
											 InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL),
					   &mapping->function);
	ReleaseSysCache(tuple);
}

FpgoMapping *
fpgo_mapping_find(const char *text, Relation table)
{
	FpgoMapping *mapping = palloc0(sizeof(FpgoMapping));
	Oid			function = fpgo_mapping_check(text, RelationGetRelid(table));

	mapping->name = format_procedure(function);
	mapping->result = require_result(function, mapping->name);
	prepare_call(mapping, function, table);
	return mapping;
}

const char *
fpgo_mapping_name(const FpgoMapping *mapping)
{
	return mapping->name;
}

/* ---------- calling it ---------- */

/* Asked for every row, since the user may change within a statement. */
static void
require_execute(Oid function)
{
	AclResult	result = fpgo_function_aclcheck(function, GetUserId(),
												ACL_EXECUTE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
}

static Datum
row_datum(FpgoMapping *mapping, HeapTuple row, Relation table)
{
	Datum		datum;

	if (mapping->conversion != NULL)
		row = execute_attr_map_tuple(row, mapping->conversion);
	datum = heap_copy_tuple_as_datum(row, mapping->row ? mapping->row :
									 RelationGetDescr(table));
	if (OidIsValid(mapping->domain))
		domain_check(datum, false, mapping->domain, &mapping->domain_checks,
					 mapping->function.fn_mcxt);
	return datum;
}

/* The value of a default, which may be another one for each row. */
static NullableDatum
evaluate(Expr *expression)
{
	EState	   *estate = CreateExecutorState();
	ExprState  *state = ExecPrepareExpr(expression, estate);
	NullableDatum value;
	int16		typlen;
	bool		typbyval;

	value.value = ExecEvalExprSwitchContext(state,
											GetPerTupleExprContext(estate),
											&value.isnull);
	get_typlenbyval(exprType((Node *) expression), &typlen, &typbyval);
	if (!value.isnull)
		value.value = datumCopy(value.value, typbyval, typlen);
	FreeExecutorState(estate);
	return value;
}

/* Calls the function; false if it gives NULL. */
static bool
invoke(FpgoMapping *mapping, Datum row, Datum *result)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	int			n = 1 + list_length(mapping->defaults);
	bool		has_null = false;

	InitFunctionCallInfoData(*call, &mapping->function, n, InvalidOid, NULL,
							 NULL);
	call->args[0].value = row;
	call->args[0].isnull = false;
	for (int i = 1; i < n; i++)
	{
		call->args[i] = evaluate(list_nth(mapping->defaults, i - 1));
		has_null = has_null || call->args[i].isnull;
	}
	if (has_null && mapping->function.fn_strict)
		return false;
	*result = FunctionCallInvoke(call);
	return !call->isnull;
}

bool
fpgo_mapping_call(FpgoMapping *mapping, HeapTuple row, Relation table,
				  Datum *result)
{
	Datum		datum;
	bool		is_order;

	require_execute(mapping->function.fn_oid);
	InvokeFunctionExecuteHook(mapping->function.fn_oid);
	datum = row_datum(mapping, row, table);

	/*
	 * A function that reads the order's lines is STABLE.  Without a new
	 * snapshot it would not see what the statement itself has done.
	 */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	is_order = invoke(mapping, datum, result);
	PopActiveSnapshot();
	return is_order;
}

Jsonb *
fpgo_mapping_read(const FpgoMapping *mapping, Datum result,
				  FpgoSpelling *spelling)
{
	*spelling = FPGO_SPELLED_JSONB;
	if (mapping->result == JSONBOID)
		return DatumGetJsonbP(result);
	*spelling = FPGO_SPELLED_TEXT;
	if (is_json_text(mapping->result))
	{
		text	   *json = DatumGetTextPP(result);

		return fpgo_order_from_text(VARDATA_ANY(json),
									VARSIZE_ANY_EXHDR(json));
	}
	*spelling = FPGO_SPELLED_COMPOSITE;
	return fpgo_order_from_composite(result);
}
