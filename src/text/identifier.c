/*
 * identifier.c
 *		The rule for the gateway's identifiers: of orders and of customers.
 *
 * The API page shows ODR4286244937 and CSRT6547824621 and gives no rule.
 */
#include "text/ascii.h"
#include "text/identifier.h"

bool
fpgo_is_identifier(const char *text, size_t len)
{
	size_t		n_dots = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (!is_ascii_alnum(text[i]) && !is_one_of(text[i], "-._~"))
			return false;
		if (text[i] == '.')
			n_dots++;
	}
	return len > n_dots && len <= FPGO_IDENTIFIER_MAX;
}
