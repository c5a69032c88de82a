/*
 * test_outcome.c
 *		Every code with every status, against the rules said another way.
 *
 * The rules here are sets written out by hand from the design, not a copy of
 * the tables.  Beside them stand two laws that must hold whatever the tables
 * say: what may have been processed is never called anything but unknown or
 * accepted, and accepted needs all the evidence.
 */
#include "gateway/outcome.c"

#include <string.h>

#include <curl/curl.h>

#include "lib/tap.h"

#define MAX_CODE 101
#define MIN_STATUS 100
#define MAX_STATUS 599

_Static_assert(LENGTH_OF(code_lines) >= CURL_LAST,
			   "the installed libcurl has codes without a line");

static bool
is_in(int value, const int *set)
{
	for (; *set; set++)
	{
		if (*set == value)
			return true;
	}
	return false;
}

static const int config_codes[] = {1, 3, 4, 43, 48, 49, 53, 54, 58, 59, 60,
	64, 66, 77, 82, 83, 90, 91, 93, 98, 101, 0};
static const int broken_body_codes[] = {18, 23, 28, 55, 56, 61, 63, 100, 0};
static const int successes[] = {200, 201, 202, 0};
static const int refusals_of_api[] = {417, 422, 0};
static const int refusals_of_field[] = {400, 413, 415, 0};
static const int not_api[] = {400, 401, 403, 404, 405, 406, 407, 411, 413, 414,
	415, 417, 419, 422, 431, 0};
static const int wrong_addresses[] = {307, 308, 0};
static const int not_looked_at[] = {421, 425, 0};

static FpgoOutcomeClass
judge_status(const FpgoOutcomeFacts *f)
{
	FpgoOutcomeClass class = FPGO_OUTCOME_UNKNOWN;

	if (f->contradicts_itself)
		return FPGO_OUTCOME_UNKNOWN;
	if (f->has_order_uuid)
		return is_in(f->status, successes) ? FPGO_OUTCOME_ACCEPTED
			: FPGO_OUTCOME_UNKNOWN;
	if (is_in(f->status, not_api))
		class = FPGO_OUTCOME_NOT_API;
	if (is_in(f->status, refusals_of_api) && f->is_api)
		class = FPGO_OUTCOME_REFUSED;
	if (is_in(f->status, refusals_of_field) && f->is_json && f->names_field)
		class = FPGO_OUTCOME_REFUSED;
	if (f->is_change && f->status == 400 && f->is_api)
		return FPGO_OUTCOME_REFUSED;
	if (f->is_change && f->status == 403 && f->is_json)
		return FPGO_OUTCOME_REFUSED;
	if (f->is_change && f->status == 404 && f->says_no_order)
		return FPGO_OUTCOME_REFUSED;
	if (is_in(f->status, wrong_addresses))
		class = FPGO_OUTCOME_MISCONFIGURED;
	if (f->status == 401 && f->is_json)
		class = FPGO_OUTCOME_CREDENTIALS;
	if (is_in(f->status, not_looked_at))
		class = FPGO_OUTCOME_UNREACHED;
	if (f->status == 429)
		class = FPGO_OUTCOME_SLOW_DOWN;
	return class;
}

static FpgoOutcomeClass
judge(const FpgoOutcomeFacts *f)
{
	if (!f->mark_reached)
	{
		if (f->code == 0 || f->status != 0 || f->headers_complete)
			return FPGO_OUTCOME_UNKNOWN;
		return f->peer_refused || is_in(f->code, config_codes) ?
			FPGO_OUTCOME_MISCONFIGURED : FPGO_OUTCOME_UNREACHED;
	}
	if (!f->headers_complete)
		return FPGO_OUTCOME_UNKNOWN;
	if (f->code == 0)
		return judge_status(f);
	if (is_in(f->code, broken_body_codes) && f->status / 100 == 4)
		return judge_status(f);
	return FPGO_OUTCOME_UNKNOWN;
}

/* The laws; true if both hold. */
static bool
is_lawful(const FpgoOutcomeFacts *f, FpgoOutcomeClass class)
{
	if (class == FPGO_OUTCOME_ACCEPTED)
		return f->mark_reached && f->code == 0 && f->headers_complete &&
			f->status >= 200 && f->status <= 202 && f->has_order_uuid &&
			!f->contradicts_itself;
	if (class == FPGO_OUTCOME_UNKNOWN)
		return true;

	/* not processed: it never left, or the gateway said a clear no */
	if (!f->mark_reached)
		return f->status == 0 && f->code != 0;
	return f->headers_complete && !f->contradicts_itself &&
		!f->has_order_uuid && ((f->status >= 400 && f->status <= 499) ||
							   f->status == 307 || f->status == 308);
}

