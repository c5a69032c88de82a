/*
 * message.c
 *		A request to a process that sends, and its answer, as bytes.
 *
 * A message is written and read field by field, with each length first.
 * Nothing in a message is executed, or trusted to end with a NUL.  Every
 * change of a message raises FPGO_MAILBOX_PROTOCOL.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "ipc/message.h"
#include "order/secrets.h"

/* most texts of a list */
#define MAX_TEXTS Max(FPGO_MAX_SECRETS, FPGO_MAX_ADVICE)

/* first byte of a message of fpgo's; others are of PostgreSQL's protocol */
#define REQUEST_TAG 0xF0
#define ANSWER_TAG 0xF1

/* ---------- fields ---------- */

/* Makes room itself: StringInfo's own growth would leave copies behind. */
static void
put_bytes(StringInfo message, const void *bytes, int len)
{
	if (message->len + len >= message->maxlen)
	{
		int			size = Max(message->maxlen * 2, message->len + len + 1);
		char	   *data = palloc(size);

		memcpy(data, message->data, message->len + 1);
		explicit_bzero(message->data, message->len);
		pfree(message->data);
		message->data = data;
		message->maxlen = size;
	}
	appendBinaryStringInfo(message, bytes, len);
}

static void
put_int(StringInfo message, int64 value)
{
	put_bytes(message, &value, sizeof(value));
}

static void
put_text(StringInfo message, const char *text)
{
	put_int(message, text ? (int64) strlen(text) : -1);
	if (text)
		put_bytes(message, text, strlen(text));
}

static void
put_texts(StringInfo message, const char *const *texts)
{
	for (int i = 0; texts != NULL && texts[i] != NULL; i++)
		put_text(message, texts[i]);
	put_text(message, NULL);
}

/* The part of a message that is not read yet. */
typedef struct Reader
{
	const char *data;
	Size		left;
} Reader;

static const char *
take(Reader *reader, Size n)
{
	const char *taken = reader->data;

	if (n > reader->left)
		elog(ERROR, "message between fpgo's processes is cut short");
	reader->data += n;
	reader->left -= n;
	return taken;
}

static int64
get_int(Reader *reader)
{
	int64		value;

	memcpy(&value, take(reader, sizeof(value)), sizeof(value));
	return value;
}

static char *
get_text(Reader *reader)
{
	int64		len = get_int(reader);

	if (len < 0)
		return NULL;
	return pnstrdup(take(reader, len), len);
}

/* A list of texts that ends with NULL; an empty list is NULL. */
static const char *const *
get_texts(Reader *reader)
{
	const char **texts = palloc0(sizeof(char *) * (MAX_TEXTS + 1));

	for (int i = 0; i <= MAX_TEXTS; i++)
	{
		texts[i] = get_text(reader);
		if (texts[i] == NULL)
			return texts;
	}
	elog(ERROR, "message between fpgo's processes holds too much");
}

static void
open_message(Reader *reader, const void *data, Size len, unsigned char tag)
{
	reader->data = data;
	reader->left = len;
	if (*(const unsigned char *) take(reader, 1) != tag)
		elog(ERROR, "message between fpgo's processes is of another kind");
}

/* ---------- requests ---------- */

static void
put_target(StringInfo message, const FpgoTarget *target)
{
	put_text(message, target->server_name);
	put_text(message, target->url);
	put_text(message, target->submit_url);
	put_text(message, target->token);
	put_text(message, target->ca_file);
	put_int(message, target->connect_timeout_ms);
	put_int(message, target->timeout_ms);
	put_int(message, target->keepalive_s);
	put_int(message, target->rate_limit);
	put_int(message, target->rate_window_ms);
	put_int(message, target->private_network);
}

static void
get_target(Reader *reader, FpgoTarget *target)
{
	target->server_name = get_text(reader);
	target->url = get_text(reader);
	target->submit_url = get_text(reader);
	target->token = get_text(reader);
	target->ca_file = get_text(reader);
	target->connect_timeout_ms = get_int(reader);
	target->timeout_ms = get_int(reader);
	target->keepalive_s = get_int(reader);
	target->rate_limit = get_int(reader);
	target->rate_window_ms = get_int(reader);
	target->private_network = get_int(reader) != 0;
}

