/*
 * token.h
 *		The bearer token: what one looks like, and the file it may stand in.
 */
#ifndef FPGO_TOKEN_H
#define FPGO_TOKEN_H

#include "postgres.h"

/* longest token */
#define FPGO_TOKEN_MAX 4096

/* Why this is no token, as the end of a sentence ("must ..."), or NULL. */
extern const char *fpgo_token_fault(const char *token);

/* Whatever leads there, is it in the data directory? */
extern bool fpgo_token_is_in_backups(const char *path);

/*
 * The token, or another secret of its form, in a file; allocated in the
 * current memory context, and the caller's to wipe.  One line; white space at
 * its end is not part of it.  Raises 55000 if the file cannot be read, is open
 * to other users of the machine, is in the data directory, or holds no token;
 * the error says what it is ("token") and names the foreign server, and only
 * the server log the path.
 */
extern char *fpgo_token_read(const char *path, const char *what,
							 const char *server_name);

#endif							/* FPGO_TOKEN_H */
