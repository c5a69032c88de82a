/*
 * loopback.c
 *		A gateway of a few lines, in a process of its own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/loopback.h"

#define MAX_CONNECTIONS 64
#define MAX_REQUEST 65536

typedef struct Connection
{
	size_t		n;				/* bytes of the request so far */
	char		request[MAX_REQUEST];
} Connection;

static bool
is_whole(const Connection *connection)
{
	const char *body = strstr(connection->request, "\r\n\r\n");
	const char *length = strstr(connection->request, "Content-Length: ");

	return body && connection->n - (body + 4 - connection->request) >=
		(length ? strtoul(length + 16, NULL, 10) : 0);
}

/* Read what has come, and answer if that is a whole request; false: close. */
static bool
serve_connection(Loopback *loopback, int client, Connection *connection)
{
	ssize_t		got = recv(client, connection->request + connection->n,
						   MAX_REQUEST - 1 - connection->n, 0);

	if (got <= 0)
		return false;
	if (connection->n == 0)
		loopback->n_begun++;
	connection->n += got;
	connection->request[connection->n] = '\0';
	if (!is_whole(connection))
		return true;
	connection->n = 0;
	loopback->n_received++;
	return loopback->answer[0] != '\0' &&
		send(client, loopback->answer, loopback->answer_len > 0 ?
			 (size_t) loopback->answer_len : strlen(loopback->answer),
			 MSG_NOSIGNAL) > 0 && !loopback->closes;
}

/* polls[0] is the listener; connections are numbered alike. */
static void
serve(Loopback *loopback, int listener)
{
	static Connection connections[MAX_CONNECTIONS];
	struct pollfd polls[MAX_CONNECTIONS] = {{listener, POLLIN, 0}};

	for (int i = 1; i < MAX_CONNECTIONS; i++)
		polls[i].fd = -1;
	while (poll(polls, MAX_CONNECTIONS, -1) > 0)
	{
		for (int i = 1; i < MAX_CONNECTIONS; i++)
		{
			if (polls[i].fd >= 0 && polls[i].revents != 0 &&
				!serve_connection(loopback, polls[i].fd, &connections[i]))
			{
				close(polls[i].fd);
				polls[i].fd = -1;
			}
		}
		for (int i = 1; i < MAX_CONNECTIONS && polls[0].revents != 0; i++)
		{
			if (polls[i].fd >= 0)
				continue;
			polls[i] = (struct pollfd){accept(listener, NULL, NULL), POLLIN, 0};
			connections[i].n = 0;
			break;
		}
	}
}

Loopback *
start_loopback(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t		parent = getpid();
	Loopback   *loopback = mmap(NULL, sizeof(Loopback),
								PROT_READ | PROT_WRITE,
								MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (loopback == MAP_FAILED ||
		bind(listener, (struct sockaddr *) &address, len) != 0 ||
		listen(listener, MAX_CONNECTIONS) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &len) != 0)
		abort();
	loopback->port = ntohs(address.sin_port);

	switch (fork())
	{
		case -1:
			abort();
		case 0:
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				serve(loopback, listener);
			_exit(1);
	}
	close(listener);
	return loopback;
}
