/*
 * email.c
 *		Is a text an e-mail address?
 *
 * Laravel's rule "email" uses the library egulias/email-validator, whose
 * editions 2 (Laravel 8), 3 and 4 differ.  fpgo accepts addresses that all of
 * them accept and that have a usual form: a dot-atom or one quoted string, @,
 * and a host name or an IP address in brackets.
 *
 * Refused though all editions take it, see src/validation/README.md: white
 * space and comments, obsolete mixtures of atoms and quoted strings, an escape
 * outside of quotes, and brackets around something else than an IP address.
 */
#include <arpa/inet.h>
#include <stdint.h>

#include "text/ascii.h"
#include "text/characters.h"
#include "text/format.h"

/* longest label and longest name of the DNS, RFC 1035 2.3.4 */
#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX 253

/* longest IP address as text that inet_pton() is asked about */
#define ADDRESS_TEXT_MAX 64

/* RFC 3492, section 5 */
#define PUNYCODE_BASE 36
#define PUNYCODE_FIRST 0x80
#define PUNYCODE_BIAS 72

/*
 * What editions 3 and 4 take beyond ASCII.  They refuse symbols (and so emoji)
 * and characters that show nothing; white space they take, but it is none.
 */
#define TEXT_CLASSES \
	(FPGO_CHAR_LETTER | FPGO_CHAR_MARK | FPGO_CHAR_PUNCTUATION)

/* ---------- the part before the @ ---------- */

/* Bytes of the character at the start if it is text beyond ASCII, else 0. */
static size_t
text_beyond_ascii(FpgoSpan span)
{
	size_t		n;

	if (!is_beyond_ascii(span.text[0]) ||
		!(fpgo_class_of(fpgo_first_code(span, &n)) & TEXT_CLASSES))
		return 0;
	return n;
}

/*
 * RFC 5322 atext; letters beyond ASCII as RFC 6532 adds them are the caller's
 */
static inline bool
is_atext(char c)
{
	return is_ascii_alnum(c) || is_one_of(c, "!#$%&'*+/=?^_`{|}~-");
}

static bool
is_dot_atom(FpgoSpan span)
{
	char		previous = '.';
	size_t		n;

	for (; span.len > 0; span.text += n, span.len -= n)
	{
		char		c = span.text[0];

		n = 1;
		if (c == '.' ? previous == '.' :
			!is_atext(c) && (n = text_beyond_ascii(span)) == 0)
			return false;
		previous = c;
	}
	return previous != '.';
}

/*
 * "quoted string": printable characters, a quote only behind a backslash.  The
 * library reads \\" as an escaped quote, wrongly, so a backslash in front of
 * the closing quote is a fault even if it is escaped itself.
 */
static bool
is_quoted_string(FpgoSpan span)
{
	char		previous = '"';
	size_t		n;

	if (span.len < 2 || span.text[0] != '"' || span.text[span.len - 1] != '"' ||
		span.text[span.len - 2] == '\\')
		return false;
	span = (FpgoSpan) {span.text + 1, span.len - 2};
	for (; span.len > 0; span.text += n, span.len -= n)
	{
		char		c = span.text[0];

		n = 1;
		if (c == '"' && previous != '\\')
			return false;
		if ((unsigned char) c < 0x20 || c == 0x7F ||
			(is_beyond_ascii(c) && (n = text_beyond_ascii(span)) == 0))
			return false;
		previous = c;
	}
	return true;
}

/* ---------- the part behind it ---------- */

/* The bias for the next of n characters, and how many digits delta takes. */
static int
punycode_digits(uint32_t delta, uint32_t *bias, uint32_t n, bool is_first)
{
	uint32_t	rest = delta;
	uint32_t	k = PUNYCODE_BASE;
	int			digits = 1;

	for (;; k += PUNYCODE_BASE, digits++)
	{
		uint32_t	t = k <= *bias ? 1 : k >= *bias + 26 ? 26 : k - *bias;

		if (rest < t)
			break;
		rest = (rest - t) / (PUNYCODE_BASE - t);
	}
	delta = is_first ? delta / 700 : delta / 2;
	delta += delta / n;
	for (k = 0; delta > 455; k += PUNYCODE_BASE)
		delta /= 35;
	*bias = k + 36 * delta / (delta + 38);
	return digits;
}

/* The smallest code point of a label that is not below the given one. */
static uint32_t
next_code(FpgoSpan label, uint32_t code)
{
	uint32_t	found = FPGO_BROKEN_CODE;
	size_t		n;

	for (; label.len > 0; label.text += n, label.len -= n)
	{
		uint32_t	c = fpgo_first_code(label, &n);

		if (c >= code && c < found)
			found = c;
	}
	return found;
}

/*
 * Length of a label as the DNS gets it, in punycode (RFC 3492) if it has
 * letters beyond ASCII.  They are taken as they are; the mapping that comes
 * before it (UTS #46) hardly changes the length of what people write.  Of a
 * label in ASCII editions 3 and 4 count the point before it too.
 */
