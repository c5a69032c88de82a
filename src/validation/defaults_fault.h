/*
 * defaults_fault.h
 *		Why a text cannot be a server's option "defaults".
 */
#ifndef FPGO_DEFAULTS_FAULT_H
#define FPGO_DEFAULTS_FAULT_H

#include "postgres.h"

/*
 * Why a text cannot be a server's option, in a sentence that quotes nothing
 * personal; NULL if it can.
 */
extern const char *fpgo_defaults_fault(const char *text,
									   const char *const *tax_rates);

#endif							/* FPGO_DEFAULTS_FAULT_H */
