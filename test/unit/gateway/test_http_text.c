/*
 * test_http_text.c
 *		Addresses, header values and tokens, good and bad.
 */
#include "postgres.h"

#include <limits.h>
#include <time.h>

#include "gateway/http.h"
#include "gateway/http_text.h"
#include "gateway/http_url.h"
#include "lib/tap.h"

static const char *const good_urls[] = {
	"https://apigo.frontpayment.no/api/v1",
	"https://apigo.frontpayment.no",
	"https://apigo.frontpayment.no/",
	"https://demo-api.frontpayment.no/api/v1/connect/orders/invoice/submit",
	"HTTPS://Example.COM/x",
	"https://example.com:443/",
	"https://example.com:1/",
	"https://example.com:65535/x",
	"https://example.com:0443/x",
	"https://example.com./x",
	"https://under_score.example/",
	"https://a-b.example/",
	"https://gateway/",
	"https://1server/",
	"https://192.0.2.7/",
	"https://127.0.0.1/",
	"https://127.0.0.1:8443/",
	"https://[2001:db8::1]/",
	"https://[2001:db8::1]:8443/x",
	"https://[::1]",
	"https://example.com/a@b",
	"https://example.com/a:b;c=d,e",
	"https://example.com/%20x",
	"https://example.com/../x",
	"https://example.com//x",
	"https://xn--bcher-kva.example/",
	"http://localhost/",
	"http://localhost",
	"http://LocalHost:8080/x",
	"http://127.0.0.1/",
	"http://127.0.0.1:18080/api/v1",
	"http://127.255.255.254/",
	"HTTP://127.0.0.1/",
	"http://[::1]/",
	"http://[::1]:8080/x",
	"http://localhost/a@b",
};

static const char *const bad_urls[] = {
	"",
	" ",
	"x",
	"/api/v1",
	"//example.com/",
	"example.com",
	"example.com:443/",
	"https",
	"https:",
	"https:/",
	"https://",
	"https:///",
	"https:///x",
	"https:/example.com/",
	"https:example.com/",
	"https:\\\\example.com\\",
	"https://:443/",
	"https://?x",
	" https://example.com/",
	"https://example.com/ ",
	"https://example.com/a b",
	"https://exa mple.com/",
	"https://example.com/\t",
	"https://example.com/\r\nX-Evil: 1",
	"https://example.com/\n",
	"https://example.com\n.evil.example/",
	"https://example.com/\x01",
	"https://example.com/\x7f",
	"https://ex\xc3\xa4mple.com/",
	"https://example.com/\xc3\xa4",
	"https://example.com/\xff",
	"https://\xe2\x93\x94xample.com/",
	"https://example.com\\@evil.example/",
	"https://example.com\\.evil.example/",
	"https://example.com/a\\b",
	"https://example.com/<x>",
	"https://example.com/\"x\"",
	"https://example.com/{x}",
	"https://example.com/a|b",
	"https://example.com/a^b",
	"https://example.com/`x`",
	"https://user@example.com/",
	"https://user:secret@example.com/",
	"https://@example.com/",
	"https://:@example.com/",
	"https://example.com@evil.example/",
	"https://example.com:443@evil.example/",
	"https://example.com?x=1",
	"https://example.com/?x=1",
	"https://example.com/?",
	"https://example.com/#x",
	"https://example.com#",
	"https://example.com:/",
	"https://example.com:0/",
	"https://example.com:00000/",
	"https://example.com:65536/",
	"https://example.com:99999/",
	"https://example.com:000443/",
	"https://example.com:-1/",
	"https://example.com:+1/",
	"https://example.com:8a/",
	"https://example.com:80:80/",
	"https://example.com:4294967739/",
	"https://.example.com/",
	"https://./",
	"https://example..com/",
	"https://example.com../",
	"https://exa%6dple.com/",
	"https://example.com%2fevil/",
	"https://example.com%00/",
	"https://example.com,evil.example/",
	"https://example.com;evil.example/",
	"https://example.com&evil.example/",
	"https://exam*ple.com/",
	"https://127.1/",
	"https://2130706433/",
	"https://0x7f000001/",
	"https://0177.0.0.1/",
	"https://1.2.3.4.5/",
	"https://256.0.0.1/",
	"https://example.123/",
	"https://[::1",
	"https://[::1]x/",
	"https://[::1]443/",
	"https://[]/",
	"https://[:]/",
	"https://[1]/",
	"https://[::g]/",
	"https://[::1%25eth0]/",
	"https://[::1%eth0]/",
	"https://[127.0.0.1]/",
	"https://[::1]]/",
	"https://::1/",
	"https://[0:0:0:0:0:0:0:1]/",
	"http://example.com/",
	"http://localhost.evil.example/",
	"http://localhost./",
	"http://evil.localhost/",
	"http://localhost@evil.example/",
	"http://127.0.0.1@evil.example/",
	"http://127.0.0.1:80@evil.example/",
	"http://127.0.0.1.evil.example/",
	"http://127.0.0.1#@evil.example/",
	"http://127.0.0.1\\@evil.example/",
	"http://127.1/",
	"http://127.0.1/",
	"http://0x7f.1/",
	"http://0x7f.0.0.1/",
	"http://0177.0.0.1/",
	"http://127.0.0.01/",
	"http://2130706433/",
	"http://127.0.0.1./",
	"http://128.0.0.1/",
	"http://0.0.0.0/",
	"http://0/",
	"http://10.0.0.1/",
	"http://169.254.169.254/",
	"http://[::]/",
	"http://[::2]/",
	"http://[0:0:0:0:0:0:0:1]/",
	"http://[::ffff:127.0.0.1]/",
	"http://[::127.0.0.1]/",
	"http://[fe80::1]/",
	"ftp://localhost/",
	"file:///etc/passwd",
	"javascript:alert(1)",
	"gopher://127.0.0.1/",
	"httpss://example.com/",
	"http+unix://example.com/",
};

