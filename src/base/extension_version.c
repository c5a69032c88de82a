/*
 * extension_version.c
 *		Which fpgo this is: the library's version, and that of its SQL objects.
 *
 * PostgreSQL has no cache of extensions, and tells no process of a change to
 * one.  It does tell of changed functions, and each update of fpgo changes
 * fpgo.version().  Therefore a process that found the two to fit reads the
 * catalog again only after some function has changed: to read it for each order
 * took a twentieth of submit_invoice's processor time.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/extension_version.h"
#include "base/fpgo.h"

PG_FUNCTION_INFO_V1(fpgo_version);

#define EXTENSION "fpgo"

/* The version of the SQL objects; NULL if the extension is not installed. */
static char *
read_version(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	char	   *version = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(EXTENSION));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		is_null;
		Datum		value = heap_getattr(tuple,
										 Anum_pg_extension_extversion,
										 RelationGetDescr(extensions),
										 &is_null);

		/* the catalog has no NULL there */
		version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return version;
}

/* Changes of functions that this process has heard of; at 0 it hears of none yet. */
static uint64 changes = 0;

static void
note_change(Datum arg, int cache, uint32 hash)
{
	changes++;
}

bool
fpgo_extension_is_current(void)
{
	static uint64 was_current_at = 0;	/* of the changes; 0: never */
	uint64		now;
	char	   *version;

	if (changes == 0)
	{
		CacheRegisterSyscacheCallback(PROCOID, note_change, (Datum) 0);
		changes = 1;
	}
	if (was_current_at == changes)
		return true;
	/* a change that comes in while the catalog is read counts */
	now = changes;
	version = read_version();
	if (version == NULL)
		return false;
	if (strcmp(version, FPGO_VERSION) == 0)
		was_current_at = now;
	/* some callers have a memory context that lives as long as the process */
	pfree(version);
	return was_current_at == now;
}

/*
 * Is a version, such as 1.9, older than another, such as 1.10?  Number by number;
 * one that is not there counts as 0, so that 1.1 is older than 1.1.1.
 */
static bool
is_older(const char *version, const char *other)
{
	while (*version != '\0' || *other != '\0')
	{
		char	   *end;
		char	   *other_end;
		long		number = strtol(version, &end, 10);
		long		other_number = strtol(other, &other_end, 10);

		if (number != other_number)
			return number < other_number;
		/* what is no number decides nothing */
		if ((*end != '.' && *end != '\0') ||
			(*other_end != '.' && *other_end != '\0'))
			break;
		version = *end == '.' ? end + 1 : end;
		other = *other_end == '.' ? other_end + 1 : other_end;
	}
	return false;
}

/* The HINT: how to make library and objects fit. */
static const char *
cure(const char *version)
{
	if (version == NULL)
		return "CREATE EXTENSION fpgo;";
	if (is_older(FPGO_VERSION, version))
		return psprintf("Install the package of fpgo %s, if it is not.  Then connect again or, where fpgo is in shared_preload_libraries, restart the server.",
						version);
	return "ALTER EXTENSION fpgo UPDATE;";
}

void
fpgo_extension_require_current(void)
{
	const char *version;

	if (fpgo_extension_is_current())
		return;
	version = read_version();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the library of fpgo is of version %s, and its SQL objects in database \"%s\" are of version %s",
					FPGO_VERSION, get_database_name(MyDatabaseId),
					version ? version : "none"),
			 errdetail("Orders can be queued.  Nothing is sent until both are of one version."),
			 errhint("%s", cure(version)),
			 fpgo_errhide()));
}

Datum
fpgo_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(FPGO_VERSION));
}
