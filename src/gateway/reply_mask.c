/*
 * reply_mask.c
 *		Sentences of the gateway's, masked.
 *
 * A sentence may repeat the order, personal number included.  The masks are put
 * on the whole of it before it is clipped, so no secret is cut in two and
 * overlooked.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "gateway/reply_mask.h"
#include "text/ascii.h"

/* shortest secret that is masked: shorter ones are often ordinary words */
#define MIN_SECRET_LENGTH 4

#define PERSONAL_NUMBER_DIGITS 11

/* most characters between two digits of what may be one number: " - " */
#define MAX_SEPARATORS 3

/* the mask does not tell the length of the text it hides */
#define MASK "***********"
#define QUERY_MASK "***"

/* How a byte of a sentence is written. */
typedef enum Visibility
{
	SHOWN = 0,
	MASKED,						/* a stretch of these becomes MASK */
	MASKED_QUERY				/* a stretch of these becomes QUERY_MASK */
} Visibility;

/* Each rule marks the bytes that it masks; overlaps do no harm. */

static void
mark_secrets(const char *text, char *marks, const char *const *secrets)
{
	for (; secrets && *secrets; secrets++)
	{
		size_t		len = strlen(*secrets);
		const char *found = text;

		if (len < MIN_SECRET_LENGTH)
			continue;
		while ((found = strstr(found, *secrets)) != NULL)
		{
			memset(marks + (found - text), MASKED, len);
			found++;
		}
	}
}

/*
 * Bytes of the separator at text, 0 if there is none: a space, dot or dash,
 * control characters, and the spaces, dashes and invisible marks of Unicode
 * (U+00A0, U+2000 to U+2015, U+202F).
 */
static size_t
separator_length(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;

	if (*c == '\0')
		return 0;
	if (*c <= ' ' || *c == '.' || *c == '-' || *c == 0x7F)
		return 1;
	if (c[0] == 0xC2 && c[1] == 0xA0)
		return 2;
	if (c[0] == 0xE2 && c[1] == 0x80 &&
		((c[2] >= 0x80 && c[2] <= 0x95) || c[2] == 0xAF))
		return 3;
	return 0;
}

/*
 * The end of the number that begins at text: digits with at most
 * MAX_SEPARATORS between any two.
 */
static const char *
find_number_end(const char *text, int *n_digits)
{
	const char *end = text;

	*n_digits = 0;
	while (is_digit(*text))
	{
		size_t		len;

		for (; is_digit(*text); text++)
			(*n_digits)++;
		end = text;
		for (int i = 0; i < MAX_SEPARATORS && !is_digit(*text) &&
			 (len = separator_length(text)) > 0; i++)
			text += len;
	}
	return end;
}

/*
 * Masks personal numbers, however they are spaced.  A longer row of digits is
 * masked whole: any eleven of them may be a personal number.
 */
static void
mark_personal_numbers(const char *text, char *marks)
{
	const char *c = text;

	while (*c)
	{
		const char *end;
		int			n_digits;

		if (!is_digit(*c))
		{
			c++;
			continue;
		}
		end = find_number_end(c, &n_digits);
		if (n_digits >= PERSONAL_NUMBER_DIGITS)
			memset(marks + (c - text), MASKED, end - c);
		c = end;
	}
}

/* Masks queries and fragments of URLs, where secrets may stand. */
static void
mark_queries(const char *text, char *marks)
{
	const char *c = text;

	while (*c)
	{
		size_t		len;
		size_t		start;

		if (pg_strncasecmp(c, "http://", 7) != 0 &&
			pg_strncasecmp(c, "https://", 8) != 0)
		{
			c++;
			continue;
		}
		for (len = 0; (unsigned char) c[len] > ' ' &&
			 strchr("\"<>", c[len]) == NULL; len++)
			;
		start = strcspn(c, "?#");
		if (start + 1 < len)
			memset(marks + (c - text) + start + 1, MASKED_QUERY,
				   len - start - 1);
		c += len;
	}
}

/*
 * Make control characters spaces: C0, DEL, and C1 (U+0080 to U+009F), which
 * has two bytes.  The marks move along.
 */
