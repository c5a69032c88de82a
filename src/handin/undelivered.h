/*
 * undelivered.h
 *		Says that nothing delivers the orders that a session queues.
 */
#ifndef FPGO_UNDELIVERED_H
#define FPGO_UNDELIVERED_H

/*
 * A NOTICE, once a session, if this database has no resident worker that
 * delivers.  It says what delivers then, and if the role may not do that, how
 * it gets the right.
 */
extern void fpgo_undelivered_notice_once(void);

#endif							/* FPGO_UNDELIVERED_H */
