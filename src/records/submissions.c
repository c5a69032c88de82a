/*
 * submissions.c
 *		The records: submissions, their attempts, payloads and events.
 *
 * Every change of a submission's state is a statement of this room, and each
 * statement names the state it starts from:
 *
 *		(new)     -> queued, sending, refused (insert.c)
 *		queued    -> sending (queue.c), cancelled (decide.c)
 *		sending   -> accepted, refused, queued, uncertain, cancelled (settle.c)
 *		sending   -> uncertain, of a dead run (sweep.c)
 *		uncertain -> accepted, refused, queued, cancelled (decide.c)
 *
 * There is no change from uncertain to sending.  An order that may have
 * arrived is sent again only if a person decides that it did not arrive.  The
 * statements enforce that, and not triggers: those would refuse the restore of
 * a dump.
 *
 * A sending submission belongs to a run.  The process of the run holds a lock
 * of the run's number (locks.c).  If another process can take that lock, the
 * run is dead.
 *
 * Statements qualify operators too: the caller's search_path is not trusted.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/datum.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "records/submissions.h"
#include "tables/operators.h"
#include "tables/statement.h"
#include "text/format.h"

/* most bytes of a sentence that are kept */
#define REASON_MAX 2000

/* ---------- may there be records? ---------- */

void
fpgo_submission_require_writable(void)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice during recovery"),
				 errhint("Submit it on the primary server."),
				 fpgo_errhide()));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice in a read-only transaction"),
				 fpgo_errhide()));
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot submit an invoice during a parallel operation"),
				 fpgo_errhide()));
}

void
fpgo_submission_require_accepting(void)
{
	if (fpgo_accept_orders)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this server takes no orders"),
			 errdetail("The setting fpgo.accept_orders is off.  Nothing was recorded and nothing was sent."),
			 errhint("Hand the order in where orders are sent from."),
			 fpgo_errhide()));
}

/* ---------- names ---------- */

static const char *const state_names[] = {
	[FPGO_STATE_QUEUED] = "queued",
	[FPGO_STATE_SENDING] = "sending",
	[FPGO_STATE_ACCEPTED] = "accepted",
	[FPGO_STATE_REFUSED] = "refused",
	[FPGO_STATE_UNCERTAIN] = "uncertain",
	[FPGO_STATE_SUPERSEDED] = "superseded",
	[FPGO_STATE_CANCELLED] = "cancelled",
};

const char *
fpgo_state_name(FpgoSubmissionState state)
{
	return state_names[state];
}

FpgoSubmissionState
fpgo_state_parse(const char *name)
{
	for (int i = 0; i < (int) lengthof(state_names); i++)
	{
		if (strcmp(state_names[i], name) == 0)
			return i;
	}
	elog(ERROR, "submission has the unknown state \"%s\"", name);
}

const char *
fpgo_submission_clip(const char *sentence)
{
	int			len = sentence ? strlen(sentence) : 0;

	if (len <= REASON_MAX)
		return sentence;
	return pnstrdup(sentence, pg_mbcliplen(sentence, len, REASON_MAX));
}

/* ---------- finding ---------- */

#define SUBMISSION_COLUMNS \
	"SELECT id, state::pg_catalog.text, run, server, role," \
	" order_uuid, customer_uuid, bank_id_url, xmin," \
	" settled_at"

#define BY_KEY \
	" FROM fpgo_internal.submission" \
	" WHERE server " EQ " $1 AND key " EQ " $2" \
	" AND state " NE " ALL ('{refused,cancelled}')"

/* on the SQL objects of 1.0 */
static FpgoStatement find_key_statement = {
	.sql = SUBMISSION_COLUMNS ", order_hash, NULL::pg_catalog.int2" BY_KEY,
	.n_parameters = 2,
	.types = {TEXTOID, TEXTOID}
};

