/*
 * test_reply.c
 *		Bodies of answers, of every shape that was seen or can be feared.
 *
 * The personal number below is the API documentation's own example.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "gateway/reply.h"
#include "lib/tap.h"

#define NUMBER "28038712383"
#define M "***********"
#define UUID "{\"orderUuid\":\"ODR1\"}"

static const char *const secrets[] = {NUMBER, "Zahidul Islam", "abc",
	"s\xc3\xb8t", "tok_0123456789", NULL};

static FpgoReply *
read_text(const char *body)
{
	return fpgo_reply_read(body, strlen(body), secrets);
}

static bool
is_text(const char *found, const char *wanted)
{
	if (found == NULL || wanted == NULL)
		return found == wanted;
	return strcmp(found, wanted) == 0;
}

static bool
is_utf8(const char *text)
{
	int			len = (int) strlen(text);

	return pg_encoding_verifymbstr(PG_UTF8, text, len) == len;
}

/* The messages of a reply, with "|" between them. */
static const char *
join_messages(const FpgoReply *reply)
{
	static char joined[FPGO_REPLY_MAX_MESSAGES *
					   (FPGO_REPLY_MAX_MESSAGE_BYTES + 1) + 1];
	size_t		n = 0;

	joined[0] = '\0';
	for (int i = 0; i < reply->n_messages; i++)
		n += snprintf(joined + n, sizeof(joined) - n, "%s%s", i ? "|" : "",
					  reply->messages[i]);
	return joined;
}

/* The API page's own answer, and the recorded one. */
static void
test_success(void)
{
	FpgoReply  *reply;

	reply = read_text("{\"status_code\": 201, \"status_message\": \"OK\", "
					  "\"message\": \"orderCreatedSuccessfully\", "
					  "\"is_data\": true, \"data\": {"
					  "\"orderUuid\": \"ODR4286244937\", "
					  "\"customerUuid\": \"CSRT3419523642\", "
					  "\"bankIdUrl\": \"https:\\/\\/auth.example\\/a?b=c\"}}");
	ok(reply->is_json && reply->status_code == 201 && !reply->is_error,
	   "the envelope of a success");
	ok(is_text(reply->order_uuid, "ODR4286244937"), "order uuid");
	ok(is_text(reply->customer_uuid, "CSRT3419523642"), "customer uuid");
	ok(is_text(reply->bank_id_url, "https://auth.example/a?b=c"),
	   "BankID address");

	reply = read_text("{\"data\":{\"orderUuid\":\"ODR1\",\"bankIdUrl\":null,"
					  "\"paymentUrl\":\"http://x/\"}} \r\n\t");
	ok(is_text(reply->bank_id_url, "http://x/"),
	   "the address by its other name, white space at the end");
	ok(reply->customer_uuid == NULL && reply->status_code == 0,
	   "what is absent");
}

/* Answers about an order that was asked for. */
static void
test_order_status(void)
{
	FpgoReply  *reply;

	reply = read_text("{\"status_code\":200,\"data\":{\"uuid\":\"ODR1\","
					  "\"status\":\"PARTIAL REFUNDED\"}}");
	ok(is_text(reply->shown_uuid, "ODR1") &&
	   is_text(reply->order_status, "PARTIAL REFUNDED") &&
	   reply->order_uuid == NULL, "the status of an order");
	reply = read_text("{\"data\":[{\"uuid\":\"ODR1\",\"status\":\"SENT\"}]}");
	ok(is_text(reply->shown_uuid, "ODR1") &&
	   is_text(reply->order_status, "SENT"), "in a list of one");
	reply = read_text("{\"data\":[{\"uuid\":\"ODR1\",\"status\":\"SENT\"},{}]}");
	ok(reply->shown_uuid == NULL && reply->order_status == NULL,
	   "a list of two is about no order");
	reply = read_text("{\"data\":{\"uuid\":\"ODR 1\",\"status\":5}}");
	ok(reply->shown_uuid == NULL && reply->order_status == NULL,
	   "what is no identifier, and no text");
	ok(is_text(read_text("{\"data\":{\"status\":\"paid " NUMBER "\\n\"}}")->order_status,
			   "paid " M " "), "a status is masked");
	ok(read_text("{\"data\":{\"status\":\"\"}}")->order_status == NULL,
	   "a blank status is none");
	ok(read_text("{\"message\":\"orderNotFound\"}")->says_no_order &&
	   read_text("{\"message\":\"Order Not Found\"}")->says_no_order,
	   "no such order, in both spellings");
	ok(!read_text("{\"message\":\"orderNotFoundable\"}")->says_no_order &&
	   !read_text("{\"message\":\"orderNotFoun\"}")->says_no_order &&
	   !read_text("{\"message\":[\"orderNotFound\"]}")->says_no_order &&
	   !read_text("{\"message\":\"\"}")->says_no_order &&
	   !read_text("{}")->says_no_order, "other messages");
}

