/*
 * secrets.h
 *		What of an order no message may show.
 */
#ifndef FPGO_SECRETS_H
#define FPGO_SECRETS_H

#include "postgres.h"

#include "utils/jsonb.h"

/* most secret texts of an order; the field tree has fewer */
#define FPGO_MAX_SECRETS 32

/*
 * The secret texts of an order as it is sent, such as the personal number, in
 * UTF-8: what the gateway may echo and must be masked (see reply.h).
 * NULL-terminated, allocated in the current memory context.
 */
extern const char **fpgo_secrets_list(Jsonb *order);

/* Overwrite them, once they are of no more use. */
extern void fpgo_secrets_wipe(const char *const *secrets);

#endif							/* FPGO_SECRETS_H */