static void
put_order(StringInfo message, const FpgoRequest *request)
{
	const FpgoHandIn *handin = &request->handin;

	put_int(message, request->server);
	put_int(message, request->retention.finished_s);
	put_int(message, request->retention.refused_s);
	put_text(message, handin->account);
	put_text(message, handin->key);
	put_bytes(message, handin->order_hash, FPGO_HASH_BYTES);
	put_int(message, handin->hash_rule);
	put_text(message, handin->reference);
	put_text(message, handin->role);
	put_text(message, handin->mapping);
	put_text(message, handin->grand_total);
	put_text(message, handin->payload);
	put_text(message, handin->callback_token);
	put_texts(message, handin->advice);
	put_texts(message, request->secrets);
}

static void
get_order(Reader *reader, FpgoRequest *request)
{
	FpgoHandIn *handin = &request->handin;

	request->server = get_int(reader);
	request->retention.finished_s = get_int(reader);
	request->retention.refused_s = get_int(reader);
	handin->server = request->target.server_name;
	handin->account = get_text(reader);
	handin->key = get_text(reader);
	memcpy(handin->order_hash, take(reader, FPGO_HASH_BYTES),
		   FPGO_HASH_BYTES);
	handin->hash_rule = get_int(reader);
	handin->reference = get_text(reader);
	handin->role = get_text(reader);
	handin->mapping = get_text(reader);
	handin->grand_total = get_text(reader);
	handin->payload = get_text(reader);
	handin->payload_len = strlen(handin->payload);
	handin->callback_token = get_text(reader);
	handin->advice = get_texts(reader);
	if (handin->advice[0] == NULL)
		handin->advice = NULL;
	request->secrets = get_texts(reader);
}

void
fpgo_message_write_request(StringInfo message, const FpgoRequest *request)
{
	appendStringInfoChar(message, (char) REQUEST_TAG);
	put_int(message, request->kind);
	put_int(message, request->number);
	put_target(message, &request->target);
	if (request->kind == FPGO_REQUEST_ORDER)
		put_order(message, request);
	else
	{
		put_text(message, request->path);
		put_int(message, request->body_limit);
	}
}

FpgoRequest *
fpgo_message_read_request(const void *data, Size len)
{
	FpgoRequest *request = palloc0(sizeof(FpgoRequest));
	Reader		reader;

	open_message(&reader, data, len, REQUEST_TAG);
	request->kind = get_int(&reader);
	request->number = get_int(&reader);
	get_target(&reader, &request->target);
	if (request->kind == FPGO_REQUEST_ORDER)
		get_order(&reader, request);
	else
	{
		request->path = get_text(&reader);
		request->body_limit = get_int(&reader);
	}
	return request;
}

/* ---------- answers ---------- */

static void
put_outcome(StringInfo message, const FpgoOutcome *outcome)
{
	const FpgoReply *reply = outcome->reply;

	put_int(message, outcome->class);
	put_int(message, outcome->status);
	put_int(message, outcome->retry_after_s);
	put_int(message, outcome->needs_private_network);
	put_int(message, outcome->needs_certificates);
	put_text(message, outcome->reason);
	put_text(message, reply ? reply->order_uuid : NULL);
	put_text(message, reply ? reply->customer_uuid : NULL);
	put_text(message, reply ? reply->bank_id_url : NULL);
	put_int(message, reply ? reply->n_left_off : 0);
	put_int(message, reply ? reply->n_messages : 0);
	for (int i = 0; reply != NULL && i < reply->n_messages; i++)
		put_text(message, reply->messages[i]);
}

static void
get_outcome(Reader *reader, FpgoOutcome *outcome)
{
	FpgoReply  *reply = palloc0(sizeof(FpgoReply));
	int64		n_messages;

	outcome->class = get_int(reader);
	outcome->status = get_int(reader);
	outcome->retry_after_s = get_int(reader);
	outcome->needs_private_network = get_int(reader) != 0;
	outcome->needs_certificates = get_int(reader) != 0;
	outcome->reason = get_text(reader);
	reply->order_uuid = get_text(reader);
	reply->customer_uuid = get_text(reader);
	reply->bank_id_url = get_text(reader);
	reply->n_left_off = get_int(reader);
	n_messages = get_int(reader);
	reply->n_messages = Min(n_messages, FPGO_REPLY_MAX_MESSAGES);
	for (int i = 0; i < reply->n_messages; i++)
		reply->messages[i] = get_text(reader);
	outcome->reply = reply;
}

