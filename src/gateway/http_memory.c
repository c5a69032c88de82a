/*
 * http_memory.c
 *		Overwrites libcurl's memory before it is freed.
 *
 * libcurl writes the headers of a request, with the token, and a short body
 * into a buffer of its own, and the answer into another.  It frees both without
 * overwriting them, and so does zlib, which decodes answers for it, with the
 * last 32 kB of an answer.  A later dump of the process's memory would have
 * them.
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

/* realloc() could move the memory and leave a copy behind. */
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
