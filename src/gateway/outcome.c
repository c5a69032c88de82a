/*
 * outcome.c
 *		The outcome of a request for an invoice: two tables and the rule that
 *		joins them.
 *
 * If an order that the gateway processed counted as refused or unreached, it
 * would be sent again, and a customer would be invoiced twice.  The rule is:
 * certainly not processed, or certainly processed, or else unknown.  What the
 * tables do not name is unknown once the mark is reached.
 *
 * The mark decides before libcurl's code does: code 7, "could not connect",
 * has been seen after an order had been processed.
 *
 * No allocation, no state, nothing of PostgreSQL or libcurl.  Every code and
 * every status has a line below; a code without one does not compile, and
 * test/unit/gateway/test_outcome.c fails if the installed libcurl has more
 * codes, or if a status has none.
 */
#include <stddef.h>

#include "gateway/outcome.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What a libcurl code means once the order may have left. */
typedef enum AfterMark
{
	BY_STATUS,					/* the answer is whole: its status decides */
	BY_REFUSAL,					/* the body broke off: a clear 4xx decides */
	UNCLEAR						/* the order may have been processed */
} AfterMark;

typedef struct CodeLine
{
	int			code;
	FpgoOutcomeClass before;	/* if the mark was not reached */
	AfterMark	after;			/* if it was */
} CodeLine;

#define TRANSIENT FPGO_OUTCOME_UNREACHED
#define CONFIG FPGO_OUTCOME_MISCONFIGURED

/*
 * By libcurl's code, one line each from 0 on.  Before the mark nothing of the
 * request has left, and the only question is whether a person must act.  Codes
 * that HTTP should not give are listed too: such a code proves nothing.
 */
