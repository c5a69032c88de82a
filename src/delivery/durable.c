/*
 * durable.c
 *		The record of an order that is sent survives crash and failover.
 *
 * Either each commit is flushed by itself, or a process puts that off and flushes
 * several commits at once.  A flush takes as long for many as for one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/guc.h"

#include "delivery/durable.h"
#include "origin/parts.h"

static void
set_synchronous_commit(const char *value)
{
	(void) set_config_option("synchronous_commit", value, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* Wait for standbys in this transaction, whatever synchronous_commit says. */
static void
require_standbys(void)
{
	if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
		set_synchronous_commit("on");
}

void
fpgo_durable_require(void)
{
	require_standbys();
	/* a function with a SET clause of its own takes the setting back */
	ForceSyncCommit();
}

void
fpgo_durable_put_off(void)
{
	set_synchronous_commit("off");
}

/* The wait takes its kind from synchronous_commit, which a transaction sets. */
static void
await_standbys(void)
{
	StartTransactionCommand();
	require_standbys();
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(XactLastCommitEnd, true);
	RESUME_INTERRUPTS();
	CommitTransactionCommand();
	/* the wait may have taken a wake-up that was meant for the process */
	SetLatch(MyLatch);
}

void
fpgo_durable_flush(void)
{
	static XLogRecPtr flushed = InvalidXLogRecPtr;

	if (XactLastCommitEnd == flushed)
		return;
	XLogFlush(XactLastCommitEnd);
	if (fpgo_parts_have_standbys())
		await_standbys();
	flushed = XactLastCommitEnd;
}

bool
fpgo_durable_is_acknowledged(void)
{
	bool		acknowledged;

	if (!fpgo_parts_have_standbys())
		return true;
	LWLockAcquire(SyncRepLock, LW_SHARED);
	acknowledged = WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH] >= XactLastCommitEnd;
	LWLockRelease(SyncRepLock);
	return acknowledged;
}
