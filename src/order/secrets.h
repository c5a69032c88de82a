/*
 * secrets.h
 *		The texts of an order that no message may show.
 */
#ifndef FPGO_SECRETS_H
#define FPGO_SECRETS_H

#include "postgres.h"

#include "utils/jsonb.h"

/* most secret texts of an order; the field tree has fewer */
#define FPGO_MAX_SECRETS 32

/*
 * The secret texts of an order as it is sent, such as the personal number, in
 * UTF-8.  The gateway may repeat them; they are masked then (see reply.h).
 * NULL-terminated, allocated in the current memory context.
 */
extern const char **fpgo_secrets_list(Jsonb *order);

/* Overwrite such texts, once they are not needed any more. */
extern void fpgo_secrets_wipe(const char *const *secrets);

#endif							/* FPGO_SECRETS_H */
