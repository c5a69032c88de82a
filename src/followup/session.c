/*
 * session.c
 *		fpgo.invoice_session: the gateway's answer to a submission.
 *
 * The answer has the customer's BankID address.  Only members of the role that
 * handed the order in may see it.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/tuplestore.h"

#include "records/submissions.h"

PG_FUNCTION_INFO_V1(fpgo_invoice_session);

Datum
fpgo_invoice_session(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		id = PG_GETARG_INT64(0);
	const FpgoSubmission *submission = fpgo_submission_find(id);
	Datum		values[3];
	bool		nulls[3];

	if (submission == NULL)
		fpgo_submission_raise_missing(id);
	fpgo_submission_require_for(id, submission->role);
	InitMaterializedSRF(fcinfo, 0);
	if (submission->state != FPGO_STATE_ACCEPTED)
		return (Datum) 0;
	fpgo_submission_fill_session(submission->order_uuid,
								 submission->customer_uuid,
								 submission->bank_id_url, values, nulls);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
