/*
 * test_format.c
 *		The predicates on text, case by case.
 *
 * What is expected is what was seen: every case was put to PHP 8.2 and to the
 * validators of Laravel 8.83, 9.52, 10.50, 11.56, 12.67 and 13.26, the e-mail
 * addresses to egulias/email-validator 2.1.25, 3.2.6 and 4.0.2.  A case stands
 * under "taken" only if all of them take it.  What fpgo refuses though they
 * all take it stands under "deliberately refused", and in
 * src/validation/README.md.
 */
#include "text/format.h"

#include <string.h>

#include "text/characters.h"

#include "lib/tap.h"

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
test_plain(void)
{
	ok(ALL(fpgo_is_plain_number, true, "0", "5", "25", "-1", "0.5", "12.5",
		   "100", "1000000", "-0.25"), "numbers as PHP prints them");
	ok(ALL(fpgo_is_plain_number, false, "", "-", ".", "+1", "01", "00", "1.0",
		   "12.50", "1.", ".5", "1e2", " 1", "1 ", "1.2.3", "1.2.30", "x",
		   "-.5", "-01", "1,5", "-0"),
	   "other spellings of numbers, and what is none");
}

/* What a text is trimmed to: by PHP's trim(), and by Laravel 11. */
typedef struct TrimCase
{
	const char *text;
	const char *narrow;
	const char *wide;
} TrimCase;

static bool
trims_to(const TrimCase *c)
{
	FpgoSpan	span = {c->text, strlen(c->text)};
	FpgoSpan	narrow = {c->narrow, strlen(c->narrow)};
	FpgoSpan	wide = {c->wide, strlen(c->wide)};
	FpgoSpan	a = fpgo_trim(span);
	FpgoSpan	b = fpgo_trim_unicode(span);
	bool		is_narrow;

	is_narrow = expect(fpgo_spans_equal(a, narrow),
					   "PHP's trim of \"%s\" is not \"%.*s\"", c->text,
					   (int) a.len, a.text);
	return expect(fpgo_spans_equal(b, wide),
				  "the widest trim of \"%s\" is not \"%.*s\"", c->text,
				  (int) b.len, b.text) && is_narrow;
}

static bool
all_trim(const TrimCase *cases, size_t n)
{
	bool		all = true;

	for (size_t i = 0; i < n; i++)
		all = trims_to(&cases[i]) && all;
	return all;
}

static void
test_trimming(void)
{
	static const TrimCase spaces[] = {
		{"", "", ""},
		{" \t ", "", ""},
		{" a ", "a", "a"},
		{"\fa\f", "\fa\f", "a"},
		{"\u00A0a\u00A0b\u3000",
		"\u00A0a\u00A0b\u3000", "a\u00A0b"},
		{" \u00AD ", "\u00AD", ""},
		{"\uFEFF \u200B\xC2\x85x\u2800\u3164",
		"\uFEFF \u200B\xC2\x85x\u2800\u3164", "x"},
		{"\U000E0020\U0001D173x\uFFA0\u2060",
		"\U000E0020\U0001D173x\uFFA0\u2060", "x"}
	};
	static const TrimCase halves[] = {
		{"é", "é", "é"},
		{"\xC2", "\xC2", "\xC2"},
		{"\x80\xA0", "\x80\xA0", "\x80\xA0"},
		{"\xE2\x80", "\xE2\x80", "\xE2\x80"},
		{"a\xE2\x80\x8B\x8B",
		"a\xE2\x80\x8B\x8B", "a\xE2\x80\x8B\x8B"}
	};
	int			n = 0;

	ok(fpgo_spans_equal(fpgo_trim(SPAN(" \t\n\r\0\v a b \v\0\r\n\t ")),
						SPAN("a b")) &&
	   fpgo_spans_equal(fpgo_trim_unicode(SPAN("\0\f a\0b \0")),
						SPAN("a\0b")), "NUL is white space to PHP");
	ok(all_trim(spaces, sizeof(spaces) / sizeof(spaces[0])),
	   "PHP's trim and the widest");
	ok(all_trim(halves, sizeof(halves) / sizeof(halves[0])),
	   "half a character is not taken for a space");
	for (uint32_t code = 0; code < 0x110000; code++)
		n += fpgo_is_trimmed_code(code);
	ok(n == 65, "Laravel 11 trims 64 characters and NUL, found %d", n);
}

