/*
 * http_peer.h
 *		Is an address public, this machine's, or of an internal network?
 *
 * Pure: no postgres.h, no libcurl; callbacks of libcurl may call it.
 */
#ifndef FPGO_HTTP_PEER_H
#define FPGO_HTTP_PEER_H

#include <sys/socket.h>

typedef enum FpgoPeer
{
	FPGO_PEER_PUBLIC,			/* a unicast address of the public internet */
	FPGO_PEER_LOOPBACK,			/* this machine */
	FPGO_PEER_INTERNAL			/* all else: private, link-local, reserved */
} FpgoPeer;

/* Of four and of sixteen bytes in network order. */
extern FpgoPeer fpgo_peer_of_ipv4(const unsigned char *address);
extern FpgoPeer fpgo_peer_of_ipv6(const unsigned char *address);

/* Of a socket's peer; whatever is neither IPv4 nor IPv6 is internal. */
extern FpgoPeer fpgo_peer_of_socket(const struct sockaddr *address);

/* Of a numeric address in its usual spelling; anything else is internal. */
extern FpgoPeer fpgo_peer_of_text(const char *address);

#endif							/* FPGO_HTTP_PEER_H */
