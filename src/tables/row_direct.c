/*
 * row_direct.c
 *		A row found or written without the executor.
 *
 * The setup of a statement about one row takes longer than the row.  If the
 * table has no foreign code, the setup can be left out.  What remains are the
 * calls that the executor makes for each row: to the index that finds the row,
 * to the constraints, to the table and to its indexes.  If a row conflicts, is
 * missing, differs or changes, nothing is changed here, and the caller uses
 * the executor.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "tables/foreign_code.h"
#include "tables/row_direct.h"

/* The parameters of one run. */
typedef struct Parameters
{
	const Datum *values;
	const char *nulls;
} Parameters;

static bool
is_null(const Parameters *p, int parameter)
{
	return parameter == 0 || p->nulls[parameter - 1] == 'n';
}

static Datum
value_of(const Parameters *p, int parameter)
{
	return is_null(p, parameter) ? (Datum) 0 : p->values[parameter - 1];
}

/* ---------- writing ---------- */

static void
set_columns(const FpgoRowPlan *plan, const Parameters *p, Datum *values,
			bool *nulls)
{
	for (int i = 0; i < plan->n_columns; i++)
	{
		const FpgoRowColumn *column = &plan->columns[i];
		int			at = column->column - 1;

		values[at] = value_of(p, column->parameter);
		nulls[at] = is_null(p, column->parameter);
		if (OidIsValid(column->domain))
			domain_check(values[at], nulls[at], column->domain, NULL, NULL);
	}
}

/* NOT NULL; a table with other constraints has foreign code. */
static void
check_constraints(FpgoRowTable *target, TupleTableSlot *slot)
{
	if (RelationGetDescr(target->table)->constr != NULL)
		ExecConstraints(target->info, slot, target->estate);
}

/*
 * Does what the executor does for ON CONFLICT DO NOTHING, up to a conflict.
 * The insertion is speculative: until it is completed, another session that
 * inserts the same key waits for its end, and not for the whole transaction.
 * The executor looks for the key first, too.  Here the caller has done so, and a
 * conflict is rare: then the row that was inserted is dead at once.
 */
static bool
insert_unless_taken(FpgoRowTable *target, TupleTableSlot *slot, Oid index)
{
	List	   *indexes = list_make1_oid(index);
	bool		is_taken = false;
	uint32		token;

	token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
	table_tuple_insert_speculative(target->table, slot,
								   GetCurrentCommandId(true), 0, NULL, token);
	fpgo_insert_index_tuples(target->info, slot, target->estate, &is_taken,
							 indexes);
	table_tuple_complete_speculative(target->table, slot, token, !is_taken);
	SpeculativeInsertionLockRelease(GetCurrentTransactionId());
	return !is_taken;
}

static bool
insert(FpgoRowTable *target, const FpgoRowPlan *plan, const Parameters *p)
{
	TupleDesc	columns = RelationGetDescr(target->table);
	Datum	   *values = palloc(sizeof(Datum) * columns->natts);
	bool	   *nulls = palloc(sizeof(bool) * columns->natts);
	TupleTableSlot *slot = ExecInitExtraTupleSlot(target->estate, columns,
												  &TTSOpsHeapTuple);
	HeapTuple	tuple;
	bool		is_done = true;

	if (plan->n_columns != columns->natts)
		return false;
	set_columns(plan, p, values, nulls);
	tuple = heap_form_tuple(columns, values, nulls);
	/* the slot owns the tuple, and makes no copy */
	ExecStoreHeapTuple(tuple, slot, true);
	slot->tts_tableOid = plan->table;
	check_constraints(target, slot);
	if (OidIsValid(plan->index))
		is_done = insert_unless_taken(target, slot, plan->index);
	else
	{
		table_tuple_insert(target->table, slot, GetCurrentCommandId(true), 0,
						   NULL);
		fpgo_insert_index_tuples(target->info, slot, target->estate, NULL, NIL);
	}
	/* the tuple may have an order in it */
	explicit_bzero(tuple->t_data, tuple->t_len);
	return is_done;
}

/* ---------- finding ---------- */

/* Searches by the keys, up to the first row. */
static bool
find(Relation table, Relation index, const FpgoRowPlan *plan,
	 const Parameters *p, TupleTableSlot *row)
{
	ScanKeyData keys[FPGO_ROW_CONDITIONS];
	IndexScanDesc search;
	bool		is_found;

	for (int i = 0; i < plan->n_keys; i++)
	{
		const FpgoRowCondition *key = &plan->keys[i];

		ScanKeyEntryInitialize(&keys[i],
							   is_null(p, key->parameter) ? SK_ISNULL : 0,
							   key->column, BTEqualStrategyNumber, InvalidOid,
							   key->collation, key->equals,
							   value_of(p, key->parameter));
	}
	search = fpgo_index_beginscan(table, index, plan->n_keys);
	index_rescan(search, keys, plan->n_keys, NULL, 0);
	is_found = index_getnext_slot(search, ForwardScanDirection, row);
	index_endscan(search);
	return is_found;
}

/* Does the row meet the statement's other conditions? */
static bool
meets_guards(const FpgoRowPlan *plan, const Parameters *p, TupleTableSlot *row)
{
	for (int i = 0; i < plan->n_guards; i++)
	{
		const FpgoRowCondition *guard = &plan->guards[i];
		bool		lacks;
		Datum		value = slot_getattr(row, guard->column, &lacks);

		if (lacks || is_null(p, guard->parameter) ||
			!DatumGetBool(OidFunctionCall2Coll(guard->equals,
											   guard->collation, value,
											   value_of(p, guard->parameter))))
			return false;
	}
	return true;
}

