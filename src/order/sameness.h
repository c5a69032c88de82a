/*
 * sameness.h
 *		The form of an order by which two orders are compared.
 */
#ifndef FPGO_SAMENESS_H
#define FPGO_SAMENESS_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/*
 * The number of the rule that says which orders are the same.  A change of
 * what fpgo_sameness_write() writes is a new rule: hashes of the form are on
 * record, with the number beside them.
 */
#define FPGO_SAMENESS_RULE 1

/*
 * Write the form of an order.  Two orders have one form if and only if they
 * are the same by value; see sameness.c.  The form is no text: it is in UTF-8
 * whatever the database's encoding is.  with_date: its orderDate counts.
 * Raises 22023 if the order is no JSON object.
 */
extern void fpgo_sameness_write(StringInfo form, Jsonb *order, bool with_date);

#endif							/* FPGO_SAMENESS_H */
