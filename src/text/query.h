/*
 * query.h
 *		A URL's query string, read as PHP reads one, and the token in its path.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_QUERY_H
#define FPGO_QUERY_H

#include <stdbool.h>

#include "text/span.h"

/* One parameter, decoded. */
typedef struct FpgoQueryPair
{
	FpgoSpan	name;			/* not empty */
	FpgoSpan	value;
} FpgoQueryPair;

/*
 * The parameters of a query string in the order they stand in, decoded in
 * place: name and value point into text, which is changed.  A request target
 * ("/path?query") or a whole URL will do for a query string.  Returns how many
 * there are; -1 if there are more than max, or if a NUL byte is among them,
 * written out or as %00.
 */
extern int	fpgo_query_read(char *text, size_t len, FpgoQueryPair *pairs,
							int max);

/*
 * Two queries may have been joined by a question mark.  Put "&" in the place
 * of the last question mark of the query; false if it has none.  To be called
 * before the query is read.
 */
extern bool fpgo_query_split_joined(char *text, size_t len);

/*
 * Leave each name once, as PHP does: its last value, in its first place.
 * Returns how many are left.
 */
extern int	fpgo_query_merge(FpgoQueryPair *pairs, int n);

/* The first parameter from which on no name stands there twice. */
extern int	fpgo_query_unrepeated(const FpgoQueryPair *pairs, int n);

/*
 * The value of a parameter, of several of that name the last; its text is NULL
 * if there is none.
 */
extern FpgoSpan fpgo_query_find(const FpgoQueryPair *pairs, int n,
								const char *name);

/*
 * The first callback token (see format.h) in the path of a request target or a
 * URL, as fpgo_find_callback_token() gives it.
 */
extern FpgoSpan fpgo_query_find_token(const char *text, size_t len);

#endif							/* FPGO_QUERY_H */
