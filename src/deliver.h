/*
 * deliver.h
 *		The delivery loop: sends what is queued.
 */
#ifndef FPGO_DELIVER_H
#define FPGO_DELIVER_H

#include "postgres.h"

/* How a process runs the short transactions between which requests fly. */
typedef struct FpgoTransactions
{
	void		(*begin) (void);
	void		(*commit) (void);
	bool		(*should_stop) (void);	/* claim no more, drain, come back */
} FpgoTransactions;

/*
 * Send what is queued and due, or one submission (0: any), and come back when
 * nothing of it is left.  Any number of processes may do so at once.
 */
extern void fpgo_deliver_run(const FpgoTransactions *transactions,
							 int64 only);

#endif							/* FPGO_DELIVER_H */
