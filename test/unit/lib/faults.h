/*
 * faults.h
 *		Calls that fail when they are told to.
 *
 * Two kinds of calls: the C library's malloc and its relatives, for this whole
 * process and all libraries in it; and those calls of src/ to libcurl and
 * json-c that can fail.  One call, or all from one on, fail as they do when
 * memory runs out.  A test lets the first call fail, then the second, and so
 * on, until it ends before it comes to the call that was to fail.
 */
#ifndef FPGO_TEST_FAULTS_H
#define FPGO_TEST_FAULTS_H

#include <stdbool.h>

typedef enum FaultKind
{
	FAULT_MEMORY,				/* malloc, calloc, realloc, posix_memalign ... */
	FAULT_LIBRARY				/* curl_easy_setopt, json_tokener_new_ex ... */
} FaultKind;

/* From now on let the n-th call of the kind fail, or that and all after it. */
extern void arm_fault(FaultKind kind, long n, bool for_ever);

/* No more failures; how many there were. */
extern long disarm_fault(void);

/* How many there were up to now. */
extern long count_failures(void);

/* Blocks of memory that this process holds. */
extern long count_blocks(void);

/* Was it while json-c parsed that one of them failed, since arm_fault()? */
extern bool parsing_failed;

/*
 * Without memory to start with, OpenSSL 3.5 stops the process by an assertion,
 * and 3.6 calls itself without end.  From now on a process that crashes in
 * OpenSSL after a call has failed ends with this status.  If the crash is of
 * any other code, the process ends by the signal.
 */
#define OPENSSL_GAVE_UP 77
extern void tell_openssl_crashes(void);

/* Is this the call to fail?  For those that stand in for one. */
extern bool fault_strikes(FaultKind kind);

#endif							/* FPGO_TEST_FAULTS_H */
