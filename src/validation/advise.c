/*
 * advise.c
 *		Advice: what is wrong in an order that the gateway would accept.
 *
 * The walk goes over the field tree and the order in place, as in validate.c.
 * It uses the meanings of fields, never their names.  Each rule has a comment
 * with its source: the API page in this or an earlier revision, its sibling
 * pages, the vendor's own dashboard, recorded answers of the gateway, a public
 * rule.  advise_sums.c checks whether the order adds up.
 *
 * A field gets at most one piece of advice, about the first thing to mend.  A
 * value that breaks a rule of the gateway, or cannot be read, gets none:
 * validation speaks of it.  Nothing here raises for what the order says.
 * Members that no field has are not entered.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "order/reading.h"
#include "validation/advise.h"
#include "validation/advise_sums.h"
#include "validation/advise_text.h"
#include "validation/plausible.h"

/*
 * How old an order may be: Norway's Bookkeeping Regulations (1 December 2004
 * no. 1558), section 5-2-2, want an invoice at most a month after delivery.
 */
#define AGE_MAX_DAYS 31

/* How far a shop's clock may be ahead of the database's, in seconds. */
#define CLOCK_SKEW 300

/*
 * Dates from here on are in milliseconds: in seconds this is the year 5138, in
 * milliseconds 1973.
 */
#define MILLISECONDS_FROM INT64CONST(100000000000)

static void advise_object(FpgoAdvice *advice, const FpgoValue *object,
						  const FpgoShape *shape, const FpgoPlace *place);

/* ---------- fields that belong together ---------- */

/* The word of a list that a text is; NULL if it is none of them. */
static const char *
find_word(const FpgoValue *value, const char *const *words)
{
	for (; words && *words; words++)
	{
		if (fpgo_reads_as_text(value, *words))
			return *words;
	}
	return NULL;
}

/*
 * A field that is required if, or with, another is pointless without it:
 * organizationId of a private customer, personalNumber of a company (a
 * personal number without need), orderFrom without the fpgoUuid of the order
 * that is to be updated.
 */
static bool
advise_condition(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	const FpgoField *field = at->field;
	const FpgoField *other = &at->shape->fields[field->other];
	const FpgoValue *condition = &at->members[field->other];
	const char *word;

	if ((field->presence != FPGO_PRESENCE_REQUIRED_IF &&
		 field->presence != FPGO_PRESENCE_REQUIRED_WITH) ||
		!fpgo_reads_as_present(at->value))
		return false;
	if (field->presence == FPGO_PRESENCE_REQUIRED_IF)
	{
		word = find_word(condition, other->allowed);
		if (word == NULL || strcmp(word, field->other_value) == 0)
			return false;
		fpgo_advise_say(advice, &at->place, "only_if",
						"belongs with %s \"%s\", but %s is \"%s\"; leave it out, or correct %s.",
						other->json, field->other_value, other->json, word,
						other->json);
		return true;
	}
	if (fpgo_reads_as_present(condition))
		return false;
	fpgo_advise_say(advice, &at->place, "only_with",
					"belongs with %s, which is not given; leave it out, or give both.",
					other->json);
	return true;
}

/* ---------- the date ---------- */

/* ", but is ...", unless the value may be a personal number */
static const char *
show_time(const FpgoValue *value, int64 seconds)
{
	pg_time_t	time = seconds;
	char		text[64];

	if (!fpgo_violation_is_quotable(value->text))
		return "";
	pg_strftime(text, sizeof(text), ", but is %Y-%m-%d %H:%M:%S UTC",
				pg_gmtime(&time));
	return pstrdup(text);
}

/* Days begin at a quarter of an hour of UTC, whatever the time zone. */
#define QUARTER_S 900

/* Midnight in UTC, or where the session is. */
static bool
is_midnight(int64 date)
{
	pg_time_t	time = date;
	const struct pg_tm *here;

	if (date % QUARTER_S != 0)
		return false;
	if (date % SECS_PER_DAY == 0)
		return true;
	here = pg_localtime(&time, session_timezone);
	return here != NULL && here->tm_hour == 0 && here->tm_min == 0 &&
		here->tm_sec == 0;
}

/*
 * The page asks for a Unix timestamp in a string, but its rule is "string":
 * every text passes.  Revisions of the page before 1574 asked for "now or
 * later"; this one does not.
 */
