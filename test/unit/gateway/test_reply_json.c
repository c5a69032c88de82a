/*
 * test_reply_json.c
 *		What is JSON, and what is read of it: the same with each json-c.
 *
 * json-c 0.16, 0.18 and 0.19 differ in what they take and refuse.  Whichever
 * is linked must give these readings.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "gateway/reply.h"
#include "lib/tap.h"

#define MARK "\xef\xbb\xbf"		/* byte order mark */
#define NOT_JSON "-"

/* An answer that names an order, with one member more, whose value is wanted. */
#define BEFORE_VALUE "{\"status_code\":201,\"data\":{\"orderUuid\":\"ODR1\"},\"x\":"
#define AFTER_VALUE "}"
#define ACCEPTED "201 ODR1"

#define MANY_DIGITS \
	"12345678901234567890123456789012345678901234567890" \
	"12345678901234567890123456789012345678901234567890"
#define OPEN_8 "[[[[[[[["
#define SHUT_8 "]]]]]]]]"

typedef struct Answer
{
	const char *body;
	size_t		len;
	const char *reading;
} Answer;

#define ANSWER(body, reading) {body, sizeof(body) - 1, reading}

static int	n_answers = 0;

static const char *const right_values[] = {
	/* strings */
	"\"\"", "\"Kare\"", "\"K\xc3\xa5re\"", "\"\xc3\xa6\xc3\xb8\xc3\xa5\"",
	"\"\xc2\x80\"", "\"\xdf\xbf\"", "\"\xe0\xa0\x80\"", "\"\xed\x9f\xbf\"",
	"\"\xee\x80\x80\"", "\"\xef\xbf\xbf\"", "\"" MARK "\"",
	"\"\xe2\x80\xa8\xe2\x80\xa9\"", "\"\xf0\x90\x80\x80\"",
	"\"\xf0\x9f\x98\x80\"", "\"\xf4\x8f\xbf\xbf\"", "\"\x7f\"", "\"'\"",
	"\"/* x */ // x\"", "\"NaN\"", "\"[{\"", "\"]}\"", "\"#\"",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\\\"", "\"\\\\u0\"", "\"\\u0041\"",
	"\"\\u00e5\\u00E5\"", "\"\\u0000\"", "\"\\uffff\"", "\"\\ud83d\\ude00\"",
	"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\ud800\"",
	"\"\\ud800\\u0041\"", "\"\\ud800\\n\"", "\"\\udc00\\ud800\"",
	/* numbers */
	"0", "-0", "7", "-7", "10", "9223372036854775807", "9223372036854775808",
	"18446744073709551615", "18446744073709551616", "18446744073709551617",
	"-9223372036854775808", "-9223372036854775809",
	"99999999999999999999999999", "-99999999999999999999999999",
	MANY_DIGITS, "-" MANY_DIGITS, "[" MANY_DIGITS "]", "0.0", "-0.0", "0.1",
	"1.10", "0." MANY_DIGITS, MANY_DIGITS "." MANY_DIGITS, "1e5", "1E5",
	"1e+5", "1e-5", "-1E+05", "0e0", "1.5e300", "1e400", "-1e400", "1e-400",
	"1e99999999999999999999",
	/* names */
	"true", "false", "null",
	/* arrays and objects */
	"[]", "[ ]", "[1]", "[1,2]", "[[],{}]", "[null,true,\"\"]",
	"{}", "{ }", "{\"a\":1}", "{\"a\":{\"b\":[]}}", "{\"\":1}",
	"{\"a\":1,\"a\":2}", "{\"bl\xc3\xa5\":1}", "{\"\\u00e5\":1}",
	"{\"\\u0000\":1}", "{\"\\ud800\":1}", "{\"a\":18446744073709551616}",
	"{\" \":\"\xf0\x9f\x98\x80\"}",
	OPEN_8 OPEN_8 OPEN_8 SHUT_8 SHUT_8 SHUT_8,
	/* white space */
	" 1 ", "\t1\r\n", "\n[ 1 , 2\t]\n", " { \"a\" : 1 } ",
};

