/*
 * fuzz_plausible.c
 *		plausible.c, phone.c and tidy.c: any two texts, and any text beside
 *		any field's name.
 */
#include "validation/plausible.h"

#include "order/fields.h"
#include "text/control_digits.h"
#include "text/format.h"
#include "text/host.h"
#include "text/phone.h"
#include "text/tidy.h"
#include "text/unprintable.h"
#include "validation/plausible_phone.h"
#include "fuzz.h"

/* The text against a name of the tree, as advice does it. */
static void
check_name(FpgoSpan written, const char *name)
{
	FpgoSpan	meant = {name, strlen(name)};
	int			slips = fpgo_count_slips(written, meant);

	require(slips >= -1 && slips <= 2);
	if (fpgo_spans_equal(written, meant))
		require(slips == 0);
}

/*
 * The same for the field that the count comes to, which goes down by one a
 * field.  All of them would be too slow.
 */
static void
check_field(FpgoSpan written, const FpgoShape *shape, int *count)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		const FpgoField *field = &shape->fields[i];

		if ((*count)-- == 0)
		{
			check_name(written, field->json);
			check_name(written, field->sql);
		}
		if (field->shape)
			check_field(written, field->shape, count);
	}
}

static void
check_digits(FpgoSpan span)
{
	if (fpgo_is_personal_number(span))
		require(span.len == 11 && fpgo_is_alpha_num(span));
	if (fpgo_is_organization_number(span))
		require(fpgo_is_digits(span, 9));
	if (fpgo_is_digits(span, 9))
		require(span.len == 9 && fpgo_is_numeric(span));
	if (fpgo_is_of_2032(span))
		require(fpgo_is_digits(span, 11));
	(void) fpgo_find_host_fault(span);
	(void) fpgo_find_unprintable(span);
}

/* What was tidied stays as it is when it is tidied again. */
static void
check_tidy(FpgoSpan text)
{
	char		once[FPGO_TIDY_MAX];
	char		twice[FPGO_TIDY_MAX];

	if (fpgo_tidy_person(text, once))
		require(fpgo_tidy_person((FpgoSpan) {once, strlen(once)}, twice) &&
				strcmp(once, twice) == 0);
	if (fpgo_tidy_organization(text, once))
		require(fpgo_tidy_organization((FpgoSpan) {once, strlen(once)},
									   twice) && strcmp(once, twice) == 0);
	if (fpgo_tidy_postal_code(text, (FpgoSpan) {"NO", 2}, once))
		require(strlen(once) == 4);
}

static void
check_phone(FpgoSpan code, FpgoSpan number)
{
	FpgoPhone	once;

	if (fpgo_read_phone(code, number, &once))
		require(strlen(once.code) + strlen(once.number) <=
				FPGO_PHONE_DIGITS_MAX &&
				fpgo_dialling_code_length((FpgoSpan) {once.code, strlen(once.code)}) ==
				(int) strlen(once.code));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzTexts	made = make_texts(data, size, 0);
	FpgoSpan	a = {made.texts[0], made.lens[0]};
	FpgoSpan	b = {made.texts[1], made.lens[1]};
	int			count = b.len > 0 ? b.text[0] & 63 : 0;

	check_digits(a);
	check_digits(b);
	check_tidy(a);
	check_phone(a, b);
	check_phone((FpgoSpan) {"+47", 3}, a);
	(void) fpgo_find_phone_fault(a, b);
	(void) fpgo_wrong_postal_code(a, b);
	(void) fpgo_is_deliverable(a);
	require(fpgo_count_slips(a, b) <= 2);
	check_field(a, &fpgo_order_shape, &count);
	free_texts(&made);
	return 0;
}
