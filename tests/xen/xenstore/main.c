/* SPDX-License-Identifier: ISC */
/*
 * The client with the real xenstored: 8 threads, 10,000 mixed operations, each checked
 * by its thread, and 1,000 watch events, of which none is lost.
 */
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/xen/test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define THREADS 8
#define OPERATIONS 10000
#define KEYS 6
#define EVENTS 1000
#define PATHS 125			/* events at a time: a guest may have 1000 nodes */

static unsigned operations;		/* in the kernel */

/* An application enters the kernel to call its functions. */
#define IN_KERNEL(call)								\
	({									\
		kernel_enter();							\
		operations++;							\
		__typeof__(call) result_ = (call);				\
		kernel_leave();							\
		result_;							\
	})

/* ---- values, one directory for each thread */

struct model {
	char dir[32];
	unsigned random;
	bool exists[KEYS];
	char value[KEYS][300];
};

static unsigned below(struct model *m, unsigned n)
{
	m->random = m->random * 1664525 + 1013904223;
	return (m->random >> 16) % n;
}

static void expect_value(const char *path, const char *value)
{
	char *is;
	ssize_t len = IN_KERNEL(xs_read(NULL, path, &is));

	if (!value) {
		expect_equal(len, -ENOENT);
		return;
	}
	expect_equal(len, (ssize_t)strlen(value));
	expect(strcmp(is, value) == 0);
	free(is);
}

static void set(struct model *m, unsigned key, const char *path)
{
	unsigned len = below(m, sizeof(m->value[key]));

	for (unsigned i = 0; i < len; i++)
		m->value[key][i] = 'a' + below(m, 26);
	m->value[key][len] = '\0';
	m->exists[key] = true;
	expect_equal(IN_KERNEL(xs_write(NULL, path, m->value[key])), 0);
}

static void list(struct model *m)
{
	unsigned have = 0;
	char **names;
	int n = IN_KERNEL(xs_list(NULL, m->dir, &names));

	for (unsigned i = 0; i < KEYS; i++)
		have += m->exists[i];
	expect_equal(n, have);
	for (int i = 0; i < n; i++)
		expect(m->exists[atoi(names[i])]);
	free(names);
}

static int add_one(const struct xs_tx *tx, void *arg)
{
	uint64_t n;
	int rc = xs_read_number(tx, "data/test/counter", 0, UINT32_MAX, &n);

	(void)arg;
	return rc ? rc : xs_printf(tx, "data/test/counter", "%u", (unsigned)n + 1);
}

static void permissions(const char *path)
{
	struct xs_perm perms[2] = { { 0, 'n' }, { 0, 'r' } }, *is;
	int self = IN_KERNEL(xs_domid());

	expect(self > 0);
	perms[0].domid = self;
	expect_equal(IN_KERNEL(xs_set_perms(NULL, path, perms, 2)), 0);
	expect_equal(IN_KERNEL(xs_get_perms(NULL, path, &is)), 2);
	expect(is[0].domid == self && is[0].access == 'n');
	expect(is[1].domid == 0 && is[1].access == 'r');
	free(is);
}

static unsigned additions;		/* all threads' */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void operate(struct model *m)
{
	unsigned key = below(m, KEYS);
	char path[64];

	snprintf(path, sizeof(path), "%s/%u", m->dir, key);
	switch (below(m, 20)) {
	case 0: case 1: case 2:
		set(m, key, path);
		return;
	case 3:
		expect_equal(IN_KERNEL(xs_rm(NULL, path)), 0);
		m->exists[key] = false;
		return;
	case 4:
		expect_equal(IN_KERNEL(xs_mkdir(NULL, path)), 0);
		if (!m->exists[key])
			m->value[key][0] = '\0';
		m->exists[key] = true;
		return;
	case 5:
		if (m->exists[key])
			permissions(path);
		return;
	case 6:
		expect_equal(IN_KERNEL(xs_transaction(0, add_one, NULL)), 0);
		pthread_mutex_lock(&mutex);
		additions++;
		pthread_mutex_unlock(&mutex);
		return;
	case 7: case 8: case 9:
		list(m);
		return;
	default:
		expect_value(path, m->exists[key] ? m->value[key] : NULL);
	}
}

static void *worker(void *arg)
{
	struct model *m = arg;

	expect_equal(IN_KERNEL(xs_mkdir(NULL, m->dir)), 0);
	for (unsigned i = 0; i < OPERATIONS / THREADS; i++)
		operate(m);
	expect_equal(IN_KERNEL(xs_rm(NULL, m->dir)), 0);
	return NULL;
}

