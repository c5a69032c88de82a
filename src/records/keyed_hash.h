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

#endif							/* FPGO_KEYED_HASH_H */