static void
test_not_json(void)
{
	static const char *const bodies[] = {
		"", " ", "\n", "null", "true", "201", "\"text\"", "[]",
		("[{\"data\":" UUID "}]"),
		"<html><body>502 Bad Gateway</body></html>",
		"OK", "{", "}", "{}x", "{}{}", "{} {}", "{}]", "{},", "{}\x01",
		"{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":nul}",
		"{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12\"}", "{\"a\":\"b}", ("{\"data\":" UUID),
		"{\"data\":{\"orderUuid\":\"ODR1\"", "{/* x */}",
		"\xff\xfe{\0}",					/* UTF-16 */
		"{\"a\":\"\xff\"}",				/* no UTF-8 */
		"{\"a\":\"\xc3\"}",				/* cut character */
		"{\"a\":\"\xc0\xaf\"}",			/* overlong */
		"{\"a\":\"\xe0\x80\xaf\"}",		/* overlong */
		"{\"a\":\"\xed\xa0\x80\"}",		/* surrogate */
		"{\"a\":\"\xf4\x90\x80\x80\"}", /* beyond Unicode */
		"{\"a\":\"\xf8\x88\x80\x80\x80\"}",
	};

	for (size_t i = 0; i < lengthof(bodies); i++)
	{
		FpgoReply  *reply = read_text(bodies[i]);

		ok(!reply->is_json && reply->order_uuid == NULL &&
		   reply->n_messages == 0, "body %zu is no JSON object", i);
	}
	ok(!fpgo_reply_read("{}\0", 3, NULL)->is_json, "a NUL after the object");
	ok(!fpgo_reply_read("{\"a\":\"\0\"}", 9, NULL)->is_json,
	   "a NUL within the object");
	ok(fpgo_reply_read("{}x", 2, NULL)->is_json,
	   "what lies beyond the length is not read");
	ok(fpgo_reply_read("{} ", 2, NULL)->is_json,
	   "nor is it if it is white space");
	ok(read_text("  {}")->is_json && read_text("{}\n")->is_json,
	   "white space around the object");
}

/* Deep, long and wide bodies. */
static void
test_large(void)
{
	size_t		size = 256 * 1024;
	char	   *body = malloc(size + 1);
	FpgoReply  *reply;
	size_t		n;

	memset(body, '[', 100000);
	body[100000] = '\0';
	ok(!read_text(body)->is_json, "100000 arrays deep");
	for (n = 0; n < 100000; n += 5)
		memcpy(body + n, "{\"a\":", 5);
	ok(!read_text(body)->is_json, "20000 objects deep");

	n = snprintf(body, size, "{\"data\":%s,\"errors\":", UUID);
	memset(body + n, '[', 30);
	memset(body + n + 30, ']', 30);
	strlcpy(body + n + 60, "}", 2);
	reply = read_text(body);
	ok(reply->is_json && is_text(reply->order_uuid, "ODR1") &&
	   reply->n_messages == 0, "31 deep");
	memset(body + n, '[', 40);
	memset(body + n + 40, ']', 40);
	strlcpy(body + n + 80, "}", 2);
	ok(!read_text(body)->is_json, "41 deep");

	n = snprintf(body, size, "{\"errors\":\"");
	memset(body + n, 'e', size - n - 2);
	strlcpy(body + size - 2, "\"}", 3);
	reply = read_text(body);
	ok(reply->n_messages == 1 &&
	   strlen(reply->messages[0]) == FPGO_REPLY_MAX_MESSAGE_BYTES,
	   "a sentence of 256 kB is clipped");

	n = snprintf(body, size, "{\"errors\":[\"x\"");
	for (int i = 1; i < 1000; i++)
		n += snprintf(body + n, size - n, ",\"x\",\" \",null,7");
	strlcpy(body + n, "]}", 3);
	reply = read_text(body);
	ok(reply->n_messages == FPGO_REPLY_MAX_MESSAGES &&
	   reply->n_left_off == 1000 - FPGO_REPLY_MAX_MESSAGES,
	   "a thousand sentences");
	free(body);
}

