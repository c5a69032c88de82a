/*
 * slow_gateway.c
 *		A gateway that takes the same time for every order, and little of the
 *		machine.
 *
 * usage: slow_gateway MILLISECONDS
 *
 * Listens on a free port of 127.0.0.1, prints its address, and ends with its
 * standard input.  Each connection has one request at a time.  All wait equally
 * long: so the answers go out in the order in which the requests came.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define MAX_REQUEST 65536

static char request[MAX_CONNECTIONS][MAX_REQUEST];	/* by descriptor */
static int	request_len[MAX_CONNECTIONS];

/* requests that wait for their answer, as a ring */
static struct
{
	int			fd;
	long		due;
}			waiting[MAX_CONNECTIONS];
static int	n_waited = 0;		/* in all */
static int	n_answered = 0;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* microseconds */
static long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *) &address, len) != 0 ||
		listen(fd, 1024) != 0 ||
		getsockname(fd, (struct sockaddr *) &address, &len) != 0)
		die("listen");
	printf("http://127.0.0.1:%d/api/v1\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static int
is_whole(const char *text, int len)
{
	const char *body = memmem(text, len, "\r\n\r\n", 4);
	const char *length = memmem(text, len, "Content-Length:", 15);

	return body != NULL && length != NULL &&
		text + len - (body + 4) >= atol(length + 15);
}

/* Read what there is; a whole request waits from now on. */
static void
take(int fd, long delay)
{
	int			n = read(fd, request[fd] + request_len[fd],
						 MAX_REQUEST - 1 - request_len[fd]);

	if (n <= 0)
	{
		close(fd);
		return;
	}
	request_len[fd] += n;
	request[fd][request_len[fd]] = '\0';
	if (!is_whole(request[fd], request_len[fd]))
		return;
	request_len[fd] = 0;
	waiting[n_waited % MAX_CONNECTIONS].fd = fd;
	waiting[n_waited++ % MAX_CONNECTIONS].due = now() + delay;
}

static void
answer(int fd)
{
	char		body[1024];
	char		text[2048];
	int			len;

	snprintf(body, sizeof(body),
			 "{\"status_code\":201,\"status_message\":\"OK\",\"message\":\"orderCreatedSuccessfully\","
			 "\"is_data\":true,\"data\":{\"orderUuid\":\"ODR%d\",\"customerUuid\":\"CSRT3419523642\","
			 "\"bankIdUrl\":\"https:\\/\\/auth.current.bankid.no\\/precheck\\/auth?state=eyJvcmRlclV1aWQiOiJPRFI0Mjg2MjQ0OTM3IiwiY29ubmVjdCI6InllcyJ9\"}}",
			 1000000 + n_answered);
	len = snprintf(text, sizeof(text),
				   "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				   strlen(body), body);
	if (write(fd, text, len) != len)
		close(fd);
}

/* Answer what is due; milliseconds until the next is, -1 if none waits. */
static int
answer_due(void)
{
	for (; n_answered < n_waited; n_answered++)
	{
		long		left = waiting[n_answered % MAX_CONNECTIONS].due - now();

		if (left > 0)
			return left / 1000 + 1;
		answer(waiting[n_answered % MAX_CONNECTIONS].fd);
	}
	return -1;
}

static void
watch(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN,.data.fd = fd};

	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

int
main(int argc, char **argv)
{
	long		delay = argc == 2 ? atol(argv[1]) * 1000 : -1;
	int			door = listen_somewhere();
	int			set = epoll_create1(0);
	int			on = 1;

	if (delay < 0)
		die("usage: slow_gateway MILLISECONDS");
	watch(set, door);
	watch(set, STDIN_FILENO);
	for (;;)
	{
		struct epoll_event events[256];
		int			n = epoll_wait(set, events, 256, answer_due());

		for (int i = 0; i < n; i++)
		{
			int			fd = events[i].data.fd;

			if (fd == STDIN_FILENO)
				return 0;
			if (fd != door)
				take(fd, delay);
			else if ((fd = accept(door, NULL, NULL)) >= 0)
			{
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
				if (fd >= MAX_CONNECTIONS)
					die("too many connections");
				request_len[fd] = 0;
				watch(set, fd);
			}
		}
	}
}
