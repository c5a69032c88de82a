/*
 * constructors.c
 *		Constructors: a composite made of arguments that have names.
 *
 * Each constructor returns a row whose attributes are its arguments of the
 * same names.  Therefore neither the order of the arguments nor a new
 * attribute moves a value to another attribute.  An attribute without an
 * argument is calculated here or stays NULL.  An argument of NULL stays NULL;
 * validation says whether that is allowed.
 *
 * The constructors are in C and not in SQL.  PostgreSQL inlines a SQL function
 * only if no argument that is used twice is a subquery, and products mostly
 * are one.  Otherwise it runs the function as a query: ten times the time of
 * an order, as measured.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/fpgo.h"
#include "order/money.h"
#include "order/rounding.h"
#include "order/spellings.h"
#include "order/totals.h"
#include "text/phone.h"
#include "text/tidy.h"

PG_FUNCTION_INFO_V1(fpgo_make);
PG_FUNCTION_INFO_V1(fpgo_make_product);
PG_FUNCTION_INFO_V1(fpgo_make_net_product);
PG_FUNCTION_INFO_V1(fpgo_make_private_customer);
PG_FUNCTION_INFO_V1(fpgo_make_corporate_customer);
PG_FUNCTION_INFO_V1(fpgo_make_order);
PG_FUNCTION_INFO_V1(fpgo_make_order_with_totals);

/* The argument of each attribute; kept as long as the caller's plan. */
typedef struct Recipe
{
	TupleDesc	descriptor;		/* of the row that is made */
	bool		is_address;
	int			grand_total;	/* arguments that are no attribute, or -1 */
	int			total_tax;
	int			vat;
	int			argument[FLEXIBLE_ARRAY_MEMBER];	/* by attribute, or -1 */
} Recipe;

/* A row that is being made. */
typedef struct Row
{
	TupleDesc	descriptor;
	Datum	   *values;
	bool	   *nulls;
} Row;

/* ---------- arguments and attributes ---------- */

/* The names of the function's arguments; returns how many they are. */
static int
read_argument_names(Oid function, char ***names)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid		   *types;
	char	   *modes;
	int			n;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	n = get_func_arg_info(tuple, &types, names, &modes);
	ReleaseSysCache(tuple);
	return n;
}

static int
find_name(const char *name, char **names, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

/* Does the row get the field that has this meaning from an argument? */
static bool
has_field(const Recipe *recipe, FpgoMeaning meaning)
{
	const FpgoShape *shape = fpgo_shape_of(meaning);
	const char *name = shape->fields[fpgo_shape_find(shape, meaning)].sql;

	for (int i = 0; i < recipe->descriptor->natts; i++)
	{
		if (recipe->argument[i] >= 0 &&
			strcmp(NameStr(TupleDescAttr(recipe->descriptor, i)->attname),
				   name) == 0)
			return true;
	}
	return false;
}

static Recipe *
make_recipe(FunctionCallInfo fcinfo)
{
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	char	  **names;
	int			n = read_argument_names(fcinfo->flinfo->fn_oid, &names);
	TupleDesc	descriptor;
	Recipe	   *recipe;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	recipe = palloc(offsetof(Recipe, argument) +
					sizeof(int) * descriptor->natts);
	recipe->descriptor = CreateTupleDescCopy(descriptor);
	recipe->grand_total = find_name("grand_total", names, n);
	recipe->total_tax = find_name("total_tax", names, n);
	recipe->vat = find_name("vat", names, n);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		recipe->argument[i] = attribute->attisdropped ? -1 :
			find_name(NameStr(attribute->attname), names, n);
	}
	recipe->is_address = has_field(recipe, FPGO_MEANS_POSTAL_CODE) &&
		has_field(recipe, FPGO_MEANS_HOME);
	MemoryContextSwitchTo(old);
	return recipe;
}

/* The row that the arguments make. */
static Row
gather(FunctionCallInfo fcinfo)
{
	const Recipe *recipe;
	Row			row;

	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = make_recipe(fcinfo);
	recipe = fcinfo->flinfo->fn_extra;
	row.descriptor = recipe->descriptor;
	row.values = palloc0(sizeof(Datum) * row.descriptor->natts);
	row.nulls = palloc(sizeof(bool) * row.descriptor->natts);
	for (int i = 0; i < row.descriptor->natts; i++)
	{
		int			argument = recipe->argument[i];

		row.nulls[i] = argument < 0 || PG_ARGISNULL(argument);
		if (!row.nulls[i])
			row.values[i] = PG_GETARG_DATUM(argument);
	}
	return row;
}

static Datum
finish(const Row *row)
{
	return HeapTupleGetDatum(heap_form_tuple(row->descriptor, row->values,
											 row->nulls));
}

