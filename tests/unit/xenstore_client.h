/* SPDX-License-Identifier: ISC */
/* A guest that is a client of tests/host/xenstored.c, which behaves at random. */
#ifndef TESTS_UNIT_XENSTORE_CLIENT_H
#define TESTS_UNIT_XENSTORE_CLIENT_H

#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/host/host.h"
#include "tests/host/xenstored.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOME "/local/domain/5/"

static unsigned left;			/* threads of the test that still run */
static struct waitq done;

static inline void started(const char *name, void (*main)(void *), void *arg)
{
	left++;
	assert(thread_start(name, THREAD_KERNEL, STACK_KERNEL, main, arg, NULL));
}

static inline void finished(void)
{
	left--;
	wake(&done);
}

static inline void wait_for_all(void)
{
	wait_until(&done, left == 0);
}

/* Sets random behaviour of xenstored. */
static inline void boot(void)
{
	static const unsigned chunks[] = { 0, 1, 7, 16, 100 };

	store_start();
	store.chunk = chunks[host_below(HOST_COUNT(chunks))];
	store.lazy = host_chance(2) ? 2 + host_below(20) : 0;
	store.unordered = host_chance(2);
	host_boot();
}

static inline void up(void)
{
	boot();
	assert(xs_init() == 0);
}

/* The client's thread ends only with the connection, so each test ends with that. */
static inline void down(void)
{
	unsigned threads = thread_count();

	store.chunk = store.lazy = 0;
	store_end(STORE_TOO_LONG);
	while (thread_count() == threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(xs_write(NULL, "data/x", "") == -EIO);
}

static inline void expect_value(const char *path, const char *value)
{
	char *is;
	ssize_t len = xs_read(NULL, path, &is);

	if (!value) {
		assert(len == -ENOENT);
		return;
	}
	assert(len == (ssize_t)strlen(value) && strcmp(is, value) == 0);
	free(is);
}

static struct xs_watch watch;

static inline int add_one(const struct xs_tx *tx, void *arg)
{
	uint64_t n;
	int rc = xs_read_number(tx, "data/counter", 0, 1000, &n);

	(void)arg;
	if (rc)
		return rc;
	return xs_printf(tx, "data/counter", "%llu", (unsigned long long)n + 1);
}

#endif