static void
advise_date(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	int64		date;

	if (!fpgo_reads_as_seconds(at->value, &date))
		fpgo_advise_say(advice, &at->place, "unix_seconds",
						"should be whole Unix seconds, in digits only, not %s.",
						fpgo_violation_describe(at->field, at->value));
	else if (date >= MILLISECONDS_FROM)
		fpgo_advise_say(advice, &at->place, "milliseconds",
						"should be in Unix seconds, not in milliseconds or a finer unit.");
	else if (date > advice->now + CLOCK_SKEW)
		fpgo_advise_say(advice, &at->place, "future",
						"should not be in the future%s.",
						show_time(at->value, date));
	else if (date < advice->now - AGE_MAX_DAYS * SECS_PER_DAY)
		fpgo_advise_say(advice, &at->place, "too_old",
						"should be at most a month, %d days, in the past%s.",
						AGE_MAX_DAYS, show_time(at->value, date));
	else if (is_midnight(date))
		fpgo_advise_say(advice, &at->place, "whole_day",
						"should have the time of the order, not that of midnight: orders of a day are told apart by it when an answer is lost.");
}

static void
advise_number(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	switch (at->field->meaning)
	{
		case FPGO_MEANS_QUANTITY:
			fpgo_advise_quantity(advice, at);
			break;
		case FPGO_MEANS_RATE:
			fpgo_advise_rate(advice, at);
			break;
		case FPGO_MEANS_DISCOUNT:
			fpgo_advise_discount(advice, at);
			break;
		case FPGO_MEANS_AMOUNT:
			fpgo_advise_amount(advice, at);
			break;
		case FPGO_MEANS_SUB_TOTAL:
		case FPGO_MEANS_TOTAL_DISCOUNT:
			fpgo_advise_total(advice, at);
			break;
		case FPGO_MEANS_TOTAL_TAX:
			fpgo_advise_total_tax(advice, at);
			break;
		case FPGO_MEANS_GRAND_TOTAL:
			fpgo_advise_grand_total(advice, at);
			break;
		case FPGO_MEANS_MATURITY:
			fpgo_advise_maturity(advice, at);
			break;
		default:
			break;
	}
}

/*
 * The reference is what makes a call safe to repeat.  Without it the order
 * itself is the key (handin/keyless.c).
 */
static void
advise_missing_reference(FpgoAdvice *advice, const FpgoValue *order,
						 const FpgoFieldInOrder *at)
{
	if (order->kind == FPGO_JSON_OBJECT)
		fpgo_advise_say(advice, &at->place, "no_reference",
						"is missing; without it, or a key, the same order in another call is taken for a repeated call or refused.");
}

/* ---------- members that no field has ---------- */

/* The field of a shape that a name may be a misspelling of; or NULL. */
static const char *
find_meant(const FpgoShape *shape, FpgoSpan name)
{
	const char *meant = NULL;
	int			fewest = PG_INT32_MAX;

	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		FpgoSpan	known = {field->json, field->json_len};
		int			slips = fpgo_count_slips(name, known);

		if (slips >= 0 && slips < fewest)
		{
			fewest = slips;
			meant = field->json;
		}
	}
	return meant;
}

/*
 * The gateway's validator ignores members that it has no rule for: a misspelt
 * optional field is lost silently.  fpgo sends such members as they are, since
 * the API may have new ones.
 */
