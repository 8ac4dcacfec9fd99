/* SPDX-License-Identifier: ISC */
/*
 * The result of a test is its last line, with one of XTF's four values; tests/run reads
 * it.  A failed expect() ends the test, in any thread.
 */
#ifndef TESTS_XEN_TEST_H
#define TESTS_XEN_TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 3, 4)))
static inline _Noreturn void test_end(int status, const char *kind, const char *fmt, ...)
{
	char why[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	printf("Test result: %s%s%s\n", kind, *why ? " " : "", why);
	exit(status);
}

#define test_success() test_end(0, "SUCCESS", "%s", "")
#define test_failure(...) test_end(1, "FAILURE", __VA_ARGS__)
#define test_skip(...) test_end(2, "SKIP", __VA_ARGS__)
#define test_error(...) test_end(3, "ERROR", __VA_ARGS__)	/* of the environment */

#define expect(claim)								\
	((claim) ? (void)0 :							\
	 test_failure("%s:%d: %s: %s", __FILE__, __LINE__, __func__, #claim))

#define expect_equal(a, b)							\
	do {									\
		long long a_ = (a), b_ = (b);					\
										\
		if (a_ != b_)							\
			test_failure("%s:%d: %s: %s is %lld, not %s (%lld)",	\
				     __FILE__, __LINE__, __func__, #a, a_, #b, b_); \
	} while (0)

#endif