/* Index of the attribute that holds a field of the tree. */
static int
attribute_of(const Row *row, const FpgoShape *shape, const FpgoField *field)
{
	return fpgo_order_find_attribute(row->descriptor, shape, field->sql);
}

static int
attribute_that_means(const Row *row, FpgoMeaning meaning)
{
	const FpgoShape *shape = fpgo_shape_of(meaning);

	return attribute_of(row, shape,
						&shape->fields[fpgo_shape_find(shape, meaning)]);
}

/* The attribute of the order's member that holds objects of a shape. */
static int
attribute_that_holds(const Row *row, const FpgoShape *shape)
{
	const FpgoField *field = fpgo_order_shape.fields;

	while (field->shape != shape)
		field++;
	return attribute_of(row, &fpgo_order_shape, field);
}

static Numeric
number_of(const Row *row, FpgoMeaning meaning)
{
	int			attribute = attribute_that_means(row, meaning);

	return row->nulls[attribute] ? NULL :
		DatumGetNumeric(row->values[attribute]);
}

static int
products_of(const Row *row)
{
	return attribute_that_holds(row, fpgo_shape_of(FPGO_MEANS_AMOUNT));
}

static int
summary_of(const Row *row)
{
	return attribute_that_holds(row, fpgo_shape_of(FPGO_MEANS_GRAND_TOTAL));
}

static void
set(Row *row, int attribute, Datum value)
{
	row->values[attribute] = value;
	row->nulls[attribute] = false;
}

static void
set_number(Row *row, FpgoMeaning meaning, Numeric number)
{
	int			attribute = attribute_that_means(row, meaning);

	row->nulls[attribute] = number == NULL;
	row->values[attribute] = number ? NumericGetDatum(number) : (Datum) 0;
}

/* ---------- what is worked out ---------- */

/* Put VAT on a price that has none, exactly: VAT is a percentage. */
static void
add_vat(Row *row, FpgoMeaning meaning)
{
	Numeric		percent = fpgo_money_add(int64_to_numeric(100),
										 number_of(row, FPGO_MEANS_VAT));
	Numeric		factor = fpgo_money_multiply(percent,
											 int64_div_fast_to_numeric(1, 2));

	set_number(row, meaning,
			   fpgo_money_trim(fpgo_money_multiply(number_of(row, meaning),
												   factor)));
}

static void
work_out_amount(Row *row)
{
	int			attribute = attribute_that_means(row, FPGO_MEANS_AMOUNT);
	Numeric		amount;

	if (!row->nulls[attribute])
		return;
	amount = fpgo_totals_amount(number_of(row, FPGO_MEANS_QUANTITY),
								number_of(row, FPGO_MEANS_RATE),
								number_of(row, FPGO_MEANS_DISCOUNT));
	if (amount != NULL)
		set(row, attribute, NumericGetDatum(amount));
}

static void
work_out_summary(Row *row, FpgoVatRule rule, const FpgoOwnTotals *own)
{
	int			products = products_of(row);
	int			attribute = summary_of(row);
	TupleDesc	summary;
	Datum		totals;

	if (!row->nulls[attribute] || row->nulls[products])
		return;
	summary = lookup_rowtype_tupdesc(TupleDescAttr(row->descriptor,
												   attribute)->atttypid, -1);
	totals = fpgo_totals_summarize(DatumGetArrayTypeP(row->values[products]),
								   rule, own, summary);
	ReleaseTupleDesc(summary);
	if (totals != 0)
		set(row, attribute, totals);
}

/* The totals that the shop gives, rounded. */
static FpgoOwnTotals
own_totals(FunctionCallInfo fcinfo)
{
	const Recipe *recipe = fcinfo->flinfo->fn_extra;
	FpgoOwnTotals own = {0};

	if (!PG_ARGISNULL(recipe->grand_total))
		own.grand_total =
			fpgo_money_round(PG_GETARG_NUMERIC(recipe->grand_total));
	if (!PG_ARGISNULL(recipe->total_tax))
		own.tax = fpgo_money_round(PG_GETARG_NUMERIC(recipe->total_tax));
	return own;
}

static FpgoVatRule
vat_rule(FunctionCallInfo fcinfo)
{
	const Recipe *recipe = fcinfo->flinfo->fn_extra;

	return PG_ARGISNULL(recipe->vat) ? FPGO_VAT_BEFORE_DISCOUNT :
		fpgo_totals_vat_rule(PG_GETARG_TEXT_PP(recipe->vat));
}

/* Spread what rounding left between the products and the shop's total. */
static void
take_over(Row *row, const FpgoOwnTotals *own)
{
	int			products = products_of(row);

	if (own->grand_total == NULL || row->nulls[products])
		return;
	row->values[products] =
		PointerGetDatum(fpgo_rounding_spread(DatumGetArrayTypeP(row->values[products]),
											 own->grand_total));
}

