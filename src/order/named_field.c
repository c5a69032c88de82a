/*
 * named_field.c
 *		Does a sentence name a field of an order?
 *
 * A refusal that names a field is about the order.  One that does not may come
 * from a machine that stands before the gateway, and knows no orders.  The
 * gateway prints a path with its dots, and splits camelCase into lower-case
 * words: "customer details.personal number".
 *
 * A single word such as "name" or "city" is no proof, since it may stand in
 * any sentence.
 */
#include <stddef.h>
#include <string.h>

#include "order/fields.h"
#include "order/named_field.h"
#include "text/ascii.h"

/*
 * Length of the field's name at the begin of the text, as the API spells it or
 * in lower-case words; 0 if another word stands there.
 */
static size_t
match_name(const FpgoField *field, const char *text, bool *has_words)
{
	size_t		n = 0;

	*has_words = false;
	for (int i = 0; i < field->json_len; i++)
	{
		char		c = field->json[i];

		if (i > 0 && c != ascii_lower(c))
		{
			*has_words = true;
			if (text[n] == ' ')
				n++;
		}
		if (ascii_lower(text[n]) != ascii_lower(c))
			return 0;
		n++;
	}
	return is_ascii_alnum(text[n]) || text[n] == '_' ? 0 : n;
}

/* Skip the number of a line: "0." of "0.rate". */
static const char *
skip_index(const char *text)
{
	const char *end = text;

	while (is_digit(*end) || *end == '*')
		end++;
	return end > text && *end == '.' ? end + 1 : text;
}

/* What stands at a place of a sentence. */
typedef struct Match
{
	const char *end;			/* of the path */
	bool		is_proof;		/* no other sentence would have that */
} Match;

/* The path of a field at the begin of the text; end NULL if there is none. */
static Match
match_path(const FpgoShape *shape, const char *text)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];
		bool		has_words;
		size_t		n = match_name(field, text, &has_words);
		Match		match = {.end = text + n,.is_proof = has_words};

		if (n == 0)
			continue;
		if (*match.end == '.' && field->shape != NULL)
		{
			const char *rest = skip_index(match.end + 1);
			Match		member = match_path(field->shape, rest);

			if (member.end != NULL)
				return (Match) {.end = member.end,.is_proof = true};
		}
		return match;
	}
	return (Match) {0};
}

/* Can a path begin behind this character? */
static bool
separates(char c)
{
	return !is_ascii_alnum(c) && c != '.' && c != '_' && c != '-' && c != '/';
}

bool
fpgo_names_field(const char *sentence)
{
	for (const char *p = sentence; *p != '\0'; p++)
	{
		Match		match;

		if (p > sentence && !separates(p[-1]))
			continue;
		match = match_path(&fpgo_order_shape, p);
		if (match.end == NULL)
			continue;
		if (match.is_proof || (p == sentence && *match.end == ':'))
			return true;
	}
	return false;
}
