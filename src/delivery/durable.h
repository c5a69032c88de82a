/*
 * durable.h
 *		What is recorded before an order is sent survives crash and failover.
 */
#ifndef FPGO_DURABLE_H
#define FPGO_DURABLE_H

#include "postgres.h"

/*
 * Did the synchronous standbys, if there are any, acknowledge the last commit?
 * A cancelled wait for them leaves it committed here alone: after a failover
 * the order would be queued again, so it must not be sent.
 */
extern bool fpgo_durable_is_acknowledged(void);

/*
 * What the current transaction records must survive a crash, and a failover
 * where standbys are synchronous, whatever synchronous_commit says.
 */
extern void fpgo_durable_require(void);

#endif							/* FPGO_DURABLE_H */