static void
test_members(void)
{
	static const struct
	{
		const char *body;
		int			status_code;
		bool		is_error;
	} envelopes[] = {
		{"{}", 0, false},
		{"{\"status_code\":null,\"is_error\":null}", 0, false},
		{"{\"status_code\":417,\"is_error\":true}", 417, true},
		{"{\"status_code\":\"201\",\"is_error\":false}", 201, false},
		{"{\"status_code\":0,\"is_error\":0}", -1, false},
		{"{\"status_code\":-201,\"is_error\":1}", -1, true},
		{"{\"status_code\":201.0,\"is_error\":\"true\"}", -1, true},
		{"{\"status_code\":2.01e2,\"is_error\":\"false\"}", -1, true},
		{"{\"status_code\":\" 201\",\"is_error\":[]}", -1, true},
		{"{\"status_code\":\"2O1\",\"is_error\":{}}", -1, true},
		{"{\"status_code\":\"\",\"is_error\":1.5}", -1, true},
		{"{\"status_code\":true}", -1, false},
		{"{\"status_code\":[201]}", -1, false},
		{"{\"status_code\":99999999999999999999999999}", -1, false},
		{"{\"status_code\":4294967497}", -1, false},
		{"{\"status_code\":1e999}", -1, false},
		{"{\"status_code\":201,\"status_code\":417}", 417, false},
		{"{\"Status_Code\":201,\"status_code \":201}", 0, false},
	};
	static const struct
	{
		const char *data;
		const char *uuid;
	} identifiers[] = {
		{UUID, "ODR1"},
		{"{\"orderUuid\":\"a-B_9.~\"}", "a-B_9.~"},
		{"{\"orderUuid\":\"\\u004fDR1\"}", "ODR1"},
		{"{\"orderUuid\":\"ODR1\",\"orderUuid\":\"ODR2\"}", "ODR2"},
		{"{\"orderUuid\":\"\"}", NULL},
		{"{\"orderUuid\":\" \"}", NULL},
		{"{\"orderUuid\":\"ODR 1\"}", NULL},
		{"{\"orderUuid\":\"ODR1';--\"}", NULL},
		{"{\"orderUuid\":\"../ODR1\"}", NULL},
		{"{\"orderUuid\":\"ODR1?x=1\"}", NULL},
		{"{\"orderUuid\":\"ODR%31\"}", NULL},
		{"{\"orderUuid\":\"ODR1\\n\"}", NULL},
		{"{\"orderUuid\":\"ODR1\\u0000\"}", NULL},
		{"{\"orderUuid\":\"ODR1\\u0000x\"}", NULL},
		{"{\"orderUuid\":\"\\u0000ODR1\"}", NULL},
		{"{\"orderUuid\":\"\\ud800\"}", NULL},
		{"{\"orderUuid\":\"ODR\xc3\xb8\"}", NULL},
		{"{\"orderUuid\":\"ODR\x7f\"}", NULL},
		{"{\"orderUuid\":null}", NULL},
		{"{\"orderUuid\":4286244937}", NULL},
		{"{\"orderUuid\":true}", NULL},
		{"{\"orderUuid\":[\"ODR1\"]}", NULL},
		{"{\"orderUuid\":{\"orderUuid\":\"ODR1\"}}", NULL},
		{"{\"orderuuid\":\"ODR1\"}", NULL},
		{"{}", NULL},
		{"[]", NULL},
		{"[{\"orderUuid\":\"ODR1\"}]", NULL},
		{"null", NULL},
		{"\"orderUuid\"", NULL},
	};
	char		body[1024];

	for (size_t i = 0; i < lengthof(envelopes); i++)
	{
		FpgoReply  *reply = read_text(envelopes[i].body);

		ok(reply->is_json && reply->status_code == envelopes[i].status_code &&
		   reply->is_error == envelopes[i].is_error, "envelope %s",
		   envelopes[i].body);
	}
	for (size_t i = 0; i < lengthof(identifiers); i++)
	{
		snprintf(body, sizeof(body), "{\"data\":%s}", identifiers[i].data);
		ok(is_text(read_text(body)->order_uuid, identifiers[i].uuid),
		   "identifier %zu is %s", i,
		   identifiers[i].uuid ? identifiers[i].uuid : "none");
	}
	ok(read_text("{\"orderUuid\":\"ODR1\"}")->order_uuid == NULL,
	   "an identifier outside data is none");
}

