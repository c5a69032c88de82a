/*
 * tidy.h
 *		Numbers as people write them, as the API takes them.
 *
 * Each function is true and fills tidy, NUL-terminated, where what is written
 * has one reading only.
 */
#ifndef FPGO_TIDY_H
#define FPGO_TIDY_H

#include <stdbool.h>

#include "text/span.h"

#define FPGO_TIDY_MAX 32

/* "280387 12383": eleven digits with blanks or a hyphen among them. */
extern bool fpgo_tidy_person(FpgoSpan text, char tidy[FPGO_TIDY_MAX]);

/*
 * "NO 974 760 673 MVA" is the Norwegian 974760673; of other numbers only blanks,
 * hyphens and dots are taken away.
 */
extern bool fpgo_tidy_organization(FpgoSpan text, char tidy[FPGO_TIDY_MAX]);

/* "N-7030" in Norway, "SE-123 45" in Sweden: without the country. */
extern bool fpgo_tidy_postal_code(FpgoSpan text, FpgoSpan country,
								  char tidy[FPGO_TIDY_MAX]);

#endif							/* FPGO_TIDY_H */
