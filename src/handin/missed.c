/*
 * missed.c
 *		Changes of a row that its trigger does not see.
 *
 * An order is handed in as the row is then.  If the transaction changes the row
 * after that, a further event makes the trigger fire again, if it fires on such
 * events.  If it does not, the order would go out as the row is no more.  So
 * what was handed in is noted, and compared with the rows before the
 * transaction commits or is prepared.  That runs no SQL.
 *
 * A note is a step: a version of a row was handed in, or an event told that a
 * version is not the newest any more.  A version that is not the newest is no
 * fault if a later step tells of that, or if its row was handed in later.
 * Nothing is noted for a trigger that fires at every change.
 *
 * Steps are kept in the order in which they were made, so that those of a
 * subtransaction that is rolled back are the last ones, and are cut off.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/fpgo.h"
#include "handin/missed.h"
#include "handin/newest.h"

typedef enum Kind
{
	HANDED_IN,
	SEEN,
	TRUNCATED
} Kind;

typedef struct Step
{
	uint64		source;			/* the first bytes of its digest; 0: none */
	uint32		trigger;
	Oid			table;
	Oid			storage;		/* the table's file: other versions are in
								 * another one */
	ItemPointerData place;
	uint8		kind;
	bool		ignores_delete;
} Step;

/* By what a step is found that explains another one. */
typedef struct Sign
{
	uint32		trigger;
	Oid			table;			/* 0: the value is a source's */
	uint64		value;
} Sign;

typedef struct LastStep
{
	Sign		sign;
	int64		number;
} LastStep;

/* the steps of this transaction, in its memory context */
static Step *steps = NULL;
static int64 n_steps = 0;
static int64 n_room = 0;
static bool has_truncated = false;

/* how many steps there were when a subtransaction began, by its level */
static int64 *marks = NULL;
static int	n_marks = 0;

/* ---------- what a trigger sees ---------- */

FpgoWatch
fpgo_missed_watch(const TriggerData *trigger, Oid top, bool ignores_delete)
{
	const Trigger *of = trigger->tg_trigger;
	FpgoWatch	watch = {.ignores_delete = ignores_delete};

	/* a copy in a partition has the name of the trigger that it is of */
	watch.trigger = hash_combine(hash_bytes((const unsigned char *) of->tgname,
											strlen(of->tgname)),
								 hash_uint32(top));
	watch.sees_all = TRIGGER_FOR_INSERT(of->tgtype) &&
		TRIGGER_FOR_UPDATE(of->tgtype) && TRIGGER_FOR_DELETE(of->tgtype) &&
		of->tgnattr == 0 && of->tgqual == NULL;
	return watch;
}

void
fpgo_missed_raise(Relation table)
{
	const char *schema = get_namespace_name(RelationGetNamespace(table));
	const char *name = quote_qualified_identifier(schema,
												  RelationGetRelationName(table));

	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("row of table %s was changed after its order was handed in",
					name),
			 errdetail("The trigger that handed the order in does not fire on that change, so that the order would not be as the row is."),
			 errhint("CREATE CONSTRAINT TRIGGER ... AFTER INSERT OR UPDATE OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW ...",
					 name),
			 fpgo_errhide()));
}

/* ---------- before the commit ---------- */

/* Is the version still there, as it was handed in? */
static bool
is_unchanged(const Step *step, Relation table, BlockNumber n_blocks)
{
	ItemPointerData place = step->place;

	/* TRUNCATE leaves an empty file; after any other change places differ */
	if (RelationGetForm(table)->relfilenode != step->storage)
		return n_blocks > 0 || step->ignores_delete;
	if (ItemPointerGetBlockNumber(&place) >= n_blocks)
		return step->ignores_delete;
	return fpgo_newest_is(table, &place) ||
		(step->ignores_delete && !fpgo_newest_exists(table, &place));
}

static Sign
sign_of(const Step *step, bool is_source)
{
	Sign		sign = {.trigger = step->trigger};

	if (is_source)
		sign.value = step->source;
	else
	{
		sign.table = step->table;
		sign.value = (uint64) ItemPointerGetBlockNumber(&step->place) << 16 |
			ItemPointerGetOffsetNumber(&step->place);
	}
	return sign;
}

