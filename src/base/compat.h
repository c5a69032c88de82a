/*
 * compat.h
 *		Every test of PostgreSQL's version in the project.
 *
 * The sources are written for the newest version they were built with.  What
 * older versions spell otherwise is mapped to that here, and nowhere else.
 */
#ifndef FPGO_COMPAT_H
#define FPGO_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "fpgo needs PostgreSQL 15 or newer"
#endif
/* (make COPT=-DFPGO_UNTRIED is for those who try it) */
#if PG_VERSION_NUM >= 190000 && !defined(FPGO_UNTRIED)
#error "fpgo has not been tried with PostgreSQL newer than 18"
#endif

/* 18 gave the attribute this name, and has it stand before a declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 18 shows name and version of a library that a process has loaded. */
#include "fmgr.h"

#if PG_VERSION_NUM < 180000
#define FPGO_MODULE_MAGIC(module, number) PG_MODULE_MAGIC
#else
#define FPGO_MODULE_MAGIC(module, number) \
	PG_MODULE_MAGIC_EXT(.name = module, .version = number)
#endif

#include "storage/latch.h"

/* 17 lets a resource owner have it, and no memory context */
#if PG_VERSION_NUM < 170000
#define CreateWaitEventSet(owner, n) CreateWaitEventSet(TopMemoryContext, n)
#endif

#if PG_VERSION_NUM < 160000
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "utils/acl.h"

/* 16 replaced the functions of each object class by one for all classes */
static inline AclResult
fpgo_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return pg_foreign_server_aclcheck(server, role, mode);
}

static inline AclResult
fpgo_function_aclcheck(Oid function, Oid role, AclMode mode)
{
	return pg_proc_aclcheck(function, role, mode);
}

static inline bool
fpgo_owns_database(Oid database, Oid role)
{
	return pg_database_ownercheck(database, role);
}

static inline bool
fpgo_owns_server(Oid server, Oid role)
{
	return pg_foreign_server_ownercheck(server, role);
}
#else
#include "catalog/pg_database.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "utils/acl.h"
#include "varatt.h"

static inline AclResult
fpgo_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return object_aclcheck(ForeignServerRelationId, server, role, mode);
}

static inline AclResult
fpgo_function_aclcheck(Oid function, Oid role, AclMode mode)
{
	return object_aclcheck(ProcedureRelationId, function, role, mode);
}

static inline bool
fpgo_owns_database(Oid database, Oid role)
{
	return object_ownercheck(DatabaseRelationId, database, role);
}

static inline bool
fpgo_owns_server(Oid server, Oid role)
{
	return object_ownercheck(ForeignServerRelationId, server, role);
}
#endif

/*
 * A wait event with a name of its own, which 17 introduced.  Before 17, all
 * waits of extensions have one name.
 */
#include "utils/wait_event.h"

static inline uint32
fpgo_wait_event_new(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	return PG_WAIT_EXTENSION;
#endif
}

/*
 * 17 keeps in other members what a process is known by.  It also asks whether a
 * stronger lock counts as well; here it does not.
 */
#include "storage/lock.h"
#include "storage/proc.h"

static inline int
fpgo_process_number(void)
{
#if PG_VERSION_NUM < 170000
	return MyProc->pgprocno;
#else
	return GetNumberFromPGProc(MyProc);
#endif
}

static inline bool
fpgo_lock_is_held(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM < 170000
	return LockHeldByMe(tag, mode);
#else
	return LockHeldByMe(tag, mode, false);
#endif
}

/*
 * What PostgreSQL's parser of JSON reads with, for a text in this encoding;
 * wants_texts if strings are to be freed from their escapes.
 */
#include "common/jsonapi.h"

static inline JsonLexContext *
fpgo_json_lexer(char *text, int len, int encoding, bool wants_texts)
{
#if PG_VERSION_NUM < 170000
	return makeJsonLexContextCstringLen(text, len, encoding, wants_texts);
#else
	return makeJsonLexContextCstringLen(NULL, text, len, encoding,
										wants_texts);
#endif
}

/*
 * An escape names a character that the database's encoding lacks.  From 16 on,
 * the lexer returns a code for it; before, the lexer raises an error.
 */
static inline bool
fpgo_json_is_untranslatable(JsonParseErrorType error)
{
#if PG_VERSION_NUM < 160000
	return false;
#else
	return error == JSON_UNICODE_UNTRANSLATABLE;
#endif
}

/*
 * Calculate with numeric: add, sub, mul or div.  A result beyond numeric is NULL
 * where the calculation may fail, else an error.  19 no longer tells a failure
 * in a bool.
 */
