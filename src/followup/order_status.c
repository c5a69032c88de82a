/*
 * order_status.c
 *		Records what the gateway says of accepted orders when it is asked.
 *
 * Reports read the records, and never ask the gateway.  A status is free text,
 * since the gateway documents no list of them.  It is compared without case,
 * since the gateway spells them both ways.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"

#include "followup/order_status.h"
#include "order/json_text.h"
#include "tables/operators.h"
#include "tables/statement.h"
#include "text/format.h"

/* ---------- reading ---------- */

/* A member that is an amount in NOK, as text; else NULL. */
static char *
read_amount(JsonbContainer *object, const char *name)
{
	char	   *text = fpgo_json_member(object, name);

	if (text == NULL || !fpgo_is_amount((FpgoSpan) {text, strlen(text)}))
		return NULL;
	return text;
}

bool
fpgo_order_status_read(JsonbContainer *object, FpgoOrderStatus *order_status)
{
	order_status->order_uuid = fpgo_json_member(object, "uuid");
	order_status->status = fpgo_json_member(object, "status");
	order_status->order_amount = read_amount(object, "orderAmount");
	order_status->refunded_amount = read_amount(object, "refundedAmount");
	if (order_status->status != NULL && order_status->status[0] == '\0')
		order_status->status = NULL;
	return order_status->order_uuid != NULL &&
		order_status->order_uuid[0] != '\0';
}

/* ---------- keeping ---------- */

#define ORDERS \
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)," \
	"  pg_catalog.unnest($4), pg_catalog.unnest($5))" \
	"  AS o (order_uuid, status, order_amount, refunded_amount)"

/* a row to lock, for each order that a submission has */
static FpgoStatement begin_statement = {
	.sql = "INSERT INTO fpgo_internal.gateway_order (order_uuid, server)"
	" SELECT o.order_uuid, $1"
	" FROM pg_catalog.unnest($2) AS o (order_uuid)"
	" WHERE EXISTS (SELECT FROM fpgo_internal.submission s"
	"  WHERE s.order_uuid " EQ " o.order_uuid"
	"  AND s.server " EQ " $1)"
	" ORDER BY o.order_uuid"
	" ON CONFLICT (order_uuid, server) DO NOTHING",
	.n_parameters = 2,
	.types = {TEXTOID, TEXTARRAYOID}
};

/* sorted, so that two sessions that do this at once cannot deadlock */
static FpgoStatement keep_statement = {
	.sql = "WITH before AS MATERIALIZED (SELECT g.order_uuid, g.status"
	"  FROM fpgo_internal.gateway_order g"
	"  WHERE g.server " EQ " $1"
	"   AND g.order_uuid " EQ " ANY ($2)"
	"  ORDER BY g.order_uuid FOR UPDATE),"
	" kept AS (UPDATE fpgo_internal.gateway_order g"
	"  SET status = o.status, status_at = pg_catalog.clock_timestamp(),"
	"   order_amount = CASE WHEN o.order_amount " NE " ''"
	"    THEN o.order_amount::pg_catalog.numeric"
	"    ELSE g.order_amount END,"
	"   refunded_amount = CASE WHEN o.refunded_amount " NE " ''"
	"    THEN o.refunded_amount::pg_catalog.numeric"
	"    ELSE g.refunded_amount END"
	ORDERS
	"  JOIN before ON before.order_uuid " EQ " o.order_uuid"
	"  WHERE g.server " EQ " $1"
	"   AND g.order_uuid " EQ " o.order_uuid"
	"  RETURNING g.order_uuid, g.status, before.status AS status_before)"
	" INSERT INTO fpgo_internal.status_change (order_uuid, server, status)"
	" SELECT order_uuid, $1, status FROM kept"
	" WHERE status_before IS NULL OR pg_catalog.lower(status)"
	"  " NE " pg_catalog.lower(status_before)",
	.n_parameters = 5,
	.types = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
};

static FpgoStatement number_statement = {
	.sql = "UPDATE fpgo_internal.gateway_order SET invoice_number = $3"
	" WHERE server " EQ " $1"
	" AND order_uuid " EQ " $2",
	.n_parameters = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID}
};

static void
begin(const char *server, const char *const *order_uuids)
{
	FpgoParameters p = {0};

	fpgo_put_text(&p, server);
	fpgo_put_texts(&p, order_uuids);
	(void) fpgo_statement_run(&begin_statement, &p);
}

void
fpgo_order_status_keep(const char *server,
					   const FpgoOrderStatus *order_status, int n)
{
	const char **columns[4];
	FpgoParameters p = {0};
	int			n_kept = 0;

	if (XactReadOnly)
		return;
	for (int i = 0; i < (int) lengthof(columns); i++)
		columns[i] = MemoryContextAllocExtended(CurrentMemoryContext,
												sizeof(char *) * (n + 1),
												MCXT_ALLOC_HUGE |
												MCXT_ALLOC_ZERO);
	for (int i = 0; i < n; i++)
	{
		if (order_status[i].status == NULL)
			continue;
		columns[0][n_kept] = order_status[i].order_uuid;
		columns[1][n_kept] = order_status[i].status;
		columns[2][n_kept] = order_status[i].order_amount ?
			order_status[i].order_amount : "";
		columns[3][n_kept++] = order_status[i].refunded_amount ?
			order_status[i].refunded_amount : "";
	}
	if (n_kept == 0)
		return;
	begin(server, columns[0]);
	fpgo_put_text(&p, server);
	for (int i = 0; i < (int) lengthof(columns); i++)
		fpgo_put_texts(&p, columns[i]);
	(void) fpgo_statement_run(&keep_statement, &p);
}

void
fpgo_order_status_keep_invoice_number(const char *server, const char *order_uuid,
									  const char *invoice_number)
{
	const char *const order_uuids[] = {order_uuid, NULL};
	FpgoParameters p = {0};

	if (XactReadOnly)
		return;
	begin(server, order_uuids);
	fpgo_put_text(&p, server);
	fpgo_put_text(&p, order_uuid);
	fpgo_put_text(&p, invoice_number);
	(void) fpgo_statement_run(&number_statement, &p);
}
