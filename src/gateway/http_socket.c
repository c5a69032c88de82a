/*
 * http_socket.c
 *		The sockets of libcurl's connections.
 *
 * libcurl tells of the connection that it is about to use only the addresses.
 * Its descriptors are noted here, so that the one with these addresses can be
 * found.  Notes are never removed, since 7.88 does not tell of each socket that
 * it closes: the addresses decide, and no other socket of this machine has the
 * same ones.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#ifdef HAVE_SYS_EPOLL_H
#include <sys/epoll.h>
#endif
#include <unistd.h>

#include "storage/fd.h"

#include "gateway/http_socket.h"

/* larger descriptors are not noted; a process of PostgreSQL rarely has them */
#define MAX_NOTED 4096

static bool is_noted[MAX_NOTED];
static curl_socket_t largest_noted = -1;

/* ---------- the watch ---------- */

static int	watch = -1;			/* of epoll; -1 unless asked for */

#ifdef HAVE_SYS_EPOLL_H

int
fpgo_http_socket_watch(void)
{
	if (watch >= 0)
		return watch;
	watch = epoll_create1(EPOLL_CLOEXEC);
	if (watch >= 0)
		ReserveExternalFD();
	return watch;
}

/*
 * Each event is told once, so none need be taken off once libcurl has what it
 * waited for.  A socket that is closed is off the watch.  One that cannot be put
 * on is heard of at the end of a wait.
 */
static void
put_on_watch(curl_socket_t fd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
	};

	if (watch >= 0)
		(void) epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event);
}

void
fpgo_http_socket_empty_watch(void)
{
	struct epoll_event events[64];

	while (epoll_wait(watch, events, lengthof(events), 0) == lengthof(events))
		;
}

#else

int
fpgo_http_socket_watch(void)
{
	return watch;
}

static void
put_on_watch(curl_socket_t fd)
{
}

void
fpgo_http_socket_empty_watch(void)
{
}

#endif

/* ---------- the sockets ---------- */

curl_socket_t
fpgo_http_socket_open(const struct curl_sockaddr *address)
{
	curl_socket_t fd = socket(address->family,
							  address->socktype | SOCK_CLOEXEC,
							  address->protocol);

	if (fd >= 0 && fd < MAX_NOTED)
	{
		is_noted[fd] = true;
		largest_noted = Max(largest_noted, fd);
	}
	if (fd >= 0)
		put_on_watch(fd);
	return fd;
}

/* The address as libcurl writes it, and the port; false if there is none. */
static bool
name_address(const struct sockaddr_storage *address, char *text, size_t size,
			 int *port)
{
	const void *bytes;

	if (address->ss_family == AF_INET)
	{
		const struct sockaddr_in *v4 = (const struct sockaddr_in *) address;

		bytes = &v4->sin_addr;
		*port = ntohs(v4->sin_port);
	}
	else if (address->ss_family == AF_INET6)
	{
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;

		bytes = &v6->sin6_addr;
		*port = ntohs(v6->sin6_port);
	}
	else
		return false;
	return inet_ntop(address->ss_family, bytes, text, size) != NULL;
}

/*
 * Does the socket have these addresses?  A peer that has ended the connection
 * by a reset is no peer any more: only the own port is left then.
 */
static bool
is_connection(curl_socket_t fd, const char *peer_address, int peer_port,
			  int own_port)
{
	struct sockaddr_storage address;
	socklen_t	len = sizeof(address);
	char		text[INET6_ADDRSTRLEN];
	int			port;

	if (getsockname(fd, (struct sockaddr *) &address, &len) != 0 ||
		!name_address(&address, text, sizeof(text), &port) ||
		port != own_port)
		return false;
	len = sizeof(address);
	if (getpeername(fd, (struct sockaddr *) &address, &len) != 0)
		return errno == ENOTCONN;
	return name_address(&address, text, sizeof(text), &port) &&
		port == peer_port && strcmp(text, peer_address) == 0;
}

/* Has an earlier request used the connection? */
static bool
is_kept(CURL *handle)
{
	long		n_connects;

	return curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS,
							 &n_connects) == CURLE_OK && n_connects == 0;
}

bool
fpgo_http_socket_is_dead(CURL *handle, const char *peer_address,
						 int peer_port, int own_port)
{
	char		byte;

	/* on a new one, TLS may have sent a ticket */
	if (!is_kept(handle))
		return false;

	for (curl_socket_t fd = 0; fd <= largest_noted; fd++)
	{
		/* 0: closed; a byte: TLS says so, or nobody knows whose it is */
		if (is_noted[fd] &&
			is_connection(fd, peer_address, peer_port, own_port) &&
			(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
			 (errno != EAGAIN && errno != EWOULDBLOCK)))
			return true;
	}
	return false;
}
