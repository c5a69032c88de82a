/*
 * row_plan.c
 *		Reads plans that find or write one row and do nothing else.
 *
 * The statements that every order needs write or look up one row.  For those
 * the executor spends more time on its own setup than on the row.  Here the
 * plan of such a statement is read.  If each node of the plan has a known
 * simple form, the result is columns, parameters and an index, which
 * row_direct.c works with.  A plan that has anything else in it, harmless or
 * not, is run by the executor.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"

#include "tables/row_plan.h"

/* ---------- expressions ---------- */

/* The number of a parameter, 0 if the node is something else. */
static int
parameter_of(const Node *node)
{
	const Param *parameter = (const Param *) node;

	return IsA(node, Param) && parameter->paramkind == PARAM_EXTERN ?
		parameter->paramid : 0;
}

/* Reads a parameter, checked by a domain or not, or NULL. */
static bool
read_value(const Node *node, FpgoRowColumn *column)
{
	column->parameter = 0;
	column->domain = InvalidOid;
	if (IsA(node, Const) && ((const Const *) node)->constisnull)
		return true;
	if (IsA(node, CoerceToDomain))
	{
		column->domain = ((const CoerceToDomain *) node)->resulttype;
		node = (const Node *) ((const CoerceToDomain *) node)->arg;
	}
	column->parameter = parameter_of(node);
	return column->parameter > 0;
}

/* Is it the equality of a type that a key of fpgo's tables has? */
static bool
is_equality(Oid function)
{
	return function == F_INT4EQ || function == F_INT8EQ || function == F_TEXTEQ;
}

/* column = parameter */
static bool
read_condition(const Node *node, FpgoRowCondition *condition)
{
	const OpExpr *comparison = (const OpExpr *) node;
	const Node *column;

	if (!IsA(node, OpExpr) || !is_equality(comparison->opfuncid))
		return false;
	column = linitial(comparison->args);
	/* a column of a domain, as its base type */
	if (IsA(column, RelabelType))
		column = (const Node *) ((const RelabelType *) column)->arg;
	if (!IsA(column, Var) || ((const Var *) column)->varattno <= 0)
		return false;
	condition->column = ((const Var *) column)->varattno;
	condition->parameter = parameter_of(lsecond(comparison->args));
	condition->equals = comparison->opfuncid;
	condition->collation = comparison->inputcollid;
	return condition->parameter > 0;
}

static bool
read_conditions(const List *nodes, FpgoRowCondition *conditions, int *n)
{
	ListCell   *cell;

	*n = 0;
	if (list_length(nodes) > FPGO_ROW_CONDITIONS)
		return false;
	foreach(cell, nodes)
	{
		if (!read_condition(lfirst(cell), &conditions[(*n)++]))
			return false;
	}
	return true;
}

/* ---------- nodes ---------- */

static bool
read_index_scan(const IndexScan *scan, FpgoRowPlan *row)
{
	row->index = scan->indexid;
	return scan->indexorderby == NIL &&
		read_conditions(scan->indexqual, row->keys, &row->n_keys);
}

/* a bitmap scan of one index alone finds the same rows */
static bool
read_bitmap_scan(const Plan *source, FpgoRowPlan *row)
{
	const BitmapIndexScan *scan = (const BitmapIndexScan *) source;

	if (!IsA(source, BitmapIndexScan))
		return false;
	row->index = scan->indexid;
	return read_conditions(scan->indexqual, row->keys, &row->n_keys);
}

/* Reads an index search; other conditions on the rows are left out. */
static bool
read_search(const Plan *node, FpgoRowPlan *row)
{
	bool		is_known = false;

	if (IsA(node, IndexScan))
		is_known = read_index_scan((const IndexScan *) node, row);
	else if (IsA(node, BitmapHeapScan))
		is_known = read_bitmap_scan(outerPlan(node), row);
	return is_known && row->n_keys > 0 &&
		((const Scan *) node)->scanrelid == 1;
}

