/*
 * fuzz_outcome.c
 *		outcome.c: no facts, however odd, make an outcome more hopeful than
 *		they are.
 */
#include "gateway/outcome.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FpgoOutcomeFacts facts = {0};
	int32_t		numbers[2];
	FpgoOutcomeClass outcome;
	bool		is_doubtful;

	if (size < sizeof(numbers) + 1)
		return 0;
	memcpy(numbers, data, sizeof(numbers));
	facts.code = numbers[0];
	facts.status = numbers[1];
	facts.mark_reached = data[8] & 1;
	facts.headers_complete = data[8] & 2;
	facts.has_order_uuid = data[8] & 4;
	facts.contradicts_itself = data[8] & 8;
	facts.peer_refused = data[8] & 16;
	facts.is_json = data[8] & 32;
	facts.is_api = data[8] & 64;
	facts.names_field = data[8] & 128;

	outcome = fpgo_outcome_classify(&facts);
	require(fpgo_outcome_name(outcome)[0] != '\0');
	is_doubtful = facts.contradicts_itself || !facts.headers_complete;
	if (facts.mark_reached && is_doubtful)
		require(outcome == FPGO_OUTCOME_UNKNOWN);
	if (outcome == FPGO_OUTCOME_ACCEPTED)
		require(facts.mark_reached && facts.has_order_uuid &&
				facts.code == 0 && facts.status / 100 == 2);
	if (outcome == FPGO_OUTCOME_REFUSED)
		require(facts.mark_reached && !facts.has_order_uuid &&
				facts.status / 100 == 4 && (facts.is_json || facts.is_api));
	if (facts.mark_reached && facts.status >= 500)
		require(outcome == FPGO_OUTCOME_UNKNOWN);
	return 0;
}
