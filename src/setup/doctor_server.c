/*
 * doctor_server.c
 *		Checks of fpgo.doctor(): the account, and the gateway.
 *
 * The first checks look at what PostgreSQL knows: server, options, rights,
 * user mapping, token.  Then the process that sends orders asks the gateway
 * one question, over a new connection.  The remaining checks read from the
 * result how far the request came, and what the gateway answered.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "account/names.h"
#include "delivery/allowance.h"
#include "ipc/ask.h"
#include "setup/doctor.h"

/*
 * The question: the status of an order that hardly exists.  404 is documented
 * as the answer.  Any answer but a refusal says that the token was accepted.
 * Of the documented questions this one has the smallest answer.
 */
#define QUESTION "/connect/orders/status/ODR0000000000"

/* longest wait for the answer, in milliseconds */
#define QUESTION_TIMEOUT 10000

/*
 * Below this timeout, in milliseconds, orders may become uncertain: PHP's
 * default lets the gateway work on a request for so long.
 */
#define SHORT_TIMEOUT 30000

/* how far this machine's clock may be off, in seconds */
#define CLOCK_TOLERANCE 60

/* ---------- what PostgreSQL knows ---------- */

FpgoDiagnosis
fpgo_check_server(FpgoExamination *examination)
{
	/* raises if there is no such server, or if it is not one of fpgo's */
	(void) fpgo_account_terms(examination->server_name);
	examination->server = GetForeignServerByName(examination->server_name,
												 false);
	return fpgo_right(psprintf("Server \"%s\" is a gateway of fpgo.",
							   examination->server_name));
}

/* The server's options as the catalog has them. */
static Datum
stored_options(Oid server)
{
	HeapTuple	tuple = SearchSysCache1(FOREIGNSERVEROID,
										ObjectIdGetDatum(server));
	Datum		options;
	bool		is_null;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for foreign server %u", server);
	options = SysCacheGetAttr(FOREIGNSERVEROID, tuple,
							  Anum_pg_foreign_server_srvoptions, &is_null);
	options = is_null ? PointerGetDatum(construct_empty_array(TEXTOID)) :
		PointerGetDatum(DatumGetArrayTypePCopy(options));
	ReleaseSysCache(tuple);
	return options;
}

/*
 * Would the options be accepted today, from the server's owner?  They were
 * checked when they were written, perhaps by an older fpgo or with other
 * rights.
 */
FpgoDiagnosis
fpgo_check_options(FpgoExamination *examination)
{
	const ForeignServer *server = examination->server;
	Datum		options = stored_options(server->serverid);
	Oid			caller;
	int			context;

	examination->hint = psprintf("ALTER SERVER %s OPTIONS (SET ... '...');",
								 quote_identifier(server->servername));
	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(server->owner,
						   context | SECURITY_LOCAL_USERID_CHANGE);
	(void) DirectFunctionCall2(fpgo_option_validator, options,
							   ObjectIdGetDatum(ForeignServerRelationId));
	SetUserIdAndSecContext(caller, context);
	return fpgo_right("The options of the server are well-formed.");
}

/* Other servers with the same address, as a sentence; empty without one. */
static const char *
describe_namesakes(const ForeignServer *server, const char *url)
{
	const char *names = fpgo_account_list_at(fpgo_account_origin(url), server);

	return names == NULL ? "" :
		psprintf("  Servers with the same address: %s.  If they are one account of the gateway, an order that is handed in for both is invoiced twice.",
				 names);
}

/*
 * Is it known which account the server has, and do its orders go where they
 * went before?  Also names what is left of servers that are gone.
 */
FpgoDiagnosis
fpgo_check_account(FpgoExamination *examination)
{
	const char *server = examination->server_name;
	const char *url = fpgo_option_find(examination->server->options, "url");
	/* raises if a person must say which account it is */
	const char *account = fpgo_account_name(server, url);
	const char *moved_from = fpgo_account_moved_from(account, url);
	const char *left = fpgo_account_list_left();

	if (moved_from != NULL)
		return fpgo_wrong(psprintf("Orders of server \"%s\" were for %s before; their keys still count.",
								   server, moved_from),
						  psprintf("If the new address is another account of the gateway: SELECT fpgo.new_account(%s, '...');  If it is the same one: SELECT fpgo.adopt_account(%s, %s, '...');",
								   quote_literal_cstr(server),
								   quote_literal_cstr(account),
								   quote_literal_cstr(server)));
	return fpgo_right(psprintf("The records keep the server's orders as those of account \"%s\".%s%s",
							   account, describe_namesakes(examination->server, url),
							   left == NULL ? "" :
							   psprintf("  Accounts whose server is gone: %s.",
										left)));
}

