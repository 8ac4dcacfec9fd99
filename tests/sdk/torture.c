/* SPDX-License-Identifier: ISC */
/*
 * Runs GCC's tests, one after another, from the number in argv[1] on (tests/sdk/torture). Each runs
 * in a thread of its own, with the stack that some tests need. exit() and abort() of a test end it.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STACK (8 << 20)

struct torture {
	int number;
	int (*run)();
	const char *name;
};

extern const struct torture tests[];

static jmp_buf back;
static int status;
static int console;			/* stdout is the test's, which may redirect it */
static pthread_t runner;

__attribute__((format(printf, 1, 2)))
static void say(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	vdprintf(console, format, args);
	va_end(args);
}

static _Noreturn void leave(int how)
{
	if (!pthread_equal(pthread_self(), runner)) {
		say("\n@@ exit() in another thread\n");
		_exit(1);
	}
	status = how;
	longjmp(back, 1);
}

_Noreturn void torture_exit(int how)
{
	leave(how);
}

_Noreturn void torture__exit(int how)
{
	leave(how);
}

_Noreturn void torture_abort(void)
{
	leave(-1);
}

static void *run(void *arg)
{
	const struct torture *t = arg;
	static char *argv[] = { "test", NULL };

	runner = pthread_self();
	if (!setjmp(back))
		status = t->run(1, argv, NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	int first = argc > 1 ? atoi(argv[1]) : 0;

	console = dup(1);
	chdir("/tmp");
	for (const struct torture *t = tests; t->number >= 0; t++) {
		pthread_attr_t attr;
		pthread_t thread;

		if (t->number < first)
			continue;
		fflush(stdout);
		if (dup2(console, 1) < 0 || !freopen("/dev/stdout", "w", stdout))
			return 1;
		say("\n@@ %d start %s\n", t->number, t->name);
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, STACK);
		status = 0;
		if (pthread_create(&thread, &attr, run, (void *)t) || pthread_join(thread, NULL))
			say("\n@@ %d failed no thread\n", t->number);
		else if (!status)
			say("\n@@ %d ok\n", t->number);
		else if (status == -1)
			say("\n@@ %d failed it called abort()\n", t->number);
		else
			say("\n@@ %d failed status %d\n", t->number, status);
	}
	return 0;
}
