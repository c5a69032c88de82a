/*
 * likeness.c
 *		The traits by which two orders are compared.
 *
 * The gateway shows an order without the reference that the shop gave it.  It
 * shows the order's totals, lines, date and customer.  Some members have other
 * names there than in an order that is sent; this file reads both spellings.
 * Numbers are compared as numbers: 40, 40.0 and "40.00" are equal.  Lines are
 * compared in any order, texts without the white space around them.
 *
 * Names, personal numbers and e-mail addresses become keyed hashes here, as
 * payloads do (keyed_hash.h).  Nothing personal is kept for comparing.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "followup/likeness.h"
#include "order/reading.h"
#include "records/keyed_hash.h"
#include "text/ascii.h"

/* between the parts of a text that is hashed; no order has it in a text */
#define SEPARATOR '\x1f'

/* ---------- parts ---------- */

static FpgoValue
find_member(const FpgoValue *map, const char *name)
{
	FpgoSpan	wanted = {name, strlen(name)};
	FpgoValue	value = {0};
	FpgoSpan	key;
	FpgoCursor	cursor;

	if (map->kind != FPGO_JSON_OBJECT)
		return (FpgoValue) {0};
	fpgo_document_open(&cursor, map);
	while (fpgo_document_next(&cursor, &key, &value))
	{
		if (fpgo_spans_equal(key, wanted))
			return value;
	}
	return (FpgoValue) {0};
}

/* A text, or a number as text; "" if there is none. */
static char *
text_of(const FpgoValue *value)
{
	FpgoSpan	text = {"", 0};

	if (value->kind == FPGO_JSON_NUMBER)
		text = fpgo_document_number_text(value->number);
	else if (value->kind == FPGO_JSON_STRING)
		text = fpgo_trim_unicode(value->text);
	return pnstrdup(text.text, text.len);
}

/* An amount without needless zeros; NULL if it is no number. */
static char *
amount_of(const FpgoValue *value)
{
	FpgoAmount	amount = fpgo_reads_as_amount(value);

	if (!amount.is_known)
		return NULL;
	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   DirectFunctionCall1(numeric_trim_scale,
																   NumericGetDatum(fpgo_number_of_amount(amount)))));
}

static const char *
hash_of(const char *text, int len)
{
	uint8		digest[FPGO_HASH_BYTES];
	char	   *hex = palloc0(FPGO_HASH_BYTES * 2 + 1);

	fpgo_keyed_hash(text, len, digest);
	(void) hex_encode((char *) digest, FPGO_HASH_BYTES, hex);
	return hex;
}

/* ---------- traits ---------- */

/* The totals of a summary, by the names that they have in it. */
static const char *
read_amounts(const FpgoValue *summary, const char *const names[4])
{
	StringInfoData amounts;

	initStringInfo(&amounts);
	for (int i = 0; i < 4; i++)
	{
		FpgoValue	value = find_member(summary, names[i]);
		const char *amount = amount_of(&value);

		if (amount == NULL)
			return NULL;
		appendStringInfo(&amounts, "%s%s", i > 0 ? " " : "", amount);
	}
	return amounts.data;
}

/* One line; NULL if one of its numbers is missing or no number. */
static char *
read_line(const FpgoValue *product)
{
	static const char *const texts[] = {"name", "productId"};
	static const char *const numbers[] = {"quantity", "rate", "discount",
	"tax", "amount"};
	StringInfoData line;

	initStringInfo(&line);
	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		FpgoValue	value = find_member(product, texts[i]);

		appendStringInfo(&line, "%s%c", text_of(&value), SEPARATOR);
	}
	for (int i = 0; i < (int) lengthof(numbers); i++)
	{
		FpgoValue	value = find_member(product, numbers[i]);
		/* only a discount may be left out */
		const char *number = fpgo_reads_as_null(&value) ? "0" :
			amount_of(&value);

		if (number == NULL)
			return NULL;
		appendStringInfo(&line, "%s%c", number, SEPARATOR);
	}
	return line.data;
}