/* clang-format off */
static const CodeLine code_lines[] = {
	/* code, before, after */
	{0, TRANSIENT, BY_STATUS},		/* done */
	{1, CONFIG, UNCLEAR},			/* scheme; or the answer was no HTTP */
	{2, TRANSIENT, UNCLEAR},		/* libcurl could not start */
	{3, CONFIG, UNCLEAR},			/* malformed URL */
	{4, CONFIG, UNCLEAR},			/* not built into libcurl */
	{5, TRANSIENT, UNCLEAR},		/* proxy name not resolved */
	{6, TRANSIENT, UNCLEAR},		/* host name not resolved */
	{7, TRANSIENT, UNCLEAR},		/* no connection */
	{8, TRANSIENT, UNCLEAR},		/* weird answer */
	{9, TRANSIENT, UNCLEAR},		/* FTP */
	{10, TRANSIENT, UNCLEAR},		/* FTP */
	{11, TRANSIENT, UNCLEAR},		/* FTP */
	{12, TRANSIENT, UNCLEAR},		/* FTP */
	{13, TRANSIENT, UNCLEAR},		/* FTP */
	{14, TRANSIENT, UNCLEAR},		/* FTP */
	{15, TRANSIENT, UNCLEAR},		/* FTP */
	{16, TRANSIENT, UNCLEAR},		/* HTTP/2 framing */
	{17, TRANSIENT, UNCLEAR},		/* FTP */
	{18, TRANSIENT, BY_REFUSAL},	/* body shorter than announced */
	{19, TRANSIENT, UNCLEAR},		/* FTP */
	{20, TRANSIENT, UNCLEAR},		/* unused */
	{21, TRANSIENT, UNCLEAR},		/* FTP */
	{22, TRANSIENT, UNCLEAR},		/* FAILONERROR, which is off */
	{23, TRANSIENT, BY_REFUSAL},	/* we took no more of the body */
	{24, TRANSIENT, UNCLEAR},		/* unused */
	{25, TRANSIENT, UNCLEAR},		/* upload could not start */
	{26, TRANSIENT, UNCLEAR},		/* request body not readable */
	{27, TRANSIENT, UNCLEAR},		/* out of memory */
	{28, TRANSIENT, BY_REFUSAL},	/* time ran out */
	{29, TRANSIENT, UNCLEAR},		/* unused */
	{30, TRANSIENT, UNCLEAR},		/* FTP */
	{31, TRANSIENT, UNCLEAR},		/* FTP */
	{32, TRANSIENT, UNCLEAR},		/* unused */
	{33, TRANSIENT, UNCLEAR},		/* ranges, never asked for */
	{34, TRANSIENT, UNCLEAR},		/* form posts, never used */
	{35, TRANSIENT, UNCLEAR},		/* TLS handshake */
	{36, TRANSIENT, UNCLEAR},		/* resumed download, never asked for */
	{37, TRANSIENT, UNCLEAR},		/* FILE */
	{38, TRANSIENT, UNCLEAR},		/* LDAP */
	{39, TRANSIENT, UNCLEAR},		/* LDAP */
	{40, TRANSIENT, UNCLEAR},		/* unused */
	{41, TRANSIENT, UNCLEAR},		/* unused */
	{42, TRANSIENT, UNCLEAR},		/* a guard of ours; see http.c */
	{43, CONFIG, UNCLEAR},			/* libcurl called wrongly */
	{44, TRANSIENT, UNCLEAR},		/* unused */
	{45, TRANSIENT, UNCLEAR},		/* network interface */
	{46, TRANSIENT, UNCLEAR},		/* unused */
	{47, TRANSIENT, UNCLEAR},		/* redirects, never followed */
	{48, CONFIG, UNCLEAR},			/* option unknown to this libcurl */
	{49, CONFIG, UNCLEAR},			/* malformed option */
	{50, TRANSIENT, UNCLEAR},		/* unused */
	{51, TRANSIENT, UNCLEAR},		/* unused */
	{52, TRANSIENT, UNCLEAR},		/* closed without an answer */
	{53, CONFIG, UNCLEAR},			/* TLS engine not found */
	{54, CONFIG, UNCLEAR},			/* TLS engine not settable */
	{55, TRANSIENT, BY_REFUSAL},	/* sending failed */
	{56, TRANSIENT, BY_REFUSAL},	/* receiving failed */
	{57, TRANSIENT, UNCLEAR},		/* unused */
	{58, CONFIG, UNCLEAR},			/* own TLS certificate */
	{59, CONFIG, UNCLEAR},			/* TLS ciphers */
	{60, CONFIG, UNCLEAR},			/* peer's certificate not trusted */
	{61, TRANSIENT, BY_REFUSAL},	/* content encoding not readable */
	{62, TRANSIENT, UNCLEAR},		/* unused */
	{63, TRANSIENT, BY_REFUSAL},	/* answer too large */
	{64, CONFIG, UNCLEAR},			/* TLS demanded, not to be had */
	{65, TRANSIENT, UNCLEAR},		/* a resend was tried and failed */
	{66, CONFIG, UNCLEAR},			/* TLS engine did not start */
	{67, TRANSIENT, UNCLEAR},		/* log-in, of other protocols */
	{68, TRANSIENT, UNCLEAR},		/* TFTP */
	{69, TRANSIENT, UNCLEAR},		/* TFTP */
	{70, TRANSIENT, UNCLEAR},		/* TFTP */
	{71, TRANSIENT, UNCLEAR},		/* TFTP */
	{72, TRANSIENT, UNCLEAR},		/* TFTP */
	{73, TRANSIENT, UNCLEAR},		/* TFTP */
	{74, TRANSIENT, UNCLEAR},		/* TFTP */
	{75, TRANSIENT, UNCLEAR},		/* unused */
	{76, TRANSIENT, UNCLEAR},		/* unused */
	{77, CONFIG, UNCLEAR},			/* CA file not readable */
	{78, TRANSIENT, UNCLEAR},		/* remote file, other protocols */
	{79, TRANSIENT, UNCLEAR},		/* SSH */
	{80, TRANSIENT, UNCLEAR},		/* TLS shutdown */
	{81, TRANSIENT, UNCLEAR},		/* socket not ready */
	{82, CONFIG, UNCLEAR},			/* revocation list not readable */
	{83, CONFIG, UNCLEAR},			/* issuer not as demanded */
	{84, TRANSIENT, UNCLEAR},		/* FTP */
	{85, TRANSIENT, UNCLEAR},		/* RTSP */
	{86, TRANSIENT, UNCLEAR},		/* RTSP */
	{87, TRANSIENT, UNCLEAR},		/* FTP */
	{88, TRANSIENT, UNCLEAR},		/* FTP */
	{89, TRANSIENT, UNCLEAR},		/* no connection to be had */
	{90, CONFIG, UNCLEAR},			/* pinned key differs */
	{91, CONFIG, UNCLEAR},			/* certificate status */
	{92, TRANSIENT, UNCLEAR},		/* HTTP/2 stream */
	{93, CONFIG, UNCLEAR},			/* libcurl called from a callback */
	{94, TRANSIENT, UNCLEAR},		/* authentication function */
	{95, TRANSIENT, UNCLEAR},		/* HTTP/3 */
	{96, TRANSIENT, UNCLEAR},		/* QUIC */
	{97, TRANSIENT, UNCLEAR},		/* proxy handshake */
	{98, CONFIG, UNCLEAR},			/* a client certificate is demanded */
	{99, TRANSIENT, UNCLEAR},		/* poll failed */
	{100, TRANSIENT, BY_REFUSAL},	/* a value or the headers too large */
	{101, CONFIG, UNCLEAR},			/* ECH, or a newer meaning */
};
/* clang-format on */

