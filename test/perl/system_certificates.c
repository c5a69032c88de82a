/*
 * system_certificates.c
 *		Other certificates in the place of the system's, for LD_PRELOAD.
 *
 * What is opened or looked at below /etc/ssl/certs is looked for in the
 * directory that FPGO_CERTIFICATES names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PLACE "/etc/ssl/certs"

/* The path, or where it lies instead, which is written to other. */
static const char *
find(const char *path, char other[4096])
{
	const char *directory = getenv("FPGO_CERTIFICATES");
	size_t		len = strlen(PLACE);

	if (directory == NULL || path == NULL || strncmp(path, PLACE, len) != 0 ||
		(path[len] != '/' && path[len] != '\0'))
		return path;
	snprintf(other, 4096, "%s%s", directory, path + len);
	return other;
}

#define FIND_OPEN(name) \
	FILE * \
	name(const char *path, const char *mode) \
	{ \
		FILE	   *(*real) (const char *, const char *) = dlsym(RTLD_NEXT, #name); \
		char		other[4096]; \
		\
		return real(find(path, other), mode); \
	}

#define FIND_STATUS(name, type) \
	int \
	name(const char *path, struct type *status) \
	{ \
		int			(*real) (const char *, struct type *) = dlsym(RTLD_NEXT, #name); \
		char		other[4096]; \
		\
		return real(find(path, other), status); \
	}

FIND_OPEN(fopen)
FIND_OPEN(fopen64)
FIND_STATUS(stat, stat)
FIND_STATUS(stat64, stat64)
