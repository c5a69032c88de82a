/*
 * trigger.h
 *		What a trigger that queues invoices does with a row, without an event.
 */
#ifndef FPGO_TRIGGER_H
#define FPGO_TRIGGER_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/rel.h"

/* Does this trigger of a table queue invoices of rows, at this account? */
extern bool fpgo_trigger_is_for(Relation table, Trigger *trigger,
								const char *account);

/*
 * Hand in the order of a row as the trigger would, for a role.  The function is
 * called as the current user.  With raises, an order that the trigger would
 * record as refused is an error.  Returns the submission's number, 0 if the row
 * has no order.
 */
extern int64 fpgo_trigger_hand_in(Relation table, Trigger *trigger,
								  HeapTuple row, Oid role, bool raises);

#endif							/* FPGO_TRIGGER_H */