/* The plan's index, if it is the primary key and the keys are all of it. */
static Relation
primary_key(const FpgoRowTable *target, const FpgoRowPlan *plan)
{
	if (fpgo_primary_key(target->table) != plan->index)
		return NULL;
	for (int i = 0; i < target->info->ri_NumIndices; i++)
	{
		Relation	index = target->info->ri_IndexRelationDescs[i];

		if (RelationGetRelid(index) == plan->index &&
			index->rd_index->indnkeyatts == plan->n_keys)
			return index;
	}
	return NULL;
}

/* The one row to write; NULL if it is missing or does not meet the guards. */
static TupleTableSlot *
find_row(FpgoRowTable *target, const FpgoRowPlan *plan, const Parameters *p)
{
	TupleTableSlot *row = table_slot_create(target->table,
											&target->estate->es_tupleTable);
	Relation	index = primary_key(target, plan);

	if (index == NULL || !find(target->table, index, plan, p, row) ||
		!meets_guards(plan, p, row))
		return NULL;
	return row;
}

/* ---------- writing a row that is there ---------- */

/*
 * UPDATE and DELETE wait for another transaction that has the row, as the
 * executor does.  If the row is another version then, they change nothing.
 */
static bool
update(FpgoRowTable *target, const FpgoRowPlan *plan, const Parameters *p)
{
	TupleTableSlot *row = find_row(target, plan, p);
	TupleDesc	columns = RelationGetDescr(target->table);
	int			n_columns = columns->natts;
	TupleTableSlot *changed;

	if (row == NULL)
		return false;
	changed = ExecInitExtraTupleSlot(target->estate, columns, &TTSOpsVirtual);
	slot_getallattrs(row);
	memcpy(changed->tts_values, row->tts_values, sizeof(Datum) * n_columns);
	memcpy(changed->tts_isnull, row->tts_isnull, sizeof(bool) * n_columns);
	set_columns(plan, p, changed->tts_values, changed->tts_isnull);
	ExecStoreVirtualTuple(changed);
	changed->tts_tableOid = plan->table;
	check_constraints(target, changed);
	return fpgo_update_tuple(target->info, target->estate, &row->tts_tid,
							 changed);
}

static bool
delete(FpgoRowTable *target, const FpgoRowPlan *plan, const Parameters *p)
{
	TupleTableSlot *row = find_row(target, plan, p);

	return row != NULL && fpgo_delete_tuple(target->table, &row->tts_tid);
}

/* ---------- plans ---------- */

/*
 * Load what the checks of the domains need, before the checks run.  Loading
 * may bring news of changes.  Returns false if there were any: then the
 * domains may have foreign code now.
 */
static bool
fetch_domains(const FpgoRowPlan *plan)
{
	for (int i = 0; i < plan->n_columns; i++)
	{
		TypeCacheEntry *domain;
		Oid			input;
		Oid			parameter;

		if (!OidIsValid(plan->columns[i].domain))
			continue;
		domain = lookup_type_cache(plan->columns[i].domain,
								   TYPECACHE_DOMAIN_BASE_INFO |
								   TYPECACHE_DOMAIN_CONSTR_INFO);
		getTypeInputInfo(domain->domainBaseType, &input, &parameter);
	}
	return fpgo_foreign_code_holds(plan);
}

/* Checks first what the executor checks for each statement that writes. */
static bool
write_row(const FpgoRowPlan *plan, FpgoRowTable *table, const Parameters *p,
		  const char *command, CmdType type,
		  bool (*write) (FpgoRowTable *, const FpgoRowPlan *, const Parameters *))
{
	bool		is_done = false;
	TupleConstr *extra;

	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	fpgo_row_table_open(table, plan);
	CheckCmdReplicaIdentity(table->table, type);
	extra = RelationGetDescr(table->table)->constr;
	if ((extra == NULL || !extra->has_generated_stored) && fetch_domains(plan))
		is_done = write(table, plan, p);
	fpgo_row_table_close(table);
	return is_done;
}

/* Returns true if there is no such row. */
static bool
look_up(const FpgoRowPlan *plan, const Parameters *p)
{
	Relation	table = table_open(plan->table, NoLock);
	Relation	index = index_open(plan->index, AccessShareLock);
	TupleTableSlot *row = table_slot_create(table, NULL);
	bool		is_none = index->rd_rel->relam == BTREE_AM_OID &&
		!find(table, index, plan, p, row);

	ExecDropSingleTupleTableSlot(row);
	index_close(index, NoLock);
	table_close(table, NoLock);
	return is_none;
}

static bool
run(const FpgoRowPlan *plan, FpgoRowTable *table, const Parameters *p)
{
	switch (plan->kind)
	{
		case FPGO_ROW_INSERT:
			return write_row(plan, table, p, "INSERT", CMD_INSERT, insert);
		case FPGO_ROW_UPDATE:
			return write_row(plan, table, p, "UPDATE", CMD_UPDATE, update);
		case FPGO_ROW_DELETE:
			return write_row(plan, table, p, "DELETE", CMD_DELETE, delete);
		case FPGO_ROW_LOOKUP:
			return look_up(plan, p);
		case FPGO_ROW_NONE:
			break;
	}
	return false;
}

bool
fpgo_row_direct_run(const FpgoRowPlan *plan, FpgoRowTable *table,
					const Datum *values, const char *nulls, uint64 *n)
{
	Parameters	p = {.values = values, .nulls = nulls};
	bool		is_done;

	PushActiveSnapshot(GetTransactionSnapshot());
	is_done = run(plan, table, &p);
	PopActiveSnapshot();
	*n = plan->kind == FPGO_ROW_LOOKUP ? 0 : 1;
	return is_done;
}