/* The URL check says how the sentence "the address ..." goes on. */
static void
test_urls(void)
{
	for (size_t i = 0; i < lengthof(good_urls); i++)
	{
		const char *fault = fpgo_http_check_url(good_urls[i]);

		ok(fault == NULL, "taken: %s %s", good_urls[i], fault ? fault : "");
	}
	for (size_t i = 0; i < lengthof(bad_urls); i++)
	{
		const char *fault = fpgo_http_check_url(bad_urls[i]);

		/* some hold control characters, so the number stands for them */
		ok(fault != NULL && strncmp(fault, "must ", 5) == 0,
		   "refused: bad address %zu: %s", i, fault ? fault : "taken");
	}
}

/* An address of the given length: https://example.com/aaa... */
static const char *
make_long_url(char *url, size_t len)
{
	static const char start[] = "https://example.com/";

	memset(url, 'a', len);
	memcpy(url, start, sizeof(start) - 1);
	url[len] = '\0';
	return url;
}

static void
test_lengths(void)
{
	char		url[4096];
	char		host[300];

	ok(fpgo_http_check_url(make_long_url(url, 2048)) == NULL,
	   "an address of 2048 bytes is taken");
	ok(fpgo_http_check_url(make_long_url(url, 2049)) != NULL,
	   "an address of 2049 bytes is refused");

	memset(host, 'a', sizeof(host));
	snprintf(url, sizeof(url), "https://%.254s/", host);
	ok(fpgo_http_check_url(url) != NULL, "a host of 254 bytes is refused");
}

