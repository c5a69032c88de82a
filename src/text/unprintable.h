/*
 * unprintable.h
 *		Characters that do no good on an invoice.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_UNPRINTABLE_H
#define FPGO_UNPRINTABLE_H

#include "text/span.h"

typedef enum FpgoUnprintable
{
	FPGO_PRINTABLE,
	FPGO_LINE_BREAK,
	FPGO_BIDI_MARK,				/* changes the direction of the text around it */
	FPGO_NONCHARACTER,
	FPGO_NO_XML					/* XML 1.0 forbids it */
} FpgoUnprintable;

/* The worst kind that a text in UTF-8 has. */
extern FpgoUnprintable fpgo_find_unprintable(FpgoSpan span);

#endif							/* FPGO_UNPRINTABLE_H */
