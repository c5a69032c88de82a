/*
 * condition.h
 *		The WHEN condition of a trigger, asked again.
 */
#ifndef FPGO_CONDITION_H
#define FPGO_CONDITION_H

#include "postgres.h"

#include "commands/trigger.h"

/*
 * Is the condition of a row trigger true with this row as NEW?  OLD is that of
 * the event.  True if the trigger has no condition.
 */
extern bool fpgo_condition_holds(const TriggerData *trigger, HeapTuple row);

#endif							/* FPGO_CONDITION_H */
