/*
 * counted_calls.c
 *		Counts the system calls of one process that write or talk, and lets
 *		one of them end the process, or fail; for LD_PRELOAD.
 *
 * The file of the environment variable COUNTED_CALLS has a struct counted.  A
 * process maps it at its start, and its children have the mapping too.  Only
 * the process whose number is in it counts.  At call "at" that process is
 * killed before the call is made.  With "error" it lives, and from that call on
 * each of its writes to a file fails with this error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* as FpgoCalls.pm packs it */
struct counted
{
	int32_t		pid;			/* 0: nobody counts */
	int32_t		error;			/* 0: kill */
	int64_t		at;
	int64_t		n;				/* calls so far */
};

static volatile struct counted *counted;

__attribute__((constructor))
static void
map_file(void)
{
	const char *path = getenv("COUNTED_CALLS");
	int			file = path ? open(path, O_RDWR) : -1;
	void	   *memory;

	if (file < 0)
		return;
	memory = mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED,
				  file, 0);
	close(file);
	if (memory != MAP_FAILED)
		counted = memory;
}

/* Count a call.  Returns the error that it is to fail with, or 0. */
static int
count(void)
{
	if (counted == NULL || counted->pid == 0 || counted->pid != getpid())
		return 0;
	if (++counted->n < counted->at)
		return 0;
	if (counted->error == 0)
		kill(getpid(), SIGKILL);
	return counted->error;
}

#define NEXT(name) \
	static __typeof__(name) *next; \
	if (next == NULL) \
		next = (__typeof__(name) *) dlsym(RTLD_NEXT, #name)

/* what a call that failed returns: -1 and errno, or the error itself */
static int
fail(int error)
{
	errno = error;
	return -1;
}

/* calls that write to a file fail; the others only count */
#define FILE_CALL(type, name, arguments, passed, failure) \
type \
name arguments \
{ \
	int			error = count(); \
	NEXT(name); \
	return error != 0 ? (failure) : next passed; \
}
#define OTHER_CALL(type, name, arguments, passed) \
type \
name arguments \
{ \
	NEXT(name); \
	(void) count(); \
	return next passed; \
}

FILE_CALL(ssize_t, pwrite, (int file, const void *data, size_t len, off_t at),
		  (file, data, len, at), fail(error))
FILE_CALL(ssize_t, pwrite64,
		  (int file, const void *data, size_t len, off64_t at),
		  (file, data, len, at), fail(error))
FILE_CALL(ssize_t, pwritev,
		  (int file, const struct iovec *parts, int n, off_t at),
		  (file, parts, n, at), fail(error))
FILE_CALL(ssize_t, pwritev64,
		  (int file, const struct iovec *parts, int n, off64_t at),
		  (file, parts, n, at), fail(error))
FILE_CALL(int, posix_fallocate, (int file, off_t at, off_t len),
		  (file, at, len), error)
FILE_CALL(int, posix_fallocate64, (int file, off64_t at, off64_t len),
		  (file, at, len), error)
OTHER_CALL(int, fdatasync, (int file), (file))
OTHER_CALL(int, connect,
			(int socket, const struct sockaddr *address, socklen_t len),
			(socket, address, len))
OTHER_CALL(ssize_t, send, (int socket, const void *data, size_t len, int flags),
			(socket, data, len, flags))
OTHER_CALL(ssize_t, recv, (int socket, void *data, size_t len, int flags),
			(socket, data, len, flags))