FpgoDiagnosis
fpgo_check_usage(FpgoExamination *examination)
{
	examination->account = fpgo_account_check(examination->server_name,
											  GetUserId());
	return fpgo_right(psprintf("Role \"%s\" may submit orders to %s.",
							   GetUserNameFromId(GetUserId(), false),
							   examination->account->target.submit_url));
}

FpgoDiagnosis
fpgo_check_timeout(FpgoExamination *examination)
{
	int			timeout_ms = examination->account->target.timeout_ms;

	if (timeout_ms >= SHORT_TIMEOUT)
		return fpgo_right(psprintf("fpgo waits %d seconds for an answer.",
								   timeout_ms / 1000));
	return fpgo_wrong(psprintf("fpgo waits %d milliseconds for an answer: an order that is answered later becomes uncertain.",
							   timeout_ms),
					  psprintf("ALTER SERVER %s OPTIONS (SET timeout '120s');",
							   quote_identifier(examination->server_name)));
}

static bool
has_mapping(Oid role, Oid server)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER,
								 ObjectIdGetDatum(role),
								 ObjectIdGetDatum(server));
}

FpgoDiagnosis
fpgo_check_mapping(FpgoExamination *examination)
{
	const char *role = GetUserNameFromId(GetUserId(), false);
	Oid			server = examination->server->serverid;

	if (has_mapping(GetUserId(), server))
		return fpgo_right(psprintf("Role \"%s\" has a user mapping of its own.",
								   role));
	if (has_mapping(InvalidOid, server))
		return fpgo_right(psprintf("Role \"%s\" has the user mapping for PUBLIC.",
								   role));
	return fpgo_wrong(psprintf("There is no user mapping for role \"%s\" or for PUBLIC.",
							   role),
					  psprintf("CREATE USER MAPPING FOR PUBLIC SERVER %s OPTIONS (token_file '/path/of/the/token');",
							   quote_identifier(examination->server_name)));
}

FpgoDiagnosis
fpgo_check_token(FpgoExamination *examination)
{
	examination->account = fpgo_account_resolve(examination->server_name,
												GetUserId());
	return fpgo_right("There is a token, and it can be read.");
}

FpgoDiagnosis
fpgo_check_allowance(FpgoExamination *examination)
{
	int			closed_s =
	fpgo_allowance_closed_s(&examination->account->target);

	if (closed_s == 0)
		return fpgo_right("The gateway has not asked to slow down.");
	return fpgo_wrong(psprintf("The gateway asked to slow down (HTTP status 429): orders wait for %d seconds more.",
							   closed_s),
					  psprintf("If another program uses the token, say how many requests are left for fpgo: ALTER SERVER %s OPTIONS (ADD rate_limit '...');",
							   quote_identifier(examination->server_name)));
}

/* ---------- the question ---------- */

/* what stands in the question in place of a token, where there is none */
#define NO_TOKEN "none"

/*
 * The question gets a connection of its own, so that each step of the
 * connection is seen.  Its timeout is short: a person waits.
 */
FpgoDiagnosis
fpgo_check_process(FpgoExamination *examination)
{
	FpgoRequest request = {.kind = FPGO_REQUEST_INQUIRY,
		.target = examination->account->target,
	.path = QUESTION};
	FpgoAnswer *answer;

	if (RecoveryInProgress())
		return fpgo_unseen("Not looked at: during recovery no process is started that could send anything.");
	/* the way there can be seen without a token */
	if (request.target.token == NULL)
		request.target.token = NO_TOKEN;
	request.target.keepalive_s = 0;
	request.target.timeout_ms = Min(request.target.timeout_ms,
									QUESTION_TIMEOUT);
	answer = fpgo_ask(&request);
	if (answer->kind != FPGO_ANSWER_FINDING)
		return fpgo_wrong(psprintf("The process that sends could not begin: %s.",
								   answer->error.message ?
								   answer->error.message : "it does not say why"),
						  answer->error.hint);
	examination->finding = &answer->finding;
	return fpgo_right(answer->is_of_resident ?
					  "The resident worker of this database sends." :
					  "A helper process of this session sends.");
}

/* ---------- the way there ---------- */

