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
	FPGO_FIELD_OBJECT,			/* members described by shape */
	FPGO_FIELD_LIST,			/* a list of such objects */
	FPGO_FIELD_STRING,
	FPGO_FIELD_SECONDS,			/* a string: whole Unix seconds; timestamptz */
	FPGO_FIELD_EMAIL,
	FPGO_FIELD_URL,
	FPGO_FIELD_CALLBACK_URL,	/* a URL whose path may hold the placeholder
								 * {submission}; see format.h */
	FPGO_FIELD_NUMERIC,			/* a number, or a string that holds one */
	FPGO_FIELD_BOOLEAN
} FpgoFieldType;

typedef enum FpgoPresence
{
	FPGO_PRESENCE_OPTIONAL,
	FPGO_PRESENCE_REQUIRED,
	FPGO_PRESENCE_REQUIRED_IF,	/* if sibling "other" has the value
								 * "other_value" */
	FPGO_PRESENCE_REQUIRED_WITH /* if sibling "other" is present */
} FpgoPresence;

/* What a value must satisfy beyond its type. */
typedef enum FpgoConstraint
{
	FPGO_CONSTRAINT_ANY,
	FPGO_CONSTRAINT_IN,			/* one of "allowed" */
	FPGO_CONSTRAINT_TAX_RATE,	/* one of the server's tax rates, by default
								 * "allowed" */
	FPGO_CONSTRAINT_SIZE,		/* exactly "size" characters */
	FPGO_CONSTRAINT_ALPHA_NUM,
	FPGO_CONSTRAINT_COUNTRY		/* ISO 3166-1 alpha-2 */
} FpgoConstraint;

/*
 * What a value means, for code that needs more than its type: advice, and the
 * calculation of totals.  Each meaning but the first belongs to one field.
 */
typedef enum FpgoMeaning
{
	FPGO_MEANS_NOTHING,			/* no code needs its meaning */
	FPGO_MEANS_QUANTITY,
	FPGO_MEANS_RATE,			/* NOK a unit */
	FPGO_MEANS_DISCOUNT,		/* NOK off the line */
	FPGO_MEANS_VAT,				/* percent */
	FPGO_MEANS_AMOUNT,			/* NOK, total of the line */
	FPGO_MEANS_SUB_TOTAL,
	FPGO_MEANS_TOTAL_TAX,
	FPGO_MEANS_TOTAL_DISCOUNT,
	FPGO_MEANS_GRAND_TOTAL,
	FPGO_MEANS_DIALLING_CODE,
	FPGO_MEANS_PHONE,			/* without the dialling code */
	FPGO_MEANS_PERSON,			/* a Norwegian personal number */
	FPGO_MEANS_ORGANIZATION,
	FPGO_MEANS_HOME,			/* the country of the customer's address */
	FPGO_MEANS_POSTAL_CODE,
	FPGO_MEANS_REFERENCE,		/* the shop's own number of the order */
	FPGO_MEANS_BUYERS_REFERENCE,
	FPGO_MEANS_MATURITY,		/* days */
	FPGO_MEANS_NOTIFIED,		/* URL that the gateway adds a query to */
	FPGO_N_MEANINGS
} FpgoMeaning;

/*
 * Longest text that is not advised against, in characters, unless the field
 * says otherwise.  The page prints no limit, but a Laravel application keeps
 * strings in columns of type varchar(255) unless it was told otherwise.
 */
#define FPGO_LENGTH_MAX 255

typedef struct FpgoShape FpgoShape;

typedef struct FpgoField
{
	const char *json;			/* the API's name */
	int			json_len;
	const char *wire;			/* the API's name in quotes, with a colon */
	const char *sql;			/* its snake_case twin */
	FpgoFieldType type;
	FpgoPresence presence;
	FpgoConstraint constraint;
	int			size;			/* for FPGO_CONSTRAINT_SIZE */
	const char *const *allowed; /* NULL-terminated; for FPGO_CONSTRAINT_IN and
								 * FPGO_CONSTRAINT_TAX_RATE */
	int			other;			/* index of the sibling a condition looks at */
	const char *other_value;	/* for FPGO_PRESENCE_REQUIRED_IF */
	int			is_secret;		/* its value identifies a person: never quoted */
	int			is_identity;	/* its value tells one order from another */
	FpgoMeaning meaning;
	int			length_max;		/* for advice; 0: FPGO_LENGTH_MAX */
	const FpgoShape *shape;		/* for FPGO_FIELD_OBJECT and FPGO_FIELD_LIST */
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

/* Index of the field with this meaning, -1 if the shape has none. */
extern int	fpgo_shape_find(const FpgoShape *shape, FpgoMeaning meaning);

/* The shape of the tree that has the field with this meaning. */
extern const FpgoShape *fpgo_shape_of(FpgoMeaning meaning);

/*
 * Is an object of this shape required, because a member of it is, at any
 * depth?  The page has rules for members only.
 */
extern int	fpgo_shape_is_required(const FpgoShape *shape);

/* Tax rates of the API page, NULL-terminated. */
extern const char *const fpgo_default_tax_rates[];

#endif							/* FPGO_FIELDS_H */