/* The last step of each sign that explains earlier ones. */
static HTAB *
collect_last(void)
{
	HASHCTL		form = {.keysize = sizeof(Sign),.entrysize = sizeof(LastStep),
	.hcxt = CurrentMemoryContext};
	HTAB	   *last = hash_create("fpgo: changes of rows", 1024, &form,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	for (int64 i = 0; i < n_steps; i++)
	{
		Sign		sign;
		LastStep   *entry;

		if (steps[i].kind == TRUNCATED ||
			(steps[i].kind == HANDED_IN && steps[i].source == 0))
			continue;
		sign = sign_of(&steps[i], steps[i].kind == HANDED_IN);
		entry = hash_search(last, &sign, HASH_ENTER, NULL);
		entry->number = i;
	}
	return last;
}

static bool
is_later(HTAB *last, int64 number, bool is_source)
{
	Sign		sign = sign_of(&steps[number], is_source);
	const LastStep *entry = hash_search(last, &sign, HASH_FIND, NULL);

	return entry != NULL && entry->number > number;
}

/* Was the table of a step truncated after it, and did a trigger see that? */
static bool
is_truncated(int64 number)
{
	List	   *tables;

	if (!has_truncated)
		return false;
	tables = lcons_oid(steps[number].table, NIL);
	if (get_rel_relispartition(steps[number].table))
		tables = list_concat(tables,
							 get_partition_ancestors(steps[number].table));
	for (int64 i = number + 1; i < n_steps; i++)
	{
		if (steps[i].kind == TRUNCATED &&
			list_member_oid(tables, steps[i].table))
			return true;
	}
	return false;
}

static bool
is_explained(HTAB *last, int64 number)
{
	return is_later(last, number, false) ||
		(steps[number].source != 0 && is_later(last, number, true)) ||
		is_truncated(number);
}

static void
check_steps(void)
{
	Relation	table = NULL;
	Oid			opened = InvalidOid;
	BlockNumber n_blocks = 0;
	HTAB	   *last = NULL;

	for (int64 i = 0; i < n_steps; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (steps[i].kind != HANDED_IN)
			continue;
		if (steps[i].table != opened)
		{
			if (table != NULL)
				relation_close(table, NoLock);
			opened = steps[i].table;
			table = try_relation_open(opened, AccessShareLock);
			if (table != NULL)
				n_blocks = RelationGetNumberOfBlocks(table);
		}
		/* a table that was dropped has no rows to compare with */
		if (table == NULL || is_unchanged(&steps[i], table, n_blocks))
			continue;
		if (last == NULL)
			last = collect_last();
		if (!is_explained(last, i))
			fpgo_missed_raise(table);
	}
	if (table != NULL)
		relation_close(table, NoLock);
}

/* ---------- steps ---------- */

/* What the steps lie in ends with the transaction. */
static void
forget_steps(void)
{
	steps = NULL;
	n_steps = n_room = 0;
	has_truncated = false;
	marks = NULL;
	n_marks = 0;
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (n_steps > 0)
				check_steps();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			forget_steps();
			break;
		default:
			break;
	}
}

static void
set_mark(int level)
{
	if (level >= n_marks)
	{
		int			n = level + 8;

		marks = marks == NULL ?
			MemoryContextAlloc(TopTransactionContext, sizeof(int64) * n) :
			repalloc(marks, sizeof(int64) * n);
		/* no step was made before those began */
		memset(marks + n_marks, 0, sizeof(int64) * (n - n_marks));
		n_marks = n;
	}
	marks[level] = n_steps;
}

static void
at_subtransaction(SubXactEvent event, SubTransactionId own,
				  SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();

	if (n_steps == 0 && n_marks == 0)
		return;
	if (event == SUBXACT_EVENT_START_SUB)
		set_mark(level);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		n_steps = level < n_marks ? marks[level] : 0;
}

static Step *
add_step(Kind kind, Relation table)
{
	static bool is_registered = false;
	Step	   *step;

	if (!is_registered)
	{
		RegisterXactCallback(at_end_of_transaction, NULL);
		RegisterSubXactCallback(at_subtransaction, NULL);
		is_registered = true;
	}
	if (n_steps == n_room)
	{
		n_room = Max(64, n_room * 2);
		steps = steps == NULL ?
			MemoryContextAlloc(TopTransactionContext, sizeof(Step) * n_room) :
			repalloc_huge(steps, sizeof(Step) * n_room);
	}
	step = &steps[n_steps++];
	*step = (Step) {.kind = kind,.table = RelationGetRelid(table),
	.storage = RelationGetForm(table)->relfilenode};
	return step;
}

static bool
is_noted(const FpgoWatch *watch, Relation table)
{
	/* a foreign table's rows have no place of their own */
	return !watch->sees_all &&
		RelationGetForm(table)->relkind != RELKIND_FOREIGN_TABLE;
}

void
fpgo_missed_handed_in(const FpgoWatch *watch, Relation table,
					  HeapTuple version, const FpgoSource *source)
{
	Step	   *step;

	if (!is_noted(watch, table))
		return;
	step = add_step(HANDED_IN, table);
	step->trigger = watch->trigger;
	step->ignores_delete = watch->ignores_delete;
	step->place = version->t_self;
	if (source != NULL)
		memcpy(&step->source, source->digest, sizeof(step->source));
}

void
fpgo_missed_see(const FpgoWatch *watch, Relation table, HeapTuple version)
{
	Step	   *step;

	if (!is_noted(watch, table) || n_steps == 0)
		return;
	step = add_step(SEEN, table);
	step->trigger = watch->trigger;
	step->place = version->t_self;
}

void
fpgo_missed_see_truncate(Relation table)
{
	if (n_steps == 0)
		return;
	(void) add_step(TRUNCATED, table);
	has_truncated = true;
}
