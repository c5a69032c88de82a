/*
 * wait_events.h
 *		What a process of fpgo waits for, as pg_stat_activity shows it.
 */
#ifndef FPGO_WAIT_EVENTS_H
#define FPGO_WAIT_EVENTS_H

#include "postgres.h"

typedef enum FpgoWait
{
	FPGO_WAIT_GATEWAY,			/* the network, with requests under way */
	FPGO_WAIT_HELPER,			/* a helper: the next order of its session */
	FPGO_WAIT_WORKER,			/* a resident worker: something to do */
	FPGO_WAIT_LAUNCHER,			/* the launcher: something to do */
	FPGO_WAIT_RECORD,			/* the next try to record an outcome */
	FPGO_WAIT_SLOT,				/* submit_invoice: a free worker slot */
	FPGO_WAIT_ANSWER,			/* a session: the resident worker, to take its
								 * order or to end */
	FPGO_WAIT_RETRY				/* a session: the time to ask again */
} FpgoWait;

/*
 * For WaitLatch() and pgstat_report_wait_start().  The first call for each may
 * raise, where PostgreSQL can hold no more names.
 */
extern uint32 fpgo_wait_event(FpgoWait wait);

#endif							/* FPGO_WAIT_EVENTS_H */
