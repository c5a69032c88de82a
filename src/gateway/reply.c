/*
 * reply.c
 *		Reads the body of an answer, with json-c.
 *
 * An answer comes from outside and may repeat the order, personal number
 * included.  Only a few members that are named here are passed on, and
 * sentences for people.  The sentences are masked before anything else is done
 * with them.  Numbers never become floating point.
 *
 * json-c's objects belong to a Document, which lives in a memory context of
 * its own with a reset callback: none survives an error.  What is returned is
 * copied into the caller's context.  Nothing is palloc'd while json-c is on
 * the stack.
 *
 * What JSON is, PostgreSQL's parser decides, and what UTF-8 is, PostgreSQL's
 * check.  The versions of json-c differ in both: in strict mode 0.18 refuses
 * every character beyond ASCII, and since 0.17 a number beyond 64 bits, but
 * most versions let surrogates and overlong forms through.  json-c is therefore
 * asked for the members alone, in its lenient mode.
 */
#include "postgres.h"

#include <errno.h>
#include <json-c/json.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "gateway/reply.h"
#include "text/ascii.h"
#include "text/identifier.h"

#define MIN_JSON_C_VERSION 0x000f00
#if JSON_C_VERSION_NUM < MIN_JSON_C_VERSION
#error "fpgo needs json-c 0.15 or newer"
#endif

/* deepest nesting that is parsed and searched for sentences */
#define MAX_DEPTH 32
#define MAX_SENTENCE_DEPTH 8

#define MAX_BANK_ID_URL_LENGTH 8192

typedef struct Document
{
	MemoryContextCallback release;
	struct json_tokener *tokener;
	struct json_object *root;
} Document;

/* Where sentences are collected, and what to mask in them. */
typedef struct Collector
{
	FpgoReply  *reply;
	FpgoMask	mask;
} Collector;

/* Is every byte printable ASCII and no space? */
static bool
is_one_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len > 0;
}

/* ---------- sentences ---------- */

/* Add a sentence to the messages. */
static void
add_sentence(const Collector *collector, const char *key, const char *text,
			 size_t len)
{
	FpgoReply  *reply = collector->reply;

	while (len > 0 && (unsigned char) text[len - 1] <= ' ')
		len--;
	if (len == 0)
		return;
	if (reply->n_messages == FPGO_REPLY_MAX_MESSAGES)
		reply->n_left_off++;
	else
		reply->messages[reply->n_messages++] =
			fpgo_mask_sentence(&collector->mask, key, text, len);
}

/* ---------- json-c ---------- */

/* The reset callback. */
static void
release_document(void *arg)
{
	Document   *document = arg;

	if (document->root)
		json_object_put(document->root);
	document->root = NULL;
	if (document->tokener)
		json_tokener_free(document->tokener);
	document->tokener = NULL;
}

/*
 * Bytes of the piece that body begins with: up to the next character that
 * ends a name or a value.
 */
static int
piece_length(const char *body, int len)
{
	int			n = 1;

	while (n < len && body[n] != ':' && body[n] != ',' && body[n] != ']' &&
		   body[n] != '}')
		n++;
	return n;
}

/*
 * Parse the body up to the end of its first value; document->root stays NULL
 * if json-c cannot read one.  False if memory ran out.
 *
 * json-c does not report that memory ran out: it loses a member or a part of a
 * text, or crashes with a name that it could not copy.  But malloc() sets
 * errno.  json-c uses a name or a value first at the character after it.
 * Therefore the body is given to json-c in pieces that begin with such a
 * character, and errno is looked at between the pieces.  (json-c itself clears
 * errno for a number, at that character.)
 */
static bool
parse_body(Document *document, const char *body, int len)
{
	int			start = 0;

	document->tokener = json_tokener_new_ex(MAX_DEPTH);
	if (document->tokener == NULL)
		return false;
	while (document->root == NULL && start < len)
	{
		int			n = piece_length(body + start, len - start);

		errno = 0;
		document->root = json_tokener_parse_ex(document->tokener,
											   body + start, n);
		if (errno == ENOMEM)
			return false;
		if (json_tokener_get_error(document->tokener) != json_tokener_continue)
			break;
		start += n;
	}
	return true;
}

/*
 * Is the whole body JSON, as RFC 8259 has it?
 *
 * PostgreSQL's parser goes as deep as the text does.  Therefore json-c reads
 * the body first: it stops at MAX_DEPTH.  Where json-c reads more than JSON,
 * as a comment, PostgreSQL's parser stops.
 */
