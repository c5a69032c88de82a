/*
 * outcome_text.h
 *		An outcome in sentences.
 */
#ifndef FPGO_OUTCOME_TEXT_H
#define FPGO_OUTCOME_TEXT_H

#include "gateway/exchange.h"

/*
 * What happened and, one on each line, the gateway's sentences about it.
 * Allocated in the current memory context.
 */
extern const char *fpgo_outcome_describe(const FpgoOutcome *outcome);

#endif							/* FPGO_OUTCOME_TEXT_H */
