/*
 * loopback.h
 *		A gateway of a few lines, in a process of its own.
 *
 * It gives every request the same answer and counts what it receives: that
 * count, and not what the client believes, tells what was sent.  Being another
 * process, it shares no memory with the tests of running out of it.
 */
#ifndef FPGO_TEST_LOOPBACK_H
#define FPGO_TEST_LOOPBACK_H

typedef struct Loopback
{
	int			port;
	volatile int n_begun;		/* requests of which anything was received */
	volatile int n_received;	/* those that were received whole */
	char		answer[65536];	/* what each is answered with; empty: the
								 * connection is closed instead */
	volatile int answer_len;	/* bytes of it; 0: up to its NUL */
	volatile int closes;		/* not 0: closes after the answer, unannounced */
} Loopback;

/* Start it; it ends with this process. */
extern Loopback *start_loopback(void);

#endif							/* FPGO_TEST_LOOPBACK_H */
