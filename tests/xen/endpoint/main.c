/* SPDX-License-Identifier: ISC */
/*
 * An application that spins or sleeps until the guest is shut down; test.py calls its
 * control endpoint meanwhile.
 *
 *	spin | sleep [THREADS]
 *	proc			prints /proc/xenolith, and ends
 *	no-input		prints whether input has ended, and ends
 *
 * With `offer` as the last word, it registers the interface org.test.counter1.
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <xenolith/control.h>

static void *sleeper(void *arg)
{
	for (;;)
		sleep(1000);
	return arg;
}

static void print_proc(void)
{
	static char text[65536];
	FILE *f = fopen("/proc/xenolith", "r");
	size_t n;

	expect(f != NULL);
	n = fread(text, 1, sizeof(text) - 1, f);
	expect(n > 100 && feof(f) && fclose(f) == 0);
	expect(fopen("/proc/xenolith", "w") == NULL && fopen("/proc/none", "r") == NULL);
	printf("proc: %s", text);
	test_success();
}

/*
 * The shell reads the console's input: the application gets the end of file, also from
 * poll().
 */
static void no_input(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char c;

	expect_equal(poll(&p, 1, 1000), 1);
	expect_equal(p.revents, POLLIN);
	expect_equal(read(0, &c, 1), 0);
	test_success();
}

/* ---- an interface of the application's */

static long long sum;

static int add(struct control_call *c, void *arg)
{
	long long n = 1;

	if (control_integer(c, "n", -100, 100, &n) < 0)
		return EINVAL;
	expect(arg == &sum);
	control_put_integer(c, "sum", sum += n);
	return 0;
}

static int describe(struct control_call *c, void *arg)
{
	char name[20] = "nobody";
	int loud = 0;

	(void)arg;
	if (control_string(c, "name", name, sizeof(name)) < 0 ||
	    control_boolean(c, "loud", &loud) < 0)
		return EINVAL;
	if (!strcmp(name, "nobody"))
		return control_error(c, "Nobody", "a name is wanted");
	control_put_string(c, "hello", name);
	control_put_boolean(c, "loud", loud);
	control_open(c, "all", '[');
	for (int i = 0; i < 3; i++)
		control_put_integer(c, NULL, i);
	control_close(c, ']');
	control_put_string(c, "said", control_parameters(c));
	return 0;
}

static int slow(struct control_call *c, void *arg)
{
	(void)c, (void)arg;
	sleep(15);
	return 0;
}

static int too_much(struct control_call *c, void *arg)
{
	(void)arg;
	for (int i = 0; i < 5000; i++)
		control_put_string(c, "x", "words");
	return 0;
}

static int refuse(struct control_call *c, void *arg)
{
	(void)c, (void)arg;
	return ECANCELED;		/* one that the kernel's own methods return, too */
}

#define NAME "interface org.test.counter1\n"

static void offer(void)
{
	static const struct control_method methods[] = {
		{ "Add", CONTROL_WRITES, add }, { "Describe", CONTROL_READS, describe },
		{ "Slow", CONTROL_DANGEROUS, slow }, { "TooMuch", CONTROL_READS, too_much },
		{ "Refuse", CONTROL_READS, refuse }, { 0 },
	};
	static const struct control_method one[] = { { "Add", CONTROL_READS, add }, { 0 } };
	static const struct {
		const char *description;
		int error;
	} bad[] = {
		{ "", EINVAL }, { "interface counter\nmethod Add() -> ()\n", EINVAL },
		{ NAME, EINVAL }, { NAME "method Sub() -> ()\n", EINVAL },
		{ NAME "method Add() -> ()\nmethod Sub() -> ()\n", EINVAL },
		{ "interface org.Test.1\nmethod Add() -> ()\n", EINVAL },
		{ "interface org.xenolith.info1\nmethod Add() -> ()\n", EEXIST },
	};

	sleep(1);			/* the kernel's own are there */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		expect_equal(control_offer(bad[i].description, one, NULL), -1);
		expect_equal(errno, bad[i].error);
	}
	expect_equal(control_offer("# A number, and what was added to it.\n" NAME
				   "method Add(n: ?int) -> (sum: int)\n"
				   "method Describe(name: ?string, loud: ?bool) -> (hello: string)\n"
				   "method Slow() -> ()\nmethod TooMuch() -> ()\n"
				   "method Refuse() -> ()\nerror Nobody (reason: string)\n",
				   methods, &sum), 0);
	expect_equal(control_offer(NAME "method Add() -> ()\n", one, NULL), -1);
	expect_equal(errno, EEXIST);
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (int i = argc > 2 ? atoi(argv[2]) : 0; i > 0; i--)
		expect_equal(pthread_create(&thread, &attr, sleeper, NULL), 0);
	if (argc > 1 && !strcmp(argv[1], "crash"))
		abort();
	if (argc > 1 && !strcmp(argv[1], "proc"))
		print_proc();
	if (argc > 1 && !strcmp(argv[1], "no-input"))
		no_input();
	if (argc > 1 && !strcmp(argv[argc - 1], "offer"))
		offer();
	printf("up\n");
	if (argc > 1 && !strcmp(argv[1], "spin"))
		for (volatile unsigned i = 0;; i++)
			;
	sleeper(NULL);
}
