/*
 * fuzz_reply.c
 *		reply.c: any body of an answer.  What comes out is short, is UTF-8 and
 *		repeats no secret.
 *
 * PostgreSQL is stood in for by the unit tests' backend_stubs.c.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "gateway/reply.h"

#include "fuzz.h"

static const char *const secrets[] = {"28038712383", "Zahidul Islam",
	"s\xc3\xb8t!", "tok_0123456789", NULL};

static bool
is_word(const char *text, size_t max_len)
{
	size_t		len = strlen(text);

	for (size_t i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len > 0 && len <= max_len;
}

/* Most digits with at most three spaces, dots or dashes between any two. */
static int
longest_number(const char *text)
{
	int			longest = 0;
	int			n_digits = 0;
	int			n_between = 0;

	for (; *text; text++)
	{
		if (*text >= '0' && *text <= '9')
		{
			n_digits++;
			n_between = 0;
		}
		else if (strchr(" .-", *text) == NULL || ++n_between > 3)
			n_digits = 0;
		if (n_digits > longest)
			longest = n_digits;
	}
	return longest;
}

static void
check_message(const char *message)
{
	int			len = (int) strlen(message);

	require(len > 0 && len <= FPGO_REPLY_MAX_MESSAGE_BYTES);
	require(pg_encoding_verifymbstr(PG_UTF8, message, len) == len);
	for (int i = 0; i < len; i++)
		require((unsigned char) message[i] >= ' ' && message[i] != 0x7F);
	for (int i = 0; secrets[i] != NULL; i++)
		require(strstr(message, secrets[i]) == NULL);
	require(longest_number(message) < 11);
}

static void
check_reply(const FpgoReply *reply)
{
	require(reply->n_messages >= 0 &&
			reply->n_messages <= FPGO_REPLY_MAX_MESSAGES);
	for (int i = 0; i < reply->n_messages; i++)
		check_message(reply->messages[i]);
	require(reply->n_left_off == 0 ||
			reply->n_messages == FPGO_REPLY_MAX_MESSAGES);
	require(reply->status_code == 0 || reply->status_code == -1 ||
			(reply->status_code >= 100 && reply->status_code <= 999));
	if (reply->order_uuid)
		require(is_word(reply->order_uuid, 255));
	if (reply->customer_uuid)
		require(is_word(reply->customer_uuid, 255));
	if (reply->shown_uuid)
		require(is_word(reply->shown_uuid, 255));
	if (reply->order_status)
		check_message(reply->order_status);
	if (reply->bank_id_url)
		require(is_word(reply->bank_id_url, 8192) &&
				strncmp(reply->bank_id_url, "http", 4) == 0);
	if (!reply->is_json)
		require(reply->n_messages == 0 && !reply->order_uuid &&
				!reply->customer_uuid && !reply->bank_id_url);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *body = copy_text(data, size, 0);
	MemoryContext before = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(before, "fuzz",
												  ALLOCSET_SMALL_SIZES);

	CurrentMemoryContext = context;
	check_reply(fpgo_reply_read(body, size, secrets));
	CurrentMemoryContext = before;
	MemoryContextDelete(context);
	free(body);
	return 0;
}
