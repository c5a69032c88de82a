/*
 * fields.h
 *		The order's shape and rules: one static tree.
 *
 * Pure: no postgres.h.  Everything that must know a field (mapping, wire
 * text, validation, rules()) walks this tree; nothing else names a field.
 */
#ifndef FPGO_FIELDS_H
#define FPGO_FIELDS_H

/* most fields one object has; callers size arrays by it */
#define FPGO_MAX_FIELDS 16

typedef enum FpgoFieldType
{
	FPGO_OBJECT,				/* members described by shape */
	FPGO_LIST,					/* a list of such objects */
	FPGO_STRING,
	FPGO_SECONDS,				/* a string: whole Unix seconds; timestamptz */
	FPGO_EMAIL,
	FPGO_URL,
	FPGO_NUMERIC,				/* a number, or a string that holds one */
	FPGO_BOOLEAN
} FpgoFieldType;

typedef enum FpgoPresence
{
	FPGO_OPTIONAL,
	FPGO_REQUIRED,
	FPGO_REQUIRED_IF,			/* if sibling "other" has the value
								 * "other_value" */
	FPGO_REQUIRED_WITH			/* if sibling "other" is present */
} FpgoPresence;

/* What a value must satisfy beyond its type. */
typedef enum FpgoConstraint
{
	FPGO_ANY,
	FPGO_IN,					/* one of "allowed" */
	FPGO_TAX_RATE,				/* one of the server's tax rates, by default
								 * "allowed" */
	FPGO_SIZE,					/* exactly "size" characters */
	FPGO_ALPHA_NUM,
	FPGO_COUNTRY				/* ISO 3166-1 alpha-2 */
} FpgoConstraint;

typedef struct FpgoShape FpgoShape;

typedef struct FpgoField
{
	const char *json;			/* the API's name */
	int			json_len;
	const char *wire;			/* the same in quotes, with a colon */
	const char *sql;			/* its snake_case twin */
	FpgoFieldType type;
	FpgoPresence presence;
	FpgoConstraint constraint;
	int			size;			/* for FPGO_SIZE */
	const char *const *allowed; /* NULL-terminated; for FPGO_IN and
								 * FPGO_TAX_RATE */
	int			other;			/* index of the sibling a condition looks at */
	const char *other_value;	/* for FPGO_REQUIRED_IF */
	int			is_secret;		/* its value identifies a person: never quoted */
	const FpgoShape *shape;		/* for FPGO_OBJECT and FPGO_LIST */
} FpgoField;

struct FpgoShape
{
	const char *type_name;		/* composite type in schema fpgo */
	int			n_fields;
	const FpgoField *fields;	/* in the order of the API page's table */
	const unsigned char *by_key;	/* indexes into fields in the order jsonb
									 * keeps keys: shorter first, then by byte */
};

/* The whole order. */
extern const FpgoShape fpgo_order_shape;

/* Tax rates of the API page, NULL-terminated. */
extern const char *const fpgo_default_tax_rates[];

#endif							/* FPGO_FIELDS_H */
