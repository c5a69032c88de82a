/*
 * transactions.h
 *		How a process that sends runs short transactions.
 */
#ifndef FPGO_TRANSACTIONS_H
#define FPGO_TRANSACTIONS_H

#include "postgres.h"

typedef struct FpgoTransactions
{
	void		(*begin) (void);	/* its commit survives crash and failover */
	void		(*begin_lax) (void);	/* its commit may be lost by a crash */
	void		(*commit) (void);
	void		(*flush) (void);	/* make commits durable; NULL: commit does */
	bool		(*should_stop) (void);	/* claim no more, and end */
	bool		is_resident;	/* goes on after every failure; tries a server
								 * that fails again after a while */
} FpgoTransactions;

#endif							/* FPGO_TRANSACTIONS_H */