static void
test_classes(void)
{
	static const struct
	{
		uint32_t	code;
		FpgoCharClass class;
	} cases[] = {
		{0x80, FPGO_CHAR_OTHER}, {0xA0, FPGO_CHAR_OTHER},
		{0xA1, FPGO_CHAR_PUNCTUATION}, {0xA9, FPGO_CHAR_SYMBOL},
		{0xAA, FPGO_CHAR_LETTER}, {0xAD, FPGO_CHAR_OTHER},
		{0xB2, FPGO_CHAR_LETTER}, {0xD7, FPGO_CHAR_SYMBOL},
		{0xE5, FPGO_CHAR_LETTER}, {0x301, FPGO_CHAR_MARK},
		{0x378, FPGO_CHAR_OTHER}, {0x663, FPGO_CHAR_LETTER},
		{0x200B, FPGO_CHAR_OTHER}, {0x2013, FPGO_CHAR_PUNCTUATION},
		{0x20AC, FPGO_CHAR_SYMBOL}, {0x3000, FPGO_CHAR_OTHER},
		{0x3400, FPGO_CHAR_LETTER}, {0x4E2D, FPGO_CHAR_LETTER},
		{0xD7A3, FPGO_CHAR_LETTER}, {0xE000, FPGO_CHAR_OTHER},
		{0x1F600, FPGO_CHAR_SYMBOL}, {0x20000, FPGO_CHAR_LETTER},
		{0x10FFFF, FPGO_CHAR_OTHER}, {FPGO_BROKEN_CODE, FPGO_CHAR_OTHER},
		/* came with Unicode 12 */
		{0x32FF, FPGO_CHAR_OTHER}, {0x1E14F, FPGO_CHAR_OTHER}
	};
	static const char *const broken[] = {
		"\x80", "\xC0\x80", "\xC3", "\xC3(", "\xE2\x82", "\xE2(\x82",
		"\xF0\x9F\x98", "\xF5\x80\x80\x80", "\xFF"
	};
	bool		passed = true;
	size_t		n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		passed &= expect(fpgo_class_of(cases[i].code) == cases[i].class,
						 "U+%04X is of class %d", (unsigned) cases[i].code,
						 fpgo_class_of(cases[i].code));
	ok(passed, "classes of characters");
	passed = true;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
	{
		FpgoSpan	span = {broken[i], strlen(broken[i])};

		passed &= expect(fpgo_first_code(span, &n) == FPGO_BROKEN_CODE &&
						 n == 1, "broken text %d reads as a character",
						 (int) i);
	}
	ok(passed, "broken UTF-8 is no character");
	ok(fpgo_first_code(SPAN("😀"), &n) == 0x1F600 && n == 4 &&
	   fpgo_last_code(SPAN("a中"), &n) == 0x4E2D && n == 3 &&
	   fpgo_last_code(SPAN("中a"), &n) == 'a' && n == 1,
	   "characters of one to four bytes");
}

/* labels of 62 and 63 bytes, and a name of 253 */
#define X10 "xxxxxxxxxx"
#define LABEL_62 X10 X10 X10 X10 X10 X10 "xx"
#define LABEL_63 LABEL_62 "x"
#define NAME_253 LABEL_63 "." LABEL_62 "." LABEL_62 "." X10 X10 X10 X10 X10 X10 "x.x"

