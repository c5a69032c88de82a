/*
 * document.h
 *		Reads a stored order in place.
 *
 * jsonb keeps the keys of an object sorted.  One pass that merges them with
 * the field tree finds every field of an object, without a search per key
 * and without copying or allocating anything.
 */
#ifndef FPGO_DOCUMENT_H
#define FPGO_DOCUMENT_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "order/fields.h"
#include "text/span.h"

typedef enum FpgoJsonKind
{
	FPGO_JSON_MISSING = 0,		/* no such member */
	FPGO_JSON_NULL,
	FPGO_JSON_BOOL,
	FPGO_JSON_NUMBER,
	FPGO_JSON_STRING,
	FPGO_JSON_ARRAY,
	FPGO_JSON_OBJECT			/* a JSON object */
} FpgoJsonKind;

/* One JSON value; every pointer looks into the jsonb it was read from. */
typedef struct FpgoValue
{
	FpgoJsonKind kind;
	int			count;			/* elements of an array, members of a map */
	uint32		size;			/* their bytes, with all that is in them */
	union
	{
		bool		boolean;
		Numeric		number;
		JsonbContainer *container;	/* of an array or a map */
	};
	FpgoSpan	text;			/* in the server's encoding; else empty */
} FpgoValue;

/* Walks the elements of an array or the members of a map in stored order. */
typedef struct FpgoCursor
{
	JsonbContainer *container;
	int			count;
	int			next;
	bool		is_map;
	const char *base;			/* where the values' bytes begin */
	uint32		key_offset;
	uint32		value_offset;
} FpgoCursor;

extern FpgoValue fpgo_document_root(Jsonb *document);

/* Has it more levels of arrays and maps than that, itself included? */
extern bool fpgo_document_is_deeper(const FpgoValue *value, int levels);

/* The cursor of a value that is neither array nor map yields nothing. */
extern void fpgo_document_open(FpgoCursor *cursor, const FpgoValue *value);

/* The next value, and in a map its key; false when there is none. */
extern bool fpgo_document_next(FpgoCursor *cursor, FpgoSpan *key,
							   FpgoValue *value);

/*
 * Read the members of a map that the shape names, by field index.  A field
 * that the map lacks, and every field of a value that is no map, is
 * FPGO_JSON_MISSING.  Returns how many members of the map the shape names.
 */
extern int	fpgo_document_members(const FpgoValue *map, const FpgoShape *shape,
								  FpgoValue members[FPGO_MAX_FIELDS]);

/* Index of the field with this key, -1 if the shape has none. */
extern int	fpgo_document_find_field(const FpgoShape *shape, FpgoSpan key);

/* "a string", "an array", ...: for messages. */
extern const char *fpgo_document_kind_name(FpgoJsonKind kind);

/* The digits of a number as JSON would print them; palloc'd. */
extern FpgoSpan fpgo_document_number_text(Numeric number);

#endif							/* FPGO_DOCUMENT_H */
