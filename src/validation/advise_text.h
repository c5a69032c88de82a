/*
 * advise_text.h
 *		Advice on the texts of an order.
 */
#ifndef FPGO_ADVISE_TEXT_H
#define FPGO_ADVISE_TEXT_H

#include "postgres.h"

#include "validation/advice.h"

/* A field that is a text of any type. */
extern void fpgo_advise_words(FpgoAdvice *advice, const FpgoFieldInOrder *at);

/* The field for the buyer's reference, which is not there. */
extern void fpgo_advise_missing_buyers_reference(FpgoAdvice *advice,
												 const FpgoFieldInOrder *at);

#endif							/* FPGO_ADVISE_TEXT_H */
