/*
 * resolve.h
 *		Decisions about submissions, and the right to an order's customer.
 */
#ifndef FPGO_RESOLVE_H
#define FPGO_RESOLVE_H

#include "postgres.h"

/*
 * Raises 42501 unless the current user is a member of the role of the order's
 * newest submission, or may execute fpgo.resolve.  SPI must not be connected.
 */
extern void fpgo_resolve_require_order(const char *server,
									   const char *order_uuid);

/*
 * Accept a submission that is uncertain, or that another database queued, since
 * evidence shows that the gateway has its order.  The reason is recorded with the
 * current user.  Returns false, having changed nothing, if the submission is so no
 * longer, or if another one has the order uuid.  customer_uuid may be NULL.  SPI must not be
 * connected.
 */
extern bool fpgo_resolve_accept(int64 id, const char *order_uuid,
								const char *customer_uuid, const char *reason);

#endif							/* FPGO_RESOLVE_H */
