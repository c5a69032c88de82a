/*
 * http_peer.c
 *		Is an address public, this machine's, or of an internal network?
 *
 * Without this check a role that may name a gateway could make the database
 * server talk to machines behind its firewall, or to its cloud's metadata
 * service.  The numeric address is checked just before the connection: a name
 * can resolve to any address, and to another one the next time.
 *
 * The blocks are those of IANA's registries of special-purpose addresses
 * (RFC 6890).  A few addresses within them are public all the same (anycast
 * of some protocols); no gateway has one, so they count as the block they are
 * in.  Of IPv6 only what is meant for global unicast is public, 2000::/3
 * (RFC 4291, section 2.4), but for the blocks below; an address that holds an
 * IPv4 address is public if that is.
 *
 * No allocation, no state, nothing of PostgreSQL or libcurl.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "gateway/http_peer.h"

typedef struct Block
{
	unsigned char prefix[16];	/* the rest of it is zero */
	int			n_bits;			/* that an address has in common with it */
	FpgoPeer	peer;
	int			ipv4_at;		/* where it holds an IPv4 address; 0: nowhere */
} Block;

#define PUBLIC FPGO_PEER_PUBLIC
#define LOOPBACK FPGO_PEER_LOOPBACK
#define INTERNAL FPGO_PEER_INTERNAL

/* In both lists the first block that an address is within counts. */
/* clang-format off */
static const Block ipv4_blocks[] = {
	{{0}, 8, INTERNAL, 0},					/* this network: RFC 1122 */
	{{10}, 8, INTERNAL, 0},					/* private: RFC 1918 */
	{{100, 64}, 10, INTERNAL, 0},			/* carrier-grade NAT: RFC 6598 */
	{{127}, 8, LOOPBACK, 0},				/* RFC 1122 */
	{{169, 254}, 16, INTERNAL, 0},			/* link-local: RFC 3927 */
	{{172, 16}, 12, INTERNAL, 0},			/* private: RFC 1918 */
	{{192, 0, 0}, 24, INTERNAL, 0},			/* protocol assignments: RFC 6890 */
	{{192, 0, 2}, 24, INTERNAL, 0},			/* documentation: RFC 5737 */
	{{192, 88, 99}, 24, INTERNAL, 0},		/* 6to4 relays that were: RFC 7526 */
	{{192, 168}, 16, INTERNAL, 0},			/* private: RFC 1918 */
	{{198, 18}, 15, INTERNAL, 0},			/* benchmarks: RFC 2544 */
	{{198, 51, 100}, 24, INTERNAL, 0},		/* documentation: RFC 5737 */
	{{203, 0, 113}, 24, INTERNAL, 0},		/* documentation: RFC 5737 */
	{{224}, 4, INTERNAL, 0},				/* multicast: RFC 5771 */
	{{240}, 4, INTERNAL, 0},				/* reserved, broadcast: RFC 1112, 919 */
	{{0}, 0, PUBLIC, 0},
};

static const Block ipv6_blocks[] = {
	{{[15] = 1}, 128, LOOPBACK, 0},			/* RFC 4291 */
	{{[10] = 0xff, 0xff}, 96, INTERNAL, 12},	/* IPv4-mapped: RFC 4291 */
	{{0, 0x64, 0xff, 0x9b}, 96, INTERNAL, 12},	/* NAT64: RFC 6052 */
	/* protocol assignments, Teredo, ORCHID: RFC 2928, 4380, 7343 */
	{{0x20, 0x01}, 23, INTERNAL, 0},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, INTERNAL, 0},	/* documentation: RFC 3849 */
	{{0x20, 0x02}, 16, INTERNAL, 2},		/* 6to4: RFC 3056 */
	{{0x3f, 0xff}, 20, INTERNAL, 0},		/* documentation: RFC 9637 */
	{{0x20}, 3, PUBLIC, 0},					/* global unicast: RFC 4291 */
	/*
	 * unspecified, IPv4-compatible, link-local fe80::/10, site-local
	 * fec0::/10, multicast ff00::/8: RFC 4291; unique local fc00::/7: RFC
	 * 4193; discarded 100::/64: RFC 6666; a site's own NAT64: RFC 8215
	 */
	{{0}, 0, INTERNAL, 0},
};
/* clang-format on */

static bool
is_within(const unsigned char *address, const Block *block)
{
	int			n_bytes = block->n_bits / 8;
	int			n_bits = block->n_bits % 8;
	unsigned char mask = (unsigned char) (0xff00 >> n_bits);

	if (memcmp(address, block->prefix, n_bytes) != 0)
		return false;
	return n_bits == 0 || (address[n_bytes] & mask) == block->prefix[n_bytes];
}

/* The blocks end with one that every address is within. */
static const Block *
find_block(const unsigned char *address, const Block *block)
{
	while (!is_within(address, block))
		block++;
	return block;
}

FpgoPeer
fpgo_peer_of_ipv4(const unsigned char *address)
{
	return find_block(address, ipv4_blocks)->peer;
}

FpgoPeer
fpgo_peer_of_ipv6(const unsigned char *address)
{
	const Block *block = find_block(address, ipv6_blocks);

	if (block->ipv4_at != 0 &&
		fpgo_peer_of_ipv4(address + block->ipv4_at) == PUBLIC)
		return PUBLIC;
	return block->peer;
}

FpgoPeer
fpgo_peer_of_socket(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
	{
		const struct sockaddr_in *v4 = (const struct sockaddr_in *) address;

		return fpgo_peer_of_ipv4((const unsigned char *) &v4->sin_addr);
	}
	if (address->sa_family == AF_INET6)
	{
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;

		return fpgo_peer_of_ipv6(v6->sin6_addr.s6_addr);
	}
	return INTERNAL;
}

FpgoPeer
fpgo_peer_of_text(const char *address)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, address, bytes) == 1)
		return fpgo_peer_of_ipv4(bytes);
	if (inet_pton(AF_INET6, address, bytes) == 1)
		return fpgo_peer_of_ipv6(bytes);
	return INTERNAL;
}
