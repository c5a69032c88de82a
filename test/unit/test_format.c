/*
 * test_format.c
 *		The predicates on text, case by case.
 */
#include "format.h"

#include <string.h>

#include "tap.h"

/* a literal with its length, so that NUL bytes count */
#define SPAN(literal) ((FpgoSpan) {literal, sizeof(literal) - 1})

static bool
all(bool (*predicate) (FpgoSpan), bool expected, const char *const *texts)
{
	bool		passed = true;

	for (; *texts; texts++)
		passed &= expect(predicate((FpgoSpan) {*texts, strlen(*texts)}) ==
						 expected, "expected %s for \"%s\"",
						 expected ? "true" : "false", *texts);
	return passed;
}

#define ALL(predicate, expected, ...) \
	all(predicate, expected, (const char *const[]) {__VA_ARGS__, NULL})

static void
test_numbers(void)
{
	ok(ALL(fpgo_is_numeric, true, "0", "1", "-1", "+1", "007", "1.5", ".5",
		   "5.", "-.5", "1e3", "1E3", "1e+3", "1.e-3", ".5e1", " 1", "1 ",
		   "\t\n\r\v\f1\f", "99999999999999999999999", "1e999999999999"),
	   "PHP's numeric strings");
	ok(ALL(fpgo_is_numeric, false, "", " ", "-", "+", ".", "-.", "e3", "1e",
		   "1e+", "1,5", "1 000", "0x1A", "0b1", "1_000", "NaN", "INF",
		   "Infinity", "--1", "+-1", "1-", "1.2.3", "1e3.5", "5 kr", "٣",
		   "1\xC2\xA0"),
	   "what is no numeric string");
	ok(ALL(fpgo_is_amount, true, "0", "-40", "999999999", "999999999.9999",
		   "1e8", "123456789e-1", ".0000000000001", "0e9", "1e-65", " 40 "),
	   "amounts of money");
	ok(ALL(fpgo_is_amount, false, "", "x", "1000000000", "28038712383", "1e9", "02018012345",
		   "28038712383e-5", "0000000001", "0e10", "0e999999999999", "1e-999999999999", "1e-66",
		   "0.0000000000000000000000000000000000000000000000000000000000000001"),
	   "what is none, or has too many digits for one");
	ok(!fpgo_is_numeric(SPAN("1\0")) && !fpgo_is_numeric(SPAN("\0" "1")),
	   "a NUL byte is not part of a number");
}

static void
test_equality(void)
{
	static const char *const equal[][2] = {
		{"0", "-0"}, {"0", "0.000"}, {"0", "0e5"}, {"25", "25.00"},
		{"25", "+25"}, {"25", "025"}, {"25", "2.5e1"}, {"25", "250e-1"},
		{"25", " 25 "}, {"-12", "-1.2E1"}, {"0.5", ".5"}, {"5", "5."},
		{"0.05", "5e-2"}, {"100", "1e2"}, {"0.001", ".1e-2"},
		{"10000000000000000000000001", "10000000000000000000000001.0"}
	};
	static const char *const different[][2] = {
		{"25", "-25"}, {"25", "2.5"}, {"25", "250"}, {"25", "25.01"},
		{"12", "11.99999999999999999999"}, {"0", "0.0000001"}, {"1", "10"},
		{"0.5", "0.05"}, {"25", "x"}, {"x", "x"}, {"", "0"},
		{"10000000000000000000000001", "10000000000000000000000000"},
		{"1e999999999999", "1"}, {"1e-999999999999", "0"}
	};
	bool		passed = true;

	for (size_t i = 0; i < sizeof(equal) / sizeof(equal[0]); i++)
		for (int swap = 0; swap < 2; swap++)
		{
			const char *a = equal[i][swap];
			const char *b = equal[i][1 - swap];

			passed &= expect(fpgo_numbers_equal((FpgoSpan) {a, strlen(a)},
												(FpgoSpan) {b, strlen(b)}),
							 "expected %s = %s", a, b);
		}
	ok(passed, "numbers that are equal");
	passed = true;
	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++)
		for (int swap = 0; swap < 2; swap++)
		{
			const char *a = different[i][swap];
			const char *b = different[i][1 - swap];

			passed &= expect(!fpgo_numbers_equal((FpgoSpan) {a, strlen(a)},
												 (FpgoSpan) {b, strlen(b)}),
							 "expected %s <> %s", a, b);
		}
	ok(passed, "numbers that are not");
}