static int
compare_lines(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static const char *
read_products(const FpgoValue *products)
{
	List	   *lines = NIL;
	StringInfoData all;
	FpgoCursor	cursor;
	FpgoValue	product;
	FpgoSpan	key;
	ListCell   *cell;

	fpgo_document_open(&cursor, products);
	while (fpgo_document_next(&cursor, &key, &product))
	{
		char	   *line = read_line(&product);

		if (line == NULL)
			return NULL;
		lines = lappend(lines, line);
	}
	if (lines == NIL)
		return NULL;
	list_sort(lines, compare_lines);
	initStringInfo(&all);
	foreach(cell, lines)
		appendStringInfo(&all, "%s\n", (char *) lfirst(cell));
	return hash_of(all.data, all.len);
}

/* The customer's number: which one, depends on the customer's type. */
static const char *
read_customer(const FpgoValue *customer)
{
	FpgoValue	type = find_member(customer, "type");
	bool		is_private = fpgo_reads_as_text(&type, "private");
	FpgoValue	number = find_member(customer, is_private ? "personalNumber" :
									 "organizationId");
	const char *text = text_of(&number);
	char	   *whole;

	if (text[0] == '\0')
		return NULL;
	whole = psprintf("%c%s", is_private ? 'p' : 'o', text);
	return hash_of(whole, strlen(whole));
}

static const char *
read_contact(const FpgoValue *customer)
{
	FpgoValue	email = find_member(customer, "email");
	FpgoValue	msisdn = find_member(customer, "msisdn");
	char	   *address = text_of(&email);
	const char *number = text_of(&msisdn);
	char	   *whole;

	if (address[0] == '\0' || number[0] == '\0')
		return NULL;
	/* upper and lower case do not tell two people apart */
	for (char *c = address; *c != '\0'; c++)
		*c = ascii_lower(*c);
	whole = psprintf("%s%c%s", address, SEPARATOR, number);
	return hash_of(whole, strlen(whole));
}

static FpgoLikeness *
read_likeness(Jsonb *order, const char *products_name,
			  const char *const summary_names[4])
{
	FpgoLikeness *likeness = palloc0(sizeof(FpgoLikeness));
	FpgoValue	root = fpgo_document_root(order);
	FpgoValue	date = find_member(&root, "orderDate");
	FpgoValue	summary = find_member(&root, "orderSummary");
	FpgoValue	products = find_member(&root, products_name);
	FpgoValue	customer = find_member(&root, "customerDetails");
	char	   *date_text = text_of(&date);

	likeness->amounts = read_amounts(&summary, summary_names);
	likeness->order_date = date_text[0] == '\0' ? NULL : date_text;
	likeness->products = read_products(&products);
	likeness->customer = read_customer(&customer);
	likeness->contact = read_contact(&customer);
	return likeness;
}

FpgoLikeness *
fpgo_likeness_of_payload(Jsonb *payload)
{
	static const char *const names[] = {"subTotal", "totalTax",
	"totalDiscount", "grandTotal"};

	return read_likeness(payload, "products", names);
}

FpgoLikeness *
fpgo_likeness_of_details(Jsonb *details)
{
	static const char *const names[] = {"subTotal", "tax", "discount",
	"grandTotal"};

	return read_likeness(details, "productList", names);
}

/* ---------- comparing ---------- */

/* Of one trait of two orders; UNKNOWN if one of the orders says nothing. */
typedef enum Comparison
{
	SAME,
	OTHER,
	UNKNOWN
} Comparison;

static Comparison
compare(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return UNKNOWN;
	return strcmp(a, b) == 0 ? SAME : OTHER;
}

static Comparison
compare_customers(const FpgoLikeness *a, const FpgoLikeness *b)
{
	Comparison		comparison = compare(a->customer, b->customer);

	return comparison == UNKNOWN ? compare(a->contact, b->contact) :
		comparison;
}

/* Names of the traits that differ and, if asked for, of those unknown too. */
static const char *
list_traits(const FpgoLikeness *a, const FpgoLikeness *b, bool unknown_too)
{
	static const char *const names[] = {"amounts", "products", "date",
	"customer"};
	const Comparison comparisons[] = {
		compare(a->amounts, b->amounts), compare(a->products, b->products),
		compare(a->order_date, b->order_date), compare_customers(a, b)
	};
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if (comparisons[i] == OTHER ||
			(unknown_too && comparisons[i] == UNKNOWN))
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 names[i]);
	}
	return list.len > 0 ? list.data : NULL;
}

const char *
fpgo_likeness_differs(const FpgoLikeness *a, const FpgoLikeness *b)
{
	return list_traits(a, b, false);
}

const char *
fpgo_likeness_differs_or_lacks(const FpgoLikeness *a, const FpgoLikeness *b)
{
	return list_traits(a, b, true);
}

const char *
fpgo_likeness_lacks_change(const FpgoLikeness *shown,
						   const FpgoLikeness *change)
{
	StringInfoData list;

	initStringInfo(&list);
	if (compare(shown->amounts, change->amounts) != SAME)
		appendStringInfoString(&list, ", amounts");
	if (compare(shown->products, change->products) != SAME)
		appendStringInfoString(&list, ", products");
	if (compare_customers(shown, change) == OTHER)
		appendStringInfoString(&list, ", customer");
	return list.len > 0 ? list.data + strlen(", ") : NULL;
}

bool
fpgo_likeness_is_other_sale(const FpgoLikeness *a, const FpgoLikeness *b)
{
	return compare(a->amounts, b->amounts) == OTHER ||
		compare(a->products, b->products) == OTHER;
}
