/*
 * foreign_code.c
 *		Does a statement run code that others put on fpgo's tables?
 *
 * The owner of fpgo's tables may add code to them that runs when fpgo reads or
 * writes there: triggers, rules, policies, constraints, defaults, indexes of
 * expressions.  That is foreign code.  The tables as fpgo makes them have
 * none, and rows of them need no statement (row_direct.c).
 *
 * The search is not for known dangers, but for known forms.  A table has no
 * foreign code if all its columns, indexes, defaults and domains have one of
 * the few forms that fpgo itself gives them: "known" in the names below.
 * Anything else counts as foreign code, harmless or not.  Expressions are read
 * as the catalogs store them, since PostgreSQL's functions that load them
 * might evaluate a part of them.
 *
 * A finding holds until one of the tables or domains changes.  PostgreSQL
 * tells a process of such changes when the process takes a lock.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "tables/foreign_code.h"

/*
 * More tables, indexes and domains than fpgo has; if full, the list is emptied.
 */
#define WATCHED_MAX 256

/* Counts the changes of what was looked at; from 1 on. */
static uint64 changes = 1;

/* the tables and indexes that were looked at, and the domains, by their hash */
static Oid	watched_tables[WATCHED_MAX];
static int	n_watched_tables;
static uint32 watched_domains[WATCHED_MAX];
static int	n_watched_domains;

/* ---------- changes ---------- */

static void
note_table_change(Datum arg, Oid table)
{
	bool		is_watched = !OidIsValid(table);

	for (int i = 0; i < n_watched_tables && !is_watched; i++)
		is_watched = watched_tables[i] == table;
	if (is_watched)
		changes++;
}

static void
note_type_change(Datum arg, int cache, uint32 hash)
{
	bool		is_watched = hash == 0;

	for (int i = 0; i < n_watched_domains && !is_watched; i++)
		is_watched = watched_domains[i] == hash;
	if (is_watched)
		changes++;
}

static void
require_callbacks(void)
{
	static bool is_registered = false;

	if (is_registered)
		return;
	CacheRegisterRelcacheCallback(note_table_change, (Datum) 0);
	/* a domain's constraints count as changes of it */
	CacheRegisterSyscacheCallback(TYPEOID, note_type_change, (Datum) 0);
	is_registered = true;
}

static void
watch_table(Oid table)
{
	for (int i = 0; i < n_watched_tables; i++)
	{
		if (watched_tables[i] == table)
			return;
	}
	if (n_watched_tables == WATCHED_MAX)
	{
		n_watched_tables = 0;
		changes++;
	}
	watched_tables[n_watched_tables++] = table;
}

static void
watch_domain(Oid type)
{
	uint32		hash = GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(type));

	for (int i = 0; i < n_watched_domains; i++)
	{
		if (watched_domains[i] == hash)
			return;
	}
	if (n_watched_domains == WATCHED_MAX)
	{
		n_watched_domains = 0;
		changes++;
	}
	watched_domains[n_watched_domains++] = hash;
}

/* ---------- expressions ---------- */

/*
 * The limit is not FirstNormalObjectId: an extension that is made in
 * single-user mode before the first start gets numbers below that.
 */
static inline bool
is_built_in(Oid object)
{
	return object < FirstUnpinnedObjectId;
}

static bool
is_foreign_function(Oid function, void *context)
{
	return !is_built_in(function);
}

/*
 * Not every built-in function is harmless: some run SQL that they are given.
 * No built-in operator does that.  The tables of fpgo use one function.
 */
static bool
has_foreign_code(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_Const:
		case T_RelabelType:
		case T_NullTest:
		case T_BoolExpr:
		case T_CoerceToDomainValue:
			break;
		case T_OpExpr:
		case T_ScalarArrayOpExpr:
			if (check_functions_in_node(node, is_foreign_function, NULL))
				return true;
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcid != F_CLOCK_TIMESTAMP)
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, has_foreign_code, context);
}

/* Is an expression, as a catalog stores it, free of foreign code? */
static bool
is_known_expression(const char *stored)
{
	return !has_foreign_code(stringToNode(stored), NULL);
}

/* ---------- columns ---------- */

/* Have all constraints of a domain a known form? */
static bool
has_known_constraints(Oid domain)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		is_known = true;

	ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(domain));
	scan = systable_beginscan(catalog, ConstraintTypidIndexId, true, NULL, 1,
							  &key);
	while (is_known && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		is_null;
		Datum		check = fastgetattr(tuple, Anum_pg_constraint_conbin,
										RelationGetDescr(catalog), &is_null);

		is_known = is_null || is_known_expression(TextDatumGetCString(check));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return is_known;
}

static bool
is_known_type(Oid type)
{
	HeapTuple	tuple;
	Form_pg_type form;
	bool		is_domain;
	bool		no_default;

	if (is_built_in(type))
		return true;
	watch_domain(type);
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	is_domain = form->typtype == TYPTYPE_DOMAIN &&
		is_built_in(form->typbasetype);
	(void) SysCacheGetAttr(TYPEOID, tuple, Anum_pg_type_typdefaultbin,
						   &no_default);
	ReleaseSysCache(tuple);
	return is_domain && no_default && has_known_constraints(type);
}

