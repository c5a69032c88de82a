/*
 * test_printed_value.c
 *		What languages print of a value in the place of JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "text/printed_value.h"

#include "lib/tap.h"

/* A text, and a word of its hint; NULL if there is none. */
static const struct
{
	const char *text;
	const char *word;
}			cases[] = {
	{"[object Object]", "JSON.stringify"},
	{"[object Promise]", "await"},
	{" [object Object],[object Object]", "JSON.stringify"},
	{"undefined", "JSON.stringify"},
	{"{ a: 1 }", "JavaScript"},
	{"{products:[{name:'x'}]}", "JavaScript"},
	{"[{ name: 'x' }]", "JavaScript"},
	{"Array", "json_encode"},
	{"Array\n(\n    [a] => 1\n)\n", "json_encode"},
	{"array(1) {\n  [\"a\"]=>\n  int(1)\n}", "json_encode"},
	{"array (\n  'a' => 1,\n)", "json_encode"},
	{"object(stdClass)#1 (0) {\n}", "json_encode"},
	{"a:1:{s:1:\"a\";i:1;}", "serialize"},
	{"O:8:\"stdClass\":0:{}", "serialize"},
	{"{'a': 1}", "json.dumps"},
	{"[{'a': 1}]", "json.dumps"},
	{"['a']", "json.dumps"},
	{"{\"a\": None}", "json.dumps"},
	{"{\"a\": True}", "json.dumps"},
	{"None", "json.dumps"},
	{"<shop.Order object at 0x7f2a>", "json.dumps"},
	{"OrderedDict([('a', 1)])", "json.dumps"},
	{"b'{\"a\": 1}'", "decode()"},
	{"b\"{'a': 1}\"", "decode()"},
	{"{\"a\"=>1}", "to_json"},
	{"{\"a\" => 1}", "to_json"},
	{"{:a=>1}", "to_json"},
	{"#<Order:0x0000>", "to_json"},
	{"map[a:1]", "json.Marshal"},
	{"&{1 2}", "json.Marshal"},
	{"{a=1, b={c=2}}", "Jackson"},
	{"com.shop.Order@1b6d3586", "Jackson"},
	{"Order@1b6d3586", "Jackson"},
	{"System.Collections.Generic.Dictionary`2", "JsonSerializer"},
	{"eyJwcm9kdWN0cyI6W119", "base64"},
	{"ewogICJhIjogMQp9", "base64"},
	{"\\x7b7d", "bytea"},
	{"%7B%22a%22%3A1%7D", "URL-encoded"},
	{"<order/>", "XML"},
	{"<!DOCTYPE html>", "XML"},
	{"\xEF\xBB\xBF{}", "byte order mark"},
	{"(\"{}\",,)", "fpgo.invoice_order"},
	/* faults in JSON itself, and what is nothing known */
	{"", NULL},
	{" ", NULL},
	{"{", NULL},
	{"[", NULL},
	{"{}", NULL},
	{"[]", NULL},
	{"{\"a\": 1", NULL},
	{"{\"a\": 1,}", NULL},
	{"{\"a\" 1}", NULL},
	{"[1, 2", NULL},
	{"order 5", NULL},
	{"kari@example.no", NULL},
	{"5@", NULL},
	{"@5", NULL},
	{"28038712383", NULL},
};

/* The hint for a copy of a text that ends where its memory does. */
static const char *
hint_of(const char *text, size_t len)
{
	char	   *copy = malloc(len > 0 ? len : 1);
	const char *hint;

	memcpy(copy, text, len);
	hint = fpgo_printed_value_hint((FpgoSpan) {copy, len});
	free(copy);
	return hint;
}

int
main(void)
{
	int			n_good = 0;
	char	   *long_text = malloc(100000);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *hint = hint_of(cases[i].text, strlen(cases[i].text));

		ok(cases[i].word == NULL ? hint == NULL :
		   hint != NULL && strstr(hint, cases[i].word) != NULL,
		   "case %zu: %s", i, cases[i].word ? cases[i].word : "no hint");
		/* cut anywhere, it reads nothing beyond its end */
		for (size_t len = 0; len < strlen(cases[i].text); len++)
		{
			hint = hint_of(cases[i].text, len);
			n_good += hint == NULL || hint[strlen(hint) - 1] == '.' ||
				hint[strlen(hint) - 1] == ')';
		}
	}
	ok(n_good > 500, "each text cut at each byte: %d", n_good);
	memset(long_text, 'a', 100000);
	long_text[0] = '{';
	ok(hint_of(long_text, 100000) == NULL, "a long text is not read to its end");
	free(long_text);
	return done_testing();
}
