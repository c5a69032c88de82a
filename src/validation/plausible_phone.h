/*
 * plausible_phone.h
 *		What is wrong with a phone number and its country's code?
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_PLAUSIBLE_PHONE_H
#define FPGO_PLAUSIBLE_PHONE_H

#include <stdbool.h>

#include "text/span.h"

/* Is it "+" and one to three digits, the first of them not 0? */
extern bool fpgo_is_dialling_code(FpgoSpan code);

typedef enum FpgoPhoneFault
{
	FPGO_PHONE_RIGHT,
	FPGO_PHONE_CODE,			/* it begins with a country's code */
	FPGO_PHONE_NO_NUMBER,		/* it has other characters than a number */
	FPGO_PHONE_TRUNK,			/* it begins with the 0 of calls within a country */
	FPGO_PHONE_LENGTH,			/* no number is as long */
	FPGO_PHONE_NOT_MOBILE		/* a Norwegian number that gets no SMS */
} FpgoPhoneFault;

/*
 * Of a number and what stands in the field for its country's code, which may be
 * any text.  Sources: ITU-T E.164 for lengths and trunk zeros, Nkom's series for
 * Norway.
 */
extern FpgoPhoneFault fpgo_find_phone_fault(FpgoSpan number, FpgoSpan code);

#endif							/* FPGO_PLAUSIBLE_PHONE_H */
