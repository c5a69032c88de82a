/*
 * letters.h
 *		Which characters beyond ASCII are letters or numbers.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_LETTERS_H
#define FPGO_LETTERS_H

#include "format.h"

/*
 * Bytes of the letter or number beyond ASCII that UTF-8 begins with; 0 if it
 * begins with anything else, be it a broken character.
 */
extern size_t fpgo_letter_length(FpgoSpan utf8);

#endif							/* FPGO_LETTERS_H */
