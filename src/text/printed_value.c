/*
 * printed_value.c
 *		Recognizes what a language prints of a value in the place of JSON.
 *
 * A driver that gets an object for a text parameter often passes on what its
 * language prints of the object.  Each language has forms of its own.  They
 * are told by how the text begins, and by what follows its names; the first
 * form that fits is taken.  A wrong guess does no harm: the text is no JSON.
 */
#include <stdbool.h>
#include <string.h>

#include "text/ascii.h"
#include "text/printed_value.h"

/* how far into a text is looked, in bytes */
#define LOOK_MAX 2000

#define JAVASCRIPT \
	"The text is what JavaScript prints of a value.  Pass JSON.stringify(order); await a promise first."
#define PHP "The text is what PHP prints of a value.  Pass json_encode($order)."
#define PHP_SERIALIZED \
	"The text is made by PHP's serialize().  Pass json_encode($order)."
#define PYTHON \
	"The text is what Python prints of a value.  Pass json.dumps(order)."
#define PYTHON_BYTES \
	"The text is what Python prints of bytes.  Pass the bytes' .decode()."
#define RUBY "The text is what Ruby prints of a value.  Pass order.to_json."
#define GO \
	"The text is what Go prints of a value.  Pass the text of json.Marshal(order)."
#define JAVA \
	"The text is what Java prints of an object.  Pass the text of a JSON library, such as Jackson's writeValueAsString(order)."
#define DOTNET \
	"The text is the name of a .NET type.  Pass JsonSerializer.Serialize(order)."
#define BASE64 \
	"The text looks like base64.  Pass the JSON itself, or pg_catalog.convert_from(pg_catalog.decode(..., 'base64'), 'UTF8')."
#define BYTEA \
	"The text is what PostgreSQL prints of a bytea.  Pass pg_catalog.convert_from(..., 'UTF8')."
#define URL_ENCODED \
	"The text looks URL-encoded.  Pass the JSON itself, decoded."
#define MARKUP "The text looks like XML or HTML.  Pass JSON."
#define BYTE_ORDER_MARK \
	"The text begins with a byte order mark.  Leave it out: JSON has none."
#define ROW_LITERAL \
	"The text looks like a row of PostgreSQL's.  Pass the row itself, as fpgo.invoice_order."

/* Beginnings that tell by themselves. */
static const struct
{
	const char *beginning;
	const char *hint;
}			beginnings[] =
{
	{"\xEF\xBB\xBF", BYTE_ORDER_MARK},
	{"[object ", JAVASCRIPT},
	{"undefined", JAVASCRIPT},
	{"Promise {", JAVASCRIPT},
	{"Map(", JAVASCRIPT},
	{"Array", PHP},
	{"array(", PHP},
	{"array (", PHP},
	{"object(", PHP},
	{"stdClass", PHP},
	{"(object)", PHP},
	{"a:", PHP_SERIALIZED},
	{"O:", PHP_SERIALIZED},
	{"b'", PYTHON_BYTES},
	{"b\"", PYTHON_BYTES},
	{"bytearray(", PYTHON_BYTES},
	{"None", PYTHON},
	{"True", PYTHON},
	{"False", PYTHON},
	{"OrderedDict(", PYTHON},
	{"defaultdict(", PYTHON},
	{"#<", RUBY},
	{"map[", GO},
	{"&{", GO},
	{"&map[", GO},
	{"System.", DOTNET},
	{"\\x", BYTEA},
	{"%7B", URL_ENCODED},
	{"%7b", URL_ENCODED},
	{"eyJ", BASE64},
	{"ewog", BASE64},
	{"ewoJ", BASE64},
	{"ew0K", BASE64},
	{"eyAi", BASE64},
	{"(", ROW_LITERAL},
};

static bool
begins_with(FpgoSpan text, const char *beginning)
{
	size_t		len = strlen(beginning);

	return text.len >= len && memcmp(text.text, beginning, len) == 0;
}

static bool
has(FpgoSpan text, const char *piece)
{
	size_t		len = strlen(piece);

	for (size_t i = 0; i + len <= text.len; i++)
	{
		if (memcmp(text.text + i, piece, len) == 0)
			return true;
	}
	return false;
}

static FpgoSpan
skip_blanks(FpgoSpan text)
{
	while (text.len > 0 && is_one_of(text.text[0], " \t\n\r"))
	{
		text.text++;
		text.len--;
	}
	return text;
}

static FpgoSpan
without_first(FpgoSpan text)
{
	return (FpgoSpan) {text.text + 1, text.len - 1};
}

/* The character after a bare name at the beginning; 0 if there is no name. */
static char
after_name(FpgoSpan text)
{
	size_t		n = 0;

	while (n < text.len && (is_ascii_letter(text.text[n]) ||
							text.text[n] == '_' ||
							(n > 0 && is_digit(text.text[n]))))
		n++;
	text = skip_blanks((FpgoSpan) {text.text + n, text.len - n});
	return n == 0 || text.len == 0 ? '\0' : text.text[0];
}

/* What begins with a brace: which language writes its names so? */
static const char *
hint_of_braces(FpgoSpan inside)
{
	char		next;

	inside = skip_blanks(inside);
	if (begins_with(inside, "'"))
		return has(inside, "=>") ? RUBY : PYTHON;
	if (begins_with(inside, ":") || has(inside, "\"=>") ||
		has(inside, "\" => "))
		return RUBY;
	next = after_name(inside);
	if (next == '=')
		return JAVA;
	if (next == ':')
		return JAVASCRIPT;
	if (begins_with(inside, "\"") &&
		(has(inside, ": None") || has(inside, ": True") ||
		 has(inside, ": False")))
		return PYTHON;
	return NULL;
}

/* com.shop.Order@1b6d3586 */
static bool
is_java_name(FpgoSpan text)
{
	size_t		n = 0;
	size_t		n_hex = 0;

	while (n < text.len && (is_ascii_alnum(text.text[n]) ||
							is_one_of(text.text[n], ".$_")))
		n++;
	if (n == 0 || n == text.len || text.text[n] != '@')
		return false;
	while (n + 1 + n_hex < text.len && is_hex(text.text[n + 1 + n_hex]))
		n_hex++;
	return n_hex > 0 && n + 1 + n_hex == text.len;
}

const char *
fpgo_printed_value_hint(FpgoSpan text)
{
	FpgoSpan	head = skip_blanks(text);

	if (head.len > LOOK_MAX)
		head.len = LOOK_MAX;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
	{
		if (begins_with(head, beginnings[i].beginning))
			return beginnings[i].hint;
	}
	if (begins_with(head, "{"))
		return hint_of_braces(without_first(head));
	if (begins_with(head, "<"))
		return has(head, " at 0x") ? PYTHON : MARKUP;
	if (begins_with(head, "["))
	{
		head = skip_blanks(without_first(head));
		if (begins_with(head, "{"))
			return hint_of_braces(without_first(head));
		return begins_with(head, "'") ? PYTHON : NULL;
	}
	return is_java_name(head) ? JAVA : NULL;
}
