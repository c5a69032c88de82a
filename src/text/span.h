/*
 * span.h
 *		A piece of a text that another variable owns.
 */
#ifndef FPGO_SPAN_H
#define FPGO_SPAN_H

#include <stddef.h>

/* UTF-8 or the server's encoding, not NUL-terminated; any byte may occur. */
typedef struct FpgoSpan
{
	const char *text;
	size_t		len;
} FpgoSpan;

#endif							/* FPGO_SPAN_H */