FpgoDiagnosis
fpgo_check_name(FpgoExamination *examination)
{
	const FpgoFinding *finding = examination->finding;

	if (finding->stage > FPGO_HTTP_RESOLVING)
		return fpgo_right("The gateway's host has an address.");
	/* a file that cannot be read is seen before the name is looked up */
	if (finding->needs_certificates)
		return fpgo_wrong(finding->reason, FPGO_CERTIFICATES_HINT);
	return fpgo_wrong(finding->reason,
					  "Check the server's option url, and how the machine that PostgreSQL runs on looks names up.");
}

FpgoDiagnosis
fpgo_check_connection(FpgoExamination *examination)
{
	const FpgoFinding *finding = examination->finding;

	if (finding->stage > FPGO_HTTP_CONNECTING)
		return fpgo_right("The gateway's host takes connections.");
	if (finding->needs_private_network)
		return fpgo_wrong(finding->reason,
						  psprintf("If the gateway is in a private network, a superuser may say so: ALTER SERVER %s OPTIONS (ADD private_network 'true');",
								   quote_identifier(examination->server_name)));
	return fpgo_wrong(finding->reason,
					  "Check the server's option url, and whether a firewall lets the machine that PostgreSQL runs on get there.");
}

FpgoDiagnosis
fpgo_check_tls(FpgoExamination *examination)
{
	const FpgoFinding *finding = examination->finding;

	if (finding->needs_certificates)
		return fpgo_wrong(finding->reason, FPGO_CERTIFICATES_HINT);
	if (finding->stage < FPGO_HTTP_SENT)
		return fpgo_wrong(finding->reason,
						  psprintf("Check the server's option url.  If the certificate is from an authority of your own: ALTER SERVER %s OPTIONS (ADD ca_file '/path/of/its/certificate');",
								   quote_identifier(examination->server_name)));
	if (pg_strncasecmp(examination->account->target.url, "https:", 6) != 0)
		return fpgo_right("The address is plain HTTP, which goes to this machine only: no TLS is needed.");
	return fpgo_right("TLS is agreed on, and the gateway's certificate is verified.");
}

/* ---------- the answer ---------- */

FpgoDiagnosis
fpgo_check_clock(FpgoExamination *examination)
{
	const FpgoFinding *finding = examination->finding;
	long long	ahead_s = finding->ahead_s;

	if (!finding->has_date)
		return fpgo_unseen("Not looked at: the gateway sent no Date header.");
	if (ahead_s >= -CLOCK_TOLERANCE && ahead_s <= CLOCK_TOLERANCE)
		return fpgo_right("This machine's clock and the gateway's agree to the minute.");
	return fpgo_wrong(psprintf("This machine's clock is %lld seconds %s the gateway's: orders get the wrong date.",
							   ahead_s > 0 ? ahead_s : -ahead_s,
							   ahead_s > 0 ? "ahead of" : "behind"),
					  "Let the machine that PostgreSQL runs on keep the time by NTP.");
}

/* Is the token refused, and not the question? */
static bool
are_credentials_refused(const FpgoFinding *finding)
{
	return finding->status == 401 || finding->status == 403;
}

FpgoDiagnosis
fpgo_check_api(FpgoExamination *examination)
{
	const FpgoFinding *finding = examination->finding;
	int			status = finding->status;

	if (finding->reason != NULL)
		return fpgo_wrong(finding->reason,
						  "Look again in a while; if it stays so, ask Front Payment.");
	if (are_credentials_refused(finding) || status == 429 ||
		(finding->is_api && (status == 404 || (status >= 200 && status <= 299))))
		return fpgo_right(psprintf("The gateway answered within %d ms.",
								   (int) (finding->elapsed_us / 1000) + 1));
	if (status >= 500)
		return fpgo_wrong(psprintf("The gateway answered HTTP status %d.",
								   status),
						  "Look again in a while; if it stays so, ask Front Payment.");
	return fpgo_wrong(psprintf("HTTP status %d was answered, but not by the API.",
							   status),
					  psprintf("Check the server's option url.  For the gateway's demo: ALTER SERVER %s OPTIONS (SET url 'https://demo-api.frontpayment.no/api/v1');",
							   quote_identifier(examination->server_name)));
}

FpgoDiagnosis
fpgo_check_credentials(FpgoExamination *examination)
{
	const FpgoFinding *finding = examination->finding;

	if (finding->status == 429)
		return fpgo_unseen("Not looked at: the gateway asks to slow down (HTTP status 429).");
	if (!are_credentials_refused(finding))
		return fpgo_right("The gateway accepts the token.");
	return fpgo_wrong(psprintf("The gateway refuses the token with HTTP status %d.",
							   finding->status),
					  psprintf("Put the right token into the user mapping of server %s, or into its token file.",
							   quote_identifier(examination->server_name)));
}