static bool
check_facts(const FpgoOutcomeFacts *f)
{
	FpgoOutcomeClass class = fpgo_outcome_classify(f);

	return expect(class == judge(f) && is_lawful(f, class),
				  "code %d mark %d peer refused %d headers %d status %d "
				  "uuid %d contradiction %d change %d json %d no order %d "
				  "api %d field %d: %s, not %s", f->code,
				  f->mark_reached, f->peer_refused, f->headers_complete,
				  f->status, f->has_order_uuid, f->contradicts_itself,
				  f->is_change, f->is_json, f->says_no_order, f->is_api,
				  f->names_field,
				  fpgo_outcome_name(class), fpgo_outcome_name(judge(f)));
}

/* Each of the ten yes-or-no facts about an order in turn. */
static bool
check_code_and_status(int code, int status)
{
	bool		passed = true;

	for (int bits = 0; bits < 1024; bits++)
	{
		FpgoOutcomeFacts facts = {
			.code = code,
			.status = status,
			.mark_reached = (bits & 1) != 0,
			.headers_complete = (bits & 2) != 0,
			.has_order_uuid = (bits & 4) != 0,
			.contradicts_itself = (bits & 8) != 0,
			.peer_refused = (bits & 16) != 0,
			.is_change = (bits & 32) != 0,
			.is_json = (bits & 64) != 0,
			.says_no_order = (bits & 128) != 0,
			.is_api = (bits & 256) != 0,
			.names_field = (bits & 512) != 0,
		};

		passed = check_facts(&facts) && passed;
	}
	return passed;
}

static void
test_every_case(void)
{
	static const int odd_codes[] = {-1000, 102, 103, 999};
	static const int odd_statuses[] = {-1, 1, 99, 600, 999, 1000, 65736};
	bool		passed;

	for (int code = -1; code <= MAX_CODE; code++)
	{
		passed = check_code_and_status(code, 0);
		for (int status = MIN_STATUS; status <= MAX_STATUS; status++)
			passed = check_code_and_status(code, status) && passed;
		ok(passed, "code %d with every status", code);
	}

	passed = true;
	for (size_t c = 0; c < LENGTH_OF(odd_codes); c++)
	{
		for (int status = 0; status <= 700; status++)
			passed = check_code_and_status(odd_codes[c], status) && passed;
	}
	ok(passed, "codes that libcurl does not have");

	passed = true;
	for (int code = -1; code <= MAX_CODE; code++)
	{
		for (size_t s = 0; s < LENGTH_OF(odd_statuses); s++)
			passed = check_code_and_status(code, odd_statuses[s]) && passed;
	}
	ok(passed, "statuses that HTTP does not have");
}

static void
test_tables(void)
{
	bool		passed = true;
	int			next = MIN_STATUS;

	for (int code = 0; code <= MAX_CODE; code++)
		passed = expect(find_code_line(code) != NULL &&
						find_code_line(code)->code == code,
						"no line for code %d", code) && passed;
	ok(passed && LENGTH_OF(code_lines) == MAX_CODE + 1,
	   "every code has a line");

	passed = true;
	for (size_t i = 0; i < LENGTH_OF(status_lines); i++)
	{
		passed = expect(status_lines[i].first == next &&
						status_lines[i].last >= next,
						"line for status %d begins at %d", next,
						status_lines[i].first) && passed;
		next = status_lines[i].last + 1;
	}
	ok(passed && next == MAX_STATUS + 1, "every status has one line");
}

#define FACTS(code_, mark, headers, status_, uuid, contradiction, peer) \
	{.code = (code_), .mark_reached = (mark), .headers_complete = (headers), \
	 .status = (status_), .has_order_uuid = (uuid), \
	 .contradicts_itself = (contradiction), .peer_refused = (peer)}

