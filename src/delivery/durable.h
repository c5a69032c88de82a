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
 * Let the current transaction's commit return before it is flushed.  Until
 * fpgo_durable_flush() has returned, nobody may be told of it and nothing that it
 * records may be sent.
 */
extern void fpgo_durable_put_off(void);

/*
 * Flush all commits of this process, and wait for the synchronous standbys, if
 * there are any.  Outside of a transaction.  A cancel ends the wait for standbys;
 * fpgo_durable_is_acknowledged() tells.
 */
extern void fpgo_durable_flush(void);

/*
 * Make the current transaction's commit survive a crash, and a failover where
 * standbys are synchronous, whatever synchronous_commit says.
 */
extern void fpgo_durable_require(void);

#endif							/* FPGO_DURABLE_H */
