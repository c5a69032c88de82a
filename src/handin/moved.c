/*
 * moved.c
 *		Rows that move to another partition.
 *
 * A move changes the primary key, since a partitioned table's key has the
 * columns that partitions go by.  But no UPDATE event tells of it: there is a
 * DELETE event of the one partition, and next an INSERT event of the other.  The
 * order must not be taken for a new one.  So the source of a deleted row that
 * moved is kept until the next event of the same trigger.
 *
 * A deferred trigger may find that the row has moved on from the partition that
 * the INSERT event is about.  Then no order is handed in, and where the row came
 * from is noted for the next move.
 *
 * Both lists are nearly always empty, and short otherwise.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "handin/missed.h"
#include "handin/moved.h"

/* A source that a row has no more. */
typedef struct Former
{
	int			level;			/* of the subtransaction that noted it */
	FpgoSource	source;
	uint32		trigger;		/* this and the next two of a row that moved
								 * away: which trigger was told */
	Oid			table;			/* where the row was */
	CommandId	command;		/* that moved it */
	FpgoSource	now;			/* else, the source that the row has */
	bool		is_own;			/* it had that source in this transaction */
} Former;

/* in the transaction's memory context */
static List *away = NIL;
static List *noted = NIL;

/* ---------- transactions ---------- */

/* A row that moved away was not inserted anywhere that a trigger was told of. */
static void
require_none_away(void)
{
	const Former *former;
	Relation	table;

	if (away == NIL)
		return;
	former = linitial(away);
	table = try_relation_open(former->table, AccessShareLock);
	if (table != NULL)
		fpgo_missed_raise(table);
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			require_none_away();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			away = noted = NIL;
			break;
		default:
			break;
	}
}

/* Leave a subtransaction's notes to its parent, or forget them. */
static List *
leave(List *list, int level, bool is_aborted)
{
	ListCell   *cell;

	foreach(cell, list)
	{
		Former	   *former = lfirst(cell);

		if (former->level < level)
			continue;
		if (is_aborted)
			list = foreach_delete_current(list, cell);
		else
			former->level = level - 1;
	}
	return list;
}

static void
at_subtransaction(SubXactEvent event, SubTransactionId own,
				  SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	bool		is_aborted = event == SUBXACT_EVENT_ABORT_SUB;

	if (!is_aborted && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	away = leave(away, level, is_aborted);
	noted = leave(noted, level, is_aborted);
}

/* ---------- notes ---------- */

static FpgoSource
copy_source(const FpgoSource *source)
{
	FpgoSource	copy = *source;

	copy.table = pstrdup(source->table);
	return copy;
}

/* A note in the transaction's memory context, which becomes the current one. */
static Former *
make_note(const FpgoSource *source)
{
	static bool is_registered = false;
	Former	   *former;

	if (!is_registered)
	{
		RegisterXactCallback(at_end_of_transaction, NULL);
		RegisterSubXactCallback(at_subtransaction, NULL);
		is_registered = true;
	}
	MemoryContextSwitchTo(TopTransactionContext);
	former = palloc0(sizeof(Former));
	former->level = GetCurrentTransactionNestLevel();
	former->source = copy_source(source);
	return former;
}

void
fpgo_moved_away(uint32 trigger, Relation table, HeapTuple row,
				const FpgoSource *source, bool is_own)
{
	MemoryContext caller = CurrentMemoryContext;
	Former	   *former = make_note(source);

	former->trigger = trigger;
	former->is_own = is_own;
	former->table = RelationGetRelid(table);
	former->command = HeapTupleHeaderGetCmax(row->t_data);
	away = lappend(away, former);
	MemoryContextSwitchTo(caller);
}

const FpgoSource *
fpgo_moved_take(uint32 trigger, Relation table, HeapTuple inserted,
				bool *is_here, bool *is_own)
{
	ListCell   *cell;

	foreach(cell, away)
	{
		const Former *former = lfirst(cell);

		if (former->trigger != trigger)
			continue;
		away = foreach_delete_current(away, cell);
		*is_here = inserted != NULL &&
			former->table != RelationGetRelid(table) &&
			(RelationGetForm(table)->relkind == RELKIND_FOREIGN_TABLE ||
			 HeapTupleHeaderGetCmin(inserted->t_data) == former->command);
		*is_own = former->is_own;
		return &former->source;
	}
	return NULL;
}

void
fpgo_moved_note(const FpgoSource *former, const FpgoSource *source)
{
	MemoryContext caller = CurrentMemoryContext;
	Former	   *note = make_note(fpgo_moved_origin(former));

	note->now = copy_source(source);
	noted = lappend(noted, note);
	MemoryContextSwitchTo(caller);
}

const FpgoSource *
fpgo_moved_origin(const FpgoSource *source)
{
	ListCell   *cell;

	foreach(cell, noted)
	{
		const Former *former = lfirst(cell);

		if (memcmp(former->now.digest, source->digest, FPGO_HASH_BYTES) == 0)
			return &former->source;
	}
	return source;
}
