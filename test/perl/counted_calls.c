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
 *
 * With "for_all" the writes of all processes fail from that call on, and so does
 * whatever else a file system does not do that has become read-only: flushes, and
 * opening a file of the data directory to write to it.  PostgreSQL names those
 * by paths that begin at its working directory.  Files are still deleted: a
 * server that ends leaves nothing behind that keeps the next one from starting.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
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
	int32_t		for_all;		/* 1: all processes fail then */
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

/* The error that all processes fail with by now, or 0. */
static int
error_of_all(void)
{
	if (counted == NULL || counted->pid == 0 || !counted->for_all ||
		counted->n < counted->at)
		return 0;
	return counted->error;
}

/* Count a call.  Returns the error that it is to fail with, or 0. */
static int
count(void)
{
	if (counted == NULL || counted->pid == 0)
		return 0;
	if (counted->pid != getpid())
		return error_of_all();
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
/* calls that fail with all processes alone */
#define SHARED_CALL(type, name, arguments, passed, is_write) \
type \
name arguments \
{ \
	int			error = (is_write) ? error_of_all() : 0; \
	NEXT(name); \
	return error != 0 ? fail(error) : next passed; \
}

int
fdatasync(int file)
{
	int			error;

	NEXT(fdatasync);
	(void) count();
	error = error_of_all();
	return error != 0 ? fail(error) : next(file);
}

SHARED_CALL(int, fsync, (int file), (file), 1)
SHARED_CALL(int, rename, (const char *from, const char *to), (from, to),
			from[0] != '/')
SHARED_CALL(int, ftruncate, (int file, off_t len), (file, len), 1)
SHARED_CALL(int, ftruncate64, (int file, off64_t len), (file, len), 1)

/* to be opened to write, in the data directory */
static int
is_to_write(const char *path, int flags)
{
	return path[0] != '/' && (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
}

#define OPEN_CALL(name) \
int \
name(const char *path, int flags, ...) \
{ \
	int			error = is_to_write(path, flags) ? error_of_all() : 0; \
	mode_t		mode = 0; \
	NEXT(name); \
	if ((flags & O_CREAT) != 0) \
	{ \
		va_list		more; \
		va_start(more, flags); \
		mode = va_arg(more, mode_t); \
		va_end(more); \
	} \
	return error != 0 ? fail(error) : next(path, flags, mode); \
}

OPEN_CALL(open)
OPEN_CALL(open64)

OTHER_CALL(int, connect,
			(int socket, const struct sockaddr *address, socklen_t len),
			(socket, address, len))
OTHER_CALL(ssize_t, send, (int socket, const void *data, size_t len, int flags),
			(socket, data, len, flags))
OTHER_CALL(ssize_t, recv, (int socket, void *data, size_t len, int flags),
			(socket, data, len, flags))