static void
test_numbers(void)
{
	static const struct
	{
		const char *text;
		int			number;
	} cases[] = {
		{"0", 0}, {"240", 240}, {"007", 7}, {"999999999", 999999999},
		{"1000000000", -1}, {"9223372036854775808", -1}, {"", -1},
		{"-1", -1}, {"+1", -1}, {" 1", -1}, {"1 ", -1}, {"1.5", -1},
		{"abc", -1}, {"1e3", -1}, {"0x10", -1},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		ok(fpgo_http_parse_number(cases[i].text, strlen(cases[i].text)) ==
		   cases[i].number, "number \"%s\"", cases[i].text);
}

static void
test_date(void)
{
	static const struct
	{
		const char *text;
		int64_t		date;
	} cases[] = {
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Wed, 21 Oct 2026 07:28:00 GMT", 1792567680},
		{"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799)},
		{"Fri, 01 Jan 1960 00:00:00 GMT", -1},
		{"Wed, 99 Oct 2026 07:28:00 GMT", -1},
		{"yesterday", -1},
		{"", -1},
		{"Wed, 21 Oct 2026 07:28:00 GMT, and so on for longer than any date",
		-1},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		ok(fpgo_http_parse_date(cases[i].text, strlen(cases[i].text)) ==
		   cases[i].date, "as a date: \"%s\"", cases[i].text);
}

static int
parse_wait(const char *text)
{
	return fpgo_http_parse_retry_after(text, strlen(text));
}

static void
test_retry_after(void)
{
	static const char *const unreadable[] = {"", "-1", "-0", "soon", "Mon",
		"5 apples", "5s", "9999999999", "Wed, 99 Oct 2026 07:28:00 GMT",
		"Wed, 21 Oct 2026 07:28:00 GMT, and so on for longer than any date"};
	char		date[64];
	time_t		when = time(NULL) + 300;
	int			wait;

	ok(parse_wait("0") == 0, "no wait");
	ok(parse_wait("120") == 120, "a number of seconds");
	ok(parse_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0, "a date in the past");

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&when));
	wait = parse_wait(date);
	ok(wait >= 290 && wait <= 300, "a date in five minutes");
	ok(parse_wait("Fri, 31 Dec 9999 23:59:59 GMT") == INT_MAX,
	   "a date beyond all waiting");

	for (size_t i = 0; i < lengthof(unreadable); i++)
		ok(parse_wait(unreadable[i]) == -1, "unreadable: %s", unreadable[i]);
}

static void
test_headers(void)
{
	static const struct
	{
		const char *line;
		const char *value;		/* NULL: another header */
	} cases[] = {
		{"Retry-After: 5\r\n", "5"},
		{"retry-after:5\r\n", "5"},
		{"RETRY-AFTER: \t 5 \t\r\n", "5"},
		{"Retry-After: 5\n", "5"},
		{"Retry-After:\r\n", ""},
		{"Retry-After:", ""},
		{"Retry-After: a b \r\n", "a b"},
		{"Retry-After : 5\r\n", NULL},
		{"X-Retry-After: 5\r\n", NULL},
		{"Retry-After-Not: 5\r\n", NULL},
		{"Retry-After\r\n", NULL},
		{"Retry\r\n", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		const char *value;
		size_t		len;
		bool		found = fpgo_http_find_value(cases[i].line,
												 strlen(cases[i].line),
												 "retry-after", &value, &len);

		if (cases[i].value == NULL)
			ok(!found, "header line %zu is another", i);
		else
			ok(found && len == strlen(cases[i].value) &&
			   memcmp(value, cases[i].value, len) == 0,
			   "header line %zu says \"%s\"", i, cases[i].value);
	}
}

/* Where a host is that the URL names by its address. */
static void
test_hosts(void)
{
	static const struct
	{
		const char *url;
		FpgoPeer	peer;
	} cases[] = {
		{"http://localhost", FPGO_PEER_LOOPBACK},
		{"https://LOCALHOST:8443/x", FPGO_PEER_LOOPBACK},
		{"http://127.0.0.1:80/", FPGO_PEER_LOOPBACK},
		{"https://127.255.255.254/x", FPGO_PEER_LOOPBACK},
		{"https://[::1]/x", FPGO_PEER_LOOPBACK},
		{"https://[::ffff:127.0.0.1]/x", FPGO_PEER_INTERNAL},
		{"https://0.0.0.0/", FPGO_PEER_INTERNAL},
		{"https://10.0.0.1", FPGO_PEER_INTERNAL},
		{"https://169.254.169.254:443/latest", FPGO_PEER_INTERNAL},
		{"https://[fe80::1]/", FPGO_PEER_INTERNAL},
		{"https://[::ffff:10.0.0.1]:8443", FPGO_PEER_INTERNAL},
		{"https://8.8.8.8/", FPGO_PEER_PUBLIC},
		{"https://[2a00::1]/", FPGO_PEER_PUBLIC},
		/* names, of which nobody knows yet */
		{"https://example.com", FPGO_PEER_PUBLIC},
		{"https://localhost./", FPGO_PEER_PUBLIC},
		{"https://x.localhost/", FPGO_PEER_PUBLIC},
		{"https://localhost.example/", FPGO_PEER_PUBLIC},
		{"https://10.0.0.1.example/", FPGO_PEER_PUBLIC},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		ok(fpgo_http_check_url(cases[i].url) == NULL &&
		   fpgo_http_classify_host(cases[i].url) == cases[i].peer,
		   "the place of %s", cases[i].url);
}

/* What is sent is what was typed: libcurl tidies no path. */
static void
test_paths(void)
{
	static const char *const paths[] = {"/", "//", "/a//b", "/./a", "/a/../b",
		"/../../x", "/%2e%2e/x", "/a/%2E%2e/b", "/%2f%2F", "/a%00b", "/a%0d%0ab",
	"/a@b:c;d=e,f", "/%", "/%zz", "/..", "/api/v1/"};
	char		url[64];

	for (size_t i = 0; i < lengthof(paths); i++)
	{
		CURLU	   *parsed;
		char	   *path = NULL;

		snprintf(url, sizeof(url), "https://example.com%s", paths[i]);
		parsed = fpgo_http_parse_url(url);
		ok(fpgo_http_check_url(url) == NULL && parsed != NULL &&
		   curl_url_get(parsed, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
		   strcmp(path, paths[i]) == 0, "the path %s stays as it is",
		   paths[i]);
		curl_free(path);
		curl_url_cleanup(parsed);
	}
}

static void
test_tokens(void)
{
	ok(fpgo_http_is_sendable_token("eyJhbGciOi.J9-_~+/="), "a token");
	ok(!fpgo_http_is_sendable_token(""), "an empty token");
	ok(!fpgo_http_is_sendable_token("a b"), "a token with a space");
	ok(!fpgo_http_is_sendable_token("a\r\nX-Evil: 1"),
	   "a token with a line break");
	ok(!fpgo_http_is_sendable_token("a\tb"), "a token with a tab");
	ok(!fpgo_http_is_sendable_token("t\xc3\xb8"), "a token beyond ASCII");
}

int
main(void)
{
	test_urls();
	test_lengths();
	test_numbers();
	test_date();
	test_retry_after();
	test_headers();
	test_hosts();
	test_paths();
	test_tokens();
	return done_testing();
}
