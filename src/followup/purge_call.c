/*
 * purge_call.c
 *		fpgo.purge and fpgo.forget_keys: records end, too.
 *
 * A purge of a large table takes long.  At top level it commits as it goes, so
 * that it holds few locks, and what was purged stays purged if it is cut short.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/arguments.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "records/age.h"
#include "records/decide.h"
#include "records/purge.h"

PG_FUNCTION_INFO_V1(fpgo_purge);
PG_FUNCTION_INFO_V1(fpgo_forget_keys);

static void
require_before(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("before must not be null"),
				 fpgo_errhide()));
}

/* May the procedure commit?  Not in a transaction block or a function. */
static bool
may_commit(FunctionCallInfo fcinfo)
{
	CallContext *context = (CallContext *) fcinfo->context;

	return context != NULL && IsA(context, CallContext) && !context->atomic;
}

static void
end_part(bool commits)
{
	if (commits)
		SPI_commit();
	CHECK_FOR_INTERRUPTS();
}

Datum
fpgo_purge(PG_FUNCTION_ARGS)
{
	bool		commits = may_commit(fcinfo);
	FpgoPurge	purge = {0};
	TupleDesc	descriptor;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	require_before(fcinfo);
	fpgo_submission_require_writable();
	fpgo_extension_require_current();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	descriptor = BlessTupleDesc(descriptor);
	purge.before = PG_GETARG_TIMESTAMPTZ(0);
	SPI_connect_ext(commits ? SPI_OPT_NONATOMIC : 0);
	while (!purge.is_over)
	{
		fpgo_purge_step(&purge);
		end_part(commits);
	}
	fpgo_purge_notes(purge.before);
	end_part(commits);
	fpgo_age_let_go(FPGO_AGE_WHOLE_TABLE);
	end_part(commits);
	SPI_finish();
	values[0] = Int64GetDatum(purge.n_orders);
	values[1] = Int64GetDatum(purge.n_submissions);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

static void
require_superuser(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to forget keys"),
				 errdetail("An order whose key is forgotten may be invoiced again; only superusers may let that happen."),
				 fpgo_errhide()));
}

Datum
fpgo_forget_keys(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *reason;
	int64		n_accepted = 0;
	ListCell   *cell;

	require_superuser();
	require_before(fcinfo);
	reason = fpgo_decide_require_reason(fpgo_text_argument(fcinfo, 1));
	fpgo_submission_require_writable();
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, fpgo_purge_forget(PG_GETARG_DATEADT(0), reason))
	{
		const FpgoForgotten *forgotten = lfirst(cell);
		Datum		values[] = {
			CStringGetTextDatum(forgotten->server),
			Int64GetDatum(forgotten->n_orders),
			Int64GetDatum(forgotten->n_accepted),
			DateADTGetDatum(forgotten->first_day),
			DateADTGetDatum(forgotten->last_day),
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
		n_accepted += forgotten->n_accepted;
	}
	if (n_accepted > 0)
		ereport(WARNING,
				(errmsg("%lld accepted orders are not known any more",
						(long long) n_accepted),
				 errdetail("Whoever hands one of them in again, by a call or by a change of its row, has it invoiced again."),
				 fpgo_errhide()));
	return (Datum) 0;
}
