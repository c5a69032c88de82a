/*
 * money.h
 *		Arithmetic on numeric: nothing in, nothing out.
 *
 * An operand of NULL makes the result NULL.  What numeric cannot hold raises
 * 22003, without the statement: it may have an order in it.
 */
#ifndef FPGO_MONEY_H
#define FPGO_MONEY_H

#include "postgres.h"

#include "utils/numeric.h"

extern Numeric fpgo_money_add(Numeric a, Numeric b);
extern Numeric fpgo_money_subtract(Numeric a, Numeric b);
extern Numeric fpgo_money_multiply(Numeric a, Numeric b);
extern Numeric fpgo_money_divide(Numeric a, Numeric b);

/* To two decimals, half up; half away from zero below zero. */
extern Numeric fpgo_money_round(Numeric a);

/* The same value without zeros at the end of its decimals. */
extern Numeric fpgo_money_trim(Numeric a);

/* Neither NULL, nor NaN, nor infinite? */
extern bool fpgo_money_is_finite(Numeric a);

/* For these no operand may be NULL. */
extern int	fpgo_money_compare(Numeric a, Numeric b);
extern int	fpgo_money_sign(Numeric a);
extern char *fpgo_money_show(Numeric a);

#endif							/* FPGO_MONEY_H */
