/*
 * test_identifier.c
 *		What an identifier of the gateway is.
 */
#include <stdlib.h>
#include <string.h>

#include "text/identifier.h"

#include "lib/tap.h"

static void
test_texts(void)
{
	static const struct
	{
		const char *text;
		bool		is_identifier;
	}			cases[] = {
		/* the API page's own */
		{"ODR4286244937", true},
		{"CSRT3419523642", true},
		/* every character that needs no escape in an address */
		{"a-b.c_d~e", true},
		{"7", true},
		{"-", true},
		{".hidden", true},
		{"", false},
		/* segments of a path that a server may take away */
		{".", false},
		{"..", false},
		{"...", false},
		{"a b", false},
		{"a/b", false},
		{"a%2Fb", false},
		{"a?b", false},
		{"a#b", false},
		{"a\nb", false},
		{"a\xc3\xa5", false},
		{"{ODR1}", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(fpgo_is_identifier(cases[i].text, strlen(cases[i].text)) ==
		   cases[i].is_identifier, "\"%s\" is %s", cases[i].text,
		   cases[i].is_identifier ? "one" : "none");
}

static void
test_sizes(void)
{
	char		text[FPGO_IDENTIFIER_MAX + 1];

	memset(text, 'A', sizeof(text));
	ok(fpgo_is_identifier(text, FPGO_IDENTIFIER_MAX), "255 characters are one");
	ok(!fpgo_is_identifier(text, FPGO_IDENTIFIER_MAX + 1),
	   "256 characters are none");
	ok(!fpgo_is_identifier("a\0b", 3), "a zero byte is part of none");
}

int
main(void)
{
	test_texts();
	test_sizes();
	return done_testing();
}