static void
test_trimming(void)
{
	ok(fpgo_spans_equal(fpgo_trim(SPAN(" \t\n\r\0\v a b \v\0\r\n\t ")),
						SPAN("a b")), "PHP's trim");
	ok(fpgo_spans_equal(fpgo_trim(SPAN("\f\xC2\xA0")), SPAN("\f\xC2\xA0")),
	   "PHP's trim leaves form feeds and Unicode spaces");
	ok(fpgo_trim(SPAN(" \t ")).len == 0 && fpgo_trim(SPAN("")).len == 0,
	   "nothing is left of blanks");
	ok(fpgo_spans_equal(fpgo_trim_unicode(SPAN("\xEF\xBB\xBF \xC2\xA0\f\xE2\x80\x8B" "a\xC2\xA0" "b\xE3\x80\x80\xC2\x85 ")),
						SPAN("a\xC2\xA0" "b")), "Unicode spaces at both ends");
	ok(fpgo_spans_equal(fpgo_trim_unicode(SPAN("\xC3\xA0")), SPAN("\xC3\xA0")) &&
	   fpgo_spans_equal(fpgo_trim_unicode(SPAN("\xA0")), SPAN("\xA0")),
	   "half a character is not taken for a space");
}

static void
test_email(void)
{
	ok(ALL(fpgo_is_email, true, "kari@example.no", "kari+tag@example.com",
		   "o'brien@example.co.uk", "a@b", "x_y-z@sub.example.museum",
		   "\"quoted string\"@example.com", "\"a\\\"b\"@example.com",
		   "\"with@at\"@example.com", "øystein@example.no",
		   "kari@bücher.example", "!#$%&'*+/=?^_`{|}~-@example.com",
		   "1@2.3"), "e-mail addresses");
	ok(ALL(fpgo_is_email, false, "", "kari", "@", "@example.com", "kari@",
		   "kari@@example.com", ".kari@example.com", "kari.@example.com",
		   "ka..ri@example.com", "kari@example..com", "kari@.example.com",
		   "kari@example.com.", "kari@-example.com", "kari@example-.com",
		   "ka ri@example.com", "kari@exa mple.com", "kari@example.com ",
		   "kari@exa_mple.com", "kari(comment)@example.com",
		   "\"unclosed@example.com", "\"a\"b\"@example.com", "\"\"@example.com",
		   "kari@example.com\n", "<kari@example.com>"),
	   "what is no e-mail address");
}

static void
test_url(void)
{
	ok(ALL(fpgo_is_url, true, "https://example.com", "http://example.com",
		   "HTTPS://Example.COM/", "https://example.com:8443/hook",
		   "https://example.com/?a=1&b=2", "https://example.com?a[]=1",
		   "https://example.com/#top", "https://example.com#top",
		   "https://user:pass@example.com/", "https://127.0.0.1/x",
		   "https://[2001:db8::1]:443/", "https://localhost/x",
		   "https://example.com./", "https://xn--bker-gra.example.no/",
		   "https://bücher.example/øl", "https://example.com/%20%C3%A6",
		   "https://ex_ample.com/", "https://example.com/a;b=c,d:e@f(g)'*!$",
		   "https://wp.frontpayment.no/?order_identifier=r&order_status=success"),
	   "URLs");
	ok(ALL(fpgo_is_url, false, "", "https://", "https:///x", "example.com",
		   "/path", "//example.com", "htp://example.com", "http:/example.com",
		   "http:example.com", "javascript:alert(1)", "https://exa mple.com",
		   "https://example.com/a b", "https://example.com/%2",
		   "https://example.com/%zz", "https://example.com:port/",
		   "https://example.com:/", "https://[2001:db8::x]/", "https://[]/",
		   "https://[::1", "https://a/", "https://-/", "https://.",
		   "https://example.com/<x>", "https://example.com/\"x\"",
		   "https://example.com/a|b", "https://example.com/{x}",
		   "https://example.com\\x", "https://example.com/\n",
		   " https://example.com", "https://example.com/\xC2\xA0",
		   "http\x1A\x0F\x0Fexample.com", "https://example.com/#a#b"),
	   "what is no URL");
	ok(!fpgo_is_url(SPAN("https://example.com/\0")) &&
	   !fpgo_is_url(SPAN("https://[::1\0" "1]/")),
	   "a NUL byte is not part of a URL");
}

