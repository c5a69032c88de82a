/*
 * doctor_host.c
 *		Checks of fpgo.doctor(): the PostgreSQL that fpgo runs in.
 *
 * They look at libraries, at settings that fpgo's promise depends on, and at
 * the processes that deliver.  They also look for ways by which PostgreSQL
 * could give away personal numbers: server log, subscribers, files of shared
 * memory.
 *
 * Settings are those of the session that calls.  Rows of fpgo's views are
 * those that its role may see.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/extension_version.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "gateway/http_libcurl.h"
#include "ipc/roster.h"
#include "setup/doctor.h"
#include "tables/operators.h"
#include "tables/statement.h"

/*
 * The value of a query's one column and row, in the current memory context;
 * NULL if there is none.
 */
static const char *
look_up(const char *query)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *value = NULL;

	SPI_connect();
	if (SPI_execute(query, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not run a query of fpgo.doctor");
	if (SPI_processed > 0)
		value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (value != NULL)
		value = MemoryContextStrdup(caller, value);
	SPI_finish();
	return value;
}

/* A setting as text; NULL if there is none of that name. */
static const char *
setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	/* a number's text is in a buffer that the next call overwrites */
	return value != NULL ? pstrdup(value) : NULL;
}

static bool
is_off(const char *name)
{
	return strcmp(setting(name), "off") == 0;
}

/* ---------- versions ---------- */

FpgoDiagnosis
fpgo_check_extension(FpgoExamination *examination)
{
	const char *installed = look_up("SELECT extversion FROM pg_catalog.pg_extension WHERE extname " EQ " 'fpgo'");

	if (fpgo_table_exist())
		fpgo_table_require_one_owner();
	if (installed != NULL && strcmp(installed, FPGO_VERSION) == 0)
		return fpgo_right(psprintf("fpgo %s in PostgreSQL %s.", FPGO_VERSION,
								   setting("server_version")));
	return fpgo_wrong(psprintf("The library is of fpgo %s, but the SQL objects are of %s.",
							   FPGO_VERSION, installed ? installed : "none"),
					  "ALTER EXTENSION fpgo UPDATE;  If the library is the older one, connect again, or restart the server where fpgo is preloaded.");
}

FpgoDiagnosis
fpgo_check_libcurl(FpgoExamination *examination)
{
	FpgoHttpLibrary library = fpgo_http_library();
	const char *found = library.version == NULL ?
		psprintf("No libcurl; fpgo was built with %s.", library.built_with) :
		psprintf("libcurl %s with %s; fpgo was built with %s.", library.version,
				 library.tls ? library.tls : "no TLS", library.built_with);

	if (library.fault == NULL)
		return fpgo_right(found);
	return fpgo_wrong(psprintf("%s  %s", found, library.fault),
					  "Install libcurl 7.87 or newer, with TLS and an asynchronous resolver.");
}

FpgoDiagnosis
fpgo_check_json_c(FpgoExamination *examination)
{
	FpgoReplyLibrary library = fpgo_reply_library();
	const char *found = psprintf("json-c %s; fpgo was built with %s.",
								 library.version, library.built_with);

	if (library.fault == NULL)
		return fpgo_right(found);
	return fpgo_wrong(psprintf("%s  %s", found, library.fault),
					  "Install json-c 0.15 or newer.");
}

/* ---------- what the promise stands on ---------- */

FpgoDiagnosis
fpgo_check_writable(FpgoExamination *examination)
{
	if (RecoveryInProgress())
		return fpgo_wrong("This server is a standby: nothing is handed in or delivered here.",
						  "Work on the primary server.");
	if (XactReadOnly)
		return fpgo_wrong("This transaction is read-only: nothing can be handed in.",
						  "See the settings transaction_read_only and default_transaction_read_only.");
	return fpgo_right("Orders can be recorded here.");
}

FpgoDiagnosis
fpgo_check_durability(FpgoExamination *examination)
{
	static const char *const names[] = {"fsync", "full_page_writes"};

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if (is_off(names[i]))
			return fpgo_wrong(psprintf("%s is off: a crash may undo the record of an order that was sent, and the order may be sent again.",
									   names[i]),
							  psprintf("ALTER SYSTEM SET %s = on; SELECT pg_reload_conf();",
									   names[i]));
	}
	return fpgo_right("The records survive a crash.");
}