/* ---- events */

static struct xs_watch watch;

/* In order, each of them: a path is written again only after its event was taken. */
static void *watcher(void *arg)
{
	char expected[64], *path;

	for (unsigned i = 0; i < EVENTS; i++) {
		uint64_t deadline = clock_now() + 60 * NSEC_PER_SEC;
		int rc;

		snprintf(expected, sizeof(expected), "data/test/events/%u", i % PATHS);
		kernel_enter();
		rc = xs_watch_wait(&watch, deadline, &path);
		kernel_leave();
		if (rc)
			test_failure("no event %u (%d)", i, rc);
		if (strcmp(path, expected) != 0)
			test_failure("event %u is for %s, not %s", i, path, expected);
		free(path);
		if (i % PATHS == PATHS - 1) {
			pthread_mutex_lock(&mutex);
			*(unsigned *)arg = i + 1;
			pthread_mutex_unlock(&mutex);
		}
	}
	return NULL;
}

static void events(void)
{
	unsigned taken = 0, seen;
	pthread_t thread;
	char path[64];

	expect_equal(IN_KERNEL(xs_mkdir(NULL, "data/test/events")), 0);
	expect_equal(IN_KERNEL(xs_watch(&watch, "data/test/events", NULL)), 0);
	expect_equal(IN_KERNEL(xs_watch_wait(&watch, NEVER, NULL)), 0);
	expect_equal(pthread_create(&thread, NULL, watcher, &taken), 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		snprintf(path, sizeof(path), "data/test/events/%u", i % PATHS);
		expect_equal(IN_KERNEL(xs_write(NULL, path, "x")), 0);
		if (i % PATHS != PATHS - 1)
			continue;
		do {
			kernel_enter();
			thread_sleep(clock_now() + NSEC_PER_MSEC);
			kernel_leave();
			pthread_mutex_lock(&mutex);
			seen = taken;
			pthread_mutex_unlock(&mutex);
		} while (seen <= i);
	}
	expect_equal(pthread_join(thread, NULL), 0);
	kernel_enter();
	expect(!xs_watch_pending(&watch));
	xs_unwatch(&watch);
	kernel_leave();
	expect_equal(IN_KERNEL(xs_rm(NULL, "data/test/events")), 0);
}

/* A directory of more than one message, which no guest may make; test.py does. */
static _Noreturn void big_directory(const char *path)
{
	bool seen[200] = { 0 };
	char **names;
	int n = IN_KERNEL(xs_list(NULL, path, &names));

	expect_equal(n, 200);
	for (int i = 0; i < n; i++) {
		unsigned which = atoi(names[i]);

		expect(strlen(names[i]) == 64 && which < 200 && !seen[which]);
		seen[which] = true;
	}
	free(names);
	test_success();
}

static void errors(void)
{
	struct xs_tx past = { .deadline = 1 };
	char *value;

	expect_equal(IN_KERNEL(xs_read(NULL, "data/none", &value)), -ENOENT);
	expect_equal(IN_KERNEL(xs_read(NULL, "data//x", &value)), -EINVAL);
	expect_equal(IN_KERNEL(xs_write(NULL, "/local/domain/0/x", "")), -EACCES);
	expect_equal(IN_KERNEL(xs_read(&past, "data", &value)), -ETIMEDOUT);
}

int main(int argc, char **argv)
{
	static struct model models[THREADS];
	pthread_t threads[THREADS];
	char count[16];
	int rc = IN_KERNEL(xs_init());

	if (rc)
		test_error("no xenstore (%d)", rc);
	expect_equal(IN_KERNEL(xs_mkdir(NULL, "data/test")), 0);
	if (argc > 1)
		big_directory(argv[1]);
	errors();
	expect_equal(IN_KERNEL(xs_write(NULL, "data/test/counter", "0")), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		models[i].random = i;
		snprintf(models[i].dir, sizeof(models[i].dir), "data/test/%u", i);
		expect_equal(pthread_create(&threads[i], NULL, worker, &models[i]), 0);
	}
	events();
	for (unsigned i = 0; i < THREADS; i++)
		expect_equal(pthread_join(threads[i], NULL), 0);
	snprintf(count, sizeof(count), "%u", additions);
	expect_value("data/test/counter", count);
	expect_equal(IN_KERNEL(xs_rm(NULL, "data/test")), 0);
	printf("%u operations, %u events, %u transactions, %u s\n", operations, EVENTS,
	       additions, (unsigned)(clock_now() / NSEC_PER_SEC));
	test_success();
}