/* The customer type for which a conditional field is required. */
static void
set_type(Row *row, FpgoMeaning meaning)
{
	const FpgoShape *shape = fpgo_shape_of(meaning);
	const FpgoField *field = &shape->fields[fpgo_shape_find(shape, meaning)];

	set(row, attribute_of(row, shape, &shape->fields[field->other]),
		CStringGetTextDatum(field->other_value));
}

/* ---------- what people typed ---------- */

/* The text of an attribute; empty if it is NULL. */
static FpgoSpan
text_of(const Row *row, FpgoMeaning meaning)
{
	int			attribute = attribute_that_means(row, meaning);
	const char *typed = row->nulls[attribute] ? "" :
		TextDatumGetCString(row->values[attribute]);

	return (FpgoSpan) {typed, strlen(typed)};
}

static void
set_text(Row *row, FpgoMeaning meaning, const char *tidy)
{
	set(row, attribute_that_means(row, meaning), CStringGetTextDatum(tidy));
}

/* Country code and number, where they have one reading only. */
static void
tidy_phone(Row *row)
{
	FpgoPhone	phone;
	char		code[4];

	if (fpgo_read_phone(text_of(row, FPGO_MEANS_DIALLING_CODE),
						text_of(row, FPGO_MEANS_PHONE), &phone))
	{
		set_text(row, FPGO_MEANS_DIALLING_CODE, psprintf("+%s", phone.code));
		set_text(row, FPGO_MEANS_PHONE, phone.number);
	}
	else if (fpgo_read_dialling_code(text_of(row, FPGO_MEANS_DIALLING_CODE),
									 code))
		set_text(row, FPGO_MEANS_DIALLING_CODE, psprintf("+%s", code));
}

static void
tidy_number(Row *row, FpgoMeaning meaning,
			bool (*tidy) (FpgoSpan, char[FPGO_TIDY_MAX]))
{
	char		number[FPGO_TIDY_MAX];

	if (tidy(text_of(row, meaning), number))
		set_text(row, meaning, number);
}

static void
tidy_postal_code(Row *row)
{
	char		code[FPGO_TIDY_MAX];

	if (fpgo_tidy_postal_code(text_of(row, FPGO_MEANS_POSTAL_CODE),
							  text_of(row, FPGO_MEANS_HOME), code))
		set_text(row, FPGO_MEANS_POSTAL_CODE, code);
}

/* ---------- SQL ---------- */

/* A composite without calculated attributes. */
Datum
fpgo_make(PG_FUNCTION_ARGS)
{
	Row			row = gather(fcinfo);

	if (((const Recipe *) fcinfo->flinfo->fn_extra)->is_address)
		tidy_postal_code(&row);
	return finish(&row);
}

Datum
fpgo_make_product(PG_FUNCTION_ARGS)
{
	Row			row = gather(fcinfo);

	work_out_amount(&row);
	return finish(&row);
}

/* A product of a rate and a discount without VAT. */
Datum
fpgo_make_net_product(PG_FUNCTION_ARGS)
{
	Row			row = gather(fcinfo);

	add_vat(&row, FPGO_MEANS_RATE);
	add_vat(&row, FPGO_MEANS_DISCOUNT);
	work_out_amount(&row);
	return finish(&row);
}

Datum
fpgo_make_private_customer(PG_FUNCTION_ARGS)
{
	Row			row = gather(fcinfo);

	set_type(&row, FPGO_MEANS_PERSON);
	tidy_number(&row, FPGO_MEANS_PERSON, fpgo_tidy_person);
	tidy_phone(&row);
	return finish(&row);
}

Datum
fpgo_make_corporate_customer(PG_FUNCTION_ARGS)
{
	Row			row = gather(fcinfo);

	set_type(&row, FPGO_MEANS_ORGANIZATION);
	tidy_number(&row, FPGO_MEANS_ORGANIZATION, fpgo_tidy_organization);
	tidy_phone(&row);
	return finish(&row);
}

Datum
fpgo_make_order(PG_FUNCTION_ARGS)
{
	Row			row = gather(fcinfo);

	work_out_summary(&row, FPGO_VAT_BEFORE_DISCOUNT, NULL);
	return finish(&row);
}

/* An order with totals that the shop reckoned itself. */
Datum
fpgo_make_order_with_totals(PG_FUNCTION_ARGS)
{
	Row			row = gather(fcinfo);
	FpgoOwnTotals own = own_totals(fcinfo);

	if (!row.nulls[summary_of(&row)] && (own.grand_total || own.tax))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order_summary has the totals already"),
				 errhint("Leave out order_summary, or grand_total and total_tax."),
				 fpgo_errhide()));
	take_over(&row, &own);
	work_out_summary(&row, vat_rule(fcinfo), &own);
	return finish(&row);
}
