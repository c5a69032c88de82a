/*
 * question.h
 *		The questions that the changes among a delivery's flights begin with.
 */
#ifndef FPGO_QUESTION_H
#define FPGO_QUESTION_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Look which questions have been answered; needs no transaction. */
extern void fpgo_questions_attend(List *flights);

/* Is a flight cleared, so that its order is to be sent? */
extern bool fpgo_questions_have_cleared(List *flights);

/*
 * Confirm the cleared flights, in the caller's transaction.  may_wait: for a
 * row that another session has locked; else such a flight lands as not sent.
 */
extern void fpgo_questions_confirm(List *flights, bool may_wait);

/* Is a flight confirmed, so that its order goes out once that is committed? */
extern bool fpgo_questions_have_confirmed(List *flights);

/*
 * After the commit: send the confirmed flights.  If the standbys did not
 * acknowledge it, they land as not sent.
 */
extern void fpgo_questions_launch(List *flights, bool is_acknowledged);

/* The transaction failed: what was cleared lands as not sent. */
extern void fpgo_questions_give_up(List *flights);

#endif							/* FPGO_QUESTION_H */
