/*
 * rules.h
 *		The rules for a field, in words: for rules() and json_schema().
 */
#ifndef FPGO_RULES_H
#define FPGO_RULES_H

#include "order/fields.h"

/* When the field must be there: "required", "required if type is private". */
extern const char *fpgo_rules_presence(const FpgoField *field,
									   const FpgoShape *shape);

/*
 * The field's constraint, NULL if it has none.  tax_rates: those in force,
 * NULL for the field's own.
 */
extern const char *fpgo_rules_constraint(const FpgoField *field,
										 const char *const *tax_rates);

#endif							/* FPGO_RULES_H */
