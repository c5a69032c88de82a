/*
 * mapping.h
 *		The shop's function that maps a row of a table to an order.
 */
#ifndef FPGO_MAPPING_H
#define FPGO_MAPPING_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"

#include "order/spellings.h"

/* The function, and how it is called with a row of one table. */
typedef struct FpgoMapping FpgoMapping;

/*
 * The function of this name that takes a row of the table alone, or with
 * defaults for what else it takes.  Raises 42883 if there is none, 42725 if
 * there are several, 42P13 if it returns no order, 42602 for what is no name.
 * The table need not be locked; nothing is run.
 */
extern Oid	fpgo_mapping_check(const char *text, Oid table);

/*
 * The same, ready to be called; the table is open.  Allocated in the current memory context, which must live as long as the
 * mapping is used.
 */
extern FpgoMapping *fpgo_mapping_find(const char *text, Relation table);

/* The function with its argument's type, for messages. */
extern const char *fpgo_mapping_name(const FpgoMapping *mapping);

/*
 * Calls the function with the row; false for no invoice.  Raises 42501 if the
 * current user may not execute it, and what the function itself raises.
 */
extern bool fpgo_mapping_call(FpgoMapping *mapping, HeapTuple row,
							  Relation table, Datum *result);

/*
 * The order that the function returned, and its spelling.  Raises 22P02 if that is text that is
 * no JSON, and whatever the COMMENT of fpgo.to_jsonb lists.
 */
extern Jsonb *fpgo_mapping_read(const FpgoMapping *mapping, Datum result,
								FpgoSpelling *spelling);

#endif							/* FPGO_MAPPING_H */
