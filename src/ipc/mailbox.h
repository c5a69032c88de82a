/*
 * mailbox.h
 *		Shared memory between a session and a process that sends: one request
 *		at a time, and whether it may still be withdrawn.
 */
#ifndef FPGO_MAILBOX_H
#define FPGO_MAILBOX_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/shm_mq.h"

/*
 * Must be raised with every change of the header, of a message or of the place
 * of the queues: after an upgrade a session may still run the old library, and
 * its helper the new one.
 */
#define FPGO_MAILBOX_PROTOCOL 11

/* Who may use the mailbox now. */
#define FPGO_HOLDER_BUSY 0		/* a request is under way, or about to be */
#define FPGO_HOLDER_IDLE 1		/* a request is waited for */
#define FPGO_HOLDER_GONE 2		/* the process that sends has left */

/* Whether the request under way may still be withdrawn. */
#define FPGO_DEAL_OPEN 0
#define FPGO_DEAL_COMMITTING 1	/* the order is being recorded, or was */
#define FPGO_DEAL_WITHDRAWN 2	/* the caller left first: record nothing */

/* Will the caller learn that its order was not sent? */
#define FPGO_CALLER_WAITING 0
#define FPGO_CALLER_LEFT 1		/* no: the caller left before */
#define FPGO_CALLER_TOLD 2		/* yes: so the process that sends decided */

/* The fixed part of the shared segment. */
typedef struct FpgoMailboxHeader
{
	uint32		protocol;		/* FPGO_MAILBOX_PROTOCOL of its maker */
	pg_atomic_uint32 holder;
	pg_atomic_uint32 deal;
	pg_atomic_uint32 waiting;	/* one of FPGO_CALLER_... */
	pg_atomic_uint64 submission;	/* of the request under way, 0 before the
									 * deal is struck */
	Oid			database;
	Oid			process_role;	/* whose process the caller is: its helper is
								 * ended by the same */
	int			caller_pid;
	int			idle_ms;		/* how long the process that sends waits for
								 * the next request */
} FpgoMailboxHeader;

/* A mailbox as one process has it attached. */
typedef struct FpgoMailbox
{
	dsm_segment *segment;
	FpgoMailboxHeader *header;
	shm_mq_handle *out;
	shm_mq_handle *in;
} FpgoMailbox;

/*
 * For the caller: make a segment that lives as long as this process, and
 * attach to it.  The caller fills header->database and the members after it.
 */
extern FpgoMailbox *fpgo_mailbox_create(void);

/*
 * For the process that sends: attach to a mailbox; NULL if the caller is gone,
 * or runs another version of fpgo.
 */
extern FpgoMailbox *fpgo_mailbox_attach(dsm_handle handle);

/* Has the process at the other end attached to the mailbox? */
extern bool fpgo_mailbox_is_attached(const FpgoMailbox *mailbox);

/* Leave a mailbox; its memory is freed when both processes have left. */
extern void fpgo_mailbox_detach(FpgoMailbox *mailbox);

/*
 * fpgo_mailbox_stop_waiting: the caller leaves.  False if the process that
 * sends has decided before that the caller learns of an order that was not
 * sent.  fpgo_mailbox_is_awaited: the process that sends asks whether the
 * caller will learn of it; if true, that is decided.
 */
extern bool fpgo_mailbox_stop_waiting(FpgoMailbox *mailbox);
extern bool fpgo_mailbox_is_awaited(FpgoMailbox *mailbox);

/*
 * The process that sends leaves, unless the caller has a request on the way.
 * True if it has left.
 */
extern bool fpgo_mailbox_leave(FpgoMailbox *mailbox);

/* Overwrite the queues, which may have orders, tokens and addresses. */
extern void fpgo_mailbox_wipe(FpgoMailbox *mailbox);

#endif							/* FPGO_MAILBOX_H */
