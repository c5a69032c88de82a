/*
 * keyed_hash.h
 *		The hash that orders are compared by.
 */
#ifndef FPGO_KEYED_HASH_H
#define FPGO_KEYED_HASH_H

#include "postgres.h"

#include "records/submissions.h"

/*
 * SHA-256 of the database's secret and a text of an order.  SPI must not be
 * connected.  Raises 55000 if the database has lost its secret.
 */
extern void fpgo_keyed_hash(const char *data, size_t len,
							uint8 result[FPGO_HASH_BYTES]);

/* bytes of a key's digest, by which a purged order is found */
#define FPGO_KEY_DIGEST_BYTES 16

/*
 * A digest of a key, or of its beginning.  It is the same in every encoding of
 * the database.
 */
extern void fpgo_key_digest(const char *key, int len,
							uint8 result[FPGO_KEY_DIGEST_BYTES]);

#endif							/* FPGO_KEYED_HASH_H */