static void
advise_unknown_members(FpgoAdvice *advice, const FpgoValue *map,
					   const FpgoShape *shape, const FpgoPlace *parent)
{
	FpgoPlace	place = {.parent = parent, .kind = FPGO_PLACE_UNKNOWN,
	.index = FPGO_MAX_FIELDS};
	FpgoCursor	cursor;
	FpgoValue	value;

	fpgo_document_open(&cursor, map);
	for (; fpgo_document_next(&cursor, &place.key, &value); place.index++)
	{
		const char *meant;

		if (fpgo_document_find_field(shape, place.key) >= 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		meant = find_meant(shape, place.key);
		if (meant)
			fpgo_advise_say(advice, &place, FPGO_ADVICE_UNKNOWN,
							"is no member that the API knows; did you mean %s?",
							meant);
		else
			fpgo_advise_say(advice, &place, FPGO_ADVICE_UNKNOWN,
							"is no member that the API knows; leave it out, or check its spelling and its place.");
	}
}

/* ---------- the walk ---------- */

static void
advise_list(FpgoAdvice *advice, const FpgoValue *list, const FpgoField *field,
			const FpgoPlace *place)
{
	MemoryContext old = MemoryContextSwitchTo(advice->scratch);
	FpgoPlace	element = {.parent = place, .kind = FPGO_PLACE_ELEMENT};
	FpgoCursor	cursor;
	FpgoValue	value;

	/* the order's one list is its first field, so all found is its own */
	Assert(advice->found == NIL);
	fpgo_document_open(&cursor, list);
	for (int i = 0; fpgo_document_next(&cursor, &element.key, &value); i++)
	{
		CHECK_FOR_INTERRUPTS();
		element.index = i;
		element.has_key = list->kind == FPGO_JSON_OBJECT;
		element.found = value.kind;
		advise_object(advice, &value, field->shape, &element);
		MemoryContextReset(advice->scratch);
	}
	MemoryContextSwitchTo(old);
	/* the page's table has a row a field, so all elements' names come first */
	fpgo_violation_sort_by_field(advice->found);
}

static void
advise_field(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	switch (at->field->type)
	{
		case FPGO_FIELD_OBJECT:
			advise_object(advice, at->value, at->field->shape,
						  &at->place);
			break;
		case FPGO_FIELD_LIST:
			advise_list(advice, at->value, at->field, &at->place);
			break;
		case FPGO_FIELD_STRING:
		case FPGO_FIELD_EMAIL:
		case FPGO_FIELD_URL:
		case FPGO_FIELD_CALLBACK_URL:
			if (!advise_condition(advice, at))
				fpgo_advise_words(advice, at);
			break;
		case FPGO_FIELD_SECONDS:
			if (at->value->kind == FPGO_JSON_STRING)
				advise_date(advice, at);
			break;
		case FPGO_FIELD_NUMERIC:
			advise_number(advice, at);
			break;
		case FPGO_FIELD_BOOLEAN:
			break;
	}
}

static void
advise_object(FpgoAdvice *advice, const FpgoValue *object,
			  const FpgoShape *shape, const FpgoPlace *place)
{
	FpgoValue	members[FPGO_MAX_FIELDS];
	int			n_known = fpgo_document_members(object, shape, members);
	FpgoFieldInOrder	at = {.shape = shape, .members = members};

	at.place = (FpgoPlace) {.parent = place, .kind = FPGO_PLACE_MEMBER};
	fpgo_advise_read_amounts(advice, shape, members);
	if (fpgo_shape_find(shape, FPGO_MEANS_GRAND_TOTAL) >= 0)
		fpgo_advise_totals(advice, shape, members, place);
	for (int i = 0; i < shape->n_fields; i++)
	{
		at.field = &shape->fields[i];
		at.value = &members[i];
		at.place.name = at.field->json;
		at.place.index = i;
		at.place.found = members[i].kind;
		if (!fpgo_reads_as_null(&members[i]))
			advise_field(advice, &at);
		else if (at.field->meaning == FPGO_MEANS_REFERENCE)
			advise_missing_reference(advice, object, &at);
		else if (at.field->meaning == FPGO_MEANS_BUYERS_REFERENCE)
			fpgo_advise_missing_buyers_reference(advice, &at);
	}
	if (object->kind == FPGO_JSON_OBJECT && object->count > n_known)
		advise_unknown_members(advice, object, shape, place);
}

List *
fpgo_advise_order(Jsonb *order)
{
	FpgoValue	root = fpgo_document_root(order);
	FpgoPlace	place = {.kind = FPGO_PLACE_ORDER, .found = root.kind};
	FpgoAdvice	advice = {.context = CurrentMemoryContext};

	advice.now = timestamptz_to_time_t(GetCurrentStatementStartTimestamp());
	advice.scratch = AllocSetContextCreate(CurrentMemoryContext, "fpgo advice",
										   ALLOCSET_DEFAULT_SIZES);
	advise_object(&advice, &root, &fpgo_order_shape, &place);
	MemoryContextDelete(advice.scratch);
	return advice.found;
}
