/*
 * row_plan.h
 *		Reads plans that find or write one row and do nothing else.
 */
#ifndef FPGO_ROW_PLAN_H
#define FPGO_ROW_PLAN_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/plannodes.h"

/* most columns that such a plan sets, and conditions of each kind */
#define FPGO_ROW_COLUMNS 48
#define FPGO_ROW_CONDITIONS 4

typedef enum FpgoRowKind
{
	FPGO_ROW_NONE,				/* the plan does something else */
	FPGO_ROW_INSERT,			/* of one row, all its columns */
	FPGO_ROW_UPDATE,			/* of one row that an index finds */
	FPGO_ROW_DELETE,			/* of one row that an index finds */
	FPGO_ROW_LOOKUP				/* SELECT of rows that an index finds */
} FpgoRowKind;

/* A column that gets a value. */
typedef struct FpgoRowColumn
{
	AttrNumber	column;
	int			parameter;		/* from 1; 0: NULL */
	Oid			domain;			/* checks the value; InvalidOid: none */
} FpgoRowColumn;

/* A column that must equal a parameter. */
typedef struct FpgoRowCondition
{
	AttrNumber	column;			/* of a key: the index's; else the table's */
	int			parameter;
	Oid			equals;			/* function of two values */
	Oid			collation;
} FpgoRowCondition;

typedef struct FpgoRowPlan
{
	FpgoRowKind kind;
	uint64		looked_at;		/* the counter of changes in foreign_code.c at
								 * that time */
	Oid			table;
	Oid			index;			/* finds the row; of an INSERT: the unique
								 * index of ON CONFLICT DO NOTHING, InvalidOid
								 * if it has no such clause */
	int			n_keys;			/* conditions that the index is searched by */
	FpgoRowCondition keys[FPGO_ROW_CONDITIONS];
	int			n_guards;		/* other conditions; those of a LOOKUP are left
								 * out */
	FpgoRowCondition guards[FPGO_ROW_CONDITIONS];
	int			n_columns;
	FpgoRowColumn columns[FPGO_ROW_COLUMNS];
} FpgoRowPlan;

/*
 * Read the plan of a statement that names this table and no other of fpgo's.
 */
extern FpgoRowPlan fpgo_row_plan_of(const PlannedStmt *statement, Oid table);

#endif							/* FPGO_ROW_PLAN_H */