_Static_assert(LENGTH_OF(code_lines) == 102,
			   "a libcurl code from 0 to 101 has no line");

/*
 * What the body must be for the status to mean what its line says.  Without
 * that, a machine before the gateway may have spoken: NOT_API.
 */
typedef enum Proof
{
	NONE,
	JSON,						/* an application has answered */
	ENVELOPE,					/* the API has */
	FIELD						/* the errors name a field of an order */
} Proof;

typedef struct StatusLine
{
	int			first;
	int			last;
	FpgoOutcomeClass class;		/* ACCEPTED: if an order uuid came with it */
	Proof		proof;
} StatusLine;

/*
 * By HTTP status, in order and without a gap.  A refusal is final for a create
 * only if it certainly is the API's, and about this order.
 */
/* clang-format off */
static const StatusLine status_lines[] = {
	{100, 199, FPGO_OUTCOME_UNKNOWN, NONE},		/* never a final answer */
	{200, 202, FPGO_OUTCOME_ACCEPTED, NONE},	/* 202: of other routes */
	{203, 299, FPGO_OUTCOME_UNKNOWN, NONE},		/* a proxy's; half an answer */
	{300, 306, FPGO_OUTCOME_UNKNOWN, NONE},		/* perhaps processed */
	{307, 308, FPGO_OUTCOME_MISCONFIGURED, NONE},	/* "send it elsewhere" */
	{309, 399, FPGO_OUTCOME_UNKNOWN, NONE},
	{400, 400, FPGO_OUTCOME_REFUSED, FIELD},	/* a front door says so, too */
	{401, 401, FPGO_OUTCOME_CREDENTIALS, JSON},	/* Laravel's has no status */
	{402, 402, FPGO_OUTCOME_UNKNOWN, NONE},
	{403, 403, FPGO_OUTCOME_NOT_API, NONE},		/* a firewall's dislike */
	{404, 405, FPGO_OUTCOME_NOT_API, NONE},		/* no such route, or order */
	{406, 406, FPGO_OUTCOME_NOT_API, NONE},		/* the API has one type only */
	{407, 407, FPGO_OUTCOME_NOT_API, NONE},		/* a proxy's */
	{408, 408, FPGO_OUTCOME_UNKNOWN, NONE},		/* proxies differ */
	{409, 409, FPGO_OUTCOME_UNKNOWN, NONE},		/* perhaps "exists already" */
	{410, 410, FPGO_OUTCOME_UNKNOWN, NONE},
	{411, 411, FPGO_OUTCOME_NOT_API, NONE},		/* a length is always sent */
	{412, 412, FPGO_OUTCOME_UNKNOWN, NONE},
	{413, 413, FPGO_OUTCOME_REFUSED, FIELD},	/* nginx's is about its limit */
	{414, 414, FPGO_OUTCOME_NOT_API, NONE},		/* one address for all orders */
	{415, 415, FPGO_OUTCOME_REFUSED, FIELD},	/* one type for all orders */
	{416, 416, FPGO_OUTCOME_UNKNOWN, NONE},
	{417, 417, FPGO_OUTCOME_REFUSED, ENVELOPE},	/* the gateway's validation */
	{418, 418, FPGO_OUTCOME_UNKNOWN, NONE},
	{419, 419, FPGO_OUTCOME_NOT_API, NONE},		/* Laravel's, for a browser */
	{420, 420, FPGO_OUTCOME_UNKNOWN, NONE},
	{421, 421, FPGO_OUTCOME_UNREACHED, NONE},	/* wrong server for this host */
	{422, 422, FPGO_OUTCOME_REFUSED, ENVELOPE},	/* Laravel's validation */
	{423, 424, FPGO_OUTCOME_UNKNOWN, NONE},
	{425, 425, FPGO_OUTCOME_UNREACHED, NONE},	/* too early */
	{426, 428, FPGO_OUTCOME_UNKNOWN, NONE},
	{429, 429, FPGO_OUTCOME_SLOW_DOWN, NONE},	/* before processing */
	{430, 430, FPGO_OUTCOME_UNKNOWN, NONE},
	{431, 431, FPGO_OUTCOME_NOT_API, NONE},		/* same headers for all orders */
	{432, 499, FPGO_OUTCOME_UNKNOWN, NONE},
	{500, 509, FPGO_OUTCOME_UNKNOWN, NONE},		/* perhaps processed */
	{510, 510, FPGO_OUTCOME_UNKNOWN, NONE},		/* thrown in mid-processing */
	{511, 599, FPGO_OUTCOME_UNKNOWN, NONE},
};
/* clang-format on */

