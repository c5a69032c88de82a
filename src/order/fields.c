/*
 * fields.c
 *		THE FIELD TREE: every field of an invoice order, once.
 *
 * Source: the field table of the API page "Create Session for Invoice Order".
 * The fields stand in the page's order, violations are reported in it, and
 * the wire text follows it.  The page prints no row for the list "products"
 * itself, but its validator requires it to be there, a list, and not empty.
 *
 * To add a field, change these places in this order.  Forget one, and a test
 * or the compiler says so; test/t/110_field_places.pl names field and place.
 *
 *	1. The field's line here, in the page's order, and its index in by_key.
 *	   The unit test prints by_key as it must be.
 *	2. The SQL script: an attribute at the end of the composite type with its
 *	   COMMENT ON COLUMN; an argument of the constructor, whose COMMENT ON
 *	   FUNCTION has its type.  And the script that updates the last release:
 *	   its head says what of a release may change, and how.  A constructor
 *	   that is released gets a second one of its name beside it, which takes
 *	   the new argument last and has no defaults.
 *	3. sql/fields.sql: the row of the page's table.  sql/validate.sql: a value
 *	   that passes and one that does not.  Then their expected outputs.
 *	4. The field table of src/validation/README.md.
 *	5. test/gateway/rules.py: the field as the page describes it, read without
 *	   a look at the tree.  Its test, tests/test_rules.py, has a row for it.
 *	6. test/fuzz/mutate.py: OPTIONAL, if the field need not be there.
 *
 * For a constraint that no field has yet, besides:
 *
 *	7. fields.h: its name in FpgoConstraint, its limits in FpgoField.
 *	8. Each switch over FpgoConstraint, as the compiler names them: rules.c,
 *	   validate.c, json_schema.c, schema_pattern.c, and the unit test of this
 *	   file.
 *	9. violation.h: its rule in FpgoRule.  violation.c: the rule's name, and
 *	   what a message says is expected; the compiler asks for both.
 *	10. COMMENT ON COLUMN fpgo.violation.rule: the rule's name.
 *	11. json_schema.c: its limits, where JSON Schema can state them.
 *	12. test/gateway/rules.py: the rule.
 *
 * A shape of more than FPGO_MAX_FIELDS fields does not compile.
 */
#include "order/fields.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

const char *const fpgo_default_tax_rates[] = {"0", "12", "15", "25", 0};

static const char *const customer_types[] = {"private", "corporate", 0};
static const char *const languages[] = {"en", "no", "sv", "da", "de", 0};
static const char *const order_sources[] = {"PARTNER", 0};
static const char *const intervals[] = {"0", "1", "2", 0};

/* clang-format off */

/*
 * One field: the API's name, its name in snake_case, type, presence; then
 * other members of FpgoField.
 */
#define FIELD(json_name, sql_name, its_type, its_presence, ...) \
	{.json = #json_name, .json_len = sizeof(#json_name) - 1, \
	 .wire = "\"" #json_name "\":", \
	 .sql = #sql_name, .type = FPGO_FIELD_##its_type, \
	 .presence = FPGO_PRESENCE_##its_presence, \
	 __VA_ARGS__}

/*
 * The by_key of a shape: one index for each field.  An index that is left out
 * becomes a second 0, which the unit test reports with the right list.
 */