static void
test_lengths(void)
{
	char		body[10000];
	char		filler[9000];

	memset(filler, 'a', sizeof(filler));
	snprintf(body, sizeof(body), "{\"data\":{\"orderUuid\":\"%.255s\"}}",
			 filler);
	ok(read_text(body)->order_uuid != NULL, "an identifier of 255 bytes");
	snprintf(body, sizeof(body), "{\"data\":{\"orderUuid\":\"%.256s\"}}",
			 filler);
	ok(read_text(body)->order_uuid == NULL, "one of 256 is none");
	snprintf(body, sizeof(body), "{\"data\":{\"bankIdUrl\":\"https://%.8184s\""
			 "}}", filler);
	ok(read_text(body)->bank_id_url != NULL, "a BankID address of 8192 bytes");
	snprintf(body, sizeof(body), "{\"data\":{\"bankIdUrl\":\"https://%.8185s\""
			 "}}", filler);
	ok(read_text(body)->bank_id_url == NULL, "one of 8193 is none");
	ok(read_text("{\"data\":{\"bankIdUrl\":\"javascript:alert(1)\"}}")
	   ->bank_id_url == NULL, "a BankID address of another scheme is none");
	ok(read_text("{\"data\":{\"bankIdUrl\":\"https://a b\"}}")->bank_id_url ==
	   NULL, "one with a space is none");
}

typedef struct MessageCase
{
	const char *body;
	const char *messages;
} MessageCase;

static void
check_messages(const MessageCase *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		FpgoReply  *reply = read_text(cases[i].body);

		if (!ok(reply->is_json &&
				is_text(join_messages(reply), cases[i].messages),
				"messages of %s", cases[i].body))
			printf("# found %s\n", join_messages(reply));
	}
}

static void
test_messages(void)
{
	static const MessageCase cases[] = {
		{"{\"message\":\"payloadValidationErrors\",\"errors\":[\"The zip is "
		"required.\",\"The e-mail must be valid.\"]}",
		"The zip is required.|The e-mail must be valid."},
		{"{\"errors\":[{\"message\":\"a\",\"code\":7},{\"message\":\"b\"}]}",
		"a|b"},
		{"{\"errors\":[{\"field\":\"zip\",\"text\":\"bad\"}]}",
		"field: zip|text: bad"},
		{"{\"errors\":{\"zip\":[\"is bad\",\"is long\"],\"city\":\"is bad\"}}",
		"zip: is bad|zip: is long|city: is bad"},
		{"{\"errors\":{\"a\":{\"b\":[\"c\"]}}}", "b: c"},
		{"{\"errors\":{\"happenedAt\":\"String\",\"internalErrorDetails\":"
		"\"Array\"}}", "happenedAt: String|internalErrorDetails: Array"},
		{"{\"errors\":\"Array\",\"message\":\"Something Went Wrong\"}",
		"Array"},
		{"{\"errors\":null,\"message\":\"orderNotFound\"}", "orderNotFound"},
		{"{\"errors\":[],\"message\":\"m\"}", "m"},
		{"{\"errors\":{},\"message\":\"m\"}", "m"},
		{"{\"errors\":\"\",\"message\":\"m\"}", "m"},
		{"{\"errors\":[\" \",\"\\n\"],\"message\":\"m\"}", "m"},
		{"{\"errors\":17,\"message\":\"m\"}", "m"},
		{"{\"errors\":[1,2.5,true,null],\"message\":\"m\"}", "m"},
		{"{\"message\":\"Unauthenticated.\"}", "Unauthenticated."},
		{"{\"message\":null}", ""},
		{"{\"message\":7}", ""},
		{"{\"errors\":[[[[[[[[\"deep\"]]]]]]]]}", "deep"},
		{"{\"errors\":[[[[[[[[[\"deeper\"]]]]]]]]],\"message\":\"m\"}", "m"},
		{"{\"errors\":[\"a\\nb\\tc\\u0000d\\u007fe\\u0085f\"]}",
		"a b c d e f"},
		{"{\"errors\":[\"line end\\r\\n\"]}", "line end"},
		{"{\"errors\":[\"bl\\u00e5b\\u00e6r\"]}", "bl\xc3\xa5" "b\xc3\xa6r"},
		{"{\"errors\":[\"\\ud83d\\ude00\"]}", "\xf0\x9f\x98\x80"},
		{"{\"errors\":[\"\\ud800x\"]}", "\xef\xbf\xbdx"},
	};

	check_messages(cases, lengthof(cases));
}

