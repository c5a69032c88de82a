/*
 * reply.h
 *		Reads the body of the gateway's answer.
 *
 * Only gateway/reply uses json-c.  A reply has a few named members of the
 * body: nothing else of an answer reaches a table or a message.
 */
#ifndef FPGO_REPLY_H
#define FPGO_REPLY_H

#include "postgres.h"

#include "gateway/reply_mask.h"

/* most sentences of a refusal that are kept */
#define FPGO_REPLY_MAX_MESSAGES 20

typedef struct FpgoReply
{
	bool		is_json;		/* the whole body is one JSON object */
	int			status_code;	/* member status_code, 0 if absent, -1 if it
								 * is no status */
	bool		is_error;		/* member is_error is anything but false */
	char	   *order_uuid;		/* data.orderUuid; NULL unless a non-empty,
								 * plausible identifier */
	char	   *customer_uuid;	/* data.customerUuid; NULL unless a non-empty,
								 * plausible identifier */
	char	   *bank_id_url;	/* data.bankIdUrl (or paymentUrl); NULL if
								 * absent; a secret, never logged */
	char	   *shown_uuid;		/* data.uuid, of an answer about an order that
								 * was asked for; as order_uuid */
	char	   *order_status;	/* data.status of such an answer, masked as
								 * sentences are; NULL if absent or no text */
	bool		says_no_order;	/* message is orderNotFound or, as some routes
								 * say, Order Not Found */
	int			n_messages;		/* sentences kept, in the server's encoding,
								 * masked */
	int			n_left_off;		/* sentences beyond FPGO_REPLY_MAX_MESSAGES */
	char	   *messages[FPGO_REPLY_MAX_MESSAGES];
} FpgoReply;

/*
 * The text of a body, without the byte order mark that may stand before it;
 * false if it is not UTF-8, or has a NUL.
 */
extern bool fpgo_reply_find_text(const char **body, size_t *len);

/*
 * Read a body, which need not end with a NUL.  The reply is allocated in the
 * current memory context.  Never raises for what the bytes say: is_json is
 * false if they cannot be read.  Raises when memory runs out: half of an
 * answer is never taken for the whole.
 *
 * secrets is a NULL-terminated list of strings in UTF-8.  They are masked
 * wherever a message repeats them, and so is everything that looks like a
 * personal number.
 */
extern FpgoReply *fpgo_reply_read(const char *body, size_t len,
								  const char *const *secrets);

/* Overwrite the BankID address, once it is not needed any more. */
extern void fpgo_reply_wipe(const FpgoReply *reply);

/* The json-c that is installed, for diagnosis. */
typedef struct FpgoReplyLibrary
{
	const char *version;		/* "0.16" */
	const char *built_with;		/* the version fpgo was compiled with */
	const char *fault;			/* why it will not do, a sentence; or NULL */
} FpgoReplyLibrary;

extern FpgoReplyLibrary fpgo_reply_library(void);

#endif							/* FPGO_REPLY_H */
