/*
 * resolve.h
 *		Who may see what the gateway says of an order's customer.
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

#endif							/* FPGO_RESOLVE_H */
