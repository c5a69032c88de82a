/*
 * advise_text.c
 *		Advice on the texts of an order: who the customer is, where the gateway
 *		reports to, and characters and lengths of all of them.
 *
 * The rules are those of Norway and its neighbours.  Each has a comment with its
 * source.  A text that breaks a rule of the gateway gets no advice.
 */
#include "postgres.h"

#include "order/reading.h"
#include "text/control_digits.h"
#include "text/host.h"
#include "text/unprintable.h"
#include "validation/advise_text.h"
#include "validation/plausible.h"
#include "validation/plausible_phone.h"

/* 1 January 2032, 0:00 UTC */
#define SECONDS_OF_2032 INT64CONST(1956528000)

/*
 * The gateway asks for eleven characters only; it accepted 12345678901.  But
 * the number goes to BankID, which knows only real ones.
 */
static bool
advise_person(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	if (!fpgo_reading_has_size(at->value, at->field->size))
		return false;
	if (fpgo_reading_holds(at->value, fpgo_is_personal_number))
	{
		if (advice->now >= SECONDS_OF_2032 ||
			!fpgo_reading_holds(at->value, fpgo_is_of_2032))
			return false;
		fpgo_advise_say(advice, &at->place, "control_digits",
						"should be a Norwegian personal number of a living person; numbers like what is there are given out from 2032 on.");
		return true;
	}
	fpgo_advise_say(advice, &at->place, "control_digits",
					"should be a Norwegian personal number; the date or the control digits of what is there are wrong.");
	return true;
}

/* The country of the address that stands beside a field. */
static FpgoValue
find_home(const FpgoFieldInOrder *at)
{
	FpgoValue	members[FPGO_MAX_FIELDS];

	for (int i = 0; i < at->shape->n_fields; i++)
	{
		const FpgoShape *shape = at->shape->fields[i].shape;
		int			home = shape ? fpgo_shape_find(shape, FPGO_MEANS_HOME) : -1;

		if (home < 0)
			continue;
		fpgo_document_members(&at->members[i], shape, members);
		return members[home];
	}
	return (FpgoValue) {0};
}

/* The home's text as the gateway reads it; empty if it is none. */
static FpgoSpan
read_home(const FpgoFieldInOrder *at)
{
	FpgoValue	home = find_home(at);

	return home.kind == FPGO_JSON_STRING ? fpgo_trim_unicode(home.text) :
		(FpgoSpan) {"", 0};
}

/*
 * The page says "alphanumeric"; its sibling pages and the dashboard say nine
 * digits.  Companies abroad have numbers of other forms: those of the Nordic
 * registers are checked, as Peppol's rules COMMON-R041, R042 and R049 do.
 */
static bool
advise_organization(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	const FpgoRegister *companies = fpgo_find_register(read_home(at));
	FpgoSpan	number = fpgo_trim_unicode(at->value->text);

	if (companies == NULL ||
		!fpgo_reading_holds(at->value, fpgo_is_alpha_num) ||
		companies->is_number(number))
		return false;
	if (fpgo_is_digits(number, companies->n_digits))
		fpgo_advise_say(advice, &at->place, "organization_number",
						"should be %s organisation number, as the address is there; its control digit, the last one, is wrong.",
						companies->whose);
	else
		fpgo_advise_say(advice, &at->place, "organization_number",
						"should be the %d digits of %s organisation number and nothing else, as the address is there; it has %d characters.",
						companies->n_digits, companies->whose,
						fpgo_reading_length(at->value));
	return true;
}

/* The sibling page on reservations has "+" and up to three digits. */
static bool
advise_dialling_code(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	if (fpgo_reading_holds(at->value, fpgo_is_dialling_code))
		return false;
	fpgo_advise_say(advice, &at->place, "dialling_code",
					"should be + and the one to three digits of the country, such as +47.");
	return true;
}

/* Is the customer, of whom this is a field, a company? */
static bool
is_company(const FpgoFieldInOrder *at)
{
	int			i = fpgo_shape_find(at->shape, FPGO_MEANS_ORGANIZATION);
	const FpgoField *number = &at->shape->fields[i];

	return fpgo_reads_as_text(&at->members[number->other], number->other_value);
}

/*
 * The country code has a field of its own, and the sibling page on
 * reservations says that the number comes without it.  Payment link and BankID
 * come by SMS; a company has its invoice otherwise, and may give a landline.
 */
