/*
 * secrets.c
 *		The texts of an order that no message may show.
 *
 * The field tree says which fields are secret.  Of a callback URL only the
 * token is secret.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "order/document.h"
#include "order/secrets.h"
#include "text/format.h"

static const char *
copy_in_utf8(FpgoSpan text)
{
	char	   *copy = pnstrdup(text.text, text.len);
	char	   *utf8 = pg_server_to_any(copy, text.len, PG_UTF8);

	if (utf8 != copy)
		explicit_bzero(copy, text.len);
	return utf8;
}

/* Add the secret texts of an object and of the objects in it; returns n. */
static int
add_secrets(const char **secrets, int n, const FpgoValue *object,
			const FpgoShape *shape)
{
	FpgoValue	members[FPGO_MAX_FIELDS];

	fpgo_document_members(object, shape, members);
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		FpgoSpan	text = {NULL, 0};

		if (field->type == FPGO_FIELD_OBJECT)
			n = add_secrets(secrets, n, &members[i], field->shape);
		if (members[i].kind != FPGO_JSON_STRING)
			continue;
		if (field->is_secret)
			text = fpgo_trim(members[i].text);
		else if (field->type == FPGO_FIELD_CALLBACK_URL)
			text = fpgo_find_callback_token(members[i].text);
		if (text.len > 0 && n < FPGO_MAX_SECRETS)
			secrets[n++] = copy_in_utf8(text);
	}
	return n;
}

const char **
fpgo_secrets_list(Jsonb *order)
{
	FpgoValue	root = fpgo_document_root(order);
	const char **secrets = palloc0(sizeof(char *) * (FPGO_MAX_SECRETS + 1));

	(void) add_secrets(secrets, 0, &root, &fpgo_order_shape);
	return secrets;
}

void
fpgo_secrets_wipe(const char *const *secrets)
{
	for (int i = 0; secrets[i] != NULL; i++)
		explicit_bzero(unconstify(char *, secrets[i]), strlen(secrets[i]));
}
