/*
 * told_statx.c
 *		What statx() tells of a data directory, for LD_PRELOAD.
 *
 * TOLD_STATX in the environment is "refused": statx() fails, as in a container
 * whose filter does not know it.  Or it is "INODE SECONDS NANOSECONDS": global/pg_control
 * has this inode and birth time, as in a block-level clone of another directory.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char ending[] = "global/pg_control";

int
statx(int directory, const char *restrict path, int flags, unsigned int mask,
	  struct statx *restrict told)
{
	static int	(*next) (int, const char *restrict, int, unsigned int,
						 struct statx *restrict);
	const char *wish = getenv("TOLD_STATX");
	size_t		length = strlen(path);
	unsigned long long inode;
	long long	seconds;
	unsigned int nanoseconds;
	int			status;

	if (next == NULL)
		next = (int (*) (int, const char *restrict, int, unsigned int,
						 struct statx *restrict)) dlsym(RTLD_NEXT, "statx");
	if (wish != NULL && strcmp(wish, "refused") == 0)
	{
		errno = ENOSYS;
		return -1;
	}
	status = next(directory, path, flags, mask, told);
	if (status == 0 && wish != NULL && length >= sizeof(ending) - 1 &&
		strcmp(path + length - (sizeof(ending) - 1), ending) == 0 &&
		sscanf(wish, "%llu %lld %u", &inode, &seconds, &nanoseconds) == 3)
	{
		told->stx_ino = inode;
		told->stx_btime.tv_sec = seconds;
		told->stx_btime.tv_nsec = nanoseconds;
		told->stx_mask |= STATX_INO | STATX_BTIME;
	}
	return status;
}
