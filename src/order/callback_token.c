/*
 * callback_token.c
 *		The token in an order's callback URL, which names the submission.
 *
 * A callback names the order by the uuid that the gateway gave it.  While the
 * outcome of a submission is unknown, that uuid is not known here.  Therefore
 * a shop may write a placeholder into the path that the gateway requests.  A
 * token that nobody can guess is sent in its place, and names one submission.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/fpgo.h"
#include "order/callback_token.h"
#include "order/reading.h"

/* greatest depth at which the tree has a callback URL */
#define MAX_DEPTH 4

/* The value of the callback URL, and the names on the path to it. */
typedef struct Path
{
	FpgoValue	value;
	int			depth;
	const char *names[MAX_DEPTH];
} Path;

/* Find the callback URL among the members of an object. */
static bool
find_callback_url(const FpgoValue *object, const FpgoShape *shape, Path *path)
{
	FpgoValue	members[FPGO_MAX_FIELDS];

	fpgo_document_members(object, shape, members);
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];

		if (path->depth == MAX_DEPTH)
			elog(ERROR, "field \"%s\" is nested too deeply", field->json);
		path->names[path->depth] = field->json;
		path->depth++;
		path->value = members[i];
		if (field->type == FPGO_FIELD_CALLBACK_URL ||
			(field->type == FPGO_FIELD_OBJECT &&
			 find_callback_url(&members[i], field->shape, path)))
			return true;
		path->depth--;
	}
	return false;
}

static const char *
make_token(void)
{
	uint8		random[FPGO_CALLBACK_TOKEN_DIGITS / 2];
	char		digits[FPGO_CALLBACK_TOKEN_DIGITS + 1] = "";

	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a token for the callback URL"),
				 fpgo_errhide()));
	hex_encode((const char *) random, sizeof(random), digits);
	return psprintf("%s%s", FPGO_CALLBACK_TOKEN_PREFIX, digits);
}

/* The URL with the token in place of the placeholder, as a JSON string. */
static Jsonb *
fill(FpgoSpan url, const char *placeholder, const char *token)
{
	int			n_before = placeholder - url.text;
	const char *behind = placeholder + FPGO_PLACEHOLDER_LEN;
	char	   *filled = psprintf("%.*s%s%.*s", n_before, url.text, token,
								  (int) (url.text + url.len - behind), behind);
	JsonbValue	string = {.type = jbvString};

	string.val.string.val = filled;
	string.val.string.len = strlen(filled);
	return JsonbValueToJsonb(&string);
}

static Jsonb *
set(Jsonb *order, const Path *path, Jsonb *value)
{
	Datum		names[MAX_DEPTH];

	for (int i = 0; i < path->depth; i++)
		names[i] = CStringGetTextDatum(path->names[i]);
	return DatumGetJsonbP(DirectFunctionCall4(jsonb_set,
											  JsonbPGetDatum(order),
											  PointerGetDatum(construct_array(names, path->depth, TEXTOID, -1, false,
																			  TYPALIGN_INT)),
											  JsonbPGetDatum(value),
											  BoolGetDatum(false)));
}

Jsonb *
fpgo_callback_token_fill(Jsonb *order, const char **token)
{
	FpgoValue	root = fpgo_document_root(order);
	Path		path = {.depth = 0};
	const char *placeholder;

	*token = NULL;
	if (!find_callback_url(&root, &fpgo_order_shape, &path) ||
		path.value.kind != FPGO_JSON_STRING)
		return order;
	placeholder = fpgo_find_placeholder(path.value.text);
	/* a valid callback URL has one placeholder, in its path */
	if (placeholder == NULL ||
		!fpgo_reading_holds(&path.value, fpgo_is_callback_url))
		return order;
	*token = make_token();
	return set(order, &path, fill(path.value.text, placeholder, *token));
}
