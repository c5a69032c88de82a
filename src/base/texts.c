/*
 * texts.c
 *		Lists of texts, NULL after the last.
 */
#include "postgres.h"

#include "base/texts.h"

const char **
fpgo_texts_copy(const char *const *texts)
{
	const char **copy;
	int			n = 0;

	if (texts == NULL)
		return NULL;
	while (texts[n] != NULL)
		n++;
	copy = palloc0(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		copy[i] = pstrdup(texts[i]);
	return copy;
}
