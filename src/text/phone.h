/*
 * phone.h
 *		A phone number as people write it, as country code and number.
 */
#ifndef FPGO_PHONE_H
#define FPGO_PHONE_H

#include <stdbool.h>

#include "text/span.h"

/* E.164: country code and number together have at most 15 digits */
#define FPGO_PHONE_DIGITS_MAX 15

typedef struct FpgoPhone
{
	char		code[4];		/* one to three digits, NUL-terminated */
	char		number[FPGO_PHONE_DIGITS_MAX + 1];	/* digits, NUL-terminated */
} FpgoPhone;

/*
 * How many digits of a text are a country code of E.164, which the text must
 * begin with: 1 to 3, or 0 if there is none.
 */
extern int	fpgo_dialling_code_length(FpgoSpan digits);

/*
 * A country code as people write it ("+47", "0047", "47", "(+47)"): its digits
 * in code, or false if it is none.
 */
extern bool fpgo_read_dialling_code(FpgoSpan text, char code[4]);

/*
 * Country code and number of a phone, where only one reading exists; or false.
 * code is the text beside the number, empty if there is none.
 */
extern bool fpgo_read_phone(FpgoSpan code, FpgoSpan number, FpgoPhone *phone);

#endif							/* FPGO_PHONE_H */
