/*
 * mailbox.h
 *		Between a session and a process that sends: memory for one request at
 *		a time, and whether it may still be withdrawn.
 */
#ifndef FPGO_MAILBOX_H
#define FPGO_MAILBOX_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/shm_mq.h"

/*
 * To be raised with every change of the header, of a message or of where the
 * queues stand: after an upgrade a session may still run the old library, and
 * its helper the new one.
 */
#define FPGO_MAILBOX_PROTOCOL 5

/* Who may use the mailbox now. */
#define FPGO_HOLDER_BUSY 0		/* a request is under way, or about to be */
#define FPGO_HOLDER_IDLE 1		/* the process that sends waits for one */
#define FPGO_HOLDER_GONE 2		/* the process that sends leaves */

/* Whether the request under way may still be withdrawn. */
#define FPGO_DEAL_OPEN 0
#define FPGO_DEAL_COMMITTING 1	/* it is being recorded, or was */
#define FPGO_DEAL_WITHDRAWN 2	/* its caller left first: record nothing */

/* Whether the answer will be taken. */
#define FPGO_CALLER_WAITING 0
#define FPGO_CALLER_LEFT 1		/* the caller left before it was decided */
#define FPGO_CALLER_TOLD 2		/* it was decided that the caller is told */

/* The fixed part of the shared segment. */
typedef struct FpgoMailboxHeader
{
	uint32		protocol;		/* FPGO_MAILBOX_PROTOCOL of its maker */
	pg_atomic_uint32 owner;
	pg_atomic_uint32 deal;
	pg_atomic_uint32 waiting;	/* is the answer waited for? */
	pg_atomic_uint64 submission;	/* of the request under way, 0 before the
									 * deal is struck */
	Oid			database;
	Oid			session_role;	/* of the caller */
	int			caller_pid;
	int			idle_ms;		/* how long the process that sends waits for
								 * another request */
} FpgoMailboxHeader;

/* One process's view of a mailbox. */
typedef struct FpgoMailbox
{
	dsm_segment *segment;
	FpgoMailboxHeader *header;
	shm_mq_handle *out;
	shm_mq_handle *in;
} FpgoMailbox;

/*
 * The caller's side: make a segment that lives as long as the process, and
 * attach to it.  header->database and what follows are the caller's to fill.
 */
extern FpgoMailbox *fpgo_mailbox_create(void);

/*
 * The side of the process that sends; NULL if the caller is gone or of another
 * version.
 */
extern FpgoMailbox *fpgo_mailbox_attach(dsm_handle handle);

/* Has the process at the other end attached to it? */
extern bool fpgo_mailbox_is_attached(const FpgoMailbox *mailbox);

/* Leave a mailbox; its memory goes when both sides left. */
extern void fpgo_mailbox_detach(FpgoMailbox *mailbox);

/*
 * The caller leaves: false if it was decided before that the caller is told.
 * The process that sends asks whether the caller will be told; that is then
 * decided.
 */
extern bool fpgo_mailbox_stop_waiting(FpgoMailbox *mailbox);
extern bool fpgo_mailbox_is_awaited(FpgoMailbox *mailbox);

/*
 * The process at the other end leaves, unless its caller has a request on the
 * way: true if it has left.
 */
extern bool fpgo_mailbox_leave(FpgoMailbox *mailbox);

/* Overwrite what passed through: orders, tokens, addresses. */
extern void fpgo_mailbox_wipe(FpgoMailbox *mailbox);

#endif							/* FPGO_MAILBOX_H */