static void
test_email(void)
{
	ok(ALL(fpgo_is_email, true, "kari@example.no", "kari+tag@example.com",
		   "o'brien@example.co.uk", "a@b", "x_y-z@sub.example.museum",
		   "!#$%&'*+/=?^_`{|}~-@example.com", "-@x.no", "1@2.3", "a@1.2.3.4",
		   "a@a--b.no", "a@x.-no", "a@xn--bcher-kva.example", "IPv6@x.no",
		   "a@ipv6.no", "a@aIPv6.no", "a@[127.0.0.1]",
		   "a@[IPv6:2001:db8::1]"), "e-mail addresses, taken");
	ok(ALL(fpgo_is_email, true, "\"quoted string\"@example.com",
		   "\"a\\\"b\"@example.com", "\"with@at\"@example.com",
		   "\"\"@example.com", "\"\\\"\"@x.no", "\"a\\b\"@x.no", "\"(\"@x.no",
		   "\"\\a\\ \\\\\\\"x\"@x.no", "\"Åse Ø\"@x.no"),
	   "quoted strings, taken");
	ok(ALL(fpgo_is_email, true, "øystein@example.no", "kari@bücher.example",
		   "中@中", "a@٣.no", "a@e\u0301.no", "¿a@x.no", "a–b@x–y.no",
		   "a@правительстворо.рф"),
	   "letters, marks and punctuation beyond ASCII, taken");
	ok(ALL(fpgo_is_email, true, "a@" LABEL_63 ".no", "a@b." LABEL_62, "a@" NAME_253,
		   LABEL_63 LABEL_63 "@x.no", "a@øøøøøøøøøøøøøøøøøøøøøøøøøøøøøøø.no"),
	   "as long as can be, taken");
	ok(ALL(fpgo_is_email, false, "", "kari", "@", "@example.com", "kari@",
		   "kari@@example.com", ".kari@example.com", "kari.@example.com",
		   "ka..ri@example.com", "kari@example..com", "kari@.example.com",
		   "kari@example.com.", "kari@-example.com", "kari@example-.com",
		   "kari@example.c-", "ka ri@example.com", "kari@exa mple.com",
		   "kari@example.com ", "kari@exa_mple.com", "a@x.no/y", "a@x'y.no",
		   "kari@example.com\n", "<kari@example.com>", "a,b@x.no", "a:b@x.no",
		   "a@IPv6.no", "a@4IPv6", "a@x.IPv6x", "a@[127.0.0.1", "a@127.0.0.1]",
		   "a@b@c.no", "mailto:a@x.no"), "what is no e-mail address");
	ok(ALL(fpgo_is_email, false, "\"unclosed@example.com",
		   "\"a\"b\"@example.com", "\"@x.no", "\"a\\\"@x.no", "\"a\\\\\"@x.no",
		   "a\"b\"@x.no", "\"a\"b@x.no", "\"a\".\"b\"@x.no", "\"a\nb\"@x.no",
		   "\"a\x7F\"@x.no", "\"a\" @x.no"), "what is no quoted string");
	ok(ALL(fpgo_is_email, false, "a😀@x.no", "a@☃.no", "a\u200B@x.no",
		   "a@x\u00AD.no", "a@x¿.no", "a@¡.no", "a\u0378@x.no",
		   "a@x\uE000.no", "\"😀\"@x.no", "a\x80@x.no", "\xC3@x.no"),
	   "what is no text beyond ASCII");
	ok(ALL(fpgo_is_email, false, "a@x" LABEL_63 ".no", "a@b." LABEL_63, "a@" NAME_253 "x",
		   "a@øøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøøø.no"),
	   "what is too long");
	ok(ALL(fpgo_is_email, false, "kari(comment)@example.com", "ab @x.no",
		   "a\u00A0b@x.no", "a@b\u3000c.no", "a\\@x.no", "a.\"b\"@x.no",
		   "a::b@x.no", "a@[foo]", "a@[]", "a@[300.1.1.1]", "a@[::1]",
		   "a@[IPv6:1]", "a@b[127.0.0.1]", "a@[127.0.0.1]b"),
	   "deliberately refused e-mail addresses");
}

