/*
 * characters.c
 *		Classes of characters: letters of every script, and others.
 *
 * Two tables of sorted ranges, searched by halves.  The larger is printed by
 * a script from Unicode's own data, see characters.pl.
 */
#include "text/characters.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* A run of characters of one class, up to where the next run begins. */
typedef struct FpgoRun
{
	uint32_t	first:21;
	uint32_t	class:11;
} FpgoRun;

enum
{
	N = FPGO_CHAR_OTHER,
	L = FPGO_CHAR_LETTER,
	M = FPGO_CHAR_MARK,
	S = FPGO_CHAR_SYMBOL,
	P = FPGO_CHAR_PUNCTUATION
};

#include "text/characters_table.h"

/* clang-format off */

/*
 * White space, and invisible characters.  Laravel 8 trims the ASCII ones but
 * form feed; 9 and 10 trim PCRE's \s, U+200B and U+FEFF; 11 and later trim all
 * of these (Str::INVISIBLE_CHARACTERS).
 */
static const struct
{
	uint32_t	first;
	uint32_t	last;
} trimmed[] = {
	{0x0000, 0x0000}, {0x0009, 0x000D}, {0x0020, 0x0020}, {0x0085, 0x0085},
	{0x00A0, 0x00A0}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C},
	{0x115F, 0x1160}, {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180E, 0x180E},
	{0x2000, 0x200F}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x2065},
	{0x206A, 0x206F}, {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},
	{0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0x1D159, 0x1D159},
	{0x1D173, 0x1D17A}, {0xE0020, 0xE0020}
};

/* clang-format on */

/* Bytes that a first byte announces; 0: it cannot begin a character. */
static size_t
announced_length(unsigned char byte)
{
	if (byte < 0x80)
		return 1;
	if (byte < 0xC2)
		return 0;
	return byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF5 ? 4 : 0;
}

uint32_t
fpgo_first_code(FpgoSpan span, size_t *len)
{
	unsigned char byte = span.text[0];
	size_t		n = announced_length(byte);
	uint32_t	code;

	*len = 1;
	if (n == 1)
		return byte;
	if (n == 0 || n > span.len)
		return FPGO_BROKEN_CODE;
	code = byte & (0x7F >> n);
	for (size_t i = 1; i < n; i++)
	{
		if ((span.text[i] & 0xC0) != 0x80)
			return FPGO_BROKEN_CODE;
		code = code << 6 | (span.text[i] & 0x3F);
	}
	*len = n;
	return code;
}

uint32_t
fpgo_last_code(FpgoSpan span, size_t *len)
{
	FpgoSpan	last = {span.text + span.len - 1, 1};
	uint32_t	code;

	while (last.len < 4 && last.len < span.len &&
		   (last.text[0] & 0xC0) == 0x80)
	{
		last.text--;
		last.len++;
	}
	code = fpgo_first_code(last, len);
	if (*len == last.len)
		return code;
	*len = 1;
	return FPGO_BROKEN_CODE;
}

FpgoCharClass
fpgo_class_of(uint32_t code)
{
	int			low = 0;
	int			high = LENGTH(runs);

	/* runs[low] begins at or before the code, runs[high] behind it */
	while (high - low > 1)
	{
		int			middle = (low + high) / 2;

		if (runs[middle].first <= code)
			low = middle;
		else
			high = middle;
	}
	return runs[low].class;
}

bool
fpgo_is_trimmed_code(uint32_t code)
{
	int			low = 0;
	int			high = LENGTH(trimmed);

	while (high - low > 1)
	{
		int			middle = (low + high) / 2;

		if (trimmed[middle].first <= code)
			low = middle;
		else
			high = middle;
	}
	return code <= trimmed[low].last;
}
