/*
 * tap.h
 *		The few lines of TAP that the unit tests need.
 *
 * ok() counts and prints one test; expect() is silent unless it fails, for
 * loops over thousands of cases, and the caller sums them up with ok().  main
 * ends with "return done_testing();".
 */
#ifndef FPGO_TEST_TAP_H
#define FPGO_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int	tap_n_tests = 0;
static int	tap_n_failed = 0;

__attribute__((format(printf, 2, 3))) static inline bool
ok(bool passed, const char *name, ...)
{
	va_list		args;

	tap_n_tests++;
	if (!passed)
		tap_n_failed++;
	printf("%s %d - ", passed ? "ok" : "not ok", tap_n_tests);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	return passed;
}

__attribute__((format(printf, 2, 3))) static inline bool
expect(bool passed, const char *name, ...)
{
	va_list		args;

	if (passed)
		return true;
	printf("# ");
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	return false;
}

static inline int
done_testing(void)
{
	printf("1..%d\n", tap_n_tests);
	return tap_n_failed == 0 ? 0 : 1;
}

#endif							/* FPGO_TEST_TAP_H */