/* The table's ends, its gaps, and what is no character. */
static void
test_url(void)
{
	char		url[4096] = "https://example.com/";

	ok(ALL(fpgo_is_url, true, "https://example.com", "http://example.com",
		   "HTTPS://Example.COM/", "https://example.com:8443/hook",
		   "https://example.com/?a=1&b=2", "https://example.com?a[]=1",
		   "https://example.com/#top", "https://example.com#top",
		   "https://user:pass@example.com/", "https://%41.b:%20@example.com",
		   "https://øl@example.com", "https://127.0.0.1/x",
		   "https://999.999.999.999", "https://localhost/x", "https://a.b",
		   "https://ab", "https://-a", "https://a_b", "https://example.com./",
		   "https://ab.", "https://example.com:99999", "https://ex_ample.com/",
		   "https://-._.a", "https://example.com/a;b=c,d:e@f(g)'*!$",
		   "https://example.com//a//", "https://example.com/%20%C3%A6",
		   "https://wp.frontpayment.no/?order_identifier=r&order_status=success"),
	   "URLs, taken");
	ok(ALL(fpgo_is_url, true, "https://xn--bker-gra.example.no/",
		   "https://a.xn--p1ai", "https://a.XN--P1AI-", "https://xn--a",
		   "https://bücher.example/øl?å=中#ß", "https://☃.example", "https://a😀.no",
		   "https://a$b.no", "https://a|b<c>=`^~+.no", "https://a.рф", "https://a.٣"),
	   "names beyond ASCII and with signs, taken");
	ok(ALL(fpgo_is_url, true, "https://[2001:db8::1]:443/", "https://[::]",
		   "https://[::1]", "https://[1::]", "https://[ABCD:EF01::1]",
		   "https://[1:2:3:4:5:6:7::]", "https://[::2:3:4:5:6:7:8]",
		   "https://[1::3:4:5:6:7:8]", "https://[1:2:3:4:5:6:7:8]",
		   "https://[::ffff:192.0.2.1]", "https://[1:2:3:4:5:6:192.0.2.1]"),
	   "IPv6 addresses, taken");
	ok(ALL(fpgo_is_url, false, "", "https://", "https:///x", "example.com",
		   "/path", "//example.com", "htp://example.com", "http:/example.com",
		   "http:example.com", "app://example.com", "javascript:alert(1)", "https://exa mple.com",
		   "https://example.com/a b", "https://example.com/%2",
		   "https://example.com/%zz", "https://example.com:port/",
		   "https://example.com:/", "https://a/", "https://-/", "https://.",
		   "https://example.com/<x>", "https://example.com/\"x\"",
		   "https://example.com/a|b", "https://example.com/{x}",
		   "https://example.com\\x", "https://example.com/\n",
		   " https://example.com", "https://example.com/#a#b",
		   "http\x1A\x0F\x0F" "example.com", "https://@example.com",
		   "https://a:b:c@example.com", "https://a$@example.com"),
	   "what is no URL");
	ok(ALL(fpgo_is_url, false, "https://[]/", "https://[::1", "https://::1",
		   "https://[2001:db8::x]/", "https://[1::2::3]", "https://[12345::]",
		   "https://[1:2:3:4:5:6:7:8:9]", "https://[127.0.0.1]",
		   "https://[::1%25eth0]", "https://[::256.1.1.1]", "https://[::01.1.1.1]"),
	   "what is no IPv6 address");
	ok(ALL(fpgo_is_url, false, "https://a..b", "https://.a.no", "https://a.no..",
		   "https://example.c-m", "https://example.c_m", "https://a.no-",
		   "https://a-", "https://a_", "https://bücher", "https://a$b",
		   "https://a.☃", "https://a.xn--", "https://a.xn--ø", "https://e\u0301.no",
		   "https://a%20b.no"), "hosts that one version or another refuses");
	ok(ALL(fpgo_is_url, false, "https://example.com/\u00A0",
		   "https://example.com/e\u0301", "https://example.com/☃",
		   "https://example.com/?a=€", "https://example.com/a–b",
		   "https://example.com/\u200B", "https://example.com/\u0378",
		   "https://example.com/\xC3"),
	   "accents that combine, signs and punctuation beyond ASCII");
	ok(ALL(fpgo_is_url, false, "ftp://example.com", "ws://example.com",
		   "https://example.com/\U0001E100", "https://\u32FF.no"),
	   "deliberately refused URLs");
	ok(!fpgo_is_url(SPAN("https://example.com/\0")) &&
	   !fpgo_is_url(SPAN("https://[::1\0" "1]/")),
	   "a NUL byte is not part of a URL");
	memset(url + 20, 'a', sizeof(url) - 20);
	ok(fpgo_is_url((FpgoSpan) {url, 4000}) &&
	   !fpgo_is_url((FpgoSpan) {url, 4001}), "URLs of up to 4000 bytes");
}

