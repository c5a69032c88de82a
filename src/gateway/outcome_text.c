/*
 * outcome_text.c
 *		An outcome in sentences.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "gateway/outcome_text.h"

const char *
fpgo_outcome_describe(const FpgoOutcome *outcome)
{
	StringInfoData text;
	const FpgoReply *reply = outcome->reply;

	initStringInfo(&text);
	appendStringInfoString(&text, outcome->reason);
	for (int i = 0; reply != NULL && i < reply->n_messages; i++)
		appendStringInfo(&text, "\n%s", reply->messages[i]);
	if (reply != NULL && reply->n_left_off > 0)
		appendStringInfo(&text, "\n... and %d more.", reply->n_left_off);
	return text.data;
}
