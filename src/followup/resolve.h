/*
 * resolve.h
 *		What is decided about submissions, and who may see an order's customer.
 */
#ifndef FPGO_RESOLVE_H
#define FPGO_RESOLVE_H

#include "postgres.h"

/*
 * Raises 42501 unless the current user is a member of the role that submitted
 * the order, by its newest submission, or may execute fpgo.resolve.  SPI must
 * not be connected.
 */
extern void fpgo_resolve_require_order(const char *server,
									   const char *order_uuid);

/*
 * Accept an uncertain submission, since evidence shows that the gateway has its
 * order; the reason is recorded with the current user.  False, and nothing is
 * changed, if it is uncertain no more, or if another submission has the order
 * uuid.  customer_uuid may be NULL.  SPI must not be connected.
 */
extern bool fpgo_resolve_accept(int64 id, const char *order_uuid,
								const char *customer_uuid, const char *reason);

#endif							/* FPGO_RESOLVE_H */
