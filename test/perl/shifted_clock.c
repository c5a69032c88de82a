/*
 * shifted_clock.c
 *		The time of day, shifted by as many seconds as a file says, for
 *		LD_PRELOAD.
 *
 * The file of the environment variable SHIFTED_CLOCK has an int64.  A process
 * maps the file at its start, and its children have the mapping too, so what a
 * test writes there is seen at once.  The monotonic clock stays as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor))
static void
map_file(void)
{
	const char *path = getenv("SHIFTED_CLOCK");
	int			file = path ? open(path, O_RDONLY) : -1;
	void	   *memory;

	if (file < 0)
		return;
	memory = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, file, 0);
	close(file);
	if (memory != MAP_FAILED)
		shift = memory;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	static int	(*next) (clockid_t, struct timespec *);
	int			status;

	if (next == NULL)
		next = (int (*) (clockid_t, struct timespec *))
			dlsym(RTLD_NEXT, "clock_gettime");
	status = next(clock, now);
	if (status == 0 && shift != NULL &&
		(clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += *shift;
	return status;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
		return -1;
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec precise;

	if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
		return -1;
	if (now != NULL)
		*now = precise.tv_sec;
	return precise.tv_sec;
}
