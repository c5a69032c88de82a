/*
 * session.c
 *		fpgo.invoice_session: the gateway's answer to a submission.
 *
 * It is asked for by the submission's number, or by server and key.
 *
 * The answer has the customer's BankID address.  Only members of the role that
 * handed the order in may see it.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/tuplestore.h"

#include "account/account.h"
#include "base/arguments.h"
#include "records/submissions.h"

PG_FUNCTION_INFO_V1(fpgo_invoice_session);
PG_FUNCTION_INFO_V1(fpgo_invoice_session_by_key);

/* The answer to a submission as the function's row; NULL gives no row. */
static void
put_session(FunctionCallInfo fcinfo, const FpgoSubmission *submission)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		values[3];
	bool		nulls[3];

	if (submission != NULL)
		fpgo_submission_require_for(submission->id, submission->role);
	InitMaterializedSRF(fcinfo, 0);
	if (submission == NULL || submission->state != FPGO_STATE_ACCEPTED)
		return;
	fpgo_submission_fill_session(submission->order_uuid,
								 submission->customer_uuid,
								 submission->bank_id_url, values, nulls);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
fpgo_invoice_session(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	const FpgoSubmission *submission = fpgo_submission_find(id);

	if (submission == NULL)
		fpgo_submission_raise_missing(id);
	put_session(fcinfo, submission);
	return (Datum) 0;
}

Datum
fpgo_invoice_session_by_key(PG_FUNCTION_ARGS)
{
	const char *server = fpgo_text_argument(fcinfo, 0);
	const char *key = fpgo_text_argument(fcinfo, 1);
	const FpgoSubmission *submission = NULL;

	if (key != NULL)
		submission = fpgo_submission_find_by_key(fpgo_account_recorded_name(server),
												 key);
	put_session(fcinfo, submission);
	return (Datum) 0;
}