/* Cases that were seen, or that the design names. */
static void
test_named_cases(void)
{
	static const struct
	{
		const char *name;
		FpgoOutcomeFacts facts;
		FpgoOutcomeClass class;
	} cases[] = {
		{"accepted", FACTS(0, true, true, 201, true, false, false),
			FPGO_OUTCOME_ACCEPTED},
		{"202 with an order", FACTS(0, true, true, 202, true, false, false),
			FPGO_OUTCOME_ACCEPTED},
		{"206 with an order", FACTS(0, true, true, 206, true, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"201 without an order", FACTS(0, true, true, 201, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"201 whose body says 417", FACTS(0, true, true, 201, true, true, false),
			FPGO_OUTCOME_UNKNOWN},
		{"417 whose body says 201", FACTS(0, true, true, 417, false, true, false),
			FPGO_OUTCOME_UNKNOWN},
		{"417 that names an order", FACTS(0, true, true, 417, true, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"cut headers, code 0", FACTS(0, true, false, 201, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"cut headers, 417", FACTS(0, true, false, 417, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"cut body, 201", FACTS(18, true, true, 201, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"cut body, 417", FACTS(18, true, true, 417, false, false, false),
			FPGO_OUTCOME_NOT_API},
		{"second transmission stopped", FACTS(42, true, false, 0, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"second transmission stopped after 417",
			FACTS(42, true, true, 417, false, false, false), FPGO_OUTCOME_UNKNOWN},
		{"code 7 after the mark", FACTS(7, true, false, 0, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"refused connection", FACTS(7, false, false, 0, false, false, false),
			FPGO_OUTCOME_UNREACHED},
		{"untrusted certificate", FACTS(60, false, false, 0, false, false, false),
			FPGO_OUTCOME_MISCONFIGURED},
		{"no answer in time", FACTS(28, true, false, 0, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"no connection in time", FACTS(28, false, false, 0, false, false, false),
			FPGO_OUTCOME_UNREACHED},
		{"garbage", FACTS(1, true, false, 0, false, false, false),
			FPGO_OUTCOME_UNKNOWN},
		{"510", FACTS(0, true, true, 510, false, false, false), FPGO_OUTCOME_UNKNOWN},
		{"503", FACTS(0, true, true, 503, false, false, false), FPGO_OUTCOME_UNKNOWN},
		{"429", FACTS(0, true, true, 429, false, false, false), FPGO_OUTCOME_SLOW_DOWN},
		{"abandoned before the mark", FACTS(-1, false, false, 0, false, false, false),
			FPGO_OUTCOME_UNREACHED},
		{"abandoned with a refusal under way",
			FACTS(-1, true, true, 417, false, false, false), FPGO_OUTCOME_UNKNOWN},
		{"change refused by a policy", {.mark_reached = true,
				.headers_complete = true,.status = 403,.is_change = true,
			.is_json = true}, FPGO_OUTCOME_REFUSED},
		{"change refused by a front door", {.mark_reached = true,
				.headers_complete = true,.status = 403,.is_change = true},
			FPGO_OUTCOME_NOT_API},
		{"create, 403", {.mark_reached = true,.headers_complete = true,
				.status = 403,.is_json = true}, FPGO_OUTCOME_NOT_API},
		{"create, 401 of Laravel", {.mark_reached = true,
				.headers_complete = true,.status = 401,.is_json = true},
			FPGO_OUTCOME_CREDENTIALS},
		{"create, 401 of a front door", {.mark_reached = true,
				.headers_complete = true,.status = 401},
			FPGO_OUTCOME_NOT_API},
		{"create, 400 of a front door", {.mark_reached = true,
				.headers_complete = true,.status = 400}, FPGO_OUTCOME_NOT_API},
		{"create, 400 about a conflict", {.mark_reached = true,
				.headers_complete = true,.status = 400,.is_json = true,
			.is_api = true}, FPGO_OUTCOME_NOT_API},
		{"create, 400 about a field", {.mark_reached = true,
				.headers_complete = true,.status = 400,.is_json = true,
			.names_field = true}, FPGO_OUTCOME_REFUSED},
		{"change, 400 about a conflict", {.mark_reached = true,
				.headers_complete = true,.status = 400,.is_change = true,
			.is_json = true,.is_api = true}, FPGO_OUTCOME_REFUSED},
		{"create, 417 of the API", {.mark_reached = true,
				.headers_complete = true,.status = 417,.is_json = true,
			.is_api = true}, FPGO_OUTCOME_REFUSED},
		{"create, 417 of a proxy", {.mark_reached = true,
				.headers_complete = true,.status = 417}, FPGO_OUTCOME_NOT_API},
		{"change of an order that is gone", {.mark_reached = true,
				.headers_complete = true,.status = 404,.is_change = true,
			.is_json = true,.says_no_order = true}, FPGO_OUTCOME_REFUSED},
		{"change, 404 of a route", {.mark_reached = true,
				.headers_complete = true,.status = 404,.is_change = true,
			.is_json = true}, FPGO_OUTCOME_NOT_API},
		{"create, 404 of an order", {.mark_reached = true,
				.headers_complete = true,.status = 404,.is_json = true,
			.says_no_order = true}, FPGO_OUTCOME_NOT_API},
		{"an answer without a request", FACTS(0, false, true, 201, true, false, false),
			FPGO_OUTCOME_UNKNOWN},
	};

	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		ok(fpgo_outcome_classify(&cases[i].facts) == cases[i].class, "%s",
		   cases[i].name);
}

/*
 * What the question for a status comes to: a change is sent after one answer
 * alone, and refused after two.
 */
static bool
is_right_status(const FpgoOutcomeFacts *f)
{
	bool		is_whole = f->mark_reached && f->code == 0 &&
		f->headers_complete && !f->contradicts_itself;
	bool		is_told = is_whole && f->status / 100 == 2 && f->names_status;
	FpgoOutcomeClass class = fpgo_outcome_classify_status(f);

	switch (class)
	{
		case FPGO_OUTCOME_ACCEPTED:
			return is_told && f->is_changeable;
		case FPGO_OUTCOME_REFUSED:
			return (is_told && !f->is_changeable) ||
				(is_whole && f->status == 404 && f->says_no_order);
		case FPGO_OUTCOME_CREDENTIALS:
			return is_whole && f->status == 401 && f->is_json;
		case FPGO_OUTCOME_NOT_API:
			return is_whole && is_in(f->status, not_api);
		case FPGO_OUTCOME_SLOW_DOWN:
			return is_whole && f->status == 429;
		case FPGO_OUTCOME_MISCONFIGURED:
			return f->mark_reached ? is_whole &&
				is_in(f->status, wrong_addresses) :
				judge(f) == FPGO_OUTCOME_MISCONFIGURED;
		case FPGO_OUTCOME_UNREACHED:
			return !is_told;
		case FPGO_OUTCOME_UNKNOWN:
			return false;
	}
	return false;
}

static void
test_status(void)
{
	static const int codes[] = {-1, 0, 6, 7, 18, 28, 60, 101};
	bool		passed = true;

	for (size_t c = 0; c < LENGTH_OF(codes); c++)
	{
		for (int status = 0; status <= 700; status++)
		{
			for (int bits = 0; bits < 256; bits++)
			{
				FpgoOutcomeFacts facts = {
					.code = codes[c],
					.status = status,
					.mark_reached = (bits & 1) != 0,
					.headers_complete = (bits & 2) != 0,
					.contradicts_itself = (bits & 4) != 0,
					.peer_refused = (bits & 8) != 0,
					.says_no_order = (bits & 16) != 0,
					.names_status = (bits & 32) != 0,
					.is_changeable = (bits & 64) != 0,
					.is_json = (bits & 128) != 0,
				};

				passed = expect(is_right_status(&facts),
								"code %d status %d facts %d: %s", codes[c],
								status, bits,
								fpgo_outcome_name(fpgo_outcome_classify_status(&facts))) &&
					passed;
			}
		}
	}
	ok(passed, "every answer about a status, with every code");
}

static void
test_named_statuses(void)
{
	FpgoOutcomeFacts facts = {.mark_reached = true,.headers_complete = true,
		.status = 200,.is_json = true,.names_status = true,
	.is_changeable = true};

	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_ACCEPTED,
	   "SENT");
	facts.is_changeable = false;
	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_REFUSED, "PAID");
	facts.names_status = false;
	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_UNREACHED,
	   "200 about nothing");
	facts.status = 404;
	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_NOT_API,
	   "404 of a route");
	facts.says_no_order = true;
	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_REFUSED,
	   "404 of the order");
	facts.status = 503;
	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_UNREACHED, "503");
	facts.status = 403;
	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_NOT_API, "403");
	facts.status = 401;
	ok(fpgo_outcome_classify_status(&facts) == FPGO_OUTCOME_CREDENTIALS,
	   "401");
}

static void
test_names(void)
{
	bool		passed = true;

	for (int a = FPGO_OUTCOME_ACCEPTED; a < FPGO_OUTCOME_UNKNOWN; a++)
	{
		for (int b = a + 1; b <= FPGO_OUTCOME_UNKNOWN; b++)
		{
			const char *name_a = fpgo_outcome_name(a);
			const char *name_b = fpgo_outcome_name(b);

			passed = expect(strcmp(name_a, name_b) != 0,
							"%s stands for two classes", name_a) && passed;
		}
	}
	ok(passed, "every class has a name of its own");
}

int
main(void)
{
	test_tables();
	test_named_cases();
	test_every_case();
	test_status();
	test_named_statuses();
	test_names();
	return done_testing();
}