FpgoDiagnosis
fpgo_check_shared_memory(FpgoExamination *examination)
{
	const char *type = setting("dynamic_shared_memory_type");

	if (strcmp(type, "mmap") != 0)
		return fpgo_right(psprintf("dynamic_shared_memory_type is %s.", type));
	return fpgo_wrong("dynamic_shared_memory_type is mmap: orders and tokens pass between processes through files in the data directory.",
					  "ALTER SYSTEM SET dynamic_shared_memory_type = posix; and restart the server.");
}

/* ---------- who delivers ---------- */

/* Does fpgo.databases ask for workers, without preloading? */
static bool
lacks_preload(void)
{
	return !fpgo_roster_exists() &&
		fpgo_databases[strspn(fpgo_databases, " ")] != '\0';
}

/* Has a reload found another value, which counts from the next start on? */
static bool
waits_for_restart(const char *name)
{
	return (fpgo_find_setting(name)->status & GUC_PENDING_RESTART) != 0;
}

FpgoDiagnosis
fpgo_check_preload(FpgoExamination *examination)
{
	if (fpgo_roster_exists())
		return fpgo_right("fpgo is in shared_preload_libraries.");
	if (waits_for_restart("shared_preload_libraries"))
		return fpgo_wrong("fpgo is not preloaded: shared_preload_libraries was changed, and the server has not been restarted since.",
						  "If it names fpgo now, restart the server.");
	if (!lacks_preload())
		return fpgo_right("fpgo is not in shared_preload_libraries, and fpgo.databases asks for no resident worker.");
	return fpgo_wrong("fpgo.databases names databases, but no resident worker runs: fpgo is not in shared_preload_libraries.",
					  "Put fpgo into shared_preload_libraries and restart the server.");
}

FpgoDiagnosis
fpgo_check_worker(FpgoExamination *examination)
{
	if (RecoveryInProgress())
		return fpgo_unseen("Not looked at: resident workers run on a primary server only.");
	if (lacks_preload())
		return fpgo_unseen("Not looked at, because of \"preload\".");
	switch (fpgo_roster_status(MyDatabaseId).state)
	{
		case FPGO_WORKER_RUNNING:
			if (!fpgo_extension_is_current())
				return fpgo_wrong("This database's resident worker runs and sends nothing, because of \"extension\".",
								  "See \"extension\"; the worker goes on by itself then.");
			return fpgo_right("This database's resident worker runs.");
		case FPGO_WORKER_NONE:
			return fpgo_right("fpgo.databases asks for none here: CALL fpgo.deliver() sends queued orders.");
		case FPGO_WORKER_PAUSED:
			return fpgo_wrong("This database's resident worker is paused.",
							  "SELECT fpgo.resume();");
		case FPGO_WORKER_STARTING:
			return fpgo_wrong("fpgo.databases asks for a resident worker here, and none runs.",
							  "Look again in a few seconds.  If it stays so, the server log says why.");
		case FPGO_WORKER_NO_SLOT:
			return fpgo_wrong("fpgo.databases asks for a resident worker here, and no worker slot is free for it.",
							  "Raise max_worker_processes and restart the server.");
		case FPGO_WORKER_NO_ROOM:
			return fpgo_wrong(psprintf("fpgo.databases asks for a resident worker here, and %d databases have one already, or are paused.",
									   FPGO_ROSTER_SIZE),
							  "Take a database off fpgo.databases, or resume one that is paused and not named there.");
	}
	pg_unreachable();
}