static size_t
encoded_length(FpgoSpan label, bool is_first)
{
	uint32_t	code = PUNYCODE_FIRST;
	uint32_t	bias = PUNYCODE_BIAS;
	uint32_t	delta = 0;
	uint32_t	n_ascii = 0;
	uint32_t	done;
	size_t		length;

	for (size_t i = 0; i < label.len; i++)
		n_ascii += !is_beyond_ascii(label.text[i]);
	if (n_ascii == label.len)
		return is_first ? label.len : label.len + 1;
	length = strlen("xn--") + n_ascii + (n_ascii > 0 ? 1 : 0);
	done = n_ascii;
	for (uint32_t next; length <= DNS_LABEL_MAX &&
		 (next = next_code(label, code)) != FPGO_BROKEN_CODE; code = next + 1)
	{
		FpgoSpan	rest = label;
		size_t		n;

		delta += (next - code) * (done + 1);
		for (; rest.len > 0; rest.text += n, rest.len -= n)
		{
			uint32_t	c = fpgo_first_code(rest, &n);

			if (c < next)
				delta++;
			else if (c == next)
			{
				done++;
				length += punycode_digits(delta, &bias, done,
										  done == n_ascii + 1);
				delta = 0;
			}
		}
		delta++;
	}
	return length;
}

/*
 * Edition 3 and 4 take "IPv6" for the mark of an address, wherever it stands.
 */
static bool
has_address_mark(FpgoSpan label)
{
	const char *end = label.text + label.len;
	const char *at = label.text;

	for (; (at = memchr(at, 'I', end - at)) != NULL; at++)
	{
		if (end - at >= 4 && memcmp(at, "IPv6", 4) == 0 &&
			(at == label.text || !is_ascii_letter(at[-1])))
			return true;
	}
	return false;
}

/*
 * Letters, digits and hyphens, which may not stand at the end; edition 2 takes
 * much punctuation besides.
 */
static bool
is_label(FpgoSpan label, bool is_first)
{
	FpgoSpan	rest = label;
	size_t		n;

	/* a character has at most four bytes and at least one in punycode */
	if (label.len == 0 || label.len > 4 * DNS_LABEL_MAX ||
		label.text[label.len - 1] == '-' || has_address_mark(label))
		return false;
	for (; rest.len > 0; rest.text += n, rest.len -= n)
	{
		n = 1;
		if (!is_ascii_alnum(rest.text[0]) && rest.text[0] != '-' &&
			(n = text_beyond_ascii(rest)) == 0)
			return false;
		/* inverted ! and ? are taken before the @ only */
		if (n == 2 && (memcmp(rest.text, "\xC2\xA1", 2) == 0 ||
					   memcmp(rest.text, "\xC2\xBF", 2) == 0))
			return false;
	}
	return encoded_length(label, is_first) <= DNS_LABEL_MAX;
}

/* Labels with points between; one label is enough. */
static bool
is_domain_name(FpgoSpan name)
{
	if (name.len == 0 || name.len > DNS_NAME_MAX || name.text[0] == '-')
		return false;
	for (bool is_first = true;; is_first = false)
	{
		const char *point = memchr(name.text, '.', name.len);
		size_t		n = point ? (size_t) (point - name.text) : name.len;

		if (!is_label((FpgoSpan) {name.text, n}, is_first))
			return false;
		if (point == NULL)
			return true;
		name = (FpgoSpan) {point + 1, name.len - n - 1};
	}
}

/* [192.0.2.1] or [IPv6:2001:db8::1] */
static bool
is_address_literal(FpgoSpan span)
{
	char		address[ADDRESS_TEXT_MAX];
	unsigned char binary[16];
	int			family = AF_INET;

	if (span.len < 3 || span.len > ADDRESS_TEXT_MAX || span.text[0] != '[' ||
		span.text[span.len - 1] != ']')
		return false;
	span = (FpgoSpan) {span.text + 1, span.len - 2};
	if (span.len > 5 && memcmp(span.text, "IPv6:", 5) == 0)
	{
		span = (FpgoSpan) {span.text + 5, span.len - 5};
		family = AF_INET6;
	}
	memcpy(address, span.text, span.len);
	address[span.len] = '\0';
	return memchr(address, '\0', span.len) == NULL &&
		inet_pton(family, address, binary) == 1;
}

bool
fpgo_is_email(FpgoSpan span)
{
	FpgoSpan	local;
	FpgoSpan	domain;
	size_t		at = span.len;

	/* the last @, since a quoted local part may hold more of them */
	while (at > 0 && span.text[at - 1] != '@')
		at--;
	if (at < 2)
		return false;
	local = (FpgoSpan) {span.text, at - 1};
	domain = (FpgoSpan) {span.text + at, span.len - at};
	return (is_dot_atom(local) || is_quoted_string(local)) &&
		(is_domain_name(domain) || is_address_literal(domain));
}

/* RFC 5321, section 4.5.3.1.1 */
#define LOCAL_MAX_BYTES 64

/*
 * Does mail reach an address that is one?  Not without a dot in the domain, not in
 * a domain that ends with a number, and no longer name than servers take.
 */
bool
fpgo_is_deliverable(FpgoSpan span)
{
	size_t		at = span.len;
	size_t		dot = span.len;
	bool		is_number = true;

	while (at > 0 && span.text[at - 1] != '@')
		at--;
	if (at == 0 || at - 1 > LOCAL_MAX_BYTES)
		return false;
	/* an IP address in brackets */
	if (at < span.len && span.text[at] == '[')
		return true;
	while (dot > at && span.text[dot - 1] != '.')
		is_number = is_digit(span.text[--dot]) && is_number;
	return dot > at && !is_number;
}
