/*
 * submissions.h
 *		The records: submissions, their attempts, payloads and events.
 *
 * Only files of this folder change a submission's state.  Every function here
 * runs inside the caller's transaction and commits nothing; what it returns is
 * allocated in the memory context that was current when it was called.
 */
#ifndef FPGO_SUBMISSIONS_H
#define FPGO_SUBMISSIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "base/compat.h"

/* bytes of the hash that orders are compared by */
#define FPGO_HASH_BYTES 32

/* most pieces of advice that are kept */
#define FPGO_MAX_ADVICE 20

/*
 * The rule by which fpgo 1.0 hashed: the payload, with the server's defaults.
 * On record it is NULL.
 */
#define FPGO_RULE_1_0 0

/* The row of a table that an order was made of. */
typedef struct FpgoSource
{
	const char *table;			/* schema.name of the topmost table */
	uint8		digest[FPGO_HASH_BYTES];	/* of table and primary key */
} FpgoSource;

/* What another order means that is handed in under a key. */
typedef enum FpgoOnChange
{
	FPGO_CHANGE_ERROR,			/* an error */
	FPGO_CHANGE_REPLACE,		/* takes the first one's place until that is
								 * accepted */
	FPGO_CHANGE_UPDATE			/* as replace; then it changes that one */
} FpgoOnChange;

/* An order handed in, with all that is recorded of it. */
typedef struct FpgoHandIn
{
	const char *account;		/* name of the account in the records */
	const char *server;			/* name of its foreign server, for messages */
	const char *key;			/* what makes a second call the same call */
	bool		is_keyless;		/* neither the caller nor the order gave a key;
								 * not known in the process that sends */
	uint8		order_hash[FPGO_HASH_BYTES];	/* keyed, by the rule below */
	int			hash_rule;		/* that of the hash; FPGO_RULE_1_0, or as in
								 * order/sameness.h */
	const FpgoSource *source;	/* NULL: it is of no row with a primary key; not
								 * known in the process that sends */
	const FpgoSource *former_source;	/* of the row before its primary key
										 * was changed; NULL: it was not */
	bool		former_is_own;	/* it got that key in this transaction */
	FpgoOnChange on_change;		/* this is not known there either */
	const char *reference;		/* referenceNo, NULL if there is none */
	const char *role;			/* name of the role that hands it in */
	const char *mapping;		/* whose user mapping the role has now: its
								 * own name, or "" for PUBLIC's */
	const char *grand_total;	/* decimal text, NULL if there is none */
	const char *payload;		/* wire text in the database's encoding */
	int			payload_len;
	const char *callback_token; /* in the callback URL, in place of
								 * {submission}; NULL if there is none */
	Jsonb	   *order;			/* as it is sent; this and the next three are
								 * not known in the process that sends */
	Jsonb	   *given;			/* as it was handed in, without defaults */
	Jsonb	   *complete;		/* with defaults and date, before a callback
								 * token was put in */
	bool		is_date_filled; /* has complete a date of fpgo's? */
	const char *const *advice;	/* sentences, NULL after the last; or NULL */
} FpgoHandIn;

typedef enum FpgoSubmissionState
{
	FPGO_STATE_QUEUED,
	FPGO_STATE_SENDING,
	FPGO_STATE_ACCEPTED,
	FPGO_STATE_REFUSED,
	FPGO_STATE_UNCERTAIN,
	FPGO_STATE_SUPERSEDED,
	FPGO_STATE_CANCELLED
} FpgoSubmissionState;

/* A submission as it is on record. */
typedef struct FpgoSubmission
{
	int64		id;
	FpgoSubmissionState state;
	int64		run;			/* 0 unless sending */
	const char *server;
	const char *role;
	const char *order_uuid;		/* this and the next two NULL unless known */
	const char *customer_uuid;
	const char *bank_id_url;	/* show it by fpgo_age_show_address() alone;
								 * "": its age has passed */
	bool		is_own;			/* this transaction made the row */
	TimestampTz settled_at;		/* when it reached its state; not known of one
								 * that is queued or sending */
	int			hash_rule;		/* this and the hash, which orders are compared
								 * by, are not known of one that was found by
								 * its number */
	uint8		order_hash[FPGO_HASH_BYTES];
} FpgoSubmission;

/* Raises 55000 where an order cannot be recorded: standby, read-only. */
extern void fpgo_submission_require_writable(void);

/* Raises 55000 if this server takes no orders: the setting fpgo.accept_orders. */
extern void fpgo_submission_require_accepting(void);

extern const char *fpgo_state_name(FpgoSubmissionState state);
extern FpgoSubmissionState fpgo_state_parse(const char *name);

/* The part of a sentence that is kept: whole characters; NULL for NULL. */
extern const char *fpgo_submission_clip(const char *sentence);

/*
 * Fill in a submission from a row of the last statement.  Its first columns
 * are those of the statements in submissions.c.
 */
extern void fpgo_submission_read(FpgoSubmission *submission, int row,
								 MemoryContext context);

/*
 * On the SQL objects of 1.0, which know no versions: the submission that holds
 * a key; NULL if none does.
 */
extern FpgoSubmission *fpgo_submission_find_key(const FpgoHandIn *handin);

/*
 * The key of a submission that holds one which begins so, if this order's role
 * handed it in, or one that does not exist any more: it may have been renamed.
 * NULL if there is none.
 */
extern const char *fpgo_submission_find_former_key(const FpgoHandIn *handin,
												   const char *beginning);

/*
 * The payload of a submission, its callback token replaced by the placeholder;
 * NULL if it is not kept any more.
 */
extern const char *fpgo_submission_find_payload(int64 id);

/* An unfinished submission of this order's reference; 0 if there is none. */
extern int64 fpgo_submission_find_reference(const FpgoHandIn *handin);

/*
 * Has the current user the rights of the role that handed a submission in?
 * Only such users may see its answer.  If the role is gone, only superusers
 * have its rights.
 */
extern bool fpgo_submission_is_for(const char *role_name);

/* Raises 42501 unless the current user has those rights. */
extern void fpgo_submission_require_for(int64 id, const char *role_name);

/* Raises 42704: there is no submission of this number. */
pg_noreturn extern void fpgo_submission_raise_missing(int64 id);

/* A submission by its number; NULL if there is none. */
extern FpgoSubmission *fpgo_submission_find(int64 id);

/* Is any submission uncertain? */
extern bool fpgo_submission_has_uncertain(void);

/* Submissions that are queued, sending or uncertain. */
extern int64 fpgo_submission_count_unfinished(void);

/* The columns of an fpgo.invoice_session; each text may be NULL. */
extern void fpgo_submission_fill_session(const char *order_uuid,
										 const char *customer_uuid,
										 const char *bank_id_url,
										 Datum values[3], bool nulls[3]);

#endif							/* FPGO_SUBMISSIONS_H */
