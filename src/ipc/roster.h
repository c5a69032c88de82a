/*
 * roster.h
 *		Which databases have a resident worker, in shared memory.
 *
 * Exists only where fpgo is in shared_preload_libraries; everywhere else
 * fpgo_roster_exists() is false and nothing else here may be called, but for
 * what says so.
 */
#ifndef FPGO_ROSTER_H
#define FPGO_ROSTER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/dsm.h"

/* databases there is room for, and mailboxes that wait for a worker */
#define FPGO_ROSTER_SIZE 64
#define FPGO_ROSTER_OFFERS 128

typedef enum FpgoWorkerState
{
	FPGO_WORKER_NONE,			/* no worker is meant to be there */
	FPGO_WORKER_STARTING,		/* one is meant to be, and is not yet */
	FPGO_WORKER_RUNNING,
	FPGO_WORKER_PAUSED			/* until fpgo.resume() */
} FpgoWorkerState;

/* What the roster says of a database. */
typedef struct FpgoWorkerStatus
{
	FpgoWorkerState state;
	int			pid;			/* 0 unless running */
	TimestampTz since;			/* when it started, 0 unless running */
} FpgoWorkerStatus;

/* Ask for the shared memory; to be called while the library is preloaded. */
extern void fpgo_roster_request(void);

/* Is there one?  May always be called. */
extern bool fpgo_roster_exists(void);

/* ---------- for sessions ---------- */

/*
 * What the roster says of a database.  May always be called, in a transaction
 * if it is this one.
 */
extern FpgoWorkerStatus fpgo_roster_status(Oid database);

/*
 * Wake this database's worker when the transaction commits, and not if it
 * rolls back.  May always be called.
 */
extern void fpgo_roster_wake_at_commit(void);

/*
 * Offer a mailbox to this database's worker.  The pid it was offered to, 0 if
 * there is none or it has too many offers.  An offer that was not taken can be
 * taken back: false if it was taken.  Both may always be called.
 */
extern int	fpgo_roster_offer(dsm_handle mailbox);
extern bool fpgo_roster_take_back(dsm_handle mailbox);

/* Pause or resume a database's worker; pausing ends it, in a while. */
extern void fpgo_roster_pause(Oid database);
extern void fpgo_roster_resume(Oid database);

/* ---------- for the launcher ---------- */

/* To be called by the launcher, which is woken from now on. */
extern void fpgo_roster_enter_launcher(void);

/* Databases that have an entry; *oids is palloc'd, the number returned. */
extern int	fpgo_roster_list(Oid **oids);

/* Is a worker meant to be in a database?  Makes or ends its entry. */
extern void fpgo_roster_set_wanted(Oid database, bool wanted);

/* Ask a worker to end. */
extern void fpgo_roster_stop(Oid database);

/* Was a worker asked for since the last call, by a commit or by resume()? */
extern bool fpgo_roster_take_request(Oid database);

/* The database does not exist any more. */
extern void fpgo_roster_forget(Oid database);

/* ---------- for a worker ---------- */

/*
 * Enter this process as the worker of its database, till it exits.  False if
 * there is one already, or none is wanted.
 */
extern bool fpgo_roster_enter_worker(void);

/*
 * May the worker say in the log what keeps it from working?  True once, and
 * once more after a worker had nothing to complain about.
 */
extern bool fpgo_roster_is_first_word(void);
extern void fpgo_roster_is_well(void);

/* Was something committed since the last call? */
extern bool fpgo_roster_take_wake(void);

/* Take a mailbox that was offered, DSM_HANDLE_INVALID if there is none. */
extern dsm_handle fpgo_roster_take_offer(void);

#endif							/* FPGO_ROSTER_H */