/* The line of a libcurl code, or NULL if it has none. */
static const CodeLine *
find_code_line(int code)
{
	if (code < 0 || (size_t) code >= LENGTH_OF(code_lines))
		return NULL;
	return &code_lines[code];
}

/* The line of an HTTP status, or NULL if it has none. */
static const StatusLine *
find_status_line(int status)
{
	for (size_t i = 0; i < LENGTH_OF(status_lines); i++)
	{
		if (status >= status_lines[i].first && status <= status_lines[i].last)
			return &status_lines[i];
	}
	return NULL;
}

static FpgoOutcomeClass
classify_before_mark(const FpgoOutcomeFacts *facts)
{
	const CodeLine *line = find_code_line(facts->code);

	/*
	 * An answer without a request: the mark was missed, and nothing can be
	 * concluded from it.
	 */
	if (facts->code == 0 || facts->status != 0 || facts->headers_complete)
		return FPGO_OUTCOME_UNKNOWN;

	if (facts->peer_refused)
		return FPGO_OUTCOME_MISCONFIGURED;

	return line ? line->before : FPGO_OUTCOME_UNREACHED;
}

static bool
has_proof(const FpgoOutcomeFacts *facts, Proof proof)
{
	switch (proof)
	{
		case NONE:
			return true;
		case JSON:
			return facts->is_json;
		case ENVELOPE:
			return facts->is_api;
		case FIELD:
			return facts->is_json && facts->names_field;
	}
	return false;
}

/*
 * Does the answer mean the order that is to be changed?  400 is the API's
 * "Conflict of Business Logic".  403 is a policy's if an application answers,
 * 404 if the API says that there is no such order.  For an order that changes
 * none, these are about token and address.
 */
static bool
refuses_change(const FpgoOutcomeFacts *facts)
{
	return facts->is_change &&
		((facts->status == 400 && facts->is_api) ||
		 (facts->status == 403 && facts->is_json) ||
		 (facts->status == 404 && facts->says_no_order));
}

