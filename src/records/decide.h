/*
 * decide.h
 *		Changes of a submission's state that a person or evidence decides.
 */
#ifndef FPGO_DECIDE_H
#define FPGO_DECIDE_H

#include "postgres.h"

#include "records/submissions.h"

/* A submission that is locked to be decided about. */
typedef struct FpgoSubject
{
	int64		id;
	const char *state;
	const char *role;
	const char *server;			/* name of the account */
	bool		has_payload;
	int64		origin;			/* where it was handed in; 0 if not known */
} FpgoSubject;

/* What is decided about it. */
typedef struct FpgoDecision
{
	const char *state;			/* the new one */
	const char *reason;
	const char *order_uuid;		/* this and the next two NULL unless it is
								 * accepted */
	const char *customer_uuid;
	const char *bank_id_url;
	bool		for_good;		/* it is cancelled, and keeps its key */
} FpgoDecision;

/*
 * A reason as it is recorded.  Raises 22004 for NULL, 22023 if it is blank or
 * too long.
 */
extern const char *fpgo_decide_require_reason(const char *reason);

/* May the current user decide about submissions of all roles? */
extern bool fpgo_decide_is_operator(void);

/* Raises 42501 unless the current user may decide about a submission. */
extern void fpgo_decide_require_right(const FpgoSubject *subject);

/* Raises 55000 unless the submission is in that state. */
extern void fpgo_decide_require_state(const FpgoSubject *subject,
									  FpgoSubmissionState state,
									  const char *hint);

/*
 * Lock a submission till the end of the transaction, and read it.  A
 * submission that is sending is read without a lock, since its outcome must
 * not wait for a decision; server, has_payload and origin are not set then.  Raises
 * 42704 if there is no such submission.  SPI must not be connected.
 */
extern FpgoSubject *fpgo_decide_lock(int64 id);

/*
 * Has a submission that is no version of this one's order the gateway's order
 * with that uuid?  SPI must not be connected.
 */
extern bool fpgo_decide_is_held(const char *order_uuid, int64 id);

/*
 * Decide about a locked submission that is uncertain, or one that is queued;
 * the event names the current user.  SPI must not be connected.
 */
extern void fpgo_decide_uncertain(const FpgoSubject *subject,
								  const FpgoDecision *decision);
extern void fpgo_decide_queued(const FpgoSubject *subject,
							   const FpgoDecision *decision);

/*
 * Let this database send a locked submission that another one queued; the event
 * names the current user.  SPI must not be connected.
 */
extern void fpgo_decide_send_here(const FpgoSubject *subject,
								  const char *reason);

/*
 * Undo what a person decided about a locked submission that is cancelled: queue
 * it again if its payload is still there, and free its key otherwise.  Returns
 * whether it is queued.  Raises 23505 if another submission has the key.  SPI
 * must not be connected.
 */
extern bool fpgo_decide_again(const FpgoSubject *subject, const char *reason);

/*
 * Record that an order that was refused at hand-in is handed in again, and why;
 * the event names the current user.  SPI must not be connected.
 */
extern void fpgo_decide_note_again(int64 submission, const char *reason);

#endif							/* FPGO_DECIDE_H */
