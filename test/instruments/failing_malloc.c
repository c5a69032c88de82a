/*
 * failing_malloc.c
 *		Memory that runs out in one process of a server; for
 *		test/t/215_out_of_memory.pl.
 *
 * Preloaded into a server.  The file that FPGO_FAULTS names holds four words,
 * which the test writes: the process, which of its calls for memory is to fail
 * (from 1), whether all after it fail too, and how many there were.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct Words
{
	long		pid;
	long		failing_call;
	long		fails_for_ever;
	long		n_calls;
} Words;

static volatile Words *words = NULL;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t size);

__attribute__((constructor)) static void
map_words(void)
{
	const char *name = getenv("FPGO_FAULTS");
	int			file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void	   *mapped;

	if (file < 0)
		return;
	mapped = mmap(NULL, sizeof(Words), PROT_READ | PROT_WRITE, MAP_SHARED,
				  file, 0);
	close(file);
	if (mapped != MAP_FAILED)
		words = mapped;
}

static bool
memory_is_out(void)
{
	long		n;

	if (words == NULL || words->pid == 0 || words->pid != getpid())
		return false;
	n = __atomic_add_fetch(&words->n_calls, 1, __ATOMIC_SEQ_CST);
	if (words->fails_for_ever ? n < words->failing_call :
		n != words->failing_call)
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return memory_is_out() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return memory_is_out() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *block, size_t size)
{
	return memory_is_out() ? NULL : __libc_realloc(block, size);
}
