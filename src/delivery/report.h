/*
 * report.h
 *		What CALL fpgo.deliver() tells its caller.
 */
#ifndef FPGO_REPORT_H
#define FPGO_REPORT_H

#include "postgres.h"

#include "delivery/deliver.h"

/*
 * Say how far the delivery is, if fpgo.progress_interval has passed since it
 * began, or since this was said last.  Changes nothing, and raises nothing.
 */
extern void fpgo_report_progress(const FpgoDelivery *delivery,
								 const FpgoTransactions *transactions,
								 int64 only);

/* The delivery begins now. */
extern void fpgo_report_begin(void);

/* Say what is left, if something is, and why. */
extern void fpgo_report_left(const FpgoTransactions *transactions, int64 only);

#endif							/* FPGO_REPORT_H */
