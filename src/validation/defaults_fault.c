/*
 * defaults_fault.c
 *		Why a text cannot be a server's option "defaults".
 *
 * The option is checked when it is written.  Its members must pass the
 * gateway's rules for those fields.  No default may be about a person, since
 * all users can read the options of servers.  No default may be a field that
 * tells one order from another.
 */
#include "postgres.h"

#include "order/reading.h"
#include "order/spellings.h"
#include "validation/defaults_fault.h"
#include "validation/validate.h"
#include "validation/violation.h"

/* The fault at a place, in a sentence that begins with its path. */
#define FAULT(place, ...) \
	(fpgo_violation_say(place, "defaults", __VA_ARGS__)->message)

/*
 * Members that the gateway's rules allow, but that defaults must not have: the
 * first one, in a sentence; NULL if there is none.
 */
static const char *find_fault(const FpgoValue *object, const FpgoShape *shape,
							  const FpgoPlace *place);

/* A fault in the elements of a list; NULL if there is none. */
static const char *
find_fault_in_list(const FpgoValue *list, const FpgoShape *shape,
				   const FpgoPlace *place)
{
	FpgoPlace	element = {.parent = place, .kind = FPGO_PLACE_ELEMENT,
	.has_key = list->kind == FPGO_JSON_OBJECT};
	FpgoCursor	cursor;
	FpgoValue	value;

	fpgo_document_open(&cursor, list);
	for (; fpgo_document_next(&cursor, &element.key, &value); element.index++)
	{
		const char *fault = find_fault(&value, shape, &element);

		if (fault != NULL)
			return fault;
	}
	return NULL;
}

static const char *
find_fault_in_field(const FpgoField *field, const FpgoValue *value,
					const FpgoPlace *place)
{
	if (field->is_secret)
		return FAULT(place, "is about one customer; everybody can read a server's options.");
	if (field->is_identity)
		return FAULT(place, "tells one order from another and cannot be the same in all.");
	if (field->type == FPGO_FIELD_LIST)
		return find_fault_in_list(value, field->shape, place);
	if (field->type != FPGO_FIELD_OBJECT || fpgo_reads_as_null(value))
		return NULL;
	if (value->kind != FPGO_JSON_OBJECT)
		return FAULT(place, "must be an object, not %s.",
					 fpgo_violation_describe(field, value));
	return find_fault(value, field->shape, place);
}

static const char *
find_fault(const FpgoValue *object, const FpgoShape *shape,
		   const FpgoPlace *place)
{
	FpgoCursor	cursor;
	FpgoSpan	key;
	FpgoValue	value;
	const char *fault = NULL;

	fpgo_document_open(&cursor, object);
	for (int i = 0; !fault && fpgo_document_next(&cursor, &key, &value); i++)
	{
		int			index = fpgo_document_find_field(shape, key);
		FpgoPlace	member = {.parent = place, .found = value.kind};

		if (index < 0)
		{
			member.kind = FPGO_PLACE_UNKNOWN;
			member.index = FPGO_MAX_FIELDS + i;
			member.key = key;
			return FAULT(&member, "is no member that the API knows.");
		}
		member.kind = FPGO_PLACE_MEMBER;
		member.index = index;
		member.name = shape->fields[index].json;
		fault = find_fault_in_field(&shape->fields[index], &value, &member);
	}
	return fault;
}

/* JSON text to jsonb, or NULL and a sentence. */
static Jsonb *
parse(const char *text, const char **fault)
{
	MemoryContext caller = CurrentMemoryContext;
	Jsonb	   *volatile document = NULL;

	PG_TRY();
	{
		document = fpgo_order_from_text(text, strlen(text));
	}
	PG_CATCH();
	{
		int			category = ERRCODE_TO_CATEGORY(geterrcode());
		ErrorData  *error;

		if (category != ERRCODE_DATA_EXCEPTION &&
			category != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		*fault = psprintf("It must be a JSON object.  %s", error->detail ?
						  error->detail : "It is nested too deeply.");
	}
	PG_END_TRY();
	return document;
}

const char *
fpgo_defaults_fault(const char *text, const char *const *tax_rates)
{
	const char *fault = NULL;
	Jsonb	   *document = parse(text, &fault);
	FpgoPlace	place = {.kind = FPGO_PLACE_ORDER, .found = FPGO_JSON_OBJECT};
	FpgoValue	root;
	List	   *violations;

	if (document == NULL)
		return fault;
	root = fpgo_document_root(document);
	if (root.kind != FPGO_JSON_OBJECT)
		return psprintf("It must be a JSON object, not %s.",
						fpgo_document_kind_name(root.kind));
	fault = find_fault(&root, &fpgo_order_shape, &place);
	if (fault != NULL)
		return fault;
	violations = fpgo_validate_partial(document, tax_rates);
	if (violations == NIL)
		return NULL;
	return ((FpgoViolation *) linitial(violations))->message;
}