static void
put_submission(StringInfo message, const FpgoSubmission *submission)
{
	put_int(message, submission->id);
	put_int(message, submission->state);
	put_int(message, submission->settled_at);
	put_int(message, submission->hash_rule);
	put_bytes(message, submission->order_hash, FPGO_HASH_BYTES);
	put_text(message, submission->role);
	put_text(message, submission->order_uuid);
	put_text(message, submission->customer_uuid);
	put_text(message, submission->bank_id_url);
}

static void
get_submission(Reader *reader, FpgoSubmission *submission)
{
	submission->id = get_int(reader);
	submission->state = get_int(reader);
	submission->settled_at = get_int(reader);
	submission->hash_rule = get_int(reader);
	memcpy(submission->order_hash, take(reader, FPGO_HASH_BYTES),
		   FPGO_HASH_BYTES);
	submission->role = get_text(reader);
	submission->order_uuid = get_text(reader);
	submission->customer_uuid = get_text(reader);
	submission->bank_id_url = get_text(reader);
}

static void
put_finding(StringInfo message, const FpgoFinding *finding)
{
	put_int(message, finding->stage);
	put_int(message, finding->status);
	put_int(message, finding->retry_after_s);
	put_int(message, finding->is_api);
	put_int(message, finding->has_date);
	put_int(message, finding->ahead_s);
	put_int(message, finding->elapsed_us);
	put_text(message, finding->reason);
	put_int(message, finding->needs_private_network);
	put_int(message, finding->needs_certificates);
	put_text(message, finding->body);
}

static void
get_finding(Reader *reader, FpgoFinding *finding)
{
	finding->stage = get_int(reader);
	finding->status = get_int(reader);
	finding->retry_after_s = get_int(reader);
	finding->is_api = get_int(reader);
	finding->has_date = get_int(reader);
	finding->ahead_s = get_int(reader);
	finding->elapsed_us = get_int(reader);
	finding->reason = get_text(reader);
	finding->needs_private_network = get_int(reader) != 0;
	finding->needs_certificates = get_int(reader) != 0;
	finding->body = get_text(reader);
}

void
fpgo_message_write_answer(StringInfo message, const FpgoAnswer *answer)
{
	appendStringInfoChar(message, (char) ANSWER_TAG);
	put_int(message, answer->number);
	put_int(message, answer->kind);
	put_int(message, answer->submission);
	put_int(message, answer->open_transaction);
	put_int(message, answer->look_again_ms);
	put_int(message, answer->not_before_ms);
	if (answer->kind == FPGO_ANSWER_OUTCOME)
		put_outcome(message, &answer->outcome);
	else if (answer->kind == FPGO_ANSWER_ON_RECORD)
		put_submission(message, &answer->on_record);
	else if (answer->kind == FPGO_ANSWER_FINDING)
		put_finding(message, &answer->finding);
	put_int(message, answer->error.sqlerrcode);
	put_text(message, answer->error.message);
	put_text(message, answer->error.detail);
	put_text(message, answer->error.hint);
}

FpgoAnswer *
fpgo_message_read_answer(const void *data, Size len)
{
	FpgoAnswer *answer = palloc0(sizeof(FpgoAnswer));
	Reader		reader;

	open_message(&reader, data, len, ANSWER_TAG);
	answer->number = get_int(&reader);
	answer->kind = get_int(&reader);
	answer->submission = get_int(&reader);
	answer->open_transaction = get_int(&reader);
	answer->look_again_ms = get_int(&reader);
	answer->not_before_ms = get_int(&reader);
	if (answer->kind == FPGO_ANSWER_OUTCOME)
		get_outcome(&reader, &answer->outcome);
	else if (answer->kind == FPGO_ANSWER_ON_RECORD)
		get_submission(&reader, &answer->on_record);
	else if (answer->kind == FPGO_ANSWER_FINDING)
		get_finding(&reader, &answer->finding);
	answer->error.sqlerrcode = get_int(&reader);
	answer->error.message = get_text(&reader);
	answer->error.detail = get_text(&reader);
	answer->error.hint = get_text(&reader);
	return answer;
}
