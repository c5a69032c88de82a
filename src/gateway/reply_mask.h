/*
 * reply_mask.h
 *		Sentences of the gateway's, masked.
 */
#ifndef FPGO_REPLY_MASK_H
#define FPGO_REPLY_MASK_H

#include "postgres.h"

/* most bytes of a sentence that are kept */
#define FPGO_REPLY_MAX_MESSAGE_BYTES 500

/* What to mask, besides all that looks like a personal number. */
typedef struct FpgoMask
{
	const char *const *secrets; /* NULL-terminated, in UTF-8; or NULL */
	const char *addresses[3];	/* of the answer itself, NULL after the last */
} FpgoMask;

/*
 * "key: text", or the text alone if key is NULL, in the server's encoding, of
 * at most FPGO_REPLY_MAX_MESSAGE_BYTES; the text is UTF-8.  Allocated in the
 * current memory context.
 */
extern char *fpgo_mask_sentence(const FpgoMask *mask, const char *key,
								const char *text, size_t len);

#endif							/* FPGO_REPLY_MASK_H */
