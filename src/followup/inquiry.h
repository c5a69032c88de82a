/*
 * inquiry.h
 *		Questions to the gateway about its orders.
 */
#ifndef FPGO_INQUIRY_H
#define FPGO_INQUIRY_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "account/account.h"
#include "base/compat.h"

#define FPGO_DETAILS_PATH "/connect/orders/details"
#define FPGO_INVOICE_NUMBER_PATH "/connect/orders/invoice-number"

/*
 * Largest answers, in bytes: about one order, all of one order (a payload has
 * at most 1 MB, and six bytes may stand for one in an answer), and a list of
 * some 300,000.
 */
#define FPGO_ORDER_STATUS_LIMIT (12 * 1024)
#define FPGO_DETAILS_LIMIT (8 * 1024 * 1024)
#define FPGO_LIST_LIMIT (16 * 1024 * 1024)

typedef enum FpgoInquiryEnd
{
	FPGO_INQUIRY_ANSWERED,
	FPGO_INQUIRY_NOTHING,		/* the gateway has nothing of that name */
	FPGO_INQUIRY_EMPTY,			/* it knows the name, and data is null */
	FPGO_INQUIRY_UNREADABLE,	/* a text of this database cannot hold the
								 * answer; another try would not help */
	FPGO_INQUIRY_FAILED
} FpgoInquiryEnd;

typedef struct FpgoInquiry
{
	FpgoInquiryEnd end;
	const JsonbValue *data;		/* member data of the answer, an object or an
								 * array in a container; NULL unless answered */
	const FpgoFinding *finding;
	const FpgoReply *reply;		/* of a failed one: what the gateway says, or
								 * NULL */
} FpgoInquiry;

/*
 * Ask with a GET of path below the server's url.  That changes nothing at the
 * gateway, and is tried again after a failure that may pass.  Another process
 * sends the request; raises what fpgo_ask() raises.  If the gateway has had
 * too many requests, and wants none for longer than longest_pause_ms, the
 * inquiry fails.  The result
 * is allocated in the current memory context.
 */
extern FpgoInquiry *fpgo_inquire(const FpgoAccount *account, const char *path,
								 int body_limit, int longest_pause_ms);

/*
 * The elements of a list: of an array, or the members' values of an object,
 * which is how PHP writes a list with gaps.  NULL stands for one that is
 * neither object nor array.
 */
extern JsonbContainer **fpgo_inquiry_elements(const JsonbValue *data,
											  uint32 *n);

/* Why an inquiry brought nothing: a sentence without secrets. */
extern const char *fpgo_inquiry_reason(const FpgoInquiry *inquiry);

/* Raise that an inquiry failed: 22P05, 38F02, 38F03 or 38F04. */
pg_noreturn extern void fpgo_inquiry_raise(const FpgoInquiry *inquiry,
							   const char *server_name);

#endif							/* FPGO_INQUIRY_H */
