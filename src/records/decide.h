/*
 * decide.h
 *		Changes of a submission's state that a person or evidence decides.
 */
#ifndef FPGO_DECIDE_H
#define FPGO_DECIDE_H

#include "postgres.h"

/* A submission that is locked to be decided about. */
typedef struct FpgoSubject
{
	int64		id;
	const char *state;
	const char *role;
	const char *server;
	bool		has_payload;
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
} FpgoDecision;

/*
 * Lock a submission till the end of the transaction, and read it.  A
 * submission that is sending is read without a lock, since its outcome must
 * not wait for a decision; server and has_payload are not set then.  Raises
 * 42704 if there is no such submission.  SPI must not be connected.
 */
extern FpgoSubject *fpgo_decide_lock(int64 id);

/*
 * Has a submission other than this one the order?  SPI must not be connected.
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

#endif							/* FPGO_DECIDE_H */
