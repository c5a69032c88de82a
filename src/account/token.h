/*
 * token.h
 *		The bearer token: its form, and the file that may have it.
 */
#ifndef FPGO_TOKEN_H
#define FPGO_TOKEN_H

#include "postgres.h"

/* longest token */
#define FPGO_TOKEN_MAX 4096

/* Why this is no token, as the end of a sentence ("must ..."), or NULL. */
extern const char *fpgo_token_fault(const char *token);

/* Is the file in the data directory, links followed? */
extern bool fpgo_token_is_in_backups(const char *path);

/*
 * Read the token, or another secret of its form, from a file.  It is allocated
 * in the current memory context, and the caller overwrites it.  The file has
 * one line; white space at its end does not belong to the token.
 *
 * Raises 55000 if the file cannot be read, is open to other users of the
 * machine, is in the data directory, or has no token.  The error names the
 * kind of secret ("token") and the foreign server; only the server log has the
 * path.
 */
extern char *fpgo_token_read(const char *path, const char *what,
							 const char *server_name);

#endif							/* FPGO_TOKEN_H */
