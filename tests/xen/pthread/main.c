/* SPDX-License-Identifier: ISC */
/* POSIX threads: each function of the tests is a claim about a rule of POSIX. */
#include "tests/xen/pthread/help.h"

/* main() is a thread like the others: it can end before them, and be joined. */
static void *last(void *arg)
{
	expect_equal((long)join(*(pthread_t *)arg), 4711);
	test_success();
}

int main(void)
{
	static pthread_t self;

	test_threads();
	test_mutexes_and_conditions();
	test_other_locks();
	self = pthread_self();
	start(last, &self);
	pthread_exit((void *)4711);
}