/* Reads the search for the row to change, with all conditions. */
static bool
read_target(const Plan *node, FpgoRowPlan *row)
{
	return read_search(node, row) &&
		read_conditions(node->qual, row->guards, &row->n_guards);
}

static bool
is_constant_row(const Plan *node)
{
	return IsA(node, Result) && outerPlan(node) == NULL &&
		((const Result *) node)->resconstantqual == NULL;
}

/* ON CONFLICT, if at all, with one index and DO NOTHING. */
static bool
read_conflict(const ModifyTable *insert, FpgoRowPlan *row)
{
	if (insert->onConflictAction == ONCONFLICT_NONE)
		return true;
	if (insert->onConflictAction != ONCONFLICT_NOTHING ||
		list_length(insert->arbiterIndexes) != 1)
		return false;
	row->index = linitial_oid(insert->arbiterIndexes);
	return true;
}

/*
 * Reads the values that columns get.  "numbers" are the columns' numbers; NIL
 * is for an INSERT, where PostgreSQL gives a value or default to each column
 * in order, dropped ones too.  Junk entries are what an UPDATE reads beside
 * them.
 */
static bool
read_columns(const List *values, const List *numbers, FpgoRowPlan *row)
{
	ListCell   *cell;

	foreach(cell, values)
	{
		const TargetEntry *value = lfirst(cell);
		FpgoRowColumn *column = &row->columns[row->n_columns];

		if (value->resjunk)
			continue;
		if (row->n_columns == FPGO_ROW_COLUMNS ||
			!read_value((const Node *) value->expr, column))
			return false;
		column->column = numbers == NIL ? value->resno :
			list_nth_int(numbers, row->n_columns);
		row->n_columns++;
	}
	return true;
}

static FpgoRowKind
read_change(const ModifyTable *change, FpgoRowPlan *row)
{
	const Plan *source = outerPlan(change);

	if (list_length(change->resultRelations) != 1 ||
		linitial_int(change->resultRelations) != 1 ||
		change->returningLists != NIL || change->rowMarks != NIL)
		return FPGO_ROW_NONE;
	switch (change->operation)
	{
		case CMD_INSERT:
			return is_constant_row(source) &&
				read_conflict(change, row) &&
				read_columns(source->targetlist, NIL, row) ?
				FPGO_ROW_INSERT : FPGO_ROW_NONE;
		case CMD_UPDATE:
			return read_target(source, row) &&
				read_columns(source->targetlist,
							 linitial(change->updateColnosLists),
							 row) ? FPGO_ROW_UPDATE : FPGO_ROW_NONE;
		case CMD_DELETE:
			return read_target(source, row) ? FPGO_ROW_DELETE :
				FPGO_ROW_NONE;
		default:
			return FPGO_ROW_NONE;
	}
}

/*
 * Reads a look-up.  Other conditions and a LIMIT do not matter: where the
 * index finds no row, they leave none.
 */
static FpgoRowKind
read_lookup(const Plan *node, FpgoRowPlan *row)
{
	if (IsA(node, Limit))
		node = outerPlan(node);
	return read_search(node, row) ? FPGO_ROW_LOOKUP : FPGO_ROW_NONE;
}

FpgoRowPlan
fpgo_row_plan_of(const PlannedStmt *statement, Oid table)
{
	FpgoRowPlan row = {.kind = FPGO_ROW_NONE, .table = table};
	const RangeTblEntry *first = linitial(statement->rtable);

	if (statement->subplans != NIL || statement->hasModifyingCTE ||
		statement->rowMarks != NIL || first->rtekind != RTE_RELATION ||
		first->relid != table)
		return row;
	if (IsA(statement->planTree, ModifyTable))
		row.kind = read_change((const ModifyTable *) statement->planTree, &row);
	else if (statement->commandType == CMD_SELECT)
		row.kind = read_lookup(statement->planTree, &row);
	return row;
}
