/*
 * test_fields.c
 *		The field tree is consistent with itself.
 */
#include "order/fields.h"

#include <string.h>

#include "lib/tap.h"

/* the order in which jsonb keeps the keys of an object */
static int
compare_keys(const char *a, const char *b)
{
	size_t		m = strlen(a);
	size_t		n = strlen(b);

	return m != n ? (m > n ? 1 : -1) : memcmp(a, b, m);
}

/* how often a field's index stands in by_key */
static int
count_in_keys(const FpgoShape *shape, int index)
{
	int			n = 0;

	for (int i = 0; i < shape->n_fields; i++)
		n += shape->by_key[i] == index;
	return n;
}

static bool
is_permutation(const FpgoShape *shape)
{
	for (int i = 0; i < shape->n_fields; i++)
	{
		if (count_in_keys(shape, i) != 1)
			return false;
	}
	return true;
}

static bool
is_sorted(const FpgoShape *shape)
{
	bool		passed = true;

	for (int i = 1; i < shape->n_fields; i++)
	{
		const char *before = shape->fields[shape->by_key[i - 1]].json;
		const char *after = shape->fields[shape->by_key[i]].json;

		passed &= expect(compare_keys(before, after) < 0,
						 "%s: jsonb keeps \"%s\" behind \"%s\"",
						 shape->type_name, before, after);
	}
	return passed;
}

/* how many fields of the shape have a key that jsonb keeps before this one */
static int
count_before(const FpgoShape *shape, const FpgoField *field)
{
	int			n = 0;

	for (int i = 0; i < shape->n_fields; i++)
		n += compare_keys(shape->fields[i].json, field->json) < 0;
	return n;
}

/* what is wrong with by_key, and the right list to paste */
static void
explain_keys(const FpgoShape *shape)
{
	for (int i = 0; i < shape->n_fields; i++)
		expect(count_in_keys(shape, i) == 1, "%s.%s stands %d times in by_key",
			   shape->type_name, shape->fields[i].json,
			   count_in_keys(shape, i));
	printf("# by_key of %s must be {", shape->type_name);
	for (int at = 0; at < shape->n_fields; at++)
	{
		for (int i = 0; i < shape->n_fields; i++)
		{
			if (count_before(shape, &shape->fields[i]) == at)
				printf("%s%d", at > 0 ? ", " : "", i);
		}
	}
	printf("}\n");
}

static void
test_keys(const FpgoShape *shape)
{
	bool		whole = is_permutation(shape);
	bool		sorted = whole && is_sorted(shape);

	ok(whole, "%s: by_key names each field once", shape->type_name);
	ok(sorted, "%s: by_key is in jsonb's order", shape->type_name);
	if (!sorted)
		explain_keys(shape);
}

/* what a field says must hang together */
static bool
is_sound(const FpgoShape *shape, const FpgoField *field)
{
	bool		has_shape = field->type == FPGO_FIELD_OBJECT ||
		field->type == FPGO_FIELD_LIST;
	bool		has_list = false;
	bool		has_size = false;
	bool		passed = true;

	/* without a default, so that the compiler asks about a new constraint */
	switch (field->constraint)
	{
		case FPGO_CONSTRAINT_IN:
		case FPGO_CONSTRAINT_TAX_RATE:
			has_list = true;
			break;
		case FPGO_CONSTRAINT_SIZE:
			has_size = true;
			break;
		case FPGO_CONSTRAINT_ANY:
		case FPGO_CONSTRAINT_ALPHA_NUM:
		case FPGO_CONSTRAINT_COUNTRY:
			break;
	}
	passed &= expect(has_shape == (field->shape != NULL),
					 "%s: shape", field->json);
	passed &= expect(has_list == (field->allowed != NULL),
					 "%s: allowed", field->json);
	passed &= expect(has_size == (field->size > 0), "%s: size", field->json);
	passed &= expect((field->presence == FPGO_PRESENCE_REQUIRED_IF) ==
					 (field->other_value != NULL), "%s: other_value",
					 field->json);
	passed &= expect(field->other < shape->n_fields, "%s: other",
					 field->json);
	passed &= expect(field->length_max == 0 || field->type == FPGO_FIELD_STRING,
					 "%s: length_max", field->json);
	passed &= expect((field->type == FPGO_FIELD_CALLBACK_URL) ==
					 (field->meaning == FPGO_MEANS_NOTIFIED),
					 "%s: the one callback URL", field->json);
	return passed;
}

/* how many fields of the tree have a meaning */
static int
count_meanings(const FpgoShape *shape, FpgoMeaning meaning)
{
	int			n = 0;

	for (int i = 0; i < shape->n_fields; i++)
	{
		n += shape->fields[i].meaning == meaning;
		if (shape->fields[i].shape)
			n += count_meanings(shape->fields[i].shape, meaning);
	}
	return n;
}

/* advice finds what it looks for, and no two fields claim to be it */
static void
test_meanings(void)
{
	bool		passed = true;

	for (int i = FPGO_MEANS_NOTHING + 1; i < FPGO_N_MEANINGS; i++)
	{
		int			n = count_meanings(&fpgo_order_shape, i);

		passed &= expect(n == 1, "meaning %d belongs to %d fields", i, n);
	}
	ok(passed, "each meaning belongs to one field");
	ok(fpgo_shape_find(&fpgo_order_shape, FPGO_MEANS_AMOUNT) == -1 &&
	   fpgo_shape_find(fpgo_order_shape.fields[0].shape, FPGO_MEANS_AMOUNT) >= 0,
	   "a shape is asked for its own fields only");
}

static void
test_shape(const FpgoShape *shape)
{
	bool		sound = true;

	ok(shape->n_fields > 0, "%s has fields", shape->type_name);
	test_keys(shape);
	for (int i = 0; i < shape->n_fields; i++)
		sound &= is_sound(shape, &shape->fields[i]);
	ok(sound, "%s: every field is sound", shape->type_name);
	for (int i = 0; i < shape->n_fields; i++)
	{
		if (shape->fields[i].shape)
			test_shape(shape->fields[i].shape);
	}
}

/* An object must be there if a member must, be it far below. */
static void
test_required(void)
{
	static const FpgoField leaf[] = {{.type = FPGO_FIELD_STRING,
	.presence = FPGO_PRESENCE_REQUIRED}};
	static const FpgoShape leaf_shape = {.n_fields = 1, .fields = leaf};
	static const FpgoField outer[] = {{.type = FPGO_FIELD_STRING,
	.presence = FPGO_PRESENCE_REQUIRED_IF},
	{.type = FPGO_FIELD_OBJECT, .shape = &leaf_shape}};
	static const FpgoShape outer_shape = {.n_fields = 2, .fields = outer};
	static const FpgoField list[] = {{.type = FPGO_FIELD_LIST, .shape = &leaf_shape}};
	static const FpgoShape list_shape = {.n_fields = 1, .fields = list};
	static const FpgoShape conditional = {.n_fields = 1, .fields = outer};

	ok(fpgo_shape_is_required(&leaf_shape), "a required member");
	ok(fpgo_shape_is_required(&outer_shape), "one in an object within");
	ok(!fpgo_shape_is_required(&list_shape), "not one in a list");
	ok(!fpgo_shape_is_required(&conditional), "not one under a condition");
}

int
main(void)
{
	test_shape(&fpgo_order_shape);
	test_meanings();
	test_required();
	return done_testing();
}
