/*
 * worker.c
 *		What the background processes of fpgo have in common.
 *
 * These processes connect as the bootstrap superuser, since a caller's role
 * may not be allowed to log in.  For each statement they become the owner of
 * fpgo's tables (statement.c).  They run no SQL text that came from elsewhere.
 *
 * SIGTERM asks a process to end.  The process ends once all that is under way
 * is settled, or when the grace time is over.  SIGTERM also ends a commit's
 * wait for a standby; an order whose commit no standby acknowledged is not
 * sent.  SIGINT has an effect only when PostgreSQL's own lock timer sends it:
 * otherwise pg_cancel_backend() could end a transfer half-way.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "delivery/durable.h"
#include "delivery/patience.h"
#include "process/worker.h"

/* Obeys SIGINT only if PostgreSQL's lock timer has sent it. */
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

/* Asks for an orderly end, and ends a commit's wait for a standby. */
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
 * What ALTER DATABASE, ALTER ROLE and postgresql.conf set reaches this process,
 * but may not change what it does, and may not end it.
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
		{"exit_on_error", "off"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"idle_session_timeout", "0"},
		{"row_security", "off"},
		{"session_replication_role", "origin"},
		{"client_min_messages", "warning"},
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		SetConfigOption(settings[i].name, settings[i].value, PGC_SUSET,
						PGC_S_OVERRIDE);
	fpgo_lift_transaction_timeout();
	SetConfigOption("lock_timeout", lock_timeout, PGC_SUSET, PGC_S_OVERRIDE);
	/* a helper's warnings reach its session in the database's encoding */
	SetConfigOption("client_encoding", GetDatabaseEncodingName(), PGC_SUSET,
					PGC_S_OVERRIDE);
	/*
	 * pg_stat_activity has no other column that could name the session served
	 */
	SetConfigOption("application_name", name, PGC_SUSET, PGC_S_OVERRIDE);
}

void
fpgo_worker_obey_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID,
										ObjectIdGetDatum(MyDatabaseId));

	if (!HeapTupleIsValid(tuple))
		return;
	fpgo_set_process_role(((Form_pg_database) GETSTRUCT(tuple))->datdba);
	ReleaseSysCache(tuple);
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

/* Does this process flush several commits at once? */
static bool puts_off_flushes = false;

void
fpgo_worker_put_off_flushes(void)
{
	puts_off_flushes = true;
}

void
fpgo_worker_begin_transaction(void)
{
	StartTransactionCommand();
	if (puts_off_flushes)
		fpgo_durable_put_off();
	else
		fpgo_durable_require();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* Let SIGTERM, and nothing else, end a wait for standbys. */
static void
begin_wait(void)
{
	HOLD_INTERRUPTS();
	is_committing = true;
	if (ShutdownRequestPending)
		QueryCancelPending = true;
}

static void
end_wait(void)
{
	is_committing = false;
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
}

void
fpgo_worker_begin_lax_transaction(void)
{
	StartTransactionCommand();
	fpgo_durable_put_off();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
fpgo_worker_commit_transaction(void)
{
	PopActiveSnapshot();
	begin_wait();
	CommitTransactionCommand();
	end_wait();
	/* autovacuum sees what the process did, even if the process never idles */
	pgstat_report_stat(false);
	/* the wait may have ended because no standby is required any more */
	fpgo_worker_attend();
}

void
fpgo_worker_flush(void)
{
	begin_wait();
	fpgo_durable_flush();
	end_wait();
	fpgo_worker_attend();
}

FpgoMoment
fpgo_worker_deadline(void)
{
	static FpgoMoment deadline = 0;

	if (deadline == 0 && ShutdownRequestPending)
		deadline = fpgo_clock_in(FPGO_GRACE_MS);
	else if (deadline == 0 && !PostmasterIsAlive())
		deadline = fpgo_clock_in(FPGO_ORPHAN_GRACE_MS);
	return deadline;
}

static bool
should_stop(void)
{
	return ShutdownRequestPending;
}

const FpgoTransactions fpgo_worker_transactions = {
	fpgo_worker_begin_transaction, fpgo_worker_begin_lax_transaction,
	fpgo_worker_commit_transaction, fpgo_worker_flush, should_stop, true
};