static void
test_masks(void)
{
	static const MessageCase cases[] = {
		{"{\"errors\":[\"" NUMBER " is bad\"]}", M " is bad"},
		{"{\"errors\":[\"01010112345\"]}", M},
		{"{\"errors\":[\"nr.280387 12383.\"]}", "nr." M "."},
		{"{\"errors\":[\"280387-12383\"]}", M},
		{"{\"errors\":[\"28.03.87-12383\"]}", M},
		{"{\"errors\":[\"28 03 87 123 83\"]}", M},
		{"{\"errors\":[\"2 8 0 3 8 7 1 2 3 8 3\"]}", M},
		{"{\"errors\":[\"280387 - 12383\"]}", M},
		{"{\"errors\":[\"280387\\n12383\"]}", M},
		{"{\"errors\":[\"280387\\u00a012383\"]}", M},
		{"{\"errors\":[\"280387\\u201312383\"]}", M},
		{"{\"errors\":[\"280387\\u200b12383\"]}", M},
		{"{\"errors\":[\"280387\\u000012383\"]}", M},
		{"{\"errors\":[\"280387\\u008512383\"]}", M},	/* shown as a space */
		{"{\"errors\":[\"99" NUMBER "99\"]}", M},
		{"{\"errors\":[\"x" NUMBER "y\"]}", "x" M "y"},
		{"{\"errors\":[\"" NUMBER ", 280387 12383\"]}", M ", " M},
		{"{\"errors\":[\"\\u00328038712383\"]}", M},
		{"{\"errors\":[\"2803871238\"]}", "2803871238"},
		{"{\"errors\":[\"ODR4286244937\"]}", "ODR4286244937"},
		{"{\"errors\":[\"products.0.rate is 1000.00, not 2000.00\"]}",
		"products.0.rate is 1000.00, not 2000.00"},
		{"{\"errors\":[\"2026-08-14 10:30:00\"]}", "2026-08-14 10:30:00"},
		{"{\"errors\":{\"" NUMBER "\":\"x\"}}", M ": x"},
		{"{\"errors\":{\"280387\":\"12383\"}}", "280387: 12383"},
		{"{\"message\":\"" NUMBER "\"}", M},
		{"{\"errors\":[\"Dear Zahidul Islam!\"]}", "Dear " M "!"},
		{"{\"errors\":[\"Zahidul IslamZahidul Islam\"]}", M},
		{"{\"errors\":[\"Zahidul\\tIslam, Zahidul\\u0085Islam\"]}", M ", " M},
		{"{\"errors\":[\"abc is too short a secret\"]}",
		"abc is too short a secret"},
		{"{\"errors\":[\"s\\u00f8t\"]}", M},
		{"{\"errors\":[\"Bearer tok_0123456789\"]}", "Bearer " M},
		{"{\"errors\":[\"tok_012345678901234567\"]}", M},
		{"{\"errors\":[\"see https://x.example/a?state=abc&b=c now\"]}",
		"see https://x.example/a?*** now"},
		{"{\"errors\":[\"(HTTP://x.example/#frag)\"]}",
		"(HTTP://x.example/#***"},
		{"{\"errors\":[\"https://x.example/a?\"]}", "https://x.example/a?"},
		{"{\"errors\":[\"https://x.example/a really?\"]}",
		"https://x.example/a really?"},
		{"{\"errors\":[\"https://x/?tok_0123456789\"]}", "https://x/?***"},
		{"{\"message\":\"go to https://b.example/s3cret or http://p/s4\","
			"\"data\":{\"bankIdUrl\":\"https://b.example/s3cret\","
		"\"paymentUrl\":\"http://p/s4\"}}", "go to " M " or " M},
		{"{\"errors\":\"http://p/s4\",\"data\":{\"paymentUrl\":\"http://p/s4\"}}",
		M},
		{"{\"errors\":[\"'https://x/?q' or \\\"https://y/?q\\\"\"]}",
		"'https://x/?*** or \"https://y/?***\""},
	};

	check_messages(cases, lengthof(cases));
	ok(is_text(fpgo_reply_read("{\"errors\":\"Zahidul Islam\"}", 26, NULL)
			   ->messages[0], "Zahidul Islam"), "no list of secrets");
}

