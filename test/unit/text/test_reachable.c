/*
 * test_reachable.c
 *		Which URLs are reached from outside, and which characters do no good.
 */
#include "text/host.h"
#include "text/unprintable.h"

#include <string.h>

#include "lib/tap.h"

static FpgoSpan
span(const char *text)
{
	return (FpgoSpan) {text, strlen(text)};
}

static bool
host(FpgoHostFault expected, const char *url)
{
	FpgoHostFault found = fpgo_find_host_fault(span(url));

	return expect(found == expected, "\"%s\": expected %d, found %d", url, expected,
				  found);
}

static void
test_hosts(void)
{
	bool		passed = true;

	passed &= host(FPGO_HOST_RIGHT, "https://shop.example/callback");
	passed &= host(FPGO_HOST_RIGHT, "https://shop.example:8443?a@b");
	passed &= host(FPGO_HOST_RIGHT, "https://shop.example#@localhost");
	passed &= host(FPGO_HOST_RIGHT, "https://8.8.8.8/");
	passed &= host(FPGO_HOST_RIGHT, "https://172.15.0.1/");
	passed &= host(FPGO_HOST_RIGHT, "https://172.32.0.1/");
	passed &= host(FPGO_HOST_RIGHT, "https://[2001:db8::1]:443/");
	passed &= host(FPGO_HOST_RIGHT, "https://localhost.example/");
	passed &= host(FPGO_HOST_RIGHT, "no url");
	passed &= host(FPGO_HOST_RIGHT, "");
	ok(passed, "URLs that are reached from outside");

	passed = true;
	passed &= host(FPGO_HOST_INSIDE, "https://localhost/");
	passed &= host(FPGO_HOST_INSIDE, "https://LocalHost:8080");
	passed &= host(FPGO_HOST_INSIDE, "https://shop");
	passed &= host(FPGO_HOST_INSIDE, "https://shop.local/");
	passed &= host(FPGO_HOST_INSIDE, "https://shop.Internal/");
	passed &= host(FPGO_HOST_INSIDE, "https://shop.test");
	passed &= host(FPGO_HOST_INSIDE, "https://127.0.0.1/");
	passed &= host(FPGO_HOST_INSIDE, "https://10.1.2.3:80/");
	passed &= host(FPGO_HOST_INSIDE, "https://172.16.0.1/");
	passed &= host(FPGO_HOST_INSIDE, "https://192.168.1.1/");
	passed &= host(FPGO_HOST_INSIDE, "https://169.254.169.254/");
	passed &= host(FPGO_HOST_INSIDE, "https://0.0.0.0/");
	passed &= host(FPGO_HOST_INSIDE, "https://[::1]/");
	passed &= host(FPGO_HOST_INSIDE, "https://[FE80::1]/");
	passed &= host(FPGO_HOST_INSIDE, "https://[fd12::1]/");
	ok(passed, "URLs of this machine and of private networks");

	passed = true;
	passed &= host(FPGO_HOST_USER, "https://user@shop.example/");
	passed &= host(FPGO_HOST_USER, "https://user:pw@shop.example/");
	passed &= host(FPGO_HOST_PORT, "https://shop.example:0/");
	passed &= host(FPGO_HOST_PORT, "https://shop.example:65536/");
	passed &= host(FPGO_HOST_PORT, "https://shop.example:99999999999/");
	passed &= host(FPGO_HOST_PORT, "https://[2001:db8::1]:0/");
	passed &= host(FPGO_HOST_NUMBERS, "https://256.256.256.256/");
	passed &= host(FPGO_HOST_NUMBERS, "https://1.2.3.999999999999999999999/");
	ok(passed, "URLs that cannot be meant");
}

static bool
unprintable(FpgoUnprintable expected, const char *text)
{
	FpgoUnprintable found = fpgo_find_unprintable(span(text));

	return expect(found == expected, "expected %d, found %d", expected, found);
}

static void
test_characters(void)
{
	bool		passed = true;

	passed &= unprintable(FPGO_PRINTABLE, "");
	passed &= unprintable(FPGO_PRINTABLE, "Kj\xC3\xB8p\t\xF0\x9F\x98\x80");
	passed &= unprintable(FPGO_PRINTABLE, "\xEF\xBF\xBD");	/* U+FFFD */
	passed &= unprintable(FPGO_PRINTABLE, "\xE2\x80\x8D");	/* U+200D */
	passed &= unprintable(FPGO_LINE_BREAK, "a\nb");
	passed &= unprintable(FPGO_LINE_BREAK, "a\rb");
	passed &= unprintable(FPGO_LINE_BREAK, "\xC2\x85");	/* U+0085 */
	passed &= unprintable(FPGO_LINE_BREAK, "\xE2\x80\xA8");	/* U+2028 */
	passed &= unprintable(FPGO_BIDI_MARK, "\xE2\x80\xAE");	/* U+202E */
	passed &= unprintable(FPGO_BIDI_MARK, "a\n\xE2\x81\xA6");	/* U+2066 */
	passed &= unprintable(FPGO_NONCHARACTER, "\xEF\xB7\x90");	/* U+FDD0 */
	passed &= unprintable(FPGO_NONCHARACTER, "\xF0\x9F\xBF\xBE");	/* U+1FFFE */
	passed &= unprintable(FPGO_NO_XML, "a\x02");
	passed &= unprintable(FPGO_NO_XML, "\x1F");
	passed &= unprintable(FPGO_NO_XML, "\xEF\xBF\xBE");	/* U+FFFE */
	passed &= unprintable(FPGO_PRINTABLE, "\xFF\xFE");	/* no UTF-8 */
	ok(passed, "characters that do no good, the worst of each text");
}

int
main(void)
{
	test_hosts();
	test_characters();
	return done_testing();
}
