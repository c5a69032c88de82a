/*
 * silent_resolver.c
 *		A name service that never answers for one name, for LD_PRELOAD.
 *
 * SILENT_NAME is given when it is compiled.  All other names are looked up as
 * ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

typedef int (*Resolver) (const char *, const char *, const struct addrinfo *,
						 struct addrinfo **);

int
getaddrinfo(const char *name, const char *service,
			const struct addrinfo *hints, struct addrinfo **addresses)
{
	Resolver	usual = (Resolver) dlsym(RTLD_NEXT, "getaddrinfo");

	while (name != NULL && strcmp(name, SILENT_NAME) == 0)
		pause();
	return usual(name, service, hints, addresses);
}
