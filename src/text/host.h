/*
 * host.h
 *		Can a URL be reached from outside?
 *
 * Pure: no postgres.h, no allocation, no locale.
 */
#ifndef FPGO_HOST_H
#define FPGO_HOST_H

#include <stdbool.h>

#include "text/span.h"

typedef enum FpgoHostFault
{
	FPGO_HOST_RIGHT,
	FPGO_HOST_USER,				/* a user's name or a password stands before it */
	FPGO_HOST_PORT,				/* no port has that number */
	FPGO_HOST_NUMBERS,			/* four numbers, of which one is over 255 */
	FPGO_HOST_INSIDE			/* this machine, a private network, or a name
								 * that only a private network knows */
} FpgoHostFault;

extern FpgoHostFault fpgo_find_host_fault(FpgoSpan url);

#endif							/* FPGO_HOST_H */