static bool
is_whole_json(const char *body, int len)
{
	JsonLexContext *lex = fpgo_json_lexer((char *) body, len, PG_UTF8, false);
	JsonParseErrorType error = pg_parse_json(lex, &nullSemAction);

	pfree(lex);
	return error == JSON_SUCCESS;
}

/* A member of an object; NULL if absent, null, or parent is no object. */
static struct json_object *
get_member(struct json_object *parent, const char *name)
{
	struct json_object *member;

	if (!json_object_is_type(parent, json_type_object) ||
		!json_object_object_get_ex(parent, name, &member))
		return NULL;
	return member;
}

/*
 * A string member of at most max_len bytes that passes a test, palloc'd; else
 * NULL.
 */
static char *
copy_text(struct json_object *parent, const char *name, size_t max_len,
		  bool (*passes) (const char *text, size_t len))
{
	struct json_object *member = get_member(parent, name);
	const char *text;
	size_t		len;

	if (!json_object_is_type(member, json_type_string))
		return NULL;
	text = json_object_get_string(member);
	len = json_object_get_string_len(member);
	if (len > max_len || !passes(text, len))
		return NULL;
	return pnstrdup(text, len);
}

static char *
copy_identifier(struct json_object *parent, const char *name)
{
	return copy_text(parent, name, FPGO_IDENTIFIER_MAX, fpgo_is_identifier);
}

static char *
copy_web_address(struct json_object *parent, const char *name)
{
	char	   *url = copy_text(parent, name, MAX_BANK_ID_URL_LENGTH,
								is_one_word);

	if (url == NULL || strncmp(url, "https://", 8) == 0 ||
		strncmp(url, "http://", 7) == 0)
		return url;
	pfree(url);
	return NULL;
}

/* 0 if absent, -1 if it is not a number from 100 to 999 or such a string. */
static int
read_status_code(struct json_object *root)
{
	struct json_object *member = get_member(root, "status_code");
	const char *text;
	int64		code = -1;

	if (member == NULL)
		return 0;
	if (json_object_is_type(member, json_type_int))
		code = json_object_get_int64(member);
	else if (json_object_is_type(member, json_type_string) &&
			 json_object_get_string_len(member) == 3)
	{
		text = json_object_get_string(member);
		if (is_digit(text[0]) && is_digit(text[1]) && is_digit(text[2]))
			code = (text[0] - '0') * 100 + (text[1] - '0') * 10 +
				(text[2] - '0');
	}
	return code >= 100 && code <= 999 ? (int) code : -1;
}

/* True unless the member is false, 0 or null: the cautious reading. */
static bool
read_is_error(struct json_object *root)
{
	struct json_object *member = get_member(root, "is_error");

	if (member == NULL)
		return false;
	if (json_object_is_type(member, json_type_boolean))
		return json_object_get_boolean(member);
	if (json_object_is_type(member, json_type_int))
		return json_object_get_int64(member) != 0;
	return true;
}

/*
 * Add every sentence in value, in order.  Answers were seen to have there: a
 * string; an array of strings; an array of objects with a message; an object
 * of fields with one or more strings each.
 */
static void
collect_sentences(const Collector *collector, struct json_object *value,
				  const char *key, int depth)
{
	struct json_object *message;
	struct json_object_iterator i;
	struct json_object_iterator end;

	if (json_object_is_type(value, json_type_string))
		add_sentence(collector, key, json_object_get_string(value),
					 json_object_get_string_len(value));
	if (depth == MAX_SENTENCE_DEPTH)
		return;

	if (json_object_is_type(value, json_type_array))
	{
		for (size_t n = 0; n < json_object_array_length(value); n++)
			collect_sentences(collector, json_object_array_get_idx(value, n),
							  key, depth + 1);
	}
	if (!json_object_is_type(value, json_type_object))
		return;

	message = get_member(value, "message");
	if (json_object_is_type(message, json_type_string))
	{
		collect_sentences(collector, message, key, depth + 1);
		return;
	}
	i = json_object_iter_begin(value);
	end = json_object_iter_end(value);
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
		collect_sentences(collector, json_object_iter_peek_value(&i),
						  json_object_iter_peek_name(&i), depth + 1);
}

