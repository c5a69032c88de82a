/*
 * probe.h
 *		A question to the gateway before an order is tried: does it answer?
 */
#ifndef FPGO_PROBE_H
#define FPGO_PROBE_H

#include "postgres.h"

#include "gateway/exchange.h"

typedef struct FpgoProbe FpgoProbe;

/*
 * Begin a probe, which lives in a child of the memory context.  Copies the
 * target.  fpgo_http_step() drives it.
 */
extern FpgoProbe *fpgo_probe_begin(const FpgoTarget *target,
								   MemoryContext parent);

extern bool fpgo_probe_is_over(const FpgoProbe *probe);

/*
 * Free the probe.  Returns NULL if the gateway answered, else a sentence in the
 * current memory context that says why not.  A probe that is not over is ended.
 */
extern const char *fpgo_probe_end(FpgoProbe *probe);

#endif							/* FPGO_PROBE_H */