#include "utils/numeric.h"

#if PG_VERSION_NUM < 190000
#define FPGO_NUMERIC(operation, a, b, may_fail) \
	numeric_##operation##_opt_error(a, b, (may_fail) ? &(bool) {false} : NULL)
#else
#include "nodes/miscnodes.h"

#define FPGO_NUMERIC(operation, a, b, may_fail) \
	numeric_##operation##_safe(a, b, (may_fail) ? \
							   (Node *) &(ErrorSaveContext) \
							   {.type = T_ErrorSaveContext} : NULL)
#endif

/*
 * A jsonb that is being made, {0} at first.  A push returns what is finished by
 * it, as 19 does only at the end of the whole.
 */
#include "utils/jsonb.h"

#if PG_VERSION_NUM < 190000
typedef JsonbParseState *FpgoJsonbState;
#else
typedef JsonbInState FpgoJsonbState;
#endif

static inline JsonbValue *
fpgo_jsonb_push(FpgoJsonbState *state, JsonbIteratorToken token,
				JsonbValue *value)
{
#if PG_VERSION_NUM < 190000
	return pushJsonbValue(state, token, value);
#else
	pushJsonbValue(state, token, value);
	return state->result;
#endif
}

/*
 * Give a process that has no role this one.  Then a database owner who is no
 * superuser may end the process with DROP DATABASE ... (FORCE).
 */
static inline void
fpgo_set_process_role(Oid role)
{
	MyProc->roleId = role;
}

/*
 * 16 finds a setting by its name.  The file of one that another source overrules
 * is kept, too.
 */
#include "utils/guc_tables.h"

static inline struct config_generic *
fpgo_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	struct config_generic **settings = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
	{
		if (strcmp(settings[i]->name, name) == 0)
			return settings[i];
	}
	return NULL;
#endif
}

/*
 * 17 has a timeout that ends a process whose transaction takes too long: no
 * statement is cancelled, and no error can be caught.
 */
#include "miscadmin.h"
#include "utils/guc.h"

#if PG_VERSION_NUM < 170000
#define ERRCODE_TRANSACTION_TIMEOUT MAKE_SQLSTATE('2', '5', 'P', '0', '4')
#endif

/* Does this process have to end because its transaction took too long? */
static inline bool
fpgo_is_transaction_overdue(void)
{
#if PG_VERSION_NUM < 170000
	return false;
#else
	return TransactionTimeoutPending;
#endif
}

/* Let transactions of this process take any time, whatever is set. */
static inline void
fpgo_lift_transaction_timeout(void)
{
#if PG_VERSION_NUM >= 170000
	SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
#endif
}

/* Is the search path the one that a statement was analysed with? */
#include "catalog/namespace.h"
#include "utils/plancache.h"

static inline bool
fpgo_has_path_of(const CachedPlanSource *source)
{
#if PG_VERSION_NUM < 170000
	return OverrideSearchPathMatchesCurrent(source->search_path);
#else
	return SearchPathMatchesCurrentEnvironment(source->search_path);
#endif
}

/*
 * A condition on rows, with what virtual generated columns stand for in place of
 * these.  18 introduced such columns.
 */
#include "rewrite/rewriteHandler.h"

static inline Node *
fpgo_expand_generated(Node *condition, Relation table, int row)
{
#if PG_VERSION_NUM < 180000
	return condition;
#else
	return expand_generated_columns_in_expr(condition, table, row);
#endif
}

/*
 * The functions of this name that take so many arguments, or any number (-1);
 * with_defaults: where the other arguments have defaults, too.
 */
#include "catalog/namespace.h"

static inline FuncCandidateList
fpgo_function_candidates(List *name, int n_arguments, bool with_defaults)
{
#if PG_VERSION_NUM < 190000
	return FuncnameGetCandidates(name, n_arguments, NIL, false, with_defaults,
								 false, true);
#else
	int			found;

	return FuncnameGetCandidates(name, n_arguments, NIL, false, with_defaults,
								 false, true, &found);
#endif
}

/*
 * For a table that is written to without a plan: its entry in a range table,
 * and functions that later versions gave more parameters.
 */
#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "parser/parse_relation.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static inline void
fpgo_init_range_table(EState *estate, Relation table, Bitmapset *written)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(table);
	entry->relkind = table->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
#if PG_VERSION_NUM < 160000
	entry->insertedCols = entry->updatedCols = written;
	ExecInitRangeTable(estate, list_make1(entry));
