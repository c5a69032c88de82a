/*
 * defaults.h
 *		A server's partial order, laid under each order.
 */
#ifndef FPGO_DEFAULTS_H
#define FPGO_DEFAULTS_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The order with a server's defaults in its gaps.  defaults: the text of the
 * server's option; NULL if it has none, and then the order itself is returned,
 * as it is if it is no JSON object.
 */
extern Jsonb *fpgo_defaults_lay_under(Jsonb *order, const char *defaults);

#endif							/* FPGO_DEFAULTS_H */
