/*
 * json_text.h
 *		JSON that others wrote: read without an error that quotes it.
 */
#ifndef FPGO_JSON_TEXT_H
#define FPGO_JSON_TEXT_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Why a text cannot be read. */
typedef struct FpgoJsonFault
{
	int			sqlstate;		/* 22P02: not JSON; others of classes 22 and
								 * 54: beyond a limit of jsonb's */
	bool		is_json;		/* it keeps to JSON's syntax, but has what jsonb
								 * or the database's encoding cannot hold */
	const char *detail;			/* a sentence that quotes nothing */
} FpgoJsonFault;

/*
 * The value in a text in the database's encoding, which need not end in a NUL;
 * NULL, and why, if there is none.  PostgreSQL's own message would quote a
 * line of the text, in CONTEXT.
 */
extern Jsonb *fpgo_json_read(const char *json, int len, FpgoJsonFault *fault);

/*
 * A member that is a text or a number, as text; NULL if it is neither, or not
 * there, or if this is no object.
 */
extern char *fpgo_json_member(JsonbContainer *object, const char *name);

#endif							/* FPGO_JSON_TEXT_H */
