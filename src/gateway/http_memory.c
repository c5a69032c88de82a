/*
 * http_memory.c
 *		libcurl's memory, overwritten when it is given back.
 *
 * libcurl writes the headers of a request, with the token in them, and a short
 * body behind them into a buffer of its own, and what it receives into
 * another.  It frees them after each request as they are, and the next thing
 * that dumps the process's memory finds them.
 */
#include "postgres.h"

#include <malloc.h>

#include "gateway/http_memory.h"

static void
wipe_and_free(void *memory)
{
	if (memory == NULL)
		return;
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* realloc() could move it and leave what it held behind. */
static void *
resize(void *memory, size_t size)
{
	size_t		had = memory ? malloc_usable_size(memory) : 0;
	void	   *moved;

	if (memory != NULL && size > 0 && size <= had)
		return memory;
	moved = malloc(size);
	if (moved == NULL || memory == NULL)
		return moved;
	memcpy(moved, memory, Min(had, size));
	wipe_and_free(memory);
	return moved;
}

CURLcode
fpgo_http_memory_init(void)
{
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free,
								resize, strdup, calloc);
}
