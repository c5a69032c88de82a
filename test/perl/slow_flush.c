/*
 * slow_flush.c
 *		A disk whose flushes all take the same time.
 *
 * Preloaded into a server, this library takes the place of fdatasync().  The call
 * flushes nothing, and returns after FLUSH_US microseconds.  Flushes of a real
 * disk, that others use as well, vary by more than what a bench is to see.
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

int
fdatasync(int file)
{
	static long us = -1;
	struct timespec pause;

	(void) file;
	if (us < 0)
	{
		const char *setting = getenv("FLUSH_US");

		us = setting ? atol(setting) : 0;
		/* the kernel may else sleep for 50 us more */
		prctl(PR_SET_TIMERSLACK, 1000UL);
	}
	pause.tv_sec = us / 1000000;
	pause.tv_nsec = us % 1000000 * 1000;
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	return 0;
}
