/*
 * test_http_peer.c
 *		Each block of addresses by its edges, inside and outside.
 *
 * The blocks are written out by hand, as their RFCs have them, and once more
 * in the list that is tested: a line that is lost or mistyped there is seen.
 */
#include "gateway/http_peer.c"

#include <stdio.h>

#include "lib/tap.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The addresses before, at both ends of, and behind a block, and what they are. */
static const struct
{
	const char *before;
	FpgoPeer	peer_before;
	const char *first;
	const char *last;
	FpgoPeer	peer;
	const char *behind;
	FpgoPeer	peer_behind;
}			blocks[] = {
	{NULL, 0, "0.0.0.0", "0.255.255.255", INTERNAL, "1.0.0.0", PUBLIC},
	{"9.255.255.255", PUBLIC, "10.0.0.0", "10.255.255.255", INTERNAL, "11.0.0.0", PUBLIC},
	{"100.63.255.255", PUBLIC, "100.64.0.0", "100.127.255.255", INTERNAL, "100.128.0.0", PUBLIC},
	{"126.255.255.255", PUBLIC, "127.0.0.0", "127.255.255.255", LOOPBACK, "128.0.0.0", PUBLIC},
	{"169.253.255.255", PUBLIC, "169.254.0.0", "169.254.255.255", INTERNAL, "169.255.0.0", PUBLIC},
	{"172.15.255.255", PUBLIC, "172.16.0.0", "172.31.255.255", INTERNAL, "172.32.0.0", PUBLIC},
	{"191.255.255.255", PUBLIC, "192.0.0.0", "192.0.0.255", INTERNAL, "192.0.1.0", PUBLIC},
	{"192.0.1.255", PUBLIC, "192.0.2.0", "192.0.2.255", INTERNAL, "192.0.3.0", PUBLIC},
	{"192.88.98.255", PUBLIC, "192.88.99.0", "192.88.99.255", INTERNAL, "192.88.100.0", PUBLIC},
	{"192.167.255.255", PUBLIC, "192.168.0.0", "192.168.255.255", INTERNAL, "192.169.0.0", PUBLIC},
	{"198.17.255.255", PUBLIC, "198.18.0.0", "198.19.255.255", INTERNAL, "198.20.0.0", PUBLIC},
	{"198.51.99.255", PUBLIC, "198.51.100.0", "198.51.100.255", INTERNAL, "198.51.101.0", PUBLIC},
	{"203.0.112.255", PUBLIC, "203.0.113.0", "203.0.113.255", INTERNAL, "203.0.114.0", PUBLIC},
	{"223.255.255.255", PUBLIC, "224.0.0.0", "239.255.255.255", INTERNAL, "240.0.0.0", INTERNAL},
	{"239.255.255.255", INTERNAL, "240.0.0.0", "255.255.255.255", INTERNAL, NULL, 0},
	{NULL, 0, "::", "::", INTERNAL, "::1", LOOPBACK},
	{"::", INTERNAL, "::1", "::1", LOOPBACK, "::2", INTERNAL},
	{"::fffe:ffff:ffff", INTERNAL, "::ffff:10.0.0.0", "::ffff:10.255.255.255", INTERNAL, "::ffff:11.0.0.0", PUBLIC},
	{"::ffff:126.255.255.255", PUBLIC, "::ffff:127.0.0.0", "::ffff:127.255.255.255", INTERNAL, "::ffff:128.0.0.0", PUBLIC},
	{"::ffff:169.253.255.255", PUBLIC, "::ffff:169.254.0.0", "::ffff:169.254.255.255", INTERNAL, "::ffff:169.255.0.0", PUBLIC},
	{"::ffff:223.255.255.255", PUBLIC, "::ffff:224.0.0.0", "::ffff:255.255.255.255", INTERNAL, "::1:0:0:0", INTERNAL},
	{"64:ff9b::9.255.255.255", PUBLIC, "64:ff9b::10.0.0.0", "64:ff9b::10.255.255.255", INTERNAL, "64:ff9b::11.0.0.0", PUBLIC},
	{"64:ff9b::126.255.255.255", PUBLIC, "64:ff9b::127.0.0.0", "64:ff9b::127.255.255.255", INTERNAL, "64:ff9b::128.0.0.0", PUBLIC},
	{"64:ff9b::223.255.255.255", PUBLIC, "64:ff9b::1:0:0", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", INTERNAL, "64:ff9b:2::", INTERNAL},
	{"ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "100::", "100::ffff:ffff:ffff:ffff", INTERNAL, "100:0:0:1::", INTERNAL},
	{NULL, 0, "200::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2000::", PUBLIC},
	{"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC, "2001::", INTERNAL},
	{"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC, "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2001:200::", PUBLIC},
	{"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2001:db9::", PUBLIC},
	{"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC, "2002::", "2002:ff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2002:100::", PUBLIC},
	{"2002:9ff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC, "2002:a00::", "2002:aff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2002:b00::", PUBLIC},
	{"2002:7eff:ffff::", PUBLIC, "2002:7f00::", "2002:7fff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2002:8000::", PUBLIC},
	{"2002:a9fd:ffff::", PUBLIC, "2002:a9fe::", "2002:a9fe:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2002:a9ff::", PUBLIC},
	{"2002:dfff:ffff::", PUBLIC, "2002:e000::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "2003::", PUBLIC},
	{"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "3fff:1000::", PUBLIC},
	{"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC, "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, NULL, 0},
	{"fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "fe00::", INTERNAL},
	{"fe7f::", INTERNAL, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", INTERNAL, "fec0::", INTERNAL},
	{"feff::", INTERNAL, "ff00::", "ffff::", INTERNAL, NULL, 0},
	/* IPv4-compatible, whatever it holds */
	{NULL, 0, "::8.8.8.8", "::255.255.255.255", INTERNAL, "::1:0:0", INTERNAL},
};

static const char *const places[] = {
	[PUBLIC] = "public", [LOOPBACK] = "loopback", [INTERNAL] = "internal"
};

static void
check_address(const char *address, FpgoPeer peer)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr *name = (const struct sockaddr *) &v4;

	if (address == NULL)
		return;
	if (inet_pton(AF_INET, address, &v4.sin_addr) != 1)
	{
		name = (const struct sockaddr *) &v6;
		if (inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
			peer = -1;			/* the test's own mistake */
	}
	ok(fpgo_peer_of_text(address) == peer &&
	   fpgo_peer_of_socket(name) == peer, "%s is %s", address, places[peer]);
}

static void
test_blocks(void)
{
	for (size_t i = 0; i < LENGTH_OF(blocks); i++)
	{
		check_address(blocks[i].before, blocks[i].peer_before);
		check_address(blocks[i].first, blocks[i].peer);
		check_address(blocks[i].last, blocks[i].peer);
		check_address(blocks[i].behind, blocks[i].peer_behind);
	}
}

/* Some that are in the news, and some that gateways have. */
static void
test_examples(void)
{
	check_address("169.254.169.254", INTERNAL);
	check_address("fd00:ec2::254", INTERNAL);
	check_address("100.100.100.200", INTERNAL);
	check_address("192.0.0.192", INTERNAL);
	check_address("::ffff:169.254.169.254", INTERNAL);
	check_address("64:ff9b::a9fe:a9fe", INTERNAL);
	check_address("::ffff:0:10.0.0.1", INTERNAL);
	check_address("8.8.8.8", PUBLIC);
	check_address("::ffff:8.8.8.8", PUBLIC);
	check_address("64:ff9b::808:808", PUBLIC);
	check_address("2a00:1450:400f::1", PUBLIC);
}

static void
test_oddities(void)
{
	static const char *const no_addresses[] = {"", "localhost", "127.1",
		"0x7f.0.0.1", "2130706433", "8.8.8.8 ", "8.8.8.8:80", "[::1]",
	"2000::1%1"};
	struct sockaddr unix_socket = {.sa_family = AF_UNIX};

	for (size_t i = 0; i < LENGTH_OF(no_addresses); i++)
		ok(fpgo_peer_of_text(no_addresses[i]) == INTERNAL,
		   "\"%s\" is not public", no_addresses[i]);
	ok(fpgo_peer_of_socket(&unix_socket) == INTERNAL,
	   "a socket of another family is not public");
}

/*
 * Each block of the lists begins and ends where it says: flipping the last of
 * its bits leaves it, flipping the bit after that does not.
 */
static bool
check_list(const Block *block, int n_bits)
{
	bool		passed = true;

	for (; block->n_bits > 0; block++)
	{
		for (int bit = 0; bit < n_bits; bit++)
		{
			unsigned char address[16];

			memcpy(address, block->prefix, sizeof(address));
			address[bit / 8] ^= 0x80 >> (bit % 8);
			passed = expect(is_within(address, block) == (bit >= block->n_bits),
							"bit %d of a block of %d", bit, block->n_bits) &&
				passed;
		}
	}
	return passed;
}

int
main(void)
{
	test_blocks();
	test_examples();
	test_oddities();
	ok(check_list(ipv4_blocks, 32), "blocks of IPv4 have their sizes");
	ok(check_list(ipv6_blocks, 128), "blocks of IPv6 have their sizes");
	return done_testing();
}
