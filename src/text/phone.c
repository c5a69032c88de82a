/*
 * phone.c
 *		A phone number as people write it, as country code and number.
 *
 * Pure: no postgres.h, no allocation, no locale.
 *
 * Sources: the ITU's list of country codes (Recommendation E.164, annex to the
 * Operational Bulletin), and libphonenumber's metadata for the zeros.
 */
#include "text/ascii.h"
#include "text/phone.h"

/*
 * Country codes in use.  None is the beginning of another, so the first that
 * fits is the one.
 */
static const char *const codes =
	" 1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55"
	" 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 211 212"
	" 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234"
	" 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252"
	" 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291"
	" 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374"
	" 375 376 377 378 380 381 382 383 385 386 387 389 420 421 423 500 501 502"
	" 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670"
	" 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690"
	" 691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960"
	" 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992"
	" 993 994 995 996 998 ";

/* in these a leading zero is part of the number */
static const char *const keep_zero = " 39 378 225 229 241 242 ";

/* in these nobody dials a zero first */
static const char *const without_trunk_zero = " 1 45 47 298 299 354 ";

/* in these the trunk prefix is no single zero; nothing is taken away */
static const char *const other_trunk = " 7 36 370 ";

/* numbers that have one length, so that a repeated country code can be seen */
static const char *const of_eight_digits = " 45 47 ";

static bool
is_in(const char *list, const char *code, size_t len)
{
	char		word[6] = " ";

	if (len == 0 || len > 3)
		return false;
	memcpy(word + 1, code, len);
	word[len + 1] = ' ';
	word[len + 2] = '\0';
	return strstr(list, word) != NULL;
}

int
fpgo_dialling_code_length(FpgoSpan digits)
{
	for (size_t n = 1; n <= 3 && n <= digits.len; n++)
	{
		if (is_in(codes, digits.text, n))
			return (int) n;
	}
	return 0;
}

/* ---------- what is written ---------- */

/* A blank, also one that does not break, in UTF-8: its bytes, or 0. */
static size_t
blank_at(FpgoSpan text, size_t i)
{
	if (text.text[i] == ' ' || text.text[i] == '\t')
		return 1;
	if (i + 1 < text.len && memcmp(text.text + i, "\xC2\xA0", 2) == 0)
		return 2;
	return 0;
}

/*
 * The digits of a phone, at most n of them; -1 if there are others, or anything
 * that is no digit, no blank and no sign between digits.  is_international: a
 * plus stands before the first digit.  has_zero: "(0)" stands somewhere.
 */
static int
take_digits(FpgoSpan text, char *digits, int n, bool *is_international,
			bool *has_zero)
{
	int			found = 0;
	size_t		step;

	*is_international = *has_zero = false;
	for (size_t i = 0; i < text.len; i += step)
	{
		char		c = text.text[i];

		step = blank_at(text, i);
		if (step > 0)
			continue;
		step = 1;
		if (c == '(' && found > 0 && text.len - i >= 3 &&
			memcmp(text.text + i, "(0)", 3) == 0)
		{
			*has_zero = true;
			step = 3;
		}
		else if (is_digit(c))
		{
			if (found == n)
				return -1;
			digits[found++] = c;
		}
		else if (c == '+' && found == 0 && !*is_international)
			*is_international = true;
		else if (!is_one_of(c, "()-."))
			return -1;
	}
	return found;
}

/* Drop "00" before a country code; false if there was none. */
static bool
drop_zeros(char *digits, int *n)
{
	if (*n < 3 || digits[0] != '0' || digits[1] != '0' || digits[2] == '0')
		return false;
	*n -= 2;
	memmove(digits, digits + 2, *n);
	return true;
}

bool
fpgo_read_dialling_code(FpgoSpan text, char code[4])
{
	char		digits[5];
	bool		is_international;
	bool		has_zero;
	int			n = take_digits(text, digits, 5, &is_international, &has_zero);

	if (n <= 0 || has_zero)
		return false;
	if (!is_international)
		drop_zeros(digits, &n);
	if (n > 3 || fpgo_dialling_code_length((FpgoSpan) {digits, n}) != n)
		return false;
	memcpy(code, digits, n);
	code[n] = '\0';
	return true;
}

/* ---------- one reading ---------- */

/*
 * Take away the zero that is dialled within the country.  false if it cannot
 * be told whether there is one.
 */
static bool
drop_trunk_zero(const char *code, bool has_zero, char *digits, int *n)
{
	if (is_in(keep_zero, code, strlen(code)))
	{
		/* "+39 (0)6": the zero is dialled from abroad, too */
		if (has_zero && *n <= FPGO_PHONE_DIGITS_MAX)
		{
			memmove(digits + 1, digits, *n);
			digits[0] = '0';
			(*n)++;
		}
		return true;
	}
	if (*n == 0 || digits[0] != '0')
		return true;
	if (is_in(without_trunk_zero, code, strlen(code)) ||
		is_in(other_trunk, code, strlen(code)) ||
		has_zero || digits[1] == '0')
		return false;
	(*n)--;
	memmove(digits, digits + 1, *n);
	return true;
}

/* Take the country code off digits that begin with it; false if none does. */
static bool
drop_code(char *digits, int *n, char code[4])
{
	int			len = fpgo_dialling_code_length((FpgoSpan) {digits, *n});

	if (len == 0)
		return false;
	memcpy(code, digits, len);
	code[len] = '\0';
	*n -= len;
	memmove(digits, digits + len, *n);
	return true;
}

/* Is it a number of that country, as far as its length says? */
static bool
has_possible_length(const char *code, int n)
{
	if (is_in(of_eight_digits, code, strlen(code)))
		return n == 8 || (n == 12 && strcmp(code, "47") == 0);
	return n >= 4 && n + (int) strlen(code) <= FPGO_PHONE_DIGITS_MAX;
}

bool
fpgo_read_phone(FpgoSpan code, FpgoSpan number, FpgoPhone *phone)
{
	char		digits[FPGO_PHONE_DIGITS_MAX + 4];
	bool		is_international;
	bool		has_zero;
	bool		has_code = fpgo_read_dialling_code(code, phone->code);
	char		own[4];
	int			n = take_digits(number, digits, FPGO_PHONE_DIGITS_MAX + 3,
								&is_international, &has_zero);

	if (n <= 0 || (code.len > 0 && !has_code))
		return false;
	if (!is_international)
		is_international = drop_zeros(digits, &n);
	/* a number of eight digits has its code before it if there are ten */
	if (!is_international && has_code && n == 10 &&
		is_in(of_eight_digits, phone->code, 2) &&
		memcmp(digits, phone->code, 2) == 0)
		is_international = true;
	if (is_international)
	{
		if (!drop_code(digits, &n, own) ||
			(has_code && strcmp(own, phone->code) != 0))
			return false;
		strcpy(phone->code, own);
	}
	else if (!has_code)
		return false;
	if (!drop_trunk_zero(phone->code, has_zero, digits, &n) ||
		!has_possible_length(phone->code, n))
		return false;
	memcpy(phone->number, digits, n);
	phone->number[n] = '\0';
	return true;
}
