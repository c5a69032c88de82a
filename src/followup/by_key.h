/*
 * by_key.h
 *		The submission that a person means by key or reference.
 */
#ifndef FPGO_BY_KEY_H
#define FPGO_BY_KEY_H

#include "postgres.h"

#include "records/submissions.h"

typedef struct FpgoByKey
{
	const char *server;			/* NULL: the one that fpgo.server names */
	const char *key;			/* either this or the next is not NULL */
	const char *reference;
	FpgoSubmissionState state;	/* the one it must have */
} FpgoByKey;

/*
 * The number of the one submission that the current user may decide about and
 * that has this key or reference and is in that state.  It is not locked.  SPI
 * must not be connected.  Raises
 * - 22023 unless either key or reference is given;
 * - 42704 if the user may decide about none that has the key or reference, or
 *   if there is no such server;
 * - 55000 if none of them is in that state, and 21000 if several are; the
 *   error names them.
 */
extern int64 fpgo_by_key_require(const FpgoByKey *by_key);

#endif							/* FPGO_BY_KEY_H */
