/*
 * mailbox.h
 *		A request over to a process that sends, its answer back.
 */
#ifndef FPGO_MAILBOX_H
#define FPGO_MAILBOX_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/shm_mq.h"

#include "exchange.h"
#include "handin.h"
#include "submissions.h"

/*
 * To be raised with every change of the header, of a message or of where the
 * queues stand: after an upgrade a session may still run the old library, and
 * its helper the new one.
 */
#define FPGO_MAILBOX_PROTOCOL 3

/* Who may use the helper now. */
#define FPGO_OWNER_BUSY 0		/* a request is under way, or about to be */
#define FPGO_OWNER_IDLE 1		/* it waits for one */
#define FPGO_OWNER_GONE 2		/* it leaves; start another */

/* Whether the request under way may still be withdrawn. */
#define FPGO_DEAL_OPEN 0
#define FPGO_DEAL_COMMITTING 1	/* it is being recorded, or was */
#define FPGO_DEAL_WITHDRAWN 2	/* its caller left first: record nothing */

/* Whether the answer will be taken. */
#define FPGO_WAITING 0
#define FPGO_LEFT 1				/* the caller left before it was decided */
#define FPGO_TOLD 2				/* it was decided that the caller is told */

/* The fixed part of the shared segment. */
typedef struct FpgoMailboxHeader
{
	uint32		protocol;		/* FPGO_MAILBOX_PROTOCOL of who made it */
	pg_atomic_uint32 owner;
	pg_atomic_uint32 deal;
	pg_atomic_uint32 waiting;	/* for the answer */
	pg_atomic_uint64 submission;	/* of the request under way, 0 before the
									 * deal is struck */
	Oid			database;
	Oid			session_role;	/* of the caller */
	int			caller_pid;
	int			idle_ms;		/* how long the helper waits for another
								 * request */
} FpgoMailboxHeader;

/* One process's view of it. */
typedef struct FpgoMailbox
{
	dsm_segment *segment;
	FpgoMailboxHeader *header;
	shm_mq_handle *out;
	shm_mq_handle *in;
} FpgoMailbox;

typedef enum FpgoRequestKind
{
	FPGO_REQUEST_ORDER = 1,		/* record it, send it, record the outcome */
	FPGO_REQUEST_INQUIRY		/* ask the gateway, record nothing */
} FpgoRequestKind;

typedef struct FpgoRequest
{
	FpgoRequestKind kind;
	uint32		number;			/* counts the caller's requests */
	FpgoTarget	target;

	/* of an order */
	Oid			server;			/* the foreign server's oid */
	int			retention_s;
	FpgoHandIn	handin;
	const char *const *secrets; /* of the order; see fpgo_secrets_list() */

	/* of an inquiry */
	const char *path;			/* this and the next: see
								 * fpgo_exchange_inquire() */
	int			body_limit;
} FpgoRequest;

typedef enum FpgoAnswerKind
{
	FPGO_ANSWER_OUTCOME = 1,	/* sent: outcome, submission */
	FPGO_ANSWER_ON_RECORD,		/* the key is taken: on_record */
	FPGO_ANSWER_REFERENCE_BUSY, /* another submission of the reference goes
								 * first: submission */
	FPGO_ANSWER_WITHDRAWN,		/* as the caller wished: nothing recorded */
	FPGO_ANSWER_SERVER_UNSEEN,	/* no committed server of that oid */
	FPGO_ANSWER_ELSEWHERE,		/* nothing was sent, and this process cannot
								 * wait for a lock, or has to end: ask a
								 * helper */
	FPGO_ANSWER_UNRECORDED,		/* sent, but the outcome could not be
								 * recorded: submission, error */
	FPGO_ANSWER_ERROR,			/* before anything was recorded: error */
	FPGO_ANSWER_FINDING			/* of an inquiry: finding */
} FpgoAnswerKind;

typedef struct FpgoAnswer
{
	uint32		number;			/* of the request */
	FpgoAnswerKind kind;
	int64		submission;
	FpgoOutcome outcome;
	FpgoSubmission on_record;
	FpgoFinding finding;
	bool		is_of_resident; /* set by the caller's side (ask.c) */
	ErrorData	error;			/* sqlerrcode, message, detail, hint only */
} FpgoAnswer;

/*
 * The caller's side: make a segment that lives as long as the process, and
 * attach to it.  header->database and what follows are the caller's to fill.
 */
extern FpgoMailbox *fpgo_mailbox_create(void);

/* The helper's side; NULL if the caller is gone or of another version. */
extern FpgoMailbox *fpgo_mailbox_attach(dsm_handle handle);

/* Has the process at the other end attached to it? */
extern bool fpgo_mailbox_is_attached(const FpgoMailbox *mailbox);

/* Leave a mailbox; its memory goes when both sides left. */
extern void fpgo_mailbox_detach(FpgoMailbox *mailbox);

/*
 * The caller leaves: false if the helper had decided before that it will be
 * told.  The helper asks whether it will be, and that is then decided.
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

/*
 * Messages, one after another as the protocol has them.  Reading allocates in
 * the current memory context; what cannot be read raises XX000, which takes a
 * helper and a caller of different versions.
 */
extern void fpgo_mailbox_write_request(StringInfo message,
									   const FpgoRequest *request);
extern FpgoRequest *fpgo_mailbox_read_request(const void *data, Size len);
extern void fpgo_mailbox_write_answer(StringInfo message,
									  const FpgoAnswer *answer);
extern FpgoAnswer *fpgo_mailbox_read_answer(const void *data, Size len);

#endif							/* FPGO_MAILBOX_H */