/* A secret or a character at each place around the clip. */
static void
test_clip(void)
{
	bool		no_secret = true;
	bool		is_whole = true;
	char		body[2000];
	char		filler[FPGO_REPLY_MAX_MESSAGE_BYTES + 20];

	memset(filler, 'x', sizeof(filler));
	for (int i = FPGO_REPLY_MAX_MESSAGE_BYTES - 30;
		 i < FPGO_REPLY_MAX_MESSAGE_BYTES + 10; i++)
	{
		FpgoReply  *reply;
		const char *message;

		snprintf(body, sizeof(body), "{\"errors\":[\"%.*sZahidul Islam "
				 "280387 12383\",\"%.*s\xc3\xb8\xe2\x82\xac\xf0\x9f\x98\x80"
				 "\xc3\xb8\xc3\xb8\"]}", i, filler, i, filler);
		reply = read_text(body);
		message = reply->messages[0];
		no_secret = no_secret && strstr(message, "Za") == NULL &&
			strstr(message, "28") == NULL &&
			strlen(message) <= FPGO_REPLY_MAX_MESSAGE_BYTES;
		message = reply->messages[1];
		is_whole = is_whole && is_utf8(message) &&
			strlen(message) <= FPGO_REPLY_MAX_MESSAGE_BYTES &&
			strlen(message) > FPGO_REPLY_MAX_MESSAGE_BYTES - 35;
	}
	ok(no_secret, "no secret survives in part where a sentence is clipped");
	ok(is_whole, "no character is cut in two");
}

/* Every prefix of a good body, and every byte of it changed. */
static void
test_mutations(void)
{
	static const char body[] = "{\"status_code\":417,\"is_error\":true,"
		"\"errors\":{\"zip\":[\"bl\xc3\xa5 \\u00e5 " NUMBER "\"]},\"data\":"
		UUID "}";
	char		changed[sizeof(body)];
	bool		passed = true;

	for (size_t len = 0; len < sizeof(body) - 1; len++)
		passed = expect(!fpgo_reply_read(body, len, secrets)->is_json,
						"%zu bytes are taken for the whole", len) && passed;
	ok(passed, "no part of a body is taken for the whole");

	passed = true;
	for (size_t i = 0; i < sizeof(body) - 1; i++)
	{
		for (int c = 0; c < 256; c++)
		{
			FpgoReply  *reply;

			memcpy(changed, body, sizeof(body));
			changed[i] = (char) c;
			reply = fpgo_reply_read(changed, sizeof(body) - 1, secrets);
			passed = expect(c != 0 || !reply->is_json, "NUL at %zu", i) &&
				passed;
			for (int m = 0; m < reply->n_messages; m++)
				passed = expect(is_utf8(reply->messages[m]),
								"byte %d at %zu gives no UTF-8", c, i) &&
					passed;
		}
		MemoryContextReset(CurrentMemoryContext);
	}
	ok(passed, "no changed byte does harm");
}

int
main(void)
{
	test_success();
	test_order_status();
	test_not_json();
	test_large();
	test_members();
	test_lengths();
	test_messages();
	test_masks();
	test_clip();
	test_mutations();
	ok(fpgo_reply_library().fault == NULL &&
	   strncmp(fpgo_reply_library().version, "0.", 2) == 0, "json-c %s",
	   fpgo_reply_library().version);
	MemoryContextReset(TopMemoryContext);
	return done_testing();
}