static FpgoStatement find_statement = {
	.sql = SUBMISSION_COLUMNS ", NULL::pg_catalog.bytea,"
	" NULL::pg_catalog.int2 FROM fpgo_internal.submission"
	" WHERE id " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID}
};

/*
 * IS NOT FALSE leaves the planner only the index of references, which has few
 * entries of one reference.  The index of unfinished submissions would fit the
 * condition without it, and may have a whole queue.
 */
static FpgoStatement find_reference_statement = {
	.sql = "SELECT id FROM fpgo_internal.submission"
	" WHERE server " EQ " $1"
	" AND reference " EQ " $2"
	" AND (mapping " EQ " $3) IS NOT FALSE"
	" AND (state " EQ ""
	"  ANY ('{queued,sending,uncertain}')) IS NOT FALSE LIMIT 1",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

void
fpgo_submission_read(FpgoSubmission *s, int row, MemoryContext context)
{
	TransactionId maker;
	bool		is_null;
	Datum		value;

	s->id = fpgo_get_int64(row, 1);
	s->state = fpgo_state_parse(fpgo_get_text(row, 2, context));
	s->run = fpgo_get_int64(row, 3);
	s->server = fpgo_get_text(row, 4, context);
	s->role = fpgo_get_text(row, 5, context);
	s->order_uuid = fpgo_get_text(row, 6, context);
	s->customer_uuid = fpgo_get_text(row, 7, context);
	s->bank_id_url = fpgo_get_text(row, 8, context);
	maker = DatumGetTransactionId(fpgo_get_datum(row, 9, &is_null));
	s->is_own = TransactionIdIsCurrentTransactionId(maker);
	value = fpgo_get_datum(row, 10, &is_null);
	s->settled_at = is_null ? 0 : DatumGetTimestampTz(value);
	value = fpgo_get_datum(row, 11, &is_null);
	if (!is_null)
	{
		bytea	   *hash = DatumGetByteaPP(value);

		memcpy(s->order_hash, VARDATA_ANY(hash),
			   Min(VARSIZE_ANY_EXHDR(hash), FPGO_HASH_BYTES));
	}
	value = fpgo_get_datum(row, 12, &is_null);
	s->hash_rule = is_null ? FPGO_RULE_1_0 : DatumGetInt16(value);
}

/* The submission that was found, if one was. */
static FpgoSubmission *
read_found(MemoryContext context)
{
	FpgoSubmission *s = MemoryContextAllocZero(context,
											   sizeof(FpgoSubmission));

	fpgo_submission_read(s, 0, context);
	return s;
}

FpgoSubmission *
fpgo_submission_find_key(const FpgoHandIn *handin)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoSubmission *found = NULL;
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_text(&p, handin->account);
	fpgo_put_text(&p, handin->key);
	if (fpgo_statement_run(&find_key_statement, &p) > 0)
		found = read_found(caller);
	SPI_finish();
	return found;
}

FpgoSubmission *
fpgo_submission_find(int64 id)
{
	MemoryContext caller = CurrentMemoryContext;
	FpgoSubmission *found = NULL;
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, id);
	if (fpgo_statement_run(&find_statement, &p) > 0)
		found = read_found(caller);
	SPI_finish();
	return found;
}

static FpgoStatement find_former_key_statement = {
	.sql = "SELECT key, role FROM fpgo_internal.submission"
	" WHERE server " BYTEWISE EQ " $1 AND key " BYTEWISE GE " $2"
	" AND key " BYTEWISE LT " $3"
	" AND state " NE " ALL ('{refused,cancelled}')"
	" ORDER BY key " BYTEWISE "LIMIT 100",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

const char *
fpgo_submission_find_former_key(const FpgoHandIn *handin,
								const char *beginning)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *key = NULL;
	char	   *end = pstrdup(beginning);
	FpgoParameters p = {0};
	int			n;

	/* the beginning is ASCII: the first text behind all that begin so */
	end[strlen(end) - 1]++;
	SPI_connect();
	fpgo_put_text(&p, handin->account);
	fpgo_put_text(&p, beginning);
	fpgo_put_text(&p, end);
	n = fpgo_statement_run(&find_former_key_statement, &p);
	for (int i = 0; i < n && key == NULL; i++)
	{
		const char *role = fpgo_get_text(i, 2, CurrentMemoryContext);

		if (strcmp(role, handin->role) == 0 ||
			!OidIsValid(get_role_oid(role, true)))
			key = fpgo_get_text(i, 1, caller);
	}
	SPI_finish();
	return key;
}

