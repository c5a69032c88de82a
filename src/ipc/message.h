/*
 * message.h
 *		A request to a process that sends, and its answer, as bytes.
 */
#ifndef FPGO_MESSAGE_H
#define FPGO_MESSAGE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "account/account.h"
#include "gateway/exchange.h"
#include "records/submissions.h"

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
	FpgoRetention retention;
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
	FPGO_ANSWER_WAIT,			/* nothing was recorded: wait for the end of
								 * open_transaction, or for the reference's
								 * lock if it is invalid, and ask again */
	FPGO_ANSWER_LATER,			/* nothing was recorded, and may not be sent now:
								 * look_again_ms, not_before_ms, error */
	FPGO_ANSWER_WITHDRAWN,		/* the caller withdrew: nothing recorded */
	FPGO_ANSWER_SERVER_UNSEEN,	/* no committed server of that oid */
	FPGO_ANSWER_ELSEWHERE,		/* nothing was sent: the process cannot wait
								 * for a lock, or has to end; ask a helper */
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
	TransactionId open_transaction;
	int			look_again_ms;	/* when to ask again */
	int			not_before_ms;	/* until then the answer certainly stays */
	FpgoOutcome outcome;
	FpgoSubmission on_record;
	FpgoFinding finding;
	bool		is_of_resident; /* set by the caller's side (ask.c) */
	ErrorData	error;			/* sqlerrcode, message, detail, hint only */
} FpgoAnswer;

/*
 * Write and read messages.  Reading allocates in the current memory context.
 * Raises XX000 if a message is unreadable; that happens only between different
 * versions of fpgo.
 */
extern void fpgo_message_write_request(StringInfo message,
									   const FpgoRequest *request);
extern FpgoRequest *fpgo_message_read_request(const void *data, Size len);
extern void fpgo_message_write_answer(StringInfo message,
									  const FpgoAnswer *answer);
extern FpgoAnswer *fpgo_message_read_answer(const void *data, Size len);

#endif							/* FPGO_MESSAGE_H */
