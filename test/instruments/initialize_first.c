/*
 * initialize_first.c
 *		Starts AddressSanitizer before any other library is initialized.
 *
 * Preloaded after the sanitizer itself and linked with -z initfirst; the
 * reason is in README.md.
 */
#include <stdlib.h>

__attribute__((constructor)) static void
initialize_first(void)
{
	void	   *volatile block = malloc(1);

	free(block);
}
