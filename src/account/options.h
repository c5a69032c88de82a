/*
 * options.h
 *		The options of a foreign server or user mapping.
 *
 * They are lists of DefElem, as PostgreSQL keeps them.  The validator checked
 * the values when they were written; a number that does not fit is read as -1.
 */
#ifndef FPGO_OPTIONS_H
#define FPGO_OPTIONS_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

/* What a server says about orders; all NULL if it says nothing. */
typedef struct FpgoTerms
{
	const char *const *tax_rates;	/* NULL: the page's own */
	const char *defaults;		/* JSON text; see defaults.c */
} FpgoTerms;

/* The value of an option; NULL if it is not set. */
extern const char *fpgo_option_find(List *defs, const char *name);

/*
 * A duration in milliseconds or seconds, or a number; "otherwise" if the
 * option is not set.
 */
extern int	fpgo_option_milliseconds(List *defs, const char *name,
									 int otherwise);
extern int	fpgo_option_seconds(List *defs, const char *name, int otherwise);
extern int	fpgo_option_count(List *defs, const char *name, int otherwise);

/* Is it set, and true? */
extern bool fpgo_option_is_true(List *defs, const char *name);

/* What a server's options say about orders. */
extern FpgoTerms fpgo_option_terms(List *defs);

/* The validator of fpgo's foreign-data wrapper, an SQL function. */
extern Datum fpgo_option_validator(PG_FUNCTION_ARGS);

/* most requests that a deliverer has under way at once to one server */
#define FPGO_MAX_CONCURRENCY 64

#endif							/* FPGO_OPTIONS_H */