/* The placeholder, and what stands in its place when it is sent. */
static void
test_callback_url(void)
{
	char		url[4096] = "https://example.com/{submission}";

	ok(ALL(fpgo_is_callback_url, true, "https://example.com", "http://a.b:80/x?a[]=1#z",
		   "https://example.com/{submission}", "https://example.com/{submission}/",
		   "https://example.com/a/{submission}/b?c=d#e",
		   "https://example.com/a-{submission}.php?", "https://[::1]:80/%41{submission}%42",
		   "HTTPS://u:p@example.com/\u00f8{submission}\u00f8"),
	   "callback URLs, with a placeholder in the path or without");
	ok(ALL(fpgo_is_callback_url, false, "", "shop.example/{submission}", "{submission}",
		   "ftp://example.com/{submission}", "https:///{submission}",
		   "https://example.com{submission}", "https://{submission}",
		   "https://{submission}/", "https://{submission}.example/",
		   "https://{submission}@example.com/", "https://u:{submission}@example.com/",
		   "https://example.com:{submission}/", "https://example.com:80{submission}/",
		   "https://example.com/?{submission}", "https://example.com/x?a={submission}",
		   "https://example.com/#{submission}", "https://example.com?{submission}/"),
	   "a placeholder where it may not be");
	ok(ALL(fpgo_is_callback_url, false, "https://example.com/{submission}{submission}",
		   "https://example.com/{submission}/{submission}",
		   "https://example.com/{submission}?{submission}",
		   "https://example.com/{{submission}}", "https://example.com/{submission}}",
		   "https://example.com/{Submission}", "https://example.com/{submission",
		   "https://example.com/{ submission }", "https://example.com/{submissions}",
		   "https://example.com/{}", "https://example.com/{x}/{submission}",
		   "https://example.com/%{submission}", "https://example.com/%4{submission}",
		   "https://example.com/{submission} ", "https://example.com/{submission}|"),
	   "twice, misspelt, or beside what is in no URL");
	ok(!fpgo_is_url(SPAN("https://example.com/{submission}")),
	   "a placeholder in any other URL");
	memset(url + strlen(url), 'a', sizeof(url) - strlen(url));
	ok(fpgo_is_callback_url((FpgoSpan) {url, 4000 - 25}) &&
	   !fpgo_is_callback_url((FpgoSpan) {url, 4001 - 25}),
	   "URLs of up to 4000 bytes with the token in it");
}

static void
test_callback_token(void)
{
#define DIGITS "0123456789abcdef0123456789abcdef"
	static const char *const others[] = {"", "fpgo-", DIGITS, "pgo-" DIGITS,
		"fpgo_" DIGITS, "FPGO-" DIGITS, "fpgo-0123456789ABCDEF0123456789ABCDEF",
		"fpgo-0123456789abcdeg0123456789abcdef", "fpgo-0123456789abcdef0123456789abcde",
	"fpgo-0123456789abcdef 0123456789abcdef", NULL};
	FpgoSpan	text = SPAN("/a/fpgo-fpgo-0fpgo-" DIGITS "0fpgo-" DIGITS);
	FpgoSpan	token = fpgo_find_callback_token(text);
	bool		passed = true;

	ok(token.text == text.text + strlen("/a/fpgo-fpgo-0") && token.len == 37,
	   "the first token is found within a word");
	for (int i = 0; others[i] != NULL; i++)
		passed = expect(fpgo_find_callback_token((FpgoSpan) {others[i], strlen(others[i])}).text == NULL,
						"\"%s\" has a token", others[i]) && passed;
	ok(passed, "what is no token");
	text = SPAN("{sub{submission}{submission}");
	ok(fpgo_find_placeholder(text) == text.text + 4 &&
	   fpgo_find_placeholder(SPAN("")) == NULL &&
	   fpgo_find_placeholder(SPAN("{submission")) == NULL &&
	   fpgo_find_placeholder(SPAN("{}{Submission}")) == NULL,
	   "the first placeholder is found");
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
		/* what ends it leaves a name too short; all but _.- need a point */
		{"https://a", "b", ""},
		{"https://a", "b.no", "$+<=>^`|~@"},
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

	ok(ALL(fpgo_is_alpha_num, true, "987654321", "NO987654321MVA", "a", "é",
		   "Åß", "中文", "٣", "e\u0301", "\u0301", "½²Ⅷ", "ª", "\u3164", "𝒳"),
	   "letters, marks and numbers of any script");
	ok(ALL(fpgo_is_alpha_num, false, "", "987 654 321", "987-654", "a_b",
		   "a!", "a\n", "a\u00A0", "a\u00AD", "–", "€", "😀", "a\u200D",
		   "\u0378", "\uE000", "\xC3", "\xE2\x82", "a\x01"),
	   "what holds something else");
	ok(ALL(fpgo_is_alpha_num, false, "\U0001E100", "\U0001E140"),
	   "deliberately refused: what came after Unicode 11");
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
	test_plain();
	test_trimming();
	test_classes();
	test_email();
	test_url();
	test_callback_url();
	test_callback_token();
	test_url_parts();
	test_url_characters();
	test_codes();
	return done_testing();
}
