/*
 * pace.h
 *		How many requests may be sent now: the arithmetic of an allowance.
 *
 * Pure: no postgres.h.  Times are milliseconds of a clock of the caller's; 0
 * means "none".
 */
#ifndef FPGO_PACE_H
#define FPGO_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* What the options of a server state. */
typedef struct FpgoPaceTerms
{
	int			limit;			/* requests a window; 0: not stated */
	int64_t		window_ms;		/* length of a window */
} FpgoPaceTerms;

/* What all senders know of an allowance together. */
typedef struct FpgoPace
{
	int64_t		number;			/* counts the windows, from 1 */
	int			limit;			/* requests a window, as the gateway says; 0:
								 * it does not say */
	int			remaining;		/* least that it said was left in this window */
	int			at_start;		/* what was left when counting began */
	int			granted;		/* given to senders in this window ... */
	int			leased;			/* ... and not heard of since */
	bool		is_seen;		/* an answer came in this window */
	int64_t		since;			/* when counting began, or what is closed was closed */
	int64_t		began;			/* the window began then at the latest; 0: at a
								 * moment that is not known */
	int64_t		closed_until;	/* the gateway wants no request before that */
} FpgoPace;

/* Whom a grant is for. */
typedef enum FpgoPaceUse
{
	FPGO_PACE_QUEUE,			/* orders that wait anyway */
	FPGO_PACE_SUBMIT			/* an order that a session waits for */
} FpgoPaceUse;

typedef struct FpgoPaceGrant
{
	int			n;				/* so many requests may be sent ... */
	int64_t		good_ms;		/* ... within that time */
	int64_t		again_ms;		/* when to ask again, if these do not do */
	int64_t		never_ms;		/* if n is 0: there certainly is none before */
	bool		is_closed;		/* n is 0 since the gateway asked to slow down */
} FpgoPaceGrant;

/* What a sender has learnt since it told the others last. */
typedef struct FpgoPaceNews
{
	int			n_back;			/* requests answered, or not sent */
	int			limit;			/* as the gateway says; 0: nothing */
	int			remaining;		/* least that the gateway said; -1: nothing */
	int64_t		first_at;		/* when the first answer came */
	bool		is_turned;		/* another window has begun since ... */
	int64_t		turned_at;		/* ... at that moment at the latest ... */
	int			new_remaining;	/* ... with so much left */
	int64_t		closed_until;
} FpgoPaceNews;

/* What one sender may send. */
typedef struct FpgoPaceLease
{
	int64_t		number;			/* of the window it is for */
	int			epoch;			/* counts changes of the window, as seen here */
	int			n;				/* so many requests may be sent ... */
	int64_t		good_until;		/* ... before that moment */
	int			told;			/* least that is known to be left; -1: not
								 * known */
	FpgoPaceNews news;
} FpgoPaceLease;

/* The right to send one request. */
typedef struct FpgoPaceTicket
{
	int64_t		number;			/* this and the next two: as they were in the */
	int			epoch;			/* lease when the ticket was taken */
	int			told;
} FpgoPaceTicket;

/* What the answer to a request says about the allowance. */
typedef struct FpgoPaceAnswer
{
	bool		is_sent;		/* the request may have been counted */
	int			limit;			/* -1: it does not say */
	int			remaining;		/* -1: it does not say */
	int64_t		closed_ms;		/* asks to send nothing for so long; -1: no */
} FpgoPaceAnswer;

/* Longest time that the gateway is left alone, in milliseconds. */
#define FPGO_PACE_LONGEST_MS (900 * 1000)

/*
 * Give requests to a sender.  Times in the pace that lie too far ahead, since
 * the clock was set back, are moved to where they can be.
 */
extern FpgoPaceGrant fpgo_pace_grant(FpgoPace *pace,
									 const FpgoPaceTerms *terms,
									 FpgoPaceUse use, int64_t now);

/*
 * A sender whose lease is of window "number" tells what it has learnt; 0: it
 * never had one.
 */
extern void fpgo_pace_learn(FpgoPace *pace, const FpgoPaceTerms *terms,
							int64_t number, const FpgoPaceNews *news,
							int64_t now);

/* ---------- one sender ---------- */

/* A lease before the first grant: requests need no right yet. */
extern void fpgo_pace_lease_begin(FpgoPaceLease *lease);

/* Receive a grant of the pace, after the news were told; they are forgotten. */
extern void fpgo_pace_lease_fill(FpgoPaceLease *lease, const FpgoPace *pace,
								 const FpgoPaceGrant *grant, int64_t now);

/* How many requests may be sent now? */
extern int	fpgo_pace_lease_left(FpgoPaceLease *lease, int64_t now);

/* The ticket for a request; uses up one of the lease, if it has any. */
extern FpgoPaceTicket fpgo_pace_lease_take(FpgoPaceLease *lease);

/*
 * What came of the request of a ticket.  Returns true if the others should
 * hear of it at once.
 */
extern bool fpgo_pace_lease_note(FpgoPaceLease *lease,
								 const FpgoPaceTicket *ticket,
								 const FpgoPaceAnswer *answer, int64_t now);

/* Give back all that is left, so that other senders can have it. */
extern void fpgo_pace_lease_return(FpgoPaceLease *lease);

/* Is there anything to tell the others? */
extern bool fpgo_pace_lease_has_news(const FpgoPaceLease *lease);

#endif							/* FPGO_PACE_H */
