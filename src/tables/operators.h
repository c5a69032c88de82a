/*
 * operators.h
 *		PostgreSQL's operators in the text of fpgo's statements.
 *
 * The caller's search_path is not trusted, so each operator is named with its
 * schema.  Written between the pieces of a string: "WHERE id " EQ " $1".
 */
#ifndef FPGO_OPERATORS_H
#define FPGO_OPERATORS_H

#define EQ "OPERATOR(pg_catalog.=)"
#define NE "OPERATOR(pg_catalog.<>)"
#define LT "OPERATOR(pg_catalog.<)"
#define LE "OPERATOR(pg_catalog.<=)"
#define GT "OPERATOR(pg_catalog.>)"
#define GE "OPERATOR(pg_catalog.>=)"
#define PLUS "OPERATOR(pg_catalog.+)"
#define MINUS "OPERATOR(pg_catalog.-)"
#define CONCAT "OPERATOR(pg_catalog.||)"

/*
 * Behind a text that is compared byte by byte, in every database alike: keys
 * and their unique index outlive a change of the collation.
 */
#define BYTEWISE "COLLATE pg_catalog.\"C\" "

#endif							/* FPGO_OPERATORS_H */