static const char *const wrong_values[] = {
	"",
	/* strings */
	"'a'", "\"a", "a", "\"a\"\"b\"", "`a`", "\"\x01\"", "\"\t\"", "\"\n\"",
	"\"\r\n\"", "\"\x1f\"", "\"\\x41\"", "\"\\'\"", "\"\\a\"", "\"\\v\"",
	"\"\\0\"", "\"\\\"", "\"\\ \"", "\"\\\n\"", "\"\\u\"", "\"\\u12\"",
	"\"\\u12G4\"", "\"\\U0041\"", "\"\\u{41}\"", "\"\\u+041\"",
	"\"\\ud800\\u\"", "\"\\ud800\\x\"", "\"\\ud800\\udc0\"",
	"\"\\\xc3\xa5\"", "\xe2\x80\x9c" "a\xe2\x80\x9d",
	/* bytes that are no UTF-8 */
	"\"K\xe5re\"", "\"\xff\"", "\"\xfe\"", "\"\x80\"", "\"\xbf\"", "\"\xc3\"",
	"\"\xc3(\"", "\"\xe2\x82\"", "\"\xf0\x9f\x98\"",
	"\"\xc0\xaf\"", "\"\xc1\xbf\"", "\"\xc0\x80\"", "\"\xe0\x80\xaf\"",
	"\"\xe0\x9f\xbf\"", "\"\xf0\x80\x80\xaf\"", "\"\xf0\x8f\xbf\xbf\"",
	"\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"",
	"\"\xed\xa0\xbd\xed\xb8\x80\"", "\"\xf4\x90\x80\x80\"",
	"\"\xf5\x80\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"",
	"{\"\xff\":1}", "{\"\xc0\xaf\":1}", "{\"\xed\xa0\x80\":1}",
	/* numbers */
	"01", "-01", "00", "+1", ".5", "-.5", "1.", "-", "--1", "1e", "1e+",
	"1E-", "1.e5", "1.5.5", "1e5.5", "1e5e5", "1-", "1+1", "0x10", "0b1",
	"0o7", "1_000", "1,000", "1d", "1a", "1 2", "- 1", "NaN", "nan", "-NaN",
	"Infinity", "-Infinity", "infinity", "inf", "\xef\xbc\x91", "[-]",
	"[NaN]", "[Infinity,-Infinity]", "[01]", "[1.]",
	/* names */
	"True", "TRUE", "tRuE", "False", "NULL", "Null", "nul", "nulll", "None",
	"undefined", "true1", "truefalse", "yes",
	/* arrays and objects */
	"[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "[1}", "[",
	"]", "[]]", "[\"a\" \"b\"]", "(1)", "{", "{\"a\":1,}", "{,}", "{\"a\"}",
	"{\"a\":}", "{:1}", "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{[]:1}",
	"{\"a\" 1}", "{\"a\"=1}", "{\"a\"::1}", "{\"a\":1:2}",
	"{\"a\":1 \"b\":2}", "{\"a\":1;\"b\":2}", "{\"a\":1,,\"b\":2}",
	"{\"a\":1]}", "{\"a\n\":1}", "{\"\\x\":1}",
	/* comments and white space */
	"/* x */ 1", "1 /* x */", "1 // x\n", "// x\n 1", "# x\n 1", "/**/1",
	"[1/**/]", "[/**/]", "{/**/}", "{\"a\"/**/:1}", "\v1", "\f1", "1\f",
	"\xc2\xa0" "1", "\xe2\x80\xa8" "1", "\xe3\x80\x80" "1", MARK "1",
};

static const Answer answers[] = {
	/* what is no object */
	ANSWER("", NOT_JSON), ANSWER(" ", NOT_JSON), ANSWER("\n", NOT_JSON),
	ANSWER("null", NOT_JSON), ANSWER("true", NOT_JSON),
	ANSWER("201", NOT_JSON), ANSWER("\"ODR1\"", NOT_JSON),
	ANSWER("\"K\xc3\xa5re\"", NOT_JSON), ANSWER("[]", NOT_JSON),
	ANSWER("[{}]", NOT_JSON), ANSWER("18446744073709551616", NOT_JSON),
	ANSWER("OK", NOT_JSON), ANSWER("<p>{}</p>", NOT_JSON),
	ANSWER("callback({})", NOT_JSON), ANSWER(")]}',\n{}", NOT_JSON),
	ANSWER("a=1&b=2", NOT_JSON),

	/* what stands around it */
	ANSWER("{}", "0 none"), ANSWER("  {}", "0 none"),
	ANSWER("\t\r\n{} \t\r\n", "0 none"), ANSWER("{}x", NOT_JSON),
	ANSWER("{}{}", NOT_JSON), ANSWER("{} {}", NOT_JSON),
	ANSWER("{}\n{}", NOT_JSON), ANSWER("{}]", NOT_JSON),
	ANSWER("{}}", NOT_JSON), ANSWER("{},", NOT_JSON),
	ANSWER("{};", NOT_JSON), ANSWER("{}\x01", NOT_JSON),
	ANSWER("{}\f", NOT_JSON), ANSWER("{}\xc2\xa0", NOT_JSON),
	ANSWER("{}\xff", NOT_JSON), ANSWER("{}/* x */", NOT_JSON),
	ANSWER("/* x */{}", NOT_JSON), ANSWER("{}// x", NOT_JSON),
	ANSWER("\x1e{}", NOT_JSON), ANSWER("{}\0", NOT_JSON),
	ANSWER("\0{}", NOT_JSON), ANSWER("{}\0{}", NOT_JSON),
	ANSWER("{\0}", NOT_JSON), ANSWER("{\"a\":\"\0\"}", NOT_JSON),
	ANSWER("{\"a\0\":1}", NOT_JSON), ANSWER("{}" "[[[[[[[[[[[[", NOT_JSON),

	/* byte order marks */
	ANSWER(MARK, NOT_JSON), ANSWER(MARK MARK, NOT_JSON),
	ANSWER(MARK "{}", "0 none"), ANSWER(MARK " {}\n", "0 none"),
	ANSWER(MARK MARK "{}", NOT_JSON), ANSWER(MARK MARK MARK "{}", NOT_JSON),
	ANSWER(" " MARK "{}", NOT_JSON), ANSWER("{}" MARK, NOT_JSON),
	ANSWER("{" MARK "}", NOT_JSON), ANSWER("\xef\xbb{}", NOT_JSON),
	ANSWER("\xef", NOT_JSON), ANSWER("\xff\xfe{\0}\0", NOT_JSON),
	ANSWER("\xfe\xff\0{\0}", NOT_JSON), ANSWER("{\0}\0", NOT_JSON),

	/* what breaks off */
	ANSWER("{", NOT_JSON), ANSWER("{\"a", NOT_JSON),
	ANSWER("{\"a\"", NOT_JSON), ANSWER("{\"a\":", NOT_JSON),
	ANSWER("{\"a\":1", NOT_JSON), ANSWER("{\"a\":1,", NOT_JSON),
	ANSWER("{\"a\":\"\xc3", NOT_JSON), ANSWER("{\"a\":\"\\", NOT_JSON),
	ANSWER("{\"a\":\"\\u00", NOT_JSON), ANSWER("{\"a\":[", NOT_JSON),
	ANSWER("{\"a\":tru", NOT_JSON), ANSWER("{\"data\":{}", NOT_JSON),

	/* depth: an object and 32 arrays are one too many */
	ANSWER("{\"x\":" OPEN_8 OPEN_8 OPEN_8 "[[[[[["
		   "]]]]]]" SHUT_8 SHUT_8 SHUT_8 "}", "0 none"),
	ANSWER("{\"x\":" OPEN_8 OPEN_8 OPEN_8 "[[[[[[["
		   "]]]]]]]" SHUT_8 SHUT_8 SHUT_8 "}", "0 none"),
	ANSWER("{\"x\":" OPEN_8 OPEN_8 OPEN_8 "[[[[[[[["
		   "]]]]]]]]" SHUT_8 SHUT_8 SHUT_8 "}", NOT_JSON),
	ANSWER("{\"x\":" OPEN_8 OPEN_8 OPEN_8 "[[[[[[[[[["
		   "]]]]]]]]]]" SHUT_8 SHUT_8 SHUT_8 "}", NOT_JSON),

	/* numbers in members that are read */
	ANSWER("{\"status_code\":201}", "201 none"),
	ANSWER("{\"status_code\":\"201\"}", "201 none"),
	ANSWER("{\"status_code\":-0}", "-1 none"),
	ANSWER("{\"status_code\":201.0}", "-1 none"),
	ANSWER("{\"status_code\":2.01e2}", "-1 none"),
	ANSWER("{\"status_code\":4294967497}", "-1 none"),
	ANSWER("{\"status_code\":18446744073709551817}", "-1 none"),
	ANSWER("{\"status_code\":-18446744073709551415}", "-1 none"),
	ANSWER("{\"status_code\":" MANY_DIGITS "}", "-1 none"),
	ANSWER("{\"status_code\":1e400}", "-1 none"),
	ANSWER("{\"is_error\":0}", "0 none"),
	ANSWER("{\"is_error\":-0}", "0 none"),
	ANSWER("{\"is_error\":0.0}", "0 none error"),
	ANSWER("{\"is_error\":18446744073709551616}", "0 none error"),
	ANSWER("{\"is_error\":-18446744073709551616}", "0 none error"),
	ANSWER("{\"is_error\":1e-400}", "0 none error"),

	/* names and identifiers */
	ANSWER("{\"st\\u0061tus_code\":201}", "201 none"),
	ANSWER("{\"status_code\":417,\"status_code\":201}", "201 none"),
	ANSWER("{\"Status_code\":201}", "0 none"),
	ANSWER("{\"status_code\xc2\xa0\":201}", "0 none"),
	ANSWER("{\"data\":{\"orderUuid\":\"\\u004fDR1\"}}", "0 ODR1"),
	ANSWER("{\"data\":{\"orderUuid\":\"\xc3\x98R1\"}}", "0 none"),
	ANSWER("{\"data\":{\"orderUuid\":\"ODR1\\u0000\"}}", "0 none"),
	ANSWER("{\"data\":{\"orderUuid\":18446744073709551616}}", "0 none"),

	/* sentences */
	ANSWER("{\"errors\":[\"K\xc3\xa5re\"]}", "0 none / K\xc3\xa5re"),
	ANSWER("{\"errors\":[\"K\\u00e5re\"]}", "0 none / K\xc3\xa5re"),
	ANSWER("{\"errors\":{\"bl\xc3\xa5\":\"r\xc3\xb8" "d\"}}",
		   "0 none / bl\xc3\xa5: r\xc3\xb8" "d"),
	ANSWER("{\"errors\":\"\xf0\x9f\x98\x80\"}",
		   "0 none / \xf0\x9f\x98\x80"),
	ANSWER("{\"errors\":\"\\ud83d\\ude00\"}", "0 none / \xf0\x9f\x98\x80"),
	ANSWER("{\"errors\":\"a\\ud800\"}", "0 none / a\xef\xbf\xbd"),
	ANSWER("{\"errors\":\"\\ud800\\u0041\"}", "0 none / \xef\xbf\xbd" "A"),
	ANSWER("{\"errors\":\"\\ud800\\ud83d\\ude00\"}",
		   "0 none / \xef\xbf\xbd\xf0\x9f\x98\x80"),
	ANSWER("{\"errors\":\"\\udc00\"}", "0 none / \xef\xbf\xbd"),
	ANSWER("{\"errors\":\"a\\u0000b\"}", "0 none / a b"),
	ANSWER("{\"errors\":\"a\x7f" "b\"}", "0 none / a b"),
	ANSWER("{\"errors\":\"" MARK "\"}", "0 none / " MARK),
	ANSWER("{\"errors\":\"\\u20ac \xe2\x82\xac\"}",
		   "0 none / \xe2\x82\xac \xe2\x82\xac"),
	ANSWER("{\"errors\":[\"a\",18446744073709551616,\"b\"]}",
		   "0 none / a / b"),
	ANSWER("{\"message\":\"Ordren er p\xc3\xa5 plass\",\"status_code\":201}",
		   "201 none / Ordren er p\xc3\xa5 plass"),
};

/* What was read, as one line. */
static const char *
describe(const FpgoReply *reply)
{
	static char line[256];
	size_t		n;

	if (!reply->is_json)
		return NOT_JSON;
	n = snprintf(line, sizeof(line), "%d %s%s", reply->status_code,
				 reply->order_uuid ? reply->order_uuid : "none",
				 reply->is_error ? " error" : "");
	for (int i = 0; i < reply->n_messages && n < sizeof(line); i++)
		n += snprintf(line + n, sizeof(line) - n, " / %s",
					  reply->messages[i]);
	return line;
}

/* A copy of exactly that size: a sanitizer sees what is read beyond it. */
static bool
is_read_as(const char *start, const char *body, size_t len,
		   const char *reading)
{
	size_t		start_len = strlen(start);
	char	   *copy = malloc(Max(start_len + len, 1));
	const char *found;
	bool		is_same;

	memcpy(copy, start, start_len);
	memcpy(copy + start_len, body, len);
	found = describe(fpgo_reply_read(copy, start_len + len, NULL));
	is_same = expect(strcmp(found, reading) == 0, "read as \"%s\"", found);
	free(copy);
	return is_same;
}

/* A body as the name of a test: in printable ASCII. */
static const char *
show(const char *body, size_t len)
{
	static char shown[4096];
	size_t		n = 0;

	shown[0] = '\0';
	for (size_t i = 0; i < len && n < sizeof(shown) - 4; i++)
	{
		bool		is_plain = body[i] >= ' ' && body[i] <= '~';

		n += snprintf(shown + n, sizeof(shown) - n,
					  is_plain && body[i] != '#' ? "%c" : "<%02x>",
					  (unsigned char) body[i]);
	}
	return shown;
}

/* The answer as it is, and once more behind a mark, which changes nothing. */
static void
test_answer(const char *body, size_t len, const char *reading)
{
	bool		has_mark = strncmp(body, MARK, strlen(MARK)) == 0;

	n_answers++;
	ok(is_read_as("", body, len, reading) &&
	   (has_mark || is_read_as(MARK, body, len, reading)),
	   "%s: %s", reading, show(body, len));
}

static void
test_values(const char *const *values, size_t n, const char *reading)
{
	char		body[1024];

	for (size_t i = 0; i < n; i++)
	{
		size_t		len = snprintf(body, sizeof(body), "%s%s%s", BEFORE_VALUE,
								   values[i], AFTER_VALUE);

		test_answer(body, len, reading);
	}
}

int
main(void)
{
	test_values(right_values, lengthof(right_values), ACCEPTED);
	test_values(wrong_values, lengthof(wrong_values), NOT_JSON);
	for (size_t i = 0; i < lengthof(answers); i++)
		test_answer(answers[i].body, answers[i].len, answers[i].reading);
	printf("# %d answers, json-c %s\n", n_answers,
		   fpgo_reply_library().version);
	MemoryContextReset(TopMemoryContext);
	return done_testing();
}
