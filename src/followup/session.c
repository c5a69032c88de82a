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
#include "records/age.h"
#include "records/traces.h"
#include "records/versions.h"

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
								 fpgo_age_show_address(submission,
													   submission->server),
								 values, nulls);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
fpgo_invoice_session(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	const FpgoSubmission *submission = fpgo_submission_find(id);
	const FpgoVersion *trace = submission == NULL ? fpgo_trace_find(id) : NULL;
	const FpgoVersions *versions;

	if (trace != NULL)
	{
		put_session(fcinfo, &trace->submission);
		return (Datum) 0;
	}
	if (submission == NULL)
		fpgo_submission_raise_missing(id);
	fpgo_submission_require_for(submission->id, submission->role);
	/* any version of an order stands for the order */
	versions = fpgo_versions_are_known() ? fpgo_versions_of(id) : NULL;
	if (versions != NULL && versions->accepted != NULL)
		submission = &versions->accepted->submission;
	put_session(fcinfo, submission);
	return (Datum) 0;
}

Datum
fpgo_invoice_session_by_key(PG_FUNCTION_ARGS)
{
	const char *server = fpgo_text_argument(fcinfo, 0);
	const char *key = fpgo_text_argument(fcinfo, 1);
	const FpgoVersion *version = NULL;

	if (key != NULL)
		version = fpgo_versions_of_key(fpgo_account_recorded_name(server), key);
	put_session(fcinfo, version != NULL ? &version->submission : NULL);
	return (Datum) 0;
}
