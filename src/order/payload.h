/*
 * payload.h
 *		The text that is sent.
 */
#ifndef FPGO_PAYLOAD_H
#define FPGO_PAYLOAD_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/*
 * The canonical payload as JSON text in the server's encoding.  Raises 22023
 * unless the order is a JSON object.
 */
extern void fpgo_payload_write(StringInfo wire, Jsonb *order);

/* The payload in UTF-8, as it is sent; len receives its length in bytes. */
extern const char *fpgo_payload_wire(const char *payload, int *len);

/*
 * Largest payload in bytes: nginx's default for client_max_body_size.  An
 * nginx stands before the gateway.
 */
#define FPGO_PAYLOAD_MAX (1024 * 1024)

#endif							/* FPGO_PAYLOAD_H */
