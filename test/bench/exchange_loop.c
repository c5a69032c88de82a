/*
 * exchange_loop.c
 *		How many orders a second exchange.c posts from a backend.
 *
 * test/bench/exchange links it with the objects of exchange.c and of what that
 * stands on: no SQL, no records, no validation.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "gateway/exchange.h"
#include "order/named_field.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(exchange_loop);

/* One exchange, with a context of its own as a flight has one. */
static void
post(const FpgoTarget *target, const char *order, size_t len)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "exchange",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	FpgoExchange *exchange = fpgo_exchange_start(target, order, len, NULL,
												 context);
	FpgoOutcome *outcome;

	while (!fpgo_exchange_is_done(exchange))
	{
		fpgo_http_step(50);
		CHECK_FOR_INTERRUPTS();
	}
	outcome = fpgo_exchange_finish(exchange, fpgo_names_field);
	if (outcome->class != FPGO_OUTCOME_ACCEPTED)
		elog(ERROR, "%s", outcome->reason);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* exchange_loop(url text, "order" text, seconds float8): posts a second */
Datum
exchange_loop(PG_FUNCTION_ARGS)
{
	FpgoTarget	target = {
		.server_name = "bench",
		.submit_url = text_to_cstring(PG_GETARG_TEXT_PP(0)),
		.token = "sandbox-token",
		.connect_timeout_ms = 10000,
		.timeout_ms = 10000,
		.keepalive_s = 10,
	};
	const char *order = text_to_cstring(PG_GETARG_TEXT_PP(1));
	size_t		len = strlen(order);
	double		seconds = PG_GETARG_FLOAT8(2);
	double		elapsed;
	int64		posts = 0;
	instr_time	began;

	post(&target, order, len);	/* connects */
	INSTR_TIME_SET_CURRENT(began);
	do
	{
		instr_time	now;

		post(&target, order, len);
		posts++;
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, began);
		elapsed = INSTR_TIME_GET_DOUBLE(now);
	} while (elapsed < seconds);
	PG_RETURN_FLOAT8(posts / elapsed);
}