static bool
has_known_columns(TupleDesc columns)
{
	TupleConstr *extra = columns->constr;

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (!column->attisdropped && !is_known_type(column->atttypid))
			return false;
	}
	if (extra == NULL)
		return true;
	if (extra->num_check > 0)
		return false;
	/* generated columns too */
	for (int i = 0; i < extra->num_defval; i++)
	{
		if (!is_known_expression(extra->defval[i].adbin))
			return false;
	}
	return true;
}

/* ---------- indexes ---------- */

static bool
has_known_operators(Relation index)
{
	int			n = index->rd_att->natts * index->rd_indam->amsupport;

	if (!is_built_in(index->rd_rel->relam))
		return false;
	for (int i = 0; i < n; i++)
	{
		if (!is_built_in(index->rd_support[i]))
			return false;
	}
	return true;
}

/* Without RelationGetIndexPredicate(), which evaluates constant parts. */
static bool
is_known_index(Oid table_index)
{
	Relation	index = index_open(table_index, AccessShareLock);
	bool		is_known = has_known_operators(index) &&
		!index->rd_index->indisexclusion;
	HeapTuple	tuple = SearchSysCache1(INDEXRELID,
										ObjectIdGetDatum(table_index));
	bool		is_null;
	Datum		stored;

	/* it may become ready for rows without a change of the table */
	watch_table(table_index);
	index_close(index, AccessShareLock);
	if (!HeapTupleIsValid(tuple))
		return false;
	(void) SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indexprs,
						   &is_null);
	is_known = is_known && is_null;
	stored = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indpred,
							 &is_null);
	is_known = is_known &&
		(is_null || is_known_expression(TextDatumGetCString(stored)));
	ReleaseSysCache(tuple);
	return is_known;
}

static bool
has_known_indexes(Relation table)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(table))
	{
		if (!is_known_index(lfirst_oid(cell)))
			return false;
	}
	return true;
}

/* ---------- tables and statements ---------- */

static bool
is_known_table(Oid id)
{
	Relation	table = table_open(id, NoLock);
	Form_pg_class form = table->rd_rel;
	bool		is_known;

	/* a foreign key of another table is a trigger here, and counts */
	is_known = form->relkind == RELKIND_RELATION &&
		form->relam == HEAP_TABLE_AM_OID &&
		!form->relhassubclass && !form->relispartition &&
		!form->relrowsecurity &&
		table->trigdesc == NULL && table->rd_rules == NULL &&
		has_known_columns(RelationGetDescr(table)) && has_known_indexes(table);
	table_close(table, NoLock);
	return is_known;
}

/*
 * The table of a statement, as its plan lists it; NULL if it has none, or has
 * others.  The list has the tables of subqueries and views, too.
 */
static const RangeTblEntry *
only_table(const PlannedStmt *plan)
{
	const RangeTblEntry *only = NULL;
	ListCell   *cell;

	foreach(cell, plan->rtable)
	{
		const RangeTblEntry *entry = lfirst(cell);

		if (!OidIsValid(entry->relid))
			continue;
		if (only != NULL)
			return NULL;
		only = entry;
	}
	return only;
}

static void
look_at_plan(FpgoForeignCode *foreign_code, const PlannedStmt *plan)
{
	const RangeTblEntry *table = only_table(plan);
	FpgoRowPlan row_plan;

	if (table == NULL)
		return;
	watch_table(table->relid);
	row_plan = fpgo_row_plan_of(plan, table->relid);
	row_plan.looked_at = foreign_code->looked_at;
	if (row_plan.kind == FPGO_ROW_NONE || !is_known_table(table->relid))
		return;
	foreign_code->lock = table->rellockmode;
	foreign_code->row_plan = row_plan;
}

bool
fpgo_foreign_code_has_plan(const CachedPlanSource *source)
{
	return source->is_valid && source->gplan != NULL &&
		source->gplan->is_valid;
}

void
fpgo_foreign_code_look(FpgoForeignCode *foreign_code, CachedPlanSource *source)
{
	if (foreign_code->looked_at == changes ||
		!fpgo_foreign_code_has_plan(source))
		return;
	require_callbacks();
	foreign_code->row_plan.kind = FPGO_ROW_NONE;
	/* a change that this process hears of meanwhile raises the counter */
	foreign_code->looked_at = changes;
	/* a rule may add statements */
	if (list_length(source->gplan->stmt_list) == 1)
		look_at_plan(foreign_code, linitial(source->gplan->stmt_list));
}

bool
fpgo_foreign_code_lock(const FpgoForeignCode *foreign_code,
					   CachedPlanSource *source)
{
	const FpgoRowPlan *plan = &foreign_code->row_plan;

	if (plan->kind == FPGO_ROW_NONE || !fpgo_foreign_code_holds(plan))
		return false;
	LockRelationOid(plan->table, foreign_code->lock);
	/* taking the lock may have brought news of changes */
	return fpgo_foreign_code_holds(plan) && fpgo_foreign_code_has_plan(source);
}

bool
fpgo_foreign_code_holds(const FpgoRowPlan *plan)
{
	return plan->looked_at == changes;
}