/* Is the message orderNotFound, however it is spaced? */
static bool
says_no_order(struct json_object *root)
{
	static const char wanted[] = "ordernotfound";
	struct json_object *member = get_member(root, "message");
	const char *text;
	size_t		n = 0;

	if (!json_object_is_type(member, json_type_string))
		return false;
	text = json_object_get_string(member);
	for (; *text != '\0'; text++)
	{
		if (*text != ' ' && ascii_lower(*text) != wanted[n++])
			return false;
	}
	return n == strlen(wanted);
}

/* What the answer says of an order that was asked for. */
static void
read_order_status(const Collector *collector, struct json_object *data)
{
	FpgoReply  *reply = collector->reply;
	struct json_object *status;

	/* some answers had a list of that one order */
	if (json_object_is_type(data, json_type_array) &&
		json_object_array_length(data) == 1)
		data = json_object_array_get_idx(data, 0);
	reply->shown_uuid = copy_identifier(data, "uuid");
	status = get_member(data, "status");
	if (json_object_is_type(status, json_type_string) &&
		json_object_get_string_len(status) > 0)
		reply->order_status =
			fpgo_mask_sentence(&collector->mask, NULL,
							   json_object_get_string(status),
							   json_object_get_string_len(status));
}

static void
read_members(FpgoReply *reply, struct json_object *root,
			 const char *const *secrets)
{
	struct json_object *data = get_member(root, "data");
	Collector	collector = {.reply = reply,.mask.secrets = secrets};
	char	   *bank_id_url = copy_web_address(data, "bankIdUrl");
	char	   *payment_url = copy_web_address(data, "paymentUrl");

	reply->status_code = read_status_code(root);
	reply->is_error = read_is_error(root);
	reply->order_uuid = copy_identifier(data, "orderUuid");
	reply->customer_uuid = copy_identifier(data, "customerUuid");
	reply->bank_id_url = bank_id_url ? bank_id_url : payment_url;
	reply->says_no_order = says_no_order(root);
	/* the first address that is there, then perhaps the second */
	collector.mask.addresses[0] = reply->bank_id_url;
	collector.mask.addresses[1] = bank_id_url ? payment_url : NULL;

	read_order_status(&collector, data);
	collect_sentences(&collector, get_member(root, "errors"), NULL, 0);
	/* beside an order's uuid the sentence says that all is well */
	if (reply->n_messages == 0 && (!reply->order_uuid || reply->is_error))
		collect_sentences(&collector, get_member(root, "message"), NULL, 0);
}

void
fpgo_reply_wipe(const FpgoReply *reply)
{
	if (reply->bank_id_url != NULL)
		explicit_bzero(reply->bank_id_url, strlen(reply->bank_id_url));
}

bool
fpgo_reply_find_text(const char **body, size_t *len)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t		mark_len = strlen(mark);

	if (*len >= mark_len && memcmp(*body, mark, mark_len) == 0)
	{
		*body += mark_len;
		*len -= mark_len;
	}
	/* the check stops at a NUL, and finds that too */
	return *len < MaxAllocSize &&
		pg_encoding_verifymbstr(PG_UTF8, *body, (int) *len) == (int) *len;
}

FpgoReply *
fpgo_reply_read(const char *body, size_t len, const char *const *secrets)
{
	FpgoReply  *reply = palloc0(sizeof(FpgoReply));
	MemoryContext context;
	Document   *document;

	if (!fpgo_reply_find_text(&body, &len))
		return reply;

	context = AllocSetContextCreate(CurrentMemoryContext, "fpgo reply",
									ALLOCSET_SMALL_SIZES);
	document = MemoryContextAllocZero(context, sizeof(Document));
	document->release.func = release_document;
	document->release.arg = document;
	MemoryContextRegisterResetCallback(context, &document->release);

	if (!parse_body(document, body, (int) len))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while reading the gateway's answer.")));
	reply->is_json = json_object_is_type(document->root, json_type_object) &&
		is_whole_json(body, (int) len);
	if (reply->is_json)
		read_members(reply, document->root, secrets);

	MemoryContextDelete(context);
	return reply;
}

FpgoReplyLibrary
fpgo_reply_library(void)
{
	return (FpgoReplyLibrary) {
		.version = json_c_version(),
		.built_with = JSON_C_VERSION,
		.fault = json_c_version_num() < MIN_JSON_C_VERSION ?
			"It is older than 0.15." : NULL,
	};
}
