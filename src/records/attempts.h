/*
 * attempts.h
 *		Rows of attempts.
 *
 * Part of the records (see submissions.h): each function runs inside
 * the caller's transaction and commits nothing.
 *
 * Most attempts never have a row.  The submission tells when the attempt began
 * that is under way (column attempt_began), and goes on telling if that attempt is
 * accepted with status 201.  An attempt that ends otherwise gets its row then, and
 * so does one that asks the gateway a question first.
 */
#ifndef FPGO_ATTEMPTS_H
#define FPGO_ATTEMPTS_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * Outcome of an attempt whose order certainly was not sent yet: it changes one
 * that the gateway has, and the gateway is asked for that one's status first.
 */
#define FPGO_ATTEMPT_ASKS "asking"

/* An attempt that has ended. */
typedef struct FpgoEndedAttempt
{
	int64		submission;
	int			number;
	int64		run;
	TimestampTz began;			/* by attempt_began; 0: the attempt has a row */
	TimestampTz ended;
	const char *outcome;		/* fpgo_outcome_name() */
	int			status;			/* HTTP status, 0 if there was none */
	const char *reason;
} FpgoEndedAttempt;

/*
 * Write how an attempt ended, in its row or in a new one.  SPI is connected.
 * The submission must not tell of the attempt any more.
 */
extern void fpgo_attempt_end(const FpgoEndedAttempt *attempt);

/*
 * Record that an attempt begins with a question, and that the order certainly
 * was not sent: the attempt has a row from then on.  Then record that the order is
 * about to be sent.  The second returns false if the submission is no longer
 * sending in that run, or was not asked about.
 */
extern void fpgo_attempt_begin_question(int64 submission, int number);
extern bool fpgo_attempt_end_question(int64 submission, int number, int64 run);

#endif							/* FPGO_ATTEMPTS_H */
