/*
 * faults.c
 *		Memory that runs out when it is told to.
 *
 * The functions below take the place of the C library's in all of the process,
 * since a program's own come first; they are passed on to whoever comes next,
 * which may be a sanitizer or valgrind.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/faults.h"

static bool is_armed = false;
static FaultKind armed_kind;
static long failing_call;		/* counted from 1 */
static bool fails_for_ever;
static long n_failed;
static long n_calls[FAULT_LIBRARY + 1];
static long n_blocks = 0;

bool		parsing_failed = false;

static void *(*next_malloc) (size_t);
static void *(*next_calloc) (size_t, size_t);
static void *(*next_realloc) (void *, size_t);
static int	(*next_posix_memalign) (void **, size_t, size_t);
static void *(*next_aligned_alloc) (size_t, size_t);
static void *(*next_memalign) (size_t, size_t);
static void (*next_free) (void *);

/* what dlsym() asks for while it is itself being asked */
static char first_memory[4096];
static size_t first_used = 0;

static bool
is_first(const void *block)
{
	const char *byte = block;

	return byte >= first_memory && byte < first_memory + sizeof(first_memory);
}

static void *
allocate_first(size_t size)
{
	void	   *block = first_memory + first_used;

	first_used += (size + 15) / 16 * 16;
	if (first_used > sizeof(first_memory))
		abort();
	return block;
}

/* False while that is under way. */
static bool
has_next(void)
{
	static bool is_looking = false;

	if (next_free != NULL)
		return true;
	if (is_looking)
		return false;
	is_looking = true;
	next_malloc = dlsym(RTLD_NEXT, "malloc");
	next_calloc = dlsym(RTLD_NEXT, "calloc");
	next_realloc = dlsym(RTLD_NEXT, "realloc");
	next_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
	next_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
	next_memalign = dlsym(RTLD_NEXT, "memalign");
	next_free = dlsym(RTLD_NEXT, "free");
	return true;
}

static void *
count_block(void *block)
{
	if (block != NULL)
		__atomic_fetch_add(&n_blocks, 1, __ATOMIC_RELAXED);
	return block;
}

/* True: the caller says that there is no memory. */
static bool
memory_is_out(void)
{
	if (!fault_strikes(FAULT_MEMORY))
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	if (!has_next())
		return allocate_first(size);
	return memory_is_out() ? NULL : count_block(next_malloc(size));
}

void *
calloc(size_t n, size_t size)
{
	if (!has_next())
		return allocate_first(n * size);
	return memory_is_out() ? NULL : count_block(next_calloc(n, size));
}

void *
realloc(void *block, size_t size)
{
	if (!has_next())
		abort();
	if (memory_is_out())
		return NULL;
	if (block == NULL)
		return count_block(next_realloc(block, size));
	if (is_first(block))
		abort();
	if (size == 0)
		__atomic_fetch_sub(&n_blocks, 1, __ATOMIC_RELAXED);
	return next_realloc(block, size);
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
	int			fault;

	if (!has_next())
		abort();
	if (memory_is_out())
		return ENOMEM;
	fault = next_posix_memalign(block, alignment, size);
	if (fault == 0)
		count_block(*block);
	return fault;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	if (!has_next())
		abort();
	return memory_is_out() ? NULL :
		count_block(next_aligned_alloc(alignment, size));
}

void *
memalign(size_t alignment, size_t size)
{
	if (!has_next())
		abort();
	return memory_is_out() ? NULL :
		count_block(next_memalign(alignment, size));
}

void
free(void *block)
{
	if (block == NULL || is_first(block) || !has_next())
		return;
	__atomic_fetch_sub(&n_blocks, 1, __ATOMIC_RELAXED);
	next_free(block);
}

void
arm_fault(FaultKind kind, long n, bool for_ever)
{
	armed_kind = kind;
	failing_call = n;
	fails_for_ever = for_ever;
	n_failed = 0;
	parsing_failed = false;
	memset(n_calls, 0, sizeof(n_calls));
	is_armed = true;
}

long
disarm_fault(void)
{
	is_armed = false;
	return n_failed;
}

/* Functions that may have called one another between a crash and OpenSSL. */
#define MAX_FRAMES 64

/* The file that this code is of, and where it was loaded. */
static Dl_info
find_file(const void *code)
{
	Dl_info		info;

	if (dladdr(code, &info) == 0 || info.dli_fname == NULL)
		memset(&info, 0, sizeof(info));
	return info;
}

/*
 * OpenSSL calls the C library, or the functions above in its place, and nothing
 * else of this program.  So whoever called those last is who crashed.
 */
static bool
is_openssl_crash(void *const *frames, int n)
{
	const void *program = find_file((const void *) fault_strikes).dli_fbase;

	for (int i = 0; i < n; i++)
	{
		Dl_info		info = find_file(frames[i]);

		if (info.dli_fbase == program ||
			(info.dli_fname && strstr(info.dli_fname, "/libc.so")))
			continue;
		return info.dli_fname && (strstr(info.dli_fname, "/libcrypto.so") ||
								  strstr(info.dli_fname, "/libssl.so"));
	}
	return false;
}

static void
on_crash(int signal_number)
{
	void	   *frames[MAX_FRAMES];

	is_armed = false;
	signal(signal_number, SIG_DFL);
	if (n_failed > 0 &&
		is_openssl_crash(frames, backtrace(frames, MAX_FRAMES)))
		_exit(OPENSSL_GAVE_UP);
	raise(signal_number);
}

void
tell_openssl_crashes(void)
{
	/* of its own, since the usual one may be what has run out */
	static char handlers_stack[65536];
	stack_t		stack = {.ss_sp = handlers_stack, .ss_size = sizeof(handlers_stack)};
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
	void	   *frames[1];

	/* the first call takes memory */
	backtrace(frames, 1);
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGABRT, &action, NULL);
}

long
count_failures(void)
{
	return n_failed;
}

long
count_blocks(void)
{
	return n_blocks;
}

bool
fault_strikes(FaultKind kind)
{
	if (!is_armed)
		return false;
	n_calls[kind]++;
	if (kind != armed_kind ||
		(fails_for_ever ? n_calls[kind] < failing_call :
		 n_calls[kind] != failing_call))
		return false;
	n_failed++;
	return true;
}
