/*
 * doctor.h
 *		The checks of fpgo.doctor(): one function a row.
 *
 * A check returns its diagnosis, or raises: then the error's message, DETAIL
 * and HINT become the row.  The examination passes findings on to later
 * checks.
 */
#ifndef FPGO_DOCTOR_H
#define FPGO_DOCTOR_H

#include "postgres.h"

#include "foreign/foreign.h"

#include "account/account.h"

typedef enum FpgoCheckResult
{
	FPGO_CHECK_RIGHT,
	FPGO_CHECK_WRONG,
	FPGO_CHECK_UNSEEN			/* could not be looked at */
} FpgoCheckResult;

typedef struct FpgoDiagnosis
{
	FpgoCheckResult result;
	const char *detail;			/* sentences without secrets */
	const char *hint;			/* how to mend it, NULL if not known */
} FpgoDiagnosis;

/* What is known of the server so far. */
typedef struct FpgoExamination
{
	const char *server_name;
	ForeignServer *server;		/* NULL before it is found */
	const FpgoAccount *account; /* NULL before USAGE is checked; without token
								 * before the token is checked */
	const FpgoFinding *finding; /* NULL before the gateway was asked */
	const char *hint;			/* of an error that is raised without a HINT;
								 * NULL when a check begins */
} FpgoExamination;

typedef FpgoDiagnosis (*FpgoCheck) (FpgoExamination *examination);

static inline FpgoDiagnosis
fpgo_right(const char *detail)
{
	return (FpgoDiagnosis) {FPGO_CHECK_RIGHT, detail, NULL};
}

static inline FpgoDiagnosis
fpgo_wrong(const char *detail, const char *hint)
{
	return (FpgoDiagnosis) {FPGO_CHECK_WRONG, detail, hint};
}

static inline FpgoDiagnosis
fpgo_unseen(const char *detail)
{
	return (FpgoDiagnosis) {FPGO_CHECK_UNSEEN, detail, NULL};
}

/* doctor_host.c: the PostgreSQL that fpgo runs in */
extern FpgoDiagnosis fpgo_check_extension(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_libcurl(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_json_c(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_writable(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_durability(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_shared_memory(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_preload(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_worker(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_queue(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_logging(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_publications(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_sequences(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_hand_in(FpgoExamination *examination);

/* doctor_origin.c: copies of the database */
extern FpgoDiagnosis fpgo_check_origin(FpgoExamination *examination);

/* doctor_server.c: the gateway account, and the gateway */
extern FpgoDiagnosis fpgo_check_server(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_options(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_account(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_usage(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_timeout(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_mapping(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_token(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_allowance(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_process(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_name(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_connection(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_tls(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_clock(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_api(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_credentials(FpgoExamination *examination);

/* doctor_triggers.c: the triggers that queue invoices */
extern FpgoDiagnosis fpgo_check_triggers(FpgoExamination *examination);
extern FpgoDiagnosis fpgo_check_search_path(FpgoExamination *examination);

#endif							/* FPGO_DOCTOR_H */
