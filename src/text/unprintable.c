/*
 * unprintable.c
 *		Characters that do no good on an invoice.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#include "text/characters.h"
#include "text/unprintable.h"

/*
 * Char of XML 1.0 leaves these out: controls but for tab and line breaks, and the
 * last two of the first plane.  An electronic invoice with one is no XML.
 */
static bool
is_no_xml(uint32_t code)
{
	return (code < ' ' && code != '\t' && code != '\n' && code != '\r') ||
		code == 0xFFFE || code == 0xFFFF;
}

/* Unicode, section 23.7: never characters. */
static bool
is_noncharacter(uint32_t code)
{
	return (code >= 0xFDD0 && code <= 0xFDEF) ||
		(code <= 0x10FFFF && (code & 0xFFFE) == 0xFFFE);
}

/* Unicode Standard Annex 9, table of directional formatting characters. */
static bool
is_bidi_mark(uint32_t code)
{
	return code == 0x061C || code == 0x200E || code == 0x200F ||
		(code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

static bool
is_line_break(uint32_t code)
{
	return (code >= '\n' && code <= '\r') || code == 0x85 ||
		code == 0x2028 || code == 0x2029;
}

FpgoUnprintable
fpgo_find_unprintable(FpgoSpan span)
{
	FpgoUnprintable found = FPGO_PRINTABLE;

	while (span.len > 0)
	{
		size_t		len = 1;
		uint32_t	code = (unsigned char) span.text[0];

		if (code >= 0x80)
			code = fpgo_first_code(span, &len);
		if (is_no_xml(code))
			return FPGO_NO_XML;
		if (is_noncharacter(code))
			return FPGO_NONCHARACTER;
		if (is_bidi_mark(code))
			found = FPGO_BIDI_MARK;
		else if (is_line_break(code) && found == FPGO_PRINTABLE)
			found = FPGO_LINE_BREAK;
		span.text += len;
		span.len -= len;
	}
	return found;
}