static bool
advise_phone(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	int			code = fpgo_shape_find(at->shape, FPGO_MEANS_DIALLING_CODE);
	const char *json = at->shape->fields[code].json;

	switch (fpgo_find_phone_fault(fpgo_trim_unicode(at->value->text),
								  at->members[code].text))
	{
		case FPGO_PHONE_RIGHT:
			return false;
		case FPGO_PHONE_CODE:
			fpgo_advise_say(advice, &at->place, "country_code",
							"should be the number without a country code, which belongs in %s.",
							json);
			break;
		case FPGO_PHONE_NO_NUMBER:
			fpgo_advise_say(advice, &at->place, "phone_number",
							"should be one phone number, in digits.");
			break;
		case FPGO_PHONE_TRUNK:
			fpgo_advise_say(advice, &at->place, "phone_number",
							"should be the number without the 0 before it, which is dialled within the country only.");
			break;
		case FPGO_PHONE_LENGTH:
			fpgo_advise_say(advice, &at->place, "phone_number",
							"should have as many digits as the numbers of the country in %s.",
							json);
			break;
		case FPGO_PHONE_NOT_MOBILE:
			if (is_company(at))
				return false;
			fpgo_advise_say(advice, &at->place, "phone_number",
							"should be a mobile number, which begins with 4 or 9 in Norway: links come by SMS.");
			break;
	}
	return true;
}

/* Form only: no list of codes, which changes twice a year. */
static bool
advise_postal_code(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	int			home = fpgo_shape_find(at->shape, FPGO_MEANS_HOME);
	const FpgoValue *country = &at->members[home];
	int			n;

	if (country->kind != FPGO_JSON_STRING)
		return false;
	n = fpgo_wrong_postal_code(fpgo_trim_unicode(at->value->text),
							   fpgo_trim_unicode(country->text));
	if (n == 0)
		return false;
	fpgo_advise_say(advice, &at->place, "postal_code",
					"should have %d digits and nothing else, as the address is in that country; a leading 0 counts.",
					n);
	return true;
}

/* An address that the gateway takes, and no mail reaches. */
static bool
advise_email(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	/* whether it is an address takes longest, and comes last */
	if (fpgo_reading_holds(at->value, fpgo_is_deliverable) ||
		!fpgo_reading_holds(at->value, fpgo_is_email))
		return false;
	fpgo_advise_say(advice, &at->place, "e_mail",
					"should be an address that mail reaches: at most 64 characters before the @, and a domain with a dot, not a number.");
	return true;
}

/* What the gateway, or the customer's browser, cannot reach from outside. */
static void
advise_host(FpgoAdvice *advice, const FpgoFieldInOrder *at, FpgoHostFault fault)
{
	switch (fault)
	{
		case FPGO_HOST_RIGHT:
			break;
		case FPGO_HOST_USER:
			fpgo_advise_say(advice, &at->place, "host",
							"should have no user and no password before the host: the gateway keeps them, and prints them.");
			break;
		case FPGO_HOST_PORT:
			fpgo_advise_say(advice, &at->place, "host",
							"should have a port from 1 to 65535, or none.");
			break;
		case FPGO_HOST_NUMBERS:
			fpgo_advise_say(advice, &at->place, "host",
							"should have a host that exists; of an IPv4 address no number is over 255.");
			break;
		case FPGO_HOST_INSIDE:
			fpgo_advise_say(advice, &at->place, "host",
							"should have a host that is reached from the internet, not one of this machine or of a private network.");
			break;
	}
}

/*
 * With http the customer's browser and the gateway's notification would be
 * sent unencrypted, and could be changed on the way.  A notification is the
 * URL with the gateway's parameters appended, and a checksum over all of them.
 * The page does not say whether the URL's own parameters are part of the
 * checksum.
 */
static bool
advise_url(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	bool		is_https = fpgo_reading_holds(at->value, fpgo_has_https);

	FpgoHostFault fault = fpgo_find_host_fault(fpgo_trim_unicode(at->value->text));

	/* the check of the URL takes longest, and comes last */
	if (is_https && fault == FPGO_HOST_RIGHT &&
		(at->field->meaning != FPGO_MEANS_NOTIFIED ||
		 !fpgo_reading_holds(at->value, fpgo_has_query)))
		return false;
	if (!fpgo_reading_holds(at->value,
							at->field->type == FPGO_FIELD_CALLBACK_URL ?
							fpgo_is_callback_url : fpgo_is_url))
		return false;
	if (fault != FPGO_HOST_RIGHT)
		advise_host(advice, at, fault);
	else if (is_https)
		fpgo_advise_say(advice, &at->place, "query_string",
						"should have no query string of its own; the gateway adds one, with a checksum that may or may not cover what was there.");
	else
		fpgo_advise_say(advice, &at->place, "https",
						"should begin with https://, not http://.");
	return true;
}

