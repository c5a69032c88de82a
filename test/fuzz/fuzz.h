/*
 * fuzz.h
 *		What the fuzz targets share.
 *
 * libFuzzer hands a target bytes of its own making, and ends the run at the
 * first that break something: AddressSanitizer and UBSan see to memory and
 * undefined behaviour, require() to what must hold besides.  The bytes are in
 * a chunk of exactly their size, so that one byte read too far is seen.
 */
#ifndef FPGO_FUZZ_H
#define FPGO_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, \
					#condition); \
			abort(); \
		} \
	} while (0)

/*
 * Two texts of one input: the first byte says how long the first is, the rest
 * is the second.  Each is a chunk of its own; free_texts() frees them.
 */
typedef struct FuzzTexts
{
	char	   *texts[2];		/* with a NUL behind if asked for */
	size_t		lens[2];
} FuzzTexts;

static inline char *
copy_text(const uint8_t *data, size_t size, int with_nul)
{
	char	   *copy = malloc(size + with_nul);

	if (size > 0)
		memcpy(copy, data, size);
	if (with_nul)
		copy[size] = '\0';
	return copy;
}

static inline FuzzTexts
make_texts(const uint8_t *data, size_t size, int with_nul)
{
	FuzzTexts	made;
	size_t		first = size > 0 ? data[0] : 0;

	if (size > 0)
	{
		data++;
		size--;
	}
	if (first > size)
		first = size;
	made.lens[0] = first;
	made.lens[1] = size - first;
	made.texts[0] = copy_text(data, first, with_nul);
	made.texts[1] = copy_text(data + first, size - first, with_nul);
	return made;
}

static inline void
free_texts(FuzzTexts *made)
{
	free(made->texts[0]);
	free(made->texts[1]);
}

#endif							/* FPGO_FUZZ_H */
