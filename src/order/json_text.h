/*
 * json_text.h
 *		Reads JSON of others, without an error that quotes it.
 */
#ifndef FPGO_JSON_TEXT_H
#define FPGO_JSON_TEXT_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Why a text cannot be read. */
typedef struct FpgoJsonFault
{
	int			sqlstate;		/* 22P02: not JSON; 22P05: a character that
								 * the database's encoding lacks; others of
								 * classes 22 and 54: beyond a limit of jsonb's */
	bool		is_json;		/* JSON's syntax is right, but jsonb or the
								 * database's encoding cannot hold it */
	const char *detail;			/* a sentence that quotes nothing */
} FpgoJsonFault;

/*
 * Read JSON text in the database's encoding, which need not end with a NUL.
 * Returns NULL, and sets the fault, if it cannot be read.  PostgreSQL's own
 * error would quote a line of the text, in CONTEXT.
 */
extern Jsonb *fpgo_json_read(const char *json, int len, FpgoJsonFault *fault);

/*
 * A member that is a text or a number, as text.  NULL if the member is
 * anything else or missing, or if the container is no object.
 */
extern char *fpgo_json_member(JsonbContainer *object, const char *name);

#endif							/* FPGO_JSON_TEXT_H */