static FpgoStatement find_payload_statement = {
	.sql = "SELECT CASE WHEN s.callback_token IS NULL THEN p.payload"
	" ELSE pg_catalog.replace(p.payload, s.callback_token,"
	" '" FPGO_PLACEHOLDER "') END"
	" FROM fpgo_internal.submission s, fpgo_internal.payload p"
	" WHERE s.id " EQ " $1 AND p.submission " EQ " $1",
	.n_parameters = 1,
	.types = {INT8OID}
};

const char *
fpgo_submission_find_payload(int64 id)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *payload = NULL;
	FpgoParameters p = {0};

	SPI_connect();
	fpgo_put_int64(&p, id);
	if (fpgo_statement_run(&find_payload_statement, &p) > 0)
		payload = fpgo_get_text(0, 1, caller);
	SPI_finish();
	return payload;
}

int64
fpgo_submission_find_reference(const FpgoHandIn *handin)
{
	int64		id = 0;
	FpgoParameters p = {0};

	if (handin->reference == NULL)
		return 0;
	SPI_connect();
	fpgo_put_text(&p, handin->account);
	fpgo_put_text(&p, handin->reference);
	fpgo_put_text(&p, handin->mapping);
	if (fpgo_statement_run(&find_reference_statement, &p) > 0)
		id = fpgo_get_int64(0, 1);
	SPI_finish();
	return id;
}

bool
fpgo_submission_is_for(const char *role_name)
{
	Oid			role = get_role_oid(role_name, true);

	return OidIsValid(role) ? has_privs_of_role(GetUserId(), role) :
		superuser();
}

void
fpgo_submission_require_for(int64 id, const char *role_name)
{
	if (fpgo_submission_is_for(role_name))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for submission %lld", (long long) id),
			 errdetail("It is for members of the role that handed the order in."),
			 fpgo_errhide()));
}

void
fpgo_submission_raise_missing(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("submission %lld does not exist", (long long) id),
			 fpgo_errhide()));
}

/* ---------- the rest ---------- */

static FpgoStatement has_uncertain_statement = {
	.sql = "SELECT FROM fpgo_internal.submission"
	" WHERE state " EQ " 'uncertain' LIMIT 1",
	.n_parameters = 0
};

bool
fpgo_submission_has_uncertain(void)
{
	FpgoParameters p = {0};
	bool		has_uncertain;

	SPI_connect();
	has_uncertain = fpgo_statement_run(&has_uncertain_statement, &p) > 0;
	SPI_finish();
	return has_uncertain;
}

static FpgoStatement unfinished_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM fpgo_internal.submission"
	" WHERE state " EQ " ANY ('{queued,sending,uncertain}')",
	.n_parameters = 0
};

int64
fpgo_submission_count_unfinished(void)
{
	FpgoParameters p = {0};
	int64		n;

	SPI_connect();
	fpgo_statement_run(&unfinished_statement, &p);
	n = fpgo_get_int64(0, 1);
	SPI_finish();
	return n;
}

void
fpgo_submission_fill_session(const char *order_uuid,
							 const char *customer_uuid,
							 const char *bank_id_url,
							 Datum values[3], bool nulls[3])
{
	const char *const texts[3] = {order_uuid, customer_uuid, bank_id_url};

	for (int i = 0; i < 3; i++)
		values[i] = fpgo_text_datum(texts[i], &nulls[i]);
}
