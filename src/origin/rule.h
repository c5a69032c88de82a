/*
 * rule.h
 *		May a database send for an account?
 *
 * A decision of what is known alone; nothing is looked up here.
 */
#ifndef FPGO_RULE_H
#define FPGO_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* The parts of an origin.  Site is always known; "" is none. */
typedef struct FpgoOriginParts
{
	int64_t		system_identifier;	/* of the cluster */
	uint32_t	database;
	int64_t		timeline;		/* 0: not known */
	int64_t		inode;			/* of global/pg_control; 0: not known */
	int64_t		born;			/* its birth, in microseconds since 1970; 0: not
								 * known */
	const char *site;			/* fpgo.site */
	uint32_t	records;		/* oid of the table of submissions: a dump that is
								 * restored over it makes another one */
} FpgoOriginParts;

/* How the server was started, and what it was before. */
typedef struct FpgoServerStart
{
	bool		was_standby;	/* with standby.signal; false if fpgo is not
								 * preloaded */
	bool		had_label;		/* with backup_label; the same */
	bool		has_target;		/* recovery was to stop somewhere */
	bool		has_heard;		/* a primary told it something */
	int64_t		parent;			/* the timeline before its own; 0: none */
} FpgoServerStart;

/* What is known when a process is to send for an account. */
typedef struct FpgoSeatCase
{
	const FpgoOriginParts *here;
	const FpgoOriginParts *seat;	/* who may send; NULL: nobody has it */
	bool		has_foreign;	/* the account has records of other origins, or the
								 * database is a copy that has no seat at all */
	FpgoServerStart start;
	bool		is_trusted;		/* option failover 'trust', and synchronous
								 * standbys are defined, or were by the one
								 * that has the seat */
} FpgoSeatCase;

typedef enum FpgoSeatAnswer
{
	FPGO_SEAT_OURS,
	FPGO_SEAT_OTHERS,			/* send nothing: a person decides */
	FPGO_SEAT_FIRST,			/* take it: nobody has sent before */
	FPGO_SEAT_CONTINUED,		/* take it, and what the former one queued: the
								 * same server went on */
	FPGO_SEAT_FAILOVER,			/* the same, of a trusted standby */
	FPGO_SEAT_PROMOTION			/* take it for new orders */
} FpgoSeatAnswer;

/* Are these two of one database, as far as is known on both sides? */
extern bool fpgo_parts_agree(const FpgoOriginParts *a, const FpgoOriginParts *b);

extern FpgoSeatAnswer fpgo_seat_decide(const FpgoSeatCase *c);

/* The word for it on record; NULL for those that take nothing. */
extern const char *fpgo_seat_word(FpgoSeatAnswer answer);

#endif							/* FPGO_RULE_H */
