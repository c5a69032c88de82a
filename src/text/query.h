/*
 * query.h
 *		A URL's query string, read as PHP reads one, and the token in its path.
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_QUERY_H
#define FPGO_QUERY_H

#include "text/span.h"

/* One parameter, decoded. */
typedef struct FpgoQueryPair
{
	FpgoSpan	name;			/* not empty */
	FpgoSpan	value;
} FpgoQueryPair;

/*
 * The parameters of a query string in the order they stand in, each name once,
 * decoded in place: name and value point into text, which is changed.  A
 * request target ("/path?query") or a whole URL will do for a query string.
 * Returns how many there are; -1 if there are more than max, if a name stands
 * there twice, or if a NUL byte is among them, written out or as %00.
 */
extern int	fpgo_query_read(char *text, size_t len, FpgoQueryPair *pairs,
							int max);

/* The value of a parameter; its text is NULL if there is none of that name. */
extern FpgoSpan fpgo_query_find(const FpgoQueryPair *pairs, int n,
								const char *name);

/*
 * The first callback token (see format.h) in the path of a request target or a
 * URL, as fpgo_find_callback_token() gives it.
 */
extern FpgoSpan fpgo_query_find_token(const char *text, size_t len);

#endif							/* FPGO_QUERY_H */
