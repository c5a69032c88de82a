/*
 * defaults.h
 *		A server's partial order, laid under each order.
 */
#ifndef FPGO_DEFAULTS_H
#define FPGO_DEFAULTS_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The order, with a server's defaults for the members that it lacks.
 * defaults: the text of the server's option, or NULL.  Returns the order
 * itself if defaults is NULL, or if the order is no JSON object.
 */
extern Jsonb *fpgo_defaults_lay_under(Jsonb *order, const char *defaults);

/*
 * The order, with the time of the transaction as its orderDate if it has none.
 * is_filled receives whether it had none.
 */
extern Jsonb *fpgo_defaults_fill_date(Jsonb *order, bool *is_filled);

#endif							/* FPGO_DEFAULTS_H */
