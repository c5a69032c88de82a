/*
 * row_plan.h
 *		What a plan does to one row, if it does no more.
 */
#ifndef FPGO_ROW_PLAN_H
#define FPGO_ROW_PLAN_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/plannodes.h"

/* most columns that such a plan sets, and conditions of each sort */
#define FPGO_ROW_COLUMNS 24
#define FPGO_ROW_CONDITIONS 4

typedef enum FpgoRowKind
{
	FPGO_ROW_NONE,				/* it does something else */
	FPGO_ROW_INSERT,			/* a row, all its columns */
	FPGO_ROW_UPDATE,			/* one that an index finds */
	FPGO_ROW_DELETE,			/* one that an index finds */
	FPGO_ROW_LOOKUP				/* SELECT of rows that an index finds */
} FpgoRowKind;

/* A column that gets a value. */
typedef struct FpgoRowColumn
{
	AttrNumber	column;
	int			parameter;		/* from 1; 0: NULL */
	Oid			domain;			/* that checks the value; InvalidOid: none */
} FpgoRowColumn;

/* A column that must equal a parameter. */
typedef struct FpgoRowCondition
{
	AttrNumber	column;			/* of the index if it is a key */
	int			parameter;
	Oid			equals;			/* function of two values */
	Oid			collation;
} FpgoRowCondition;

typedef struct FpgoRowPlan
{
	FpgoRowKind kind;
	uint64		looked_at;		/* number of changes then, as foreign_code.c
								 * counts them */
	Oid			table;
	Oid			index;			/* that finds the row; of an INSERT, a unique
								 * one: ON CONFLICT DO NOTHING; InvalidOid:
								 * there is no such clause */
	int			n_keys;			/* conditions that the index finds by */
	FpgoRowCondition keys[FPGO_ROW_CONDITIONS];
	int			n_guards;		/* others; not of a LOOKUP, which may have any */
	FpgoRowCondition guards[FPGO_ROW_CONDITIONS];
	int			n_columns;
	FpgoRowColumn columns[FPGO_ROW_COLUMNS];
} FpgoRowPlan;

/*
 * What a statement does to a row of this table, if it names no other of fpgo's
 * tables.
 */
extern FpgoRowPlan fpgo_row_plan_of(const PlannedStmt *statement, Oid table);

#endif							/* FPGO_ROW_PLAN_H */
