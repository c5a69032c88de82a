/*
 * early.h
 *		Early callbacks: they wait for the submission that has their order.
 *
 * Part of the records (see submissions.h): each function runs inside
 * the caller's transaction and commits nothing.
 */
#ifndef FPGO_EARLY_H
#define FPGO_EARLY_H

#include "postgres.h"

#include "common/sha2.h"

/* Announce an order's status at commit, with nothing personal. */
extern void fpgo_announce(int64 submission, const char *order_uuid,
						  const char *status);

/*
 * Keep the recorded callback with this checksum until a submission has its
 * order.  SPI must be connected.  Look at the commit, too.
 */
extern void fpgo_early_keep(const char *server, const char *order_uuid,
							const uint8 checksum[PG_SHA256_DIGEST_LENGTH]);

/*
 * Look at commit: does a submission have the order by then?  If so, the early
 * callbacks of the order are announced.  may_wait is false where waiting for
 * a table's lock would hold up deliveries.
 */
extern void fpgo_early_look_at_commit(const char *server,
									  const char *order_uuid, bool may_wait);

#endif							/* FPGO_EARLY_H */