FpgoDiagnosis
fpgo_check_queue(FpgoExamination *examination)
{
	const char *overdue = look_up(
		"SELECT nullif(pg_catalog.count(*), 0) FROM fpgo.submissions s "
		"WHERE s.state " EQ " 'queued' AND s.created_at " LT " "
		"(pg_catalog.now() " MINUS " interval '1 minute') AND "
		"(s.not_before IS NULL OR s.not_before " LT " pg_catalog.now())");
	const char *held = look_up(
		"SELECT pg_catalog.format('%s of server \"%s\", since %s: %s', "
		"CASE WHEN h.orders " EQ " 0 THEN 'New ones' ELSE h.orders::pg_catalog.text END, "
		"h.server, h.since, h.because) FROM fpgo.holds h "
		"WHERE h.orders " GT " 0 OR h.kind " EQ " 'refusals' OR h.until " GT " pg_catalog.now() "
		"ORDER BY h.kind " EQ " ANY ('{seat,origin}') DESC, h.orders " EQ " 0, h.hold LIMIT 1");
	const char *seat = look_up(
		"SELECT pg_catalog.format('SELECT * FROM fpgo.take_seat(%L, ''...'');', "
		"h.server) FROM fpgo.holds h WHERE h.kind " EQ " ANY ('{seat,origin}') "
		"ORDER BY h.server LIMIT 1");

	if (seat != NULL)
		return fpgo_wrong(psprintf("Orders are held.  %s", held),
						  psprintf("If they are to be sent from here, and from nowhere else: %s",
								   seat));
	if (held != NULL)
		return fpgo_wrong(psprintf("Orders are held.  %s", held),
						  "SELECT * FROM fpgo.holds; says until when, and fpgo.release lifts a hold.");
	if (overdue == NULL)
		return fpgo_right("Nothing has waited to be sent for more than a minute.");
	return fpgo_wrong(psprintf("Submissions that are due and were queued over a minute ago: %s.",
							   overdue),
					  fpgo_roster_status(MyDatabaseId).state ==
					  FPGO_WORKER_RUNNING ?
					  "SELECT * FROM fpgo.queue_health; says what went wrong last." :
					  "CALL fpgo.deliver(); sends them.  For a resident worker, put fpgo into shared_preload_libraries and name this database in fpgo.databases.");
}

FpgoDiagnosis
fpgo_check_hand_in(FpgoExamination *examination)
{
	const char *refused = look_up(
		"SELECT nullif(pg_catalog.count(*), 0) FROM fpgo.submissions s "
		"WHERE s.state " EQ " 'refused' AND s.attempts " EQ " 0 AND "
		"s.created_at " GT " (pg_catalog.now() " MINUS " interval '1 day')");

	if (refused == NULL)
		return fpgo_right("No order of the last day was refused at hand-in.");
	return fpgo_wrong(psprintf("Orders of the last day that were refused at hand-in: %s.",
							   refused),
					  "SELECT key, last_error FROM fpgo.submissions WHERE state = 'refused' AND attempts = 0 ORDER BY submission DESC; says why.  Mend the row or its mapping, and update the row, which hands it in again.");
}

/* ---------- numbers ---------- */

/*
 * Each sequence that is behind its table, and the statement that mends it.  A
 * sequence shows what other transactions took from it, so that it is never
 * behind rows that a snapshot shows.
 */
#define BEHIND(table) \
	"SELECT '" table "' WHERE (SELECT pg_catalog.max(id) FROM fpgo_internal." table ")" \
	" " GT " (SELECT CASE WHEN is_called THEN last_value ELSE last_value " MINUS " 1 END" \
	" FROM fpgo_internal." table "_id_seq)"

static FpgoStatement behind_statement = {
	.sql = "SELECT pg_catalog.string_agg('fpgo_internal.' " CONCAT " n " CONCAT " '_id_seq', ', '),"
	" pg_catalog.string_agg(pg_catalog.format('SELECT pg_catalog.setval(%L, (SELECT max(id) FROM fpgo_internal.%I));',"
	"  'fpgo_internal.' " CONCAT " n " CONCAT " '_id_seq', n), ' ')"
	" FROM (" BEHIND("submission")
	" UNION ALL " BEHIND("event")
	" UNION ALL " BEHIND("status_change")
	" UNION ALL " BEHIND("callback") ") b (n)",
	.n_parameters = 0
};