/* By how much a text grows when a token replaces its placeholder. */
static int
growth_of(const FpgoFieldInOrder *at)
{
	return at->field->type == FPGO_FIELD_CALLBACK_URL &&
		fpgo_find_placeholder(at->value->text) != NULL ?
		FPGO_CALLBACK_TOKEN_LEN - FPGO_PLACEHOLDER_LEN : 0;
}

/* See FPGO_LENGTH_MAX and the fields that have a limit of their own. */
static void
advise_length(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	int			limit = at->field->length_max ? at->field->length_max :
		FPGO_LENGTH_MAX;
	int			growth = growth_of(at);
	int			length;

	/* a text has no more characters than bytes */
	if (at->value->text.len + growth <= (size_t) limit)
		return;
	length = fpgo_reading_length(at->value) + growth;
	if (length > limit)
		fpgo_advise_say(advice, &at->place, "max",
						"should be at most %d characters long, not %d.",
						limit, length);
}

/*
 * An invoice to a company or an authority is XML (EHF, Peppol BIS Billing 3).  On
 * others these characters show as boxes, or change what stands beside them.
 */
static bool
advise_characters(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	switch (fpgo_reading_unprintable(at->value))
	{
		case FPGO_PRINTABLE:
			return false;
		case FPGO_LINE_BREAK:
			fpgo_advise_say(advice, &at->place, "line_break",
							"should be one line.");
			break;
		case FPGO_BIDI_MARK:
			fpgo_advise_say(advice, &at->place, "characters",
							"should have no character that changes the direction of writing.");
			break;
		case FPGO_NONCHARACTER:
		case FPGO_NO_XML:
			fpgo_advise_say(advice, &at->place, "characters",
							"should have no control character and no code point that is no character: an electronic invoice with one is unreadable.");
			break;
	}
	return true;
}

void
fpgo_advise_words(FpgoAdvice *advice, const FpgoFieldInOrder *at)
{
	bool		is_said = false;

	if (at->value->kind != FPGO_JSON_STRING)
		return;
	if (at->field->type == FPGO_FIELD_URL ||
		at->field->type == FPGO_FIELD_CALLBACK_URL)
		is_said = advise_url(advice, at);
	else if (at->field->meaning == FPGO_MEANS_PERSON)
		is_said = advise_person(advice, at);
	else if (at->field->meaning == FPGO_MEANS_ORGANIZATION)
		is_said = advise_organization(advice, at);
	else if (at->field->meaning == FPGO_MEANS_PHONE)
		is_said = advise_phone(advice, at);
	else if (at->field->meaning == FPGO_MEANS_DIALLING_CODE)
		is_said = advise_dialling_code(advice, at);
	else if (at->field->meaning == FPGO_MEANS_POSTAL_CODE)
		is_said = advise_postal_code(advice, at);
	else if (at->field->type == FPGO_FIELD_EMAIL)
		is_said = advise_email(advice, at);
	if (!is_said && !advise_characters(advice, at))
		advise_length(advice, at);
}

/*
 * Peppol's rule EN16931-R003 wants a buyer's reference on an invoice to a company;
 * public bodies refuse one without.
 */
void
fpgo_advise_missing_buyers_reference(FpgoAdvice *advice,
									 const FpgoFieldInOrder *at)
{
	for (int i = 0; i < at->shape->n_fields; i++)
	{
		const FpgoShape *shape = at->shape->fields[i].shape;
		FpgoValue	members[FPGO_MAX_FIELDS];
		int			number = shape == NULL ? -1 :
			fpgo_shape_find(shape, FPGO_MEANS_ORGANIZATION);
		const FpgoField *field;

		if (number < 0)
			continue;
		field = &shape->fields[number];
		fpgo_document_members(&at->members[i], shape, members);
		if (fpgo_reads_as_text(&members[field->other], field->other_value))
			fpgo_advise_say(advice, &at->place, "buyers_reference",
							"is missing; companies book an invoice by the reference of who ordered, and public bodies refuse one without.");
	}
}
