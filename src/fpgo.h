/*
 * fpgo.h
 *		What the rooms that live inside PostgreSQL share.
 *
 * Rooms with a header of their own: fields.h, format.h, plausible.h,
 * outcome.h (pure), document.h, violation.h, http.h, reply.h, exchange.h,
 * handin.h, submissions.h.  Arrows run one way; see the README's map of the
 * source.
 */
#ifndef FPGO_H
#define FPGO_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "gateway/exchange.h"
#include "order/fields.h"
#include "handin/handin.h"
#include "records/submissions.h"
#include "validation/violation.h"

/* of the library; the control file has the same */
#define FPGO_VERSION "1.1"

/*
 * SQLSTATEs of the gateway's outcomes, all in class 38 (external routine
 * exception): no driver or pool takes that class for transient and retries by
 * itself.
 */
#define ERRCODE_FPGO_REFUSED MAKE_SQLSTATE('3', '8', '0', '0', '0')
#define ERRCODE_FPGO_UNKNOWN MAKE_SQLSTATE('3', '8', 'F', '0', '1')
#define ERRCODE_FPGO_UNREACHED MAKE_SQLSTATE('3', '8', 'F', '0', '2')
#define ERRCODE_FPGO_CREDENTIALS MAKE_SQLSTATE('3', '8', 'F', '0', '3')
#define ERRCODE_FPGO_SLOW_DOWN MAKE_SQLSTATE('3', '8', 'F', '0', '4')

/*
 * Goes into every ereport about an order: the server log then shows neither
 * the statement that held the order nor the SQL around it.  Errors that are
 * not fpgo's own are hidden so by fpgo_cover().
 */
#define fpgo_errhide() (errhidestmt(true), errhidecontext(true))

/* ---------- fpgo.c: settings ---------- */

extern char *fpgo_server_name;	/* fpgo.server */
extern char *fpgo_databases;	/* fpgo.databases */
extern bool fpgo_undelivered_notice;	/* fpgo.undelivered_notice */
extern int	fpgo_helper_wait;	/* fpgo.helper_wait, milliseconds */
extern int	fpgo_helper_idle;	/* fpgo.helper_idle, milliseconds */
extern int	fpgo_reconcile_interval;	/* fpgo.reconcile_interval, likewise; 0:
										 * never */

/* ---------- spellings.c: an order's three spellings ---------- */

/*
 * JSON text to jsonb.  Raises 22P02 with our own words when it is not JSON:
 * PostgreSQL's would print the line, and with it the personal number.
 */
extern Jsonb *fpgo_order_from_text(const char *json, int len);

/*
 * fpgo.invoice_order to jsonb, attribute for attribute: NULL is left out,
 * numeric becomes a number, order_date a string of whole seconds.  Raises
 * 22003 for a value JSON has no spelling for.
 */
extern Jsonb *fpgo_order_from_composite(Datum composite);

/*
 * Index of a composite type's attribute by its name; raises 42703 if the type
 * has lost it.
 */
extern int	fpgo_order_find_attribute(TupleDesc descriptor,
									  const FpgoShape *shape,
									  const char *name);

/* The order in argument 0, whatever its spelling; NULL raises 22004. */
typedef enum FpgoSpelling
{
	FPGO_SPELLED_TEXT,
	FPGO_SPELLED_JSONB,
	FPGO_SPELLED_COMPOSITE
} FpgoSpelling;

extern Jsonb *fpgo_order_argument(FunctionCallInfo fcinfo,
								  FpgoSpelling spelling);

/* ---------- secrets.c: what of an order no message may show ---------- */

/*
 * Run an SQL function that takes an order.  Whatever is raised or said in it,
 * by PostgreSQL too, is logged without the statement that called it.
 */
typedef Datum (*FpgoOrderFunction) (FunctionCallInfo fcinfo,
									FpgoSpelling spelling);

extern Datum fpgo_cover(FpgoOrderFunction function, FunctionCallInfo fcinfo,
						FpgoSpelling spelling);

/* The callback of an error context that does the same. */
extern void fpgo_hide_statement(void *arg);

/* ---------- payload.c: what goes over the wire ---------- */

