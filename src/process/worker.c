/*
 * worker.c
 *		What the background processes of fpgo have in common.
 *
 * They connect as the bootstrap superuser, since the role of a caller may not
 * be allowed to log in, and become the owner of fpgo's tables for each
 * statement (statement.c).  They run no SQL text that came from elsewhere.
 *
 * Signals: SIGTERM asks for an end, which comes once what is under way is
 * settled or the grace time is over; it cuts a commit's wait for a standby,
 * and what no standby acknowledged is not sent.  SIGINT is heeded only when
 * PostgreSQL's own lock timer sends it, so pg_cancel_backend() cannot end a
 * transfer half-way.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/fpgo.h"
#include "delivery/durable.h"
#include "delivery/patience.h"
#include "process/worker.h"

/* PostgreSQL's lock timer interrupts a wait by SIGINT; nobody else may. */
static void
handle_sigint(SIGNAL_ARGS)
{
	int			save_errno = errno;

	if (get_timeout_indicator(LOCK_TIMEOUT, false))
	{
		InterruptPending = true;
		QueryCancelPending = true;
		SetLatch(MyLatch);
	}
	errno = save_errno;
}

/* Is this process inside a commit, perhaps waiting for a standby? */
static volatile sig_atomic_t is_committing = false;

/* Asks for an orderly end; a wait for a standby that never comes is cut. */
static void
handle_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;

	ShutdownRequestPending = true;
	if (is_committing)
		QueryCancelPending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

void
fpgo_worker_set_up_signals(void)
{
	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGINT, handle_sigint);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
}

/*
 * ALTER DATABASE ... SET and ALTER ROLE ... SET reach this process; none of it
 * may change what it does.
 */
void
fpgo_worker_set_up_settings(const char *lock_timeout, const char *name)
{
	static const struct
	{
		const char *name;
		const char *value;
	}			settings[] =
	{
		{"role", "none"},
		{"search_path", FPGO_SAFE_PATH},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"row_security", "off"},
		{"session_replication_role", "origin"},
		{"client_min_messages", "warning"},
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		SetConfigOption(settings[i].name, settings[i].value, PGC_SUSET,
						PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", lock_timeout, PGC_SUSET, PGC_S_OVERRIDE);
	/*
	 * pg_stat_activity has no other column that could say whose process it is
	 */
	SetConfigOption("application_name", name, PGC_SUSET, PGC_S_OVERRIDE);
}

void
fpgo_worker_attend(void)
{
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

void
fpgo_worker_begin_transaction(void)
{
	StartTransactionCommand();
	fpgo_durable_require();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
fpgo_worker_commit_transaction(void)
{
	PopActiveSnapshot();
	HOLD_INTERRUPTS();
	is_committing = true;
	if (ShutdownRequestPending)
		QueryCancelPending = true;
	CommitTransactionCommand();
	is_committing = false;
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
	/* it may have ended because no standby is required any more */
	fpgo_worker_attend();
}

TimestampTz
fpgo_worker_deadline(void)
{
	static TimestampTz deadline = 0;

	if (deadline == 0 && ShutdownRequestPending)
		deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   FPGO_GRACE_MS);
	else if (deadline == 0 && !PostmasterIsAlive())
		deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   FPGO_ORPHAN_GRACE_MS);
	return deadline;
}
