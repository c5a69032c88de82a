/*
 * roster.h
 *		Which databases have a resident worker, in shared memory.
 *
 * The roster exists only where fpgo is in shared_preload_libraries.  Elsewhere
 * fpgo_roster_exists() is false, and only functions whose comment says "may
 * always be called" may be called.
 */
#ifndef FPGO_ROSTER_H
#define FPGO_ROSTER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/dsm.h"

/* most databases, and most mailboxes that wait for one worker */
#define FPGO_ROSTER_SIZE 64
#define FPGO_ROSTER_OFFERS 128

typedef enum FpgoWorkerState
{
	FPGO_WORKER_NONE,			/* no worker is wanted */
	FPGO_WORKER_STARTING,		/* a worker is wanted, but none runs yet */
	FPGO_WORKER_NO_SLOT,		/* as STARTING, and no worker slot is free */
	FPGO_WORKER_NO_ROOM,		/* wanted, and the roster is full */
	FPGO_WORKER_RUNNING,
	FPGO_WORKER_PAUSED			/* until fpgo.resume() */
} FpgoWorkerState;

/* The state of a database's worker. */
typedef struct FpgoWorkerStatus
{
	FpgoWorkerState state;
	int			pid;			/* 0 unless running */
	TimestampTz since;			/* when it started, 0 unless running */
} FpgoWorkerStatus;

/* Ask for the shared memory; to be called while the library is preloaded. */
extern void fpgo_roster_request(void);

/* Is there a roster?  May always be called. */
extern bool fpgo_roster_exists(void);

/* ---------- for sessions ---------- */

/*
 * The state of a database's worker.  May always be called; for this database,
 * in a transaction.
 */
extern FpgoWorkerStatus fpgo_roster_status(Oid database);

/*
 * Wake this database's worker when the transaction commits, and not if it
 * rolls back.  May always be called.
 */
extern void fpgo_roster_wake_at_commit(void);

/*
 * Offer a mailbox to this database's worker.  Returns the worker's pid, 0 if
 * there is no worker or if it has too many offers.  fpgo_roster_take_back()
 * withdraws an offer; false if the worker has taken it.  Both may always be
 * called.
 */
extern int	fpgo_roster_offer(dsm_handle mailbox);
extern bool fpgo_roster_take_back(dsm_handle mailbox);

/* Pause or resume a database's worker; a paused worker ends soon. */
extern void fpgo_roster_pause(Oid database);
extern void fpgo_roster_resume(Oid database);

/* ---------- for the launcher ---------- */

/* The launcher calls this once; it is woken from then on. */
extern void fpgo_roster_enter_launcher(void);

/* Databases that have an entry; *oids is palloc'd, the number returned. */
extern int	fpgo_roster_list(Oid **oids);

/*
 * Say whether a database is to have a worker; makes or frees its entry.  False
 * if the roster is full.
 */
extern bool fpgo_roster_set_wanted(Oid database, bool wanted);

/* Say whether a worker slot was missing when its worker was to start. */
extern void fpgo_roster_note_slot(Oid database, bool is_missing);

/* Ask a worker to end. */
extern void fpgo_roster_stop(Oid database);

/* Was a worker asked for since the last call, by a commit or by resume()? */
extern bool fpgo_roster_take_request(Oid database);

/* Remove the entry of a database that does not exist any more. */
extern void fpgo_roster_forget(Oid database);

/* ---------- for a worker ---------- */

/*
 * Enter this process as the worker of its database, till it exits.  False if
 * there is one already, or none is wanted.
 */
extern bool fpgo_roster_enter_worker(void);

/*
 * May the worker log what keeps it from working?  True once, and once more
 * after fpgo_roster_is_well().
 */
extern bool fpgo_roster_is_first_word(void);
extern void fpgo_roster_is_well(void);

/* Was something committed since the last call? */
extern bool fpgo_roster_take_wake(void);

/* Take a mailbox that was offered, DSM_HANDLE_INVALID if there is none. */
extern dsm_handle fpgo_roster_take_offer(void);

#endif							/* FPGO_ROSTER_H */