FpgoDiagnosis
fpgo_check_sequences(FpgoExamination *examination)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoParameters p = {0};
	const char *names;
	const char *cure;

	SPI_connect();
	(void) fpgo_statement_run(&behind_statement, &p);
	names = fpgo_get_text(0, 1, caller);
	cure = fpgo_get_text(0, 2, caller);
	SPI_finish();
	if (names == NULL)
		return fpgo_right("No number is given twice: fpgo's sequences are ahead of their tables.");
	return fpgo_wrong(psprintf("Sequences that are behind their tables, as after a restore of an older dump, so that handing in fails: %s.",
							   names),
					  psprintf("As a superuser: %s", cure));
}

/* ---------- where personal numbers could leak ---------- */

/* A setting that makes PostgreSQL print parameters, and so orders. */
typedef struct LogSetting
{
	const char *name;
	const char *quiet[2];		/* values that print none */
	bool		spares;			/* log_parameter_max_length = 0 helps too */
} LogSetting;

static const LogSetting log_settings[] = {
	{"log_statement", {"none", "ddl"}, true},
	{"log_min_duration_statement", {"-1"}, true},
	{"log_min_duration_sample", {"-1"}, true},
	{"log_transaction_sample_rate", {"0"}, true},
	{"log_parameter_max_length_on_error", {"0"}, false},
	{"debug_print_parse", {"off"}, false},
	{"debug_print_rewritten", {"off"}, false},
	{"debug_print_plan", {"off"}, false},
	{"auto_explain.log_min_duration", {"-1"}, false},
	/* without pgaudit, it is empty after a rollback, from 17 on */
	{"pgaudit.log_parameter", {"off", ""}, false},
};

/* The setting's value, if it prints parameters; else NULL. */
static const char *
loud_value(const LogSetting *line)
{
	const char *value = setting(line->name);

	if (value == NULL)
		return NULL;			/* its module is not loaded */
	if (line->spares && strcmp(setting("log_parameter_max_length"), "0") == 0)
		return NULL;
	for (int i = 0; i < (int) lengthof(line->quiet); i++)
	{
		if (line->quiet[i] != NULL && strcmp(value, line->quiet[i]) == 0)
			return NULL;
	}
	return value;
}

/* Add a cure, unless it is there: several settings may have the same. */
static void
add_cure(StringInfo cures, const char *name, const char *value)
{
	const char *cure = psprintf("ALTER ROLE %s SET %s = %s;",
								quote_identifier(GetUserNameFromId(GetUserId(),
																   false)),
								name, value);

	if (strstr(cures->data, cure) == NULL)
		appendStringInfo(cures, "%s%s", cures->len > 0 ? " " : "", cure);
}

FpgoDiagnosis
fpgo_check_logging(FpgoExamination *examination)
{
	StringInfoData found;
	StringInfoData cures;

	initStringInfo(&found);
	initStringInfo(&cures);
	for (int i = 0; i < (int) lengthof(log_settings); i++)
	{
		const LogSetting *line = &log_settings[i];
		const char *value = loud_value(line);

		if (value == NULL)
			continue;
		appendStringInfo(&found, "%s%s = %s", found.len > 0 ? ", " : "",
						 line->name, value);
		if (line->spares)
			add_cure(&cures, "log_parameter_max_length", "0");
		else
			add_cure(&cures, line->name, line->quiet[0]);
	}
	if (found.len == 0)
		return fpgo_right("No setting of this session prints parameters to the server log.");
	return fpgo_wrong(psprintf("Orders that are bound as parameters are printed to the server log, personal numbers included, by: %s.",
							   found.data), cures.data);
}

FpgoDiagnosis
fpgo_check_publications(FpgoExamination *examination)
{
	const char *names = look_up(
		"SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(pubname), ', ') "
		"FROM pg_catalog.pg_publication_tables WHERE schemaname " EQ " 'fpgo_internal'");

	if (names == NULL)
		return fpgo_right("No publication carries fpgo's tables.");
	return fpgo_wrong(psprintf("Publications that carry fpgo's tables to subscribers, personal numbers of unfinished orders included: %s.",
							   names),
					  "ALTER PUBLICATION ... DROP TABLES IN SCHEMA fpgo_internal; or DROP TABLE ...;  One FOR ALL TABLES has to be made anew, with the tables or schemas to publish.");
}
