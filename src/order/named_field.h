/*
 * named_field.h
 *		Does a sentence name a field of an order?
 *
 * Pure: no postgres.h.
 */
#ifndef FPGO_NAMED_FIELD_H
#define FPGO_NAMED_FIELD_H

#include <stdbool.h>

/*
 * Does the sentence name a field of the tree, as the gateway's answers do?  A
 * path such as products.0.rate or "customer details.email" does, and so does a
 * name of several words such as referenceNo or "reference no".  Any other path
 * does before the sentence's colon.
 */
extern bool fpgo_names_field(const char *sentence);

#endif							/* FPGO_NAMED_FIELD_H */