/* The class of a status with complete headers, if the body agrees. */
static FpgoOutcomeClass
classify_by_status(const FpgoOutcomeFacts *facts)
{
	const StatusLine *line = find_status_line(facts->status);

	if (line == NULL || facts->contradicts_itself)
		return FPGO_OUTCOME_UNKNOWN;

	/* without a uuid no success; with one, no refusal */
	if (facts->has_order_uuid != (line->class == FPGO_OUTCOME_ACCEPTED))
		return FPGO_OUTCOME_UNKNOWN;

	if (refuses_change(facts))
		return FPGO_OUTCOME_REFUSED;
	return has_proof(facts, line->proof) ? line->class : FPGO_OUTCOME_NOT_API;
}

/*
 * The class of a request; unknown unless the facts prove another.
 */
FpgoOutcomeClass
fpgo_outcome_classify(const FpgoOutcomeFacts *facts)
{
	const CodeLine *line = find_code_line(facts->code);

	if (!facts->mark_reached)
		return classify_before_mark(facts);

	if (line == NULL || !facts->headers_complete)
		return FPGO_OUTCOME_UNKNOWN;

	if (line->after == BY_STATUS)
		return classify_by_status(facts);

	/* half a body proves no success, but a 4xx comes before the body */
	if (line->after == BY_REFUSAL && facts->status >= 400 &&
		facts->status <= 499)
		return classify_by_status(facts);

	return FPGO_OUTCOME_UNKNOWN;
}

/* The class of a status, of an answer that is whole. */
static FpgoOutcomeClass
classify_status_answer(const FpgoOutcomeFacts *facts)
{
	const StatusLine *line = find_status_line(facts->status);

	if (line == NULL || facts->contradicts_itself)
		return FPGO_OUTCOME_UNREACHED;
	if (facts->status >= 200 && facts->status <= 299 && facts->names_status)
		return facts->is_changeable ? FPGO_OUTCOME_ACCEPTED :
			FPGO_OUTCOME_REFUSED;
	if (facts->status == 404 && facts->says_no_order)
		return FPGO_OUTCOME_REFUSED;
	if (line->class == FPGO_OUTCOME_CREDENTIALS ||
		line->class == FPGO_OUTCOME_NOT_API ||
		line->class == FPGO_OUTCOME_MISCONFIGURED ||
		line->class == FPGO_OUTCOME_SLOW_DOWN)
		return has_proof(facts, line->proof) ? line->class :
			FPGO_OUTCOME_NOT_API;
	return FPGO_OUTCOME_UNREACHED;
}

FpgoOutcomeClass
fpgo_outcome_classify_status(const FpgoOutcomeFacts *facts)
{
	if (facts->mark_reached)
		return facts->code == 0 && facts->headers_complete ?
			classify_status_answer(facts) : FPGO_OUTCOME_UNREACHED;
	return classify_before_mark(facts) == FPGO_OUTCOME_MISCONFIGURED ?
		FPGO_OUTCOME_MISCONFIGURED : FPGO_OUTCOME_UNREACHED;
}

/* The class in one word, for tables, views and logs; a static string. */
const char *
fpgo_outcome_name(FpgoOutcomeClass outcome)
{
	switch (outcome)
	{
		case FPGO_OUTCOME_ACCEPTED:
			return "accepted";
		case FPGO_OUTCOME_REFUSED:
			return "refused";
		case FPGO_OUTCOME_UNREACHED:
			return "unreached";
		case FPGO_OUTCOME_MISCONFIGURED:
			return "misconfigured";
		case FPGO_OUTCOME_CREDENTIALS:
			return "credentials";
		case FPGO_OUTCOME_NOT_API:
			return "not_api";
		case FPGO_OUTCOME_SLOW_DOWN:
			return "slow_down";
		case FPGO_OUTCOME_UNKNOWN:
			return "unknown";
	}
	return "unknown";
}
