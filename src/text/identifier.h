/*
 * identifier.h
 *		The rule for the gateway's identifiers: of orders and of customers.
 */
#ifndef FPGO_IDENTIFIER_H
#define FPGO_IDENTIFIER_H

#include <stdbool.h>
#include <stddef.h>

/* longest identifier, in bytes */
#define FPGO_IDENTIFIER_MAX 255

/* the rule in words, for messages: "It must have ..." */
#define FPGO_IDENTIFIER_RULE \
	"1 to 255 characters: letters and digits of ASCII, \"-\", \".\", \"_\" and \"~\", not only dots"

/*
 * Identifiers become parts of URLs.  They have only characters that need no
 * escape there (RFC 3986, "unreserved").  They are none of the path segments
 * "." and "..", which a server may remove.
 */
extern bool fpgo_is_identifier(const char *text, size_t len);

#endif							/* FPGO_IDENTIFIER_H */
