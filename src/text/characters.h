/*
 * characters.h
 *		Classes of characters: letters of every script, and others.
 *
 * Pure: no postgres.h, no allocation, no locale.  Callers classify ASCII
 * themselves, which saves a call for most characters.
 */
#ifndef FPGO_CHARACTERS_H
#define FPGO_CHARACTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "text/span.h"

/* Unicode's major classes; bits, so that several can be asked for at once. */
typedef enum FpgoCharClass
{
	FPGO_CHAR_OTHER = 0,		/* white space, controls, not assigned */
	FPGO_CHAR_LETTER = 1,		/* letters and numbers: L, N */
	FPGO_CHAR_MARK = 2,			/* accents that combine with a letter: M */
	FPGO_CHAR_SYMBOL = 4,		/* signs and emoji: S */
	FPGO_CHAR_PUNCTUATION = 8	/* P */
} FpgoCharClass;

/*
 * The code point that a span, which is not empty, begins or ends with, and
 * its length in bytes.  Broken UTF-8 is a byte long and FPGO_BROKEN_CODE, of
 * no class and never trimmed.
 */
#define FPGO_BROKEN_CODE 0x1FFFFF

extern uint32_t fpgo_first_code(FpgoSpan span, size_t *len);
extern uint32_t fpgo_last_code(FpgoSpan span, size_t *len);

/* The class of a code point beyond ASCII. */
extern FpgoCharClass fpgo_class_of(uint32_t code);

/* Does trimming remove the code point in some Laravel version? */
extern bool fpgo_is_trimmed_code(uint32_t code);

#endif							/* FPGO_CHARACTERS_H */