static void
blank_controls(char *text, char *marks)
{
	size_t		n = 0;

	for (size_t i = 0; text[i]; i++, n++)
	{
		unsigned char c = text[i];

		marks[n] = marks[i];
		if (c == 0xC2 && (unsigned char) text[i + 1] < 0xA0)
		{
			c = ' ';
			i++;
		}
		text[n] = c < ' ' || c == 0x7F ? ' ' : c;
	}
	text[n] = '\0';
}

/*
 * Write a marked text, clipped to FPGO_REPLY_MAX_MESSAGE_BYTES at the end of a
 * character.  Returns its length; out has room for one mask or character more.
 */
static size_t
write_masked(const char *text, const char *marks, char *out)
{
	size_t		n = 0;

	for (size_t i = 0; text[i] && n <= FPGO_REPLY_MAX_MESSAGE_BYTES; i++)
	{
		if (marks[i] != SHOWN)
		{
			const char *mask = marks[i] == MASKED ? MASK : QUERY_MASK;

			while (text[i + 1] && marks[i + 1] == marks[i])
				i++;
			memcpy(out + n, mask, strlen(mask));
			n += strlen(mask);
		}
		else
			out[n++] = text[i];
	}

	if (n > FPGO_REPLY_MAX_MESSAGE_BYTES)
	{
		n = FPGO_REPLY_MAX_MESSAGE_BYTES;
		while (n > 0 && ((unsigned char) out[n] & 0xC0) == 0x80)
			n--;
	}
	out[n] = '\0';
	return n;
}

/*
 * Converts UTF-8 to the server's encoding, palloc'd.  Characters that the
 * encoding lacks become question marks.  Outside a transaction no conversion
 * can be looked up, and all characters but ASCII become question marks.
 */
static char *
convert_to_server(const char *text, int len)
{
	int			encoding = GetDatabaseEncoding();
	int			size = (len + 1) * MAX_CONVERSION_GROWTH + 1;
	char	   *converted;
	Oid			proc = InvalidOid;
	int			n = 0;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pnstrdup(text, len);

	converted = palloc(size);
	if (IsTransactionState())
		proc = FindDefaultConversionProc(PG_UTF8, encoding);
	while (len > 0)
	{
		int			done = 0;
		int			skipped;

		if (OidIsValid(proc))
		{
			unsigned char *dest = (unsigned char *) converted + n;

			done = pg_do_encoding_conversion_buf(proc, PG_UTF8, encoding,
												 (unsigned char *) text, len,
												 dest, size - n, true);
			n += strlen(converted + n);
		}
		else
		{
			for (; done < len && !IS_HIGHBIT_SET(text[done]); done++)
				converted[n++] = text[done];
		}
		text += done;
		len -= done;
		if (len == 0)
			break;
		converted[n++] = '?';
		skipped = Min(pg_utf_mblen((const unsigned char *) text), len);
		text += skipped;
		len -= skipped;
	}
	converted[pg_mbcliplen(converted, n, FPGO_REPLY_MAX_MESSAGE_BYTES)] = '\0';
	return converted;
}

char *
fpgo_mask_sentence(const FpgoMask *mask, const char *key, const char *text,
				   size_t len)
{
	char		out[FPGO_REPLY_MAX_MESSAGE_BYTES + sizeof(MASK)];
	char	   *sentence;
	char	   *marks;
	char	   *converted;
	size_t		key_len = key ? strlen(key) : 0;
	size_t		size;
	size_t		n = 0;

	size = key_len + 2 + len + 1;
	sentence = palloc(size);
	if (key_len > 0)
	{
		memcpy(sentence, key, key_len);
		memcpy(sentence + key_len, ": ", 2);
		n = key_len + 2;
	}
	for (size_t i = 0; i < len; i++)
		sentence[n++] = text[i] ? text[i] : ' ';	/* "\u0000" */
	sentence[n] = '\0';

	marks = palloc0(n + 1);
	/* a secret may have such a character, or appear once they are gone */
	mark_secrets(sentence, marks, mask->secrets);
	blank_controls(sentence, marks);
	mark_secrets(sentence, marks, mask->secrets);
	mark_secrets(sentence, marks, mask->addresses);
	mark_personal_numbers(sentence, marks);
	mark_queries(sentence, marks);
	n = write_masked(sentence, marks, out);
	converted = convert_to_server(out, (int) n);

	explicit_bzero(sentence, size);
	pfree(sentence);
	pfree(marks);
	return converted;
}
