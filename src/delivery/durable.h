/*
 * durable.h
 *		The record of an order that is sent survives crash and failover.
 */
#ifndef FPGO_DURABLE_H
#define FPGO_DURABLE_H

#include "postgres.h"

/*
 * Did the synchronous standbys, if there are any, acknowledge the last commit?
 * If the wait for them was cancelled, the commit may exist on this server
 * alone.  Then the order must not be sent: after a failover it would be queued
 * again.
 */
extern bool fpgo_durable_is_acknowledged(void);

/*
 * Make the current transaction's commit survive a crash, and a failover where
 * standbys are synchronous, whatever synchronous_commit says.
 */
extern void fpgo_durable_require(void);

/* A crash may take the current transaction's commit back: it need not be flushed. */
extern void fpgo_durable_waive(void);

#endif							/* FPGO_DURABLE_H */