/*
 * The canonical payload as JSON text in the server's encoding.  Raises 22023
 * unless the order is a JSON object.
 */
extern void fpgo_payload_write(StringInfo wire, Jsonb *order);

/* ---------- validate.c ---------- */

/*
 * Every rule the order breaks, in the order of the API page's table: a list
 * of FpgoViolation, NIL if there is none.  tax_rates: NULL-terminated decimal
 * texts, NULL for the page's own.
 */
extern List *fpgo_validate_order(Jsonb *order, const char *const *tax_rates);

/*
 * The same of an order that may be a part of one: nothing is required, but of
 * what stands in a list.
 */
extern List *fpgo_validate_partial(Jsonb *order, const char *const *tax_rates);

/* Is it valid?  The shortest answer; allocates next to nothing. */
extern bool fpgo_validate_is_valid(Jsonb *order,
								   const char *const *tax_rates);

/* Raises 23514 with the violations in DETAIL unless the order is valid. */
extern void fpgo_validate_require(Jsonb *order, const char *const *tax_rates);

/* ---------- defaults.c: a partial order under each order ---------- */

/*
 * The order with a server's defaults in its gaps.  defaults: the text of the
 * server's option; NULL if it has none, and then the order itself is returned,
 * as it is if it is no JSON object.
 */
extern Jsonb *fpgo_defaults_lay_under(Jsonb *order, const char *defaults);

/*
 * Why a text cannot be a server's option, in a sentence that quotes nothing
 * personal; NULL if it can.
 */
extern const char *fpgo_defaults_fault(const char *text,
									   const char *const *tax_rates);

/* ---------- advise.c ---------- */

/*
 * What the gateway would take and a person would not, in the same order and
 * form; NIL if there is nothing to say.  Looks at the clock.  Raises nothing
 * for what the order says, be it valid or not.
 */
extern List *fpgo_advise_order(Jsonb *order);

/* ---------- account.c: a foreign server and its user mapping ---------- */

/* What a server says about orders; all NULL if it says nothing. */
typedef struct FpgoTerms
{
	const char *const *tax_rates;	/* NULL: the page's own */
	const char *defaults;		/* JSON text; see defaults.c */
} FpgoTerms;

typedef struct FpgoGateway
{
	Oid			server;
	FpgoTarget	target;
	FpgoTerms	terms;
	int			concurrency;	/* requests a deliverer has under way at once */
	int			retention_s;	/* how long payloads of finished orders stay */
} FpgoGateway;

/*
 * The gateway behind a foreign server (NULL: the one fpgo.server names), for
 * a role.  Raises 42704 if there is no such server, 42501 without USAGE on
 * it.  fpgo_gateway_check() leaves the token NULL; what it returns is there until
 * the transaction ends.  fpgo_gateway_resolve() fetches the token too and raises
 * 55000 without mapping or token; allocated in the current memory context.
 */
extern const FpgoGateway *fpgo_gateway_check(const char *server_name, Oid role);
extern FpgoGateway *fpgo_gateway_resolve(const char *server_name, Oid role);

/* Overwrite the token, once it is of no more use. */
extern void fpgo_gateway_wipe(const FpgoGateway *gateway);

/*
 * The terms of a server; with NULL those of the one that fpgo.server names, if
 * it exists.  Needs no right on the server.
 */
extern FpgoTerms fpgo_gateway_terms(const char *server_name);

/*
 * How long a server's payloads stay once they are finished, in seconds; 0 if
 * it does not exist any more.  Needs no right on the server.
 */
extern int	fpgo_gateway_retention(const char *server_name);

/* How to tell the gateway's callbacks from others. */
typedef struct FpgoCallbackTerms
{
	const char *server_name;
	char	   *secret;			/* the caller's to wipe */
	int			window_ms;		/* how old a callback may be to be news */
} FpgoCallbackTerms;

/*
 * Those of a server (NULL: the one fpgo.server names).  The secret is that of
 * PUBLIC's user mapping.  Needs no right on the server.  Raises 42704 if there
 * is no such server, 55000 without a secret.
 */
extern FpgoCallbackTerms
fpgo_gateway_callback_terms(const char *server_name);

#endif							/* FPGO_H */