#define KEYS(name) \
	_Static_assert(LENGTH(name##_fields) <= FPGO_MAX_FIELDS, \
				   #name "_fields are more than FPGO_MAX_FIELDS"); \
	static const unsigned char name##_keys[LENGTH(name##_fields)]

static const FpgoField product_fields[] = {
	FIELD(name,      name,       STRING, REQUIRED),
	/* earlier revisions of the page, 1033 to 1574, print "max 25" */
	FIELD(productId, product_id, STRING, OPTIONAL, .length_max = 25),
	FIELD(quantity,  quantity,   NUMERIC, REQUIRED, .meaning = FPGO_MEANS_QUANTITY),
	FIELD(rate,      rate,       NUMERIC, REQUIRED, .meaning = FPGO_MEANS_RATE),
	FIELD(discount,  discount,   NUMERIC, OPTIONAL, .meaning = FPGO_MEANS_DISCOUNT),
	FIELD(tax,       tax,        NUMERIC, REQUIRED,
		.constraint = FPGO_CONSTRAINT_TAX_RATE,
		.allowed = fpgo_default_tax_rates, .meaning = FPGO_MEANS_VAT),
	FIELD(amount,    amount,     NUMERIC, REQUIRED, .meaning = FPGO_MEANS_AMOUNT),
};
KEYS(product) = {5, 0, 3, 6, 4, 2, 1};

static const FpgoField summary_fields[] = {
	FIELD(subTotal,      sub_total,      NUMERIC, REQUIRED, .meaning = FPGO_MEANS_SUB_TOTAL),
	FIELD(totalTax,      total_tax,      NUMERIC, REQUIRED, .meaning = FPGO_MEANS_TOTAL_TAX),
	FIELD(totalDiscount, total_discount, NUMERIC, REQUIRED, .meaning = FPGO_MEANS_TOTAL_DISCOUNT),
	FIELD(grandTotal,    grand_total,    NUMERIC, REQUIRED, .meaning = FPGO_MEANS_GRAND_TOTAL),
};
KEYS(summary) = {0, 1, 3, 2};

static const FpgoField settings_fields[] = {
	FIELD(secureDetails, secure_details, BOOLEAN, OPTIONAL),
};
KEYS(settings) = {0};

static const FpgoField address_fields[] = {
	FIELD(street,  street,  STRING, REQUIRED, .is_secret = 1),
	FIELD(zip,     zip,     STRING, REQUIRED, .is_secret = 1,
		.meaning = FPGO_MEANS_POSTAL_CODE),
	FIELD(city,    city,    STRING, REQUIRED, .is_secret = 1),
	FIELD(country, country, STRING, REQUIRED,
		.constraint = FPGO_CONSTRAINT_COUNTRY,
		.meaning = FPGO_MEANS_HOME),
};
KEYS(address) = {1, 2, 0, 3};

static const FpgoField callback_fields[] = {
	FIELD(callbackUrl, callback_url, CALLBACK_URL, REQUIRED, .meaning = FPGO_MEANS_NOTIFIED),
	FIELD(success,     success,      URL, REQUIRED),
	FIELD(failure,     failure,      URL, REQUIRED),
};
KEYS(callback) = {2, 1, 0};

static const FpgoShape product_shape =
	{"product", LENGTH(product_fields), product_fields, product_keys};
static const FpgoShape summary_shape =
	{"order_summary", LENGTH(summary_fields), summary_fields, summary_keys};
static const FpgoShape settings_shape =
	{"settings", LENGTH(settings_fields), settings_fields, settings_keys};
static const FpgoShape address_shape =
	{"address", LENGTH(address_fields), address_fields, address_keys};
static const FpgoShape callback_shape =
	{"callback", LENGTH(callback_fields), callback_fields, callback_keys};

static const FpgoField customer_fields[] = {
	FIELD(type,              type,               STRING, REQUIRED,
		.constraint = FPGO_CONSTRAINT_IN,
		.allowed = customer_types),
	FIELD(countryCode,       country_code,       STRING, REQUIRED,
		.meaning = FPGO_MEANS_DIALLING_CODE),
	FIELD(msisdn,            msisdn,             STRING, REQUIRED, .is_secret = 1,
		.meaning = FPGO_MEANS_PHONE),
	FIELD(email,             email,              EMAIL, REQUIRED, .is_secret = 1),
	FIELD(name,              name,               STRING, REQUIRED, .is_secret = 1),
	FIELD(personalNumber,    personal_number,    STRING, REQUIRED_IF,
		.constraint = FPGO_CONSTRAINT_SIZE,
		.size = 11, .other = 0, .other_value = "private", .is_secret = 1,
		.meaning = FPGO_MEANS_PERSON),
	FIELD(organizationId,    organization_id,    STRING, REQUIRED_IF,
		.constraint = FPGO_CONSTRAINT_ALPHA_NUM,
		.other = 0, .other_value = "corporate", .is_secret = 1,
		.meaning = FPGO_MEANS_ORGANIZATION),
	FIELD(preferredLanguage, preferred_language, STRING, OPTIONAL,
		.constraint = FPGO_CONSTRAINT_IN,
		.allowed = languages),
	FIELD(address,           address,            OBJECT, OPTIONAL, .shape = &address_shape),
};
KEYS(customer) = {4, 0, 3, 2, 8, 1, 6, 5, 7};

static const FpgoShape customer_shape =
	{"customer_details", LENGTH(customer_fields), customer_fields, customer_keys};

static const FpgoField order_fields[] = {
	FIELD(products,             products,               LIST, REQUIRED,
		.shape = &product_shape),
	FIELD(orderSummary,         order_summary,          OBJECT, OPTIONAL,
		.shape = &summary_shape),
	FIELD(orderDate,            order_date,             SECONDS, REQUIRED),
	FIELD(referenceNo,          reference_no,           STRING, OPTIONAL, .is_identity = 1,
		.meaning = FPGO_MEANS_REFERENCE),
	FIELD(customerReference,    customer_reference,     STRING, OPTIONAL,
		.meaning = FPGO_MEANS_BUYERS_REFERENCE),
	FIELD(orderFrom,            order_from,             STRING, REQUIRED_WITH,
		.constraint = FPGO_CONSTRAINT_IN,
		.allowed = order_sources, .other = 6),
	FIELD(fpgoUuid,             fpgo_uuid,              STRING, OPTIONAL, .is_identity = 1),
	FIELD(invoiceInterval,      invoice_interval,       NUMERIC, OPTIONAL,
		.constraint = FPGO_CONSTRAINT_IN,
		.allowed = intervals),
	FIELD(separateInvoices,     separate_invoices,      BOOLEAN, OPTIONAL),
	FIELD(invoiceFeeApplicable, invoice_fee_applicable, BOOLEAN, REQUIRED),
	FIELD(invoiceMaturity,      invoice_maturity,       NUMERIC, OPTIONAL,
		.meaning = FPGO_MEANS_MATURITY),
	FIELD(settings,             settings,               OBJECT, OPTIONAL,
		.shape = &settings_shape),
	FIELD(customerDetails,      customer_details,       OBJECT, OPTIONAL,
		.shape = &customer_shape),
	FIELD(callback,             callback,               OBJECT, OPTIONAL,
		.shape = &callback_shape),
};
KEYS(order) = {13, 6, 0, 11, 2, 5, 3, 1, 12, 7, 10, 8, 4, 9};

const FpgoShape fpgo_order_shape =
	{"invoice_order", LENGTH(order_fields), order_fields, order_keys};

/* clang-format on */

int
fpgo_shape_find(const FpgoShape *shape, FpgoMeaning meaning)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		if (shape->fields[i].meaning == meaning)
			return i;
	}
	return -1;
}

static const FpgoShape *
find_shape(const FpgoShape *shape, FpgoMeaning meaning)
{
	const FpgoShape *found = 0;

	if (fpgo_shape_find(shape, meaning) >= 0)
		return shape;
	for (int i = 0; i < shape->n_fields && !found; i++)
	{
		if (shape->fields[i].shape)
			found = find_shape(shape->fields[i].shape, meaning);
	}
	return found;
}

const FpgoShape *
fpgo_shape_of(FpgoMeaning meaning)
{
	return find_shape(&fpgo_order_shape, meaning);
}

int
fpgo_shape_is_required(const FpgoShape *shape)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];

		if (field->presence == FPGO_PRESENCE_REQUIRED ||
			(field->type == FPGO_FIELD_OBJECT &&
			 fpgo_shape_is_required(field->shape)))
			return 1;
	}
	return 0;
}