#else
	{
		List	   *permissions = NIL;
		RTEPermissionInfo *columns = addRTEPermissionInfo(&permissions, entry);

		columns->insertedCols = columns->updatedCols = written;
#if PG_VERSION_NUM < 180000
		ExecInitRangeTable(estate, list_make1(entry), permissions);
#else
		ExecInitRangeTable(estate, list_make1(entry), permissions,
						   bms_make_singleton(1));
#endif
	}
#endif
}

static inline IndexScanDesc
fpgo_index_beginscan(Relation table, Relation index, int n_keys)
{
#if PG_VERSION_NUM < 180000
	return index_beginscan(table, index, GetActiveSnapshot(), n_keys, 0);
#elif PG_VERSION_NUM < 190000
	return index_beginscan(table, index, GetActiveSnapshot(), NULL, n_keys, 0);
#else
	return index_beginscan(table, index, GetActiveSnapshot(), NULL, n_keys, 0,
						   SO_NONE);
#endif
}

static inline Oid
fpgo_primary_key(Relation table)
{
#if PG_VERSION_NUM < 180000
	return RelationGetPrimaryKeyIndex(table);
#else
	return RelationGetPrimaryKeyIndex(table, false);
#endif
}

/*
 * Insert the index entries of a new row.  If is_taken is not NULL, it tells
 * whether one of the indexes given has another row with that key; otherwise
 * such a conflict is an error.
 */
static inline void
fpgo_insert_index_tuples(ResultRelInfo *table, TupleTableSlot *slot,
						 EState *estate, bool *is_taken, List *indexes)
{
#if PG_VERSION_NUM < 160000
	(void) ExecInsertIndexTuples(table, slot, estate, false, is_taken != NULL,
								 is_taken, indexes);
#elif PG_VERSION_NUM < 190000
	(void) ExecInsertIndexTuples(table, slot, estate, false, is_taken != NULL,
								 is_taken, indexes, false);
#else
	(void) ExecInsertIndexTuples(table, estate,
								 is_taken != NULL ? EIIT_NO_DUPE_ERROR : 0,
								 slot, indexes, is_taken);
#endif
}

/* No further entry comes into the index; 17 has a call for that. */
static inline void
fpgo_end_index_inserts(Relation index, IndexInfo *info)
{
#if PG_VERSION_NUM >= 170000
	index_insert_cleanup(index, info);
#endif
}

/* A new version of a row, with its index entries; false if it was changed. */
static inline bool
fpgo_update_tuple(ResultRelInfo *table, EState *estate, ItemPointer row,
				  TupleTableSlot *slot)
{
	TM_FailureData failure;
	LockTupleMode mode;
#if PG_VERSION_NUM < 160000
	bool		indexes;
#else
	TU_UpdateIndexes indexes;
#endif
	TM_Result	result;

#if PG_VERSION_NUM < 190000
	result = table_tuple_update(table->ri_RelationDesc, row, slot,
								GetCurrentCommandId(true), GetActiveSnapshot(),
								InvalidSnapshot, true, &failure, &mode,
								&indexes);
#else
	result = table_tuple_update(table->ri_RelationDesc, row, slot,
								GetCurrentCommandId(true), 0,
								GetActiveSnapshot(), InvalidSnapshot, true,
								&failure, &mode, &indexes);
#endif
	if (result != TM_Ok)
		return false;
#if PG_VERSION_NUM < 160000
	if (indexes)
		(void) ExecInsertIndexTuples(table, slot, estate, true, false, NULL,
									 NIL);
#elif PG_VERSION_NUM < 190000
	if (indexes != TU_None)
		(void) ExecInsertIndexTuples(table, slot, estate, true, false, NULL,
									 NIL, indexes == TU_Summarizing);
#else
	if (indexes != TU_None)
		(void) ExecInsertIndexTuples(table, estate, EIIT_IS_UPDATE |
									 (indexes == TU_Summarizing ?
									  EIIT_ONLY_SUMMARIZING : 0),
									 slot, NIL, NULL);
#endif
	return true;
}

/* False if the row was changed. */
static inline bool
fpgo_delete_tuple(Relation table, ItemPointer row)
{
	TM_FailureData failure;

#if PG_VERSION_NUM < 190000
	return table_tuple_delete(table, row, GetCurrentCommandId(true),
							  GetActiveSnapshot(), InvalidSnapshot, true,
							  &failure, false) == TM_Ok;
#else
	return table_tuple_delete(table, row, GetCurrentCommandId(true), 0,
							  GetActiveSnapshot(), InvalidSnapshot, true,
							  &failure) == TM_Ok;
#endif
}

#endif							/* FPGO_COMPAT_H */
