/*
 * doctor.c
 *		fpgo.doctor: is fpgo set up right, and if not, what mends it.
 *
 * Every check gives one row, always, and in the same order: a monitoring query
 * can rely on that.  Checks of the server depend on earlier ones.  If a check
 * fails, the checks that need it are left out, and their rows say so.
 *
 * Each check runs in a subtransaction, and an error in it becomes its row.
 * Only a cancel or a timeout of the statement ends the function.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/settings.h"
#include "base/subtransaction.h"
#include "setup/doctor.h"

PG_FUNCTION_INFO_V1(fpgo_doctor);

/* How a check depends on the others of the server. */
typedef enum Place
{
	ALONE,						/* needs no other check */
	ON_THE_WAY,					/* needs earlier ones; later ones need it */
	BESIDE,						/* needs earlier ones */
	TO_TOKEN,					/* the same, and OF_TOKEN needs it */
	OF_TOKEN					/* needs earlier ones, and a token */
} Place;

static const struct
{
	const char *name;
	FpgoCheck	check;
	Place		place;
}			checks[] =
{
	{"extension", fpgo_check_extension, ALONE},
	{"libcurl", fpgo_check_libcurl, ALONE},
	{"json-c", fpgo_check_json_c, ALONE},
	{"writable", fpgo_check_writable, ALONE},
	{"durability", fpgo_check_durability, ALONE},
	{"shared_memory", fpgo_check_shared_memory, ALONE},
	{"preload", fpgo_check_preload, ALONE},
	{"worker", fpgo_check_worker, ALONE},
	{"queue", fpgo_check_queue, ALONE},
	{"origin", fpgo_check_origin, ALONE},
	{"server", fpgo_check_server, ON_THE_WAY},
	{"options", fpgo_check_options, ON_THE_WAY},
	{"account", fpgo_check_account, ON_THE_WAY},
	{"usage", fpgo_check_usage, ON_THE_WAY},
	{"timeout", fpgo_check_timeout, BESIDE},
	{"mapping", fpgo_check_mapping, TO_TOKEN},
	{"token", fpgo_check_token, TO_TOKEN},
	{"allowance", fpgo_check_allowance, OF_TOKEN},
	{"process", fpgo_check_process, ON_THE_WAY},
	{"name", fpgo_check_name, ON_THE_WAY},
	{"connection", fpgo_check_connection, ON_THE_WAY},
	{"tls", fpgo_check_tls, ON_THE_WAY},
	{"clock", fpgo_check_clock, BESIDE},
	{"api", fpgo_check_api, ON_THE_WAY},
	{"credentials", fpgo_check_credentials, OF_TOKEN},
	{"logging", fpgo_check_logging, ALONE},
	{"publications", fpgo_check_publications, ALONE},
	{"sequences", fpgo_check_sequences, ALONE},
	{"triggers", fpgo_check_triggers, ALONE},
	{"search_path", fpgo_check_search_path, ALONE},
	{"hand_in", fpgo_check_hand_in, ALONE},
};

/* The arguments of run_check() and its result. */
typedef struct CheckCall
{
	FpgoCheck	check;
	FpgoExamination *examination;
	FpgoDiagnosis diagnosis;
} CheckCall;

static void
run_check(void *arg)
{
	CheckCall	   *call = arg;

	call->diagnosis = call->check(call->examination);
}

/* An error's message and DETAIL, as sentences. */
static const char *
describe_error(const ErrorData *error)
{
	char	   *message = pstrdup(error->message);

	message[0] = pg_ascii_toupper((unsigned char) message[0]);
	return psprintf("%s.%s%s", message, error->detail ? "  " : "",
					error->detail ? error->detail : "");
}

static FpgoDiagnosis
look(FpgoCheck check, FpgoExamination *examination)
{
	CheckCall		call = {.check = check, .examination = examination};
	ErrorData  *error;

	examination->hint = NULL;
	error = fpgo_subtransaction_run(run_check, &call);
	if (error == NULL)
		return call.diagnosis;
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
		ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	return fpgo_wrong(describe_error(error),
					  error->hint ? error->hint : examination->hint);
}

static void
put_row(ReturnSetInfo *rsinfo, const char *name,
		const FpgoDiagnosis *diagnosis)
{
	Datum		values[] = {
		CStringGetTextDatum(name),
		BoolGetDatum(diagnosis->result == FPGO_CHECK_RIGHT),
		CStringGetTextDatum(diagnosis->detail),
		diagnosis->hint ? CStringGetTextDatum(diagnosis->hint) : (Datum) 0,
	};
	bool		nulls[lengthof(values)] = {
		[1] = diagnosis->result == FPGO_CHECK_UNSEEN,
		[3] = diagnosis->hint == NULL,
	};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The first checks that failed: on the way, and to the token. */
typedef struct Obstacles
{
	const char *on_the_way;
	const char *to_token;
} Obstacles;

/* Because of which check one of this place cannot be made; NULL: it can. */
static const char *
find_obstacle(const Obstacles *met, Place place)
{
	if (place == ALONE)
		return NULL;
	if (met->on_the_way == NULL && (place == TO_TOKEN || place == OF_TOKEN))
		return met->to_token;
	return met->on_the_way;
}

static void
note_obstacle(Obstacles *met, Place place, const char *name)
{
	if (place == ON_THE_WAY && met->on_the_way == NULL)
		met->on_the_way = name;
	if (place == TO_TOKEN && met->to_token == NULL)
		met->to_token = name;
}

Datum
fpgo_doctor(PG_FUNCTION_ARGS)
{
	FpgoExamination examination = {
		.server_name = PG_ARGISNULL(0) ? fpgo_server_name :
		text_to_cstring(PG_GETARG_TEXT_PP(0)),
	};
	Obstacles	met = {NULL, NULL};

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < (int) lengthof(checks); i++)
	{
		const char *obstacle = find_obstacle(&met, checks[i].place);
		FpgoDiagnosis diagnosis;

		if (obstacle != NULL)
			diagnosis = fpgo_unseen(psprintf("Not looked at, because of \"%s\".",
											 obstacle));
		else
			diagnosis = look(checks[i].check, &examination);
		if (diagnosis.result != FPGO_CHECK_RIGHT)
			note_obstacle(&met, checks[i].place, checks[i].name);
		put_row((ReturnSetInfo *) fcinfo->resultinfo, checks[i].name,
				&diagnosis);
	}
	/* no check needs the token any more */
	if (examination.account != NULL)
		fpgo_account_wipe(examination.account);
	return (Datum) 0;
}
