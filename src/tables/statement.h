/*
 * statement.h
 *		Statements on fpgo's own tables, run as their owner.
 */
#ifndef FPGO_STATEMENT_H
#define FPGO_STATEMENT_H

#include "postgres.h"

#include "executor/spi.h"

#include "tables/foreign_code.h"
#include "tables/row_table.h"

#define FPGO_MAX_PARAMETERS 32

/* One statement, planned at its first use and kept by the process. */
typedef struct FpgoStatement
{
	const char *sql;			/* objects and operators qualified */
	int			n_parameters;
	Oid			types[FPGO_MAX_PARAMETERS];
	bool		sees_latest;	/* what others committed, even if the
								 * transaction is REPEATABLE READ */
	bool		is_ordered;		/* an index has the order: never sort */
	const char *only_of;		/* a SELECT that finds nothing while this table
								 * is empty: it is not planned then; or NULL */
	SPIPlanPtr	plan;			/* NULL until the first use */
	FpgoForeignCode foreign_code; /* has it code of others? */
	FpgoRowTable row_table;		/* what is kept to write rows */
} FpgoStatement;

/* Parameters of one statement, put in from left to right. */
typedef struct FpgoParameters
{
	int			n;
	Datum		values[FPGO_MAX_PARAMETERS];
	char		nulls[FPGO_MAX_PARAMETERS + 1];
	bool		are_secret[FPGO_MAX_PARAMETERS];
} FpgoParameters;

extern void fpgo_put_datum(FpgoParameters *p, Datum value, bool is_null);
extern void fpgo_put_null(FpgoParameters *p);
extern void fpgo_put_text(FpgoParameters *p, const char *text); /* or NULL */
/* A decimal text as numeric; NULL as null. */
extern void fpgo_put_numeric(FpgoParameters *p, const char *decimal);
/* NULL for NULL */
extern void fpgo_put_bytes(FpgoParameters *p, const uint8 *bytes, int len);
/* a copy that fpgo_statement_run() overwrites; the text stays the caller's */
extern void fpgo_put_secret(FpgoParameters *p, const char *text);	/* or NULL */
/* an array; texts end with NULL, or are NULL for NULL */
extern void fpgo_put_texts(FpgoParameters *p, const char *const *texts);
extern void fpgo_put_int64(FpgoParameters *p, int64 value);
extern void fpgo_put_int(FpgoParameters *p, int value);

/*
 * Run a statement as the owner of fpgo's tables, as a security-restricted
 * operation, and become the caller again before returning.  The parameters
 * must be all that the statement has.  SPI must be connected; rows are in
 * SPI_tuptable.  Returns how many rows the statement touched.  Raises 55000 if
 * fpgo's tables have different owners.
 */
extern uint64 fpgo_statement_run(FpgoStatement *statement, FpgoParameters *p);

/*
 * Remove from an error the texts that may quote a row of fpgo's tables.
 * fpgo_statement_run() does that itself; this is for errors that come at the
 * end of a transaction.
 */
extern void fpgo_statement_redact(ErrorData *error);

/*
 * A column of a row of the last statement, rows from 0 and columns from 1.
 * NULL is 0 as a number and NULL as a text, which is made in the context.
 */
extern Datum fpgo_get_datum(int row, int column, bool *is_null);
extern int64 fpgo_get_int64(int row, int column);
extern const char *fpgo_get_text(int row, int column, MemoryContext context);

/* Are fpgo's tables in this database? */
extern bool fpgo_table_exist(void);

/* One of fpgo's tables by name; InvalidOid if this database does not have it. */
extern Oid	fpgo_table_find(const char *name);

/*
 * Owner of fpgo's tables; raises 3F000 or 42P01 if they are gone.  The second
 * function raises 55000 if they have different owners.
 */
extern Oid	fpgo_table_owner(void);
extern void fpgo_table_require_one_owner(void);

/* One of fpgo's tables by name; raises 3F000 or 42P01 if they are gone. */
extern Oid	fpgo_table_oid(const char *name);

/* The number of the next submission; 42P01 if its sequence is gone. */
extern int64 fpgo_table_next_submission(void);

/* The tables that a submission on its way is written to. */
#define FPGO_N_TABLES_WRITTEN 3
extern const char *const fpgo_table_written[FPGO_N_TABLES_WRITTEN];

/*
 * Lock the tables fpgo_table_written, as writing does, till the end of the
 * transaction.  Raises 55P03 instead of waiting.
 */
extern void fpgo_table_lock_all(void);

#endif							/* FPGO_STATEMENT_H */
