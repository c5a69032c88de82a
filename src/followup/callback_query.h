/*
 * callback_query.h
 *		What a callback says, by its query, and whether the gateway says it.
 */
#ifndef FPGO_CALLBACK_QUERY_H
#define FPGO_CALLBACK_QUERY_H

#include "postgres.h"

#include "common/sha2.h"
#include "datatype/timestamp.h"

/* The values of a callback; NULL if the callback does not have one. */
typedef struct FpgoCallback
{
	const char *order_uuid;
	const char *status;
	const char *payment_method;
	const char *amount;
	TimestampTz order_created_at;	/* 0 if it does not say */
	TimestampTz sent_at;		/* 0 if it does not say */
	uint8		checksum[PG_SHA256_DIGEST_LENGTH];
	const char *token;			/* in the path, which is not signed */
} FpgoCallback;

/*
 * Read a query string, request target or URL.  Returns NULL if the callback is
 * genuine; else, in one word, what is wrong with it: malformed, outdated or
 * forged.  The callback is filled in only if it is genuine.  The query is
 * changed.
 */
extern const char *fpgo_callback_judge(char *query, const char *secret,
									   FpgoCallback *callback);

#endif							/* FPGO_CALLBACK_QUERY_H */
