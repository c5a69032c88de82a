/*
 * outcome_text.h
 *		What is said of an outcome.
 */
#ifndef FPGO_OUTCOME_TEXT_H
#define FPGO_OUTCOME_TEXT_H

#include "gateway/exchange.h"

/*
 * What happened and, one a line, what the gateway said about it; allocated in
 * the current memory context.
 */
extern const char *fpgo_outcome_describe(const FpgoOutcome *outcome);

#endif							/* FPGO_OUTCOME_TEXT_H */
