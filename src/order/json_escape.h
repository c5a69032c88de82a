/*
 * json_escape.h
 *		Finds an escape in JSON text that the database cannot store.
 */
#ifndef FPGO_JSON_ESCAPE_H
#define FPGO_JSON_ESCAPE_H

#include "postgres.h"

typedef struct FpgoJsonEscape
{
	uint32		code;			/* the character's; 0 if none was found */
	const char *path;			/* where: products[0].name, as messages say */
} FpgoJsonEscape;

/*
 * The first escape of a character that the database's encoding lacks.  The
 * text must be JSON up to there; of other text it may find nothing, or a wrong
 * place.  Quotes no value, and of names only those that the API could have.
 */
extern FpgoJsonEscape fpgo_json_find_escape(const char *json, int len);

#endif							/* FPGO_JSON_ESCAPE_H */