static void
test_url_parts(void)
{
	ok(ALL(fpgo_has_https, true, "https://example.com", "HTTPS://ex.no/?a=1"),
	   "https");
	ok(ALL(fpgo_has_https, false, "", "http://example.com", "https", "https:/", "ftp://a.no",
		   "http://s.example/https://"), "not https");
	ok(ALL(fpgo_has_query, true, "https://ex.no/?a=1", "https://ex.no?",
		   "https://ex.no/?#x"), "URLs with a query string");
	ok(ALL(fpgo_has_query, false, "", "https://ex.no/a", "https://ex.no/#a?b=1",
		   "https://ex.no/%3Fa"), "URLs without");
}

/* Every ASCII character in every part of a URL. */
static void
test_url_characters(void)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";
	static const struct
	{
		const char *before;
		const char *after;
		const char *punctuation;	/* that may stand there besides */
	} parts[] = {
		{"https://a", "b", ""},	/* what ends it leaves a name too short */
		{"https://ab/", "", "/~!$&'()*+,;=:@?#"},
		{"https://ab/?", "", "/~!$&'()*+,;=:@?[]#"},
		{"https://ab/#", "", "/~!$&'()*+,;=:@?"},
	};
	char		url[32];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		bool		passed = true;

		for (char c = 1; c > 0; c++)
		{
			bool		allowed = strchr(name, c) != NULL ||
			strchr(parts[i].punctuation, c) != NULL;
			int			n = snprintf(url, sizeof(url), "%s%c%s",
									 parts[i].before, c, parts[i].after);

			passed = expect(fpgo_is_url((FpgoSpan) {url, n}) == allowed,
							"character %d in %s", c, url) && passed;
		}
		ok(passed, "what may follow %s", parts[i].before);
	}
}

static void
test_codes(void)
{
	int			n = 0;

	ok(ALL(fpgo_is_alpha_num, true, "987654321", "NO987654321MVA", "a"),
	   "letters and digits");
	ok(ALL(fpgo_is_alpha_num, false, "", "987 654 321", "987-654", "a_b",
		   "é", "a!", "a\n"), "what holds something else");
	ok(ALL(fpgo_is_country, true, "NO", "SE", "GB", "ZW", "AX"),
	   "countries");
	ok(ALL(fpgo_is_country, false, "", "N", "no", "No", "NOR", "UK", "XX",
		   "ZZ", "YU", "EU", "XK", "57", "[A", "N\n"),
	   "what is no country");
	for (char a = 'A'; a <= 'Z'; a++)
		for (char b = 'A'; b <= 'Z'; b++)
			n += fpgo_is_country((FpgoSpan) {(char[]) {a, b}, 2});
	ok(n == 249, "ISO 3166-1 assigns 249 codes, found %d", n);
	ok(!fpgo_is_country(SPAN("N\0")), "a NUL byte is no letter");
	ok(ALL(fpgo_has_eleven_digits, true, "28038712383", "280387 12383",
		   "a2b8c0d3e8f7g1h2i3j8k3", "1234567890.12"), "eleven digits");
	ok(ALL(fpgo_has_eleven_digits, false, "", "2803871238", "280387 1238x"),
	   "fewer");
}

int
main(void)
{
	test_numbers();
	test_equality();
	test_trimming();
	test_email();
	test_url();
	test_url_parts();
	test_url_characters();
	test_codes();
	return done_testing();
}
