/*
 * one_look_up.c
 *		Before nss_wrapper: lets one thread at a time look a name up.
 *
 * libcurl 8.22 looks up both kinds of addresses at once, each in a thread.
 * nss_wrapper 1.1.16 crashes when two threads ask it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>

typedef int look_up(const char *, const char *, const struct addrinfo *,
					struct addrinfo **);

int
getaddrinfo(const char *name, const char *service,
			const struct addrinfo *wish, struct addrinfo **result)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	look_up    *next = (look_up *) dlsym(RTLD_NEXT, "getaddrinfo");
	int			status;

	pthread_mutex_lock(&one);
	status = next(name, service, wish, result);
	pthread_mutex_unlock(&one);
	return status;
}
