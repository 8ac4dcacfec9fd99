/* SPDX-License-Identifier: ISC */
/* drivers/xenbus/xenstore.c, xs_watch.c and xs_link.c against tests/host/xenstored.c. */
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

static void started(const char *name, void (*main)(void *), void *arg)
{
	left++;
	assert(thread_start(name, THREAD_KERNEL, STACK_KERNEL, main, arg, NULL));
}

static void finished(void)
{
	left--;
	wake(&done);
}

static void wait_for_all(void)
{
	wait_until(&done, left == 0);
}

/* A xenstored of random manners. */
static void boot(void)
{
	static const unsigned chunks[] = { 0, 1, 7, 16, 100 };

	store_start();
	store.chunk = chunks[host_below(HOST_COUNT(chunks))];
	store.lazy = host_chance(2) ? 2 + host_below(20) : 0;
	store.unordered = host_chance(2);
	host_boot();
}

static void up(void)
{
	boot();
	assert(xs_init() == 0);
}

/* The client's thread ends only with the connection, so each test ends with that. */
static void down(void)
{
	unsigned threads = thread_count();

	store.chunk = store.lazy = 0;
	store_end(STORE_TOO_LONG);
	while (thread_count() == threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(xs_write(NULL, "data/x", "") == -EIO);
}

static void expect_value(const char *path, const char *value)
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

/* ---- values */

#define KEYS 4

static void change(const char *path, char *model)
{
	size_t len = host_below(host_chance(10) ? 2000 : 30);

	for (size_t i = 0; i < len; i++)
		model[i] = ' ' + host_below(95);
	model[len] = '\0';
	assert(xs_write(NULL, path, model) == 0);
}

static void worker(void *arg)
{
	unsigned id = (uintptr_t)arg;
	static char values[8][KEYS][2001];
	bool exists[KEYS] = { 0 };
	char path[64], **names;

	for (int k = 0; k < 12; k++) {
		unsigned key = host_below(KEYS), have = 0;

		sprintf(path, "data/%u/%u", id, key);
		switch (host_below(5)) {
		case 0:
		case 1:
			change(path, values[id][key]);
			exists[key] = true;
			break;
		case 2:
			assert(xs_mkdir(NULL, path) == 0);
			if (!exists[key])
				values[id][key][0] = '\0';
			exists[key] = true;
			break;
		case 3:
			for (unsigned i = 0; i < KEYS; i++)
				have += exists[i];
			assert(xs_rm(NULL, path) == (have || k ? 0 : -ENOENT) || !have);
			exists[key] = false;
			break;
		default:
			expect_value(path, exists[key] ? values[id][key] : NULL);
		}
		if (host_chance(4)) {
			int n;

			sprintf(path, "data/%u", id);
			n = xs_list(NULL, path, &names);
			for (unsigned i = have = 0; i < KEYS; i++)
				have += exists[i];
			assert(n == (int)have || (n == -ENOENT && have == 0));
			if (n >= 0)
				free(names);
		}
	}
	finished();
}

static void values_are_kept(void)
{
	up();
	for (uintptr_t i = 0; i < 2 + host_below(7); i++)
		started("worker", worker, (void *)i);
	wait_for_all();
	down();
}

static void any_bytes(void)
{
	char value[256], *is;

	up();
	for (int i = 0; i < 256; i++)
		value[i] = i;
	assert(xs_write_bytes(NULL, "data/bytes", value, 256) == 0);
	assert(xs_read(NULL, "data/bytes", &is) == 256 && memcmp(is, value, 256) == 0);
	assert(is[256] == '\0');
	free(is);
	assert(xs_write(NULL, "data/bytes", "") == 0);
	expect_value("data/bytes", "");
	assert(xs_printf(NULL, "data/bytes", "%d %s", -5, "x") == 0);
	expect_value(HOME "data/bytes", "-5 x");
	down();
}

static void errors_have_names(void)
{
	struct xs_perm perms[] = { { 5, 'n' }, { 0, 'b' } }, *got;
	char **names, *value;

	up();
	assert(xs_read(NULL, "data/none", &value) == -ENOENT);
	assert(xs_write(NULL, "secret/x", "y") == -EACCES);
	assert(xs_write(NULL, "/local/domain/0/x", "y") == -EACCES);
	assert(xs_read(NULL, "data/", &value) == -EINVAL);
	assert(xs_read(NULL, "a//b", &value) == -EINVAL);
	assert(xs_read(NULL, "", &value) == -EINVAL);
	assert(xs_read(NULL, "data/sp ace", &value) == -EINVAL);
	assert(xs_list(NULL, "nothing", &names) == -ENOENT);
	assert(xs_rm(NULL, "no/such") == -ENOENT);
	assert(xs_rm(NULL, "data/such") == 0);
	assert(xs_list(NULL, "data", &names) == 0);
	free(names);
	assert(xs_set_perms(NULL, "data", perms, 2) == 0);
	assert(xs_get_perms(NULL, "data", &got) == 2);
	assert(got[0].domid == 5 && got[0].access == 'n');
	assert(got[1].domid == 0 && got[1].access == 'b');
	free(got);
	assert(xs_get_perms(NULL, "data/none", &got) == -ENOENT);
	assert(xs_domid() == 5 && xs_domid() == 5);
	down();
}

static void numbers_are_numbers(void)
{
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x10", "1.", "101", "18446744073709551616",
		"99999999999999999999", "1e1",
	};
	uint64_t n = 77;

	up();
	for (size_t i = 0; i < HOST_COUNT(bad); i++) {
		assert(xs_write(NULL, "data/n", bad[i]) == 0);
		assert(xs_read_number(NULL, "data/n", 0, 100, &n) == -EPROTO && n == 77);
	}
	assert(xs_write(NULL, "data/n", "18446744073709551615") == 0);
	assert(xs_read_number(NULL, "data/n", 0, UINT64_MAX, &n) == 0 && n == UINT64_MAX);
	assert(xs_write(NULL, "data/n", "007") == 0);
	assert(xs_read_number(NULL, "data/n", 7, 7, &n) == 0 && n == 7);
	assert(xs_read_number(NULL, "data/n", 8, 9, &n) == -EPROTO);
	assert(xs_read_number(NULL, "data/none", 8, 9, &n) == -ENOENT);
	down();
}

static void too_long_is_refused_here(void)
{
	static char big[5000];

	up();
	memset(big, 'x', sizeof(big) - 1);
	assert(xs_write(NULL, "data/big", big) == -E2BIG);
	assert(xs_write(NULL, big, "x") == -E2BIG);
	big[4096 - sizeof("data/big")] = '\0';
	assert(xs_write(NULL, "data/big", big) == 0);
	expect_value("data/big", big);
	assert(!store.lost);
	down();
}

/* ---- a ring that an earlier kernel has used */

static void early(void *arg)
{
	(void)arg;
	assert(xs_init() == 0);
	expect_value("domid", "5");
	finished();
}

static void begun_once(void)
{
	boot();
	for (int i = 0; i < 4; i++)
		started("early", early, NULL);
	assert(xs_init() == 0);
	wait_for_all();
	assert(store.resets == 1);
	down();
}

/* Calls without waiting for xs_init(): before it, while it runs, and after it. */
static void rash(void *arg)
{
	struct xs_watch w = { 0 };
	struct xs_tx tx = { 0 };
	char *value;

	while (!*(bool *)arg) {
		assert(xs_read(NULL, "domid", &value) == -ENODEV);
		assert(xs_watch(&w, "data", NULL) == -ENODEV);
		assert(xs_begin(&tx) == -ENODEV);
		thread_sleep(clock_now() + host_below(20000));
	}
	assert(xs_watch(&w, "data", NULL) == 0);
	assert(xs_watch_wait(&w, NEVER, NULL) == 0);
	xs_unwatch(&w);
	finished();
}

static void too_early(void)
{
	static bool initialised;

	boot();
	if (host_chance(2))
		assert(xs_open() == 0);
	assert(xs_write(NULL, "data/x", "") == -ENODEV);
	started("rash", rash, &initialised);
	thread_yield();
	assert(xs_init() == 0);
	initialised = true;
	wait_for_all();
	down();
}

static void second_hand(void)
{
	boot();
	store_left_over();
	if (host_chance(2)) {
		store.old = true;
		store_rm(HOME "control/platform-feature-xs_reset_watches");
	}
	assert(xs_init() == 0);
	assert(store.resets == !store.old);
	expect_value("domid", "5");
	assert(!strstr(host_console(), "xenstore:"));
	down();
}

static void ring_in_disorder(void)
{
	boot();
	store_end(STORE_BAD_REPLY_INDEX + host_below(STORE_ENDS - STORE_BAD_REPLY_INDEX));
	assert(xs_init() == -EIO);
	assert(xs_write(NULL, "data/x", "") == -EIO);
	assert(strstr(host_console(), "ring indexes are invalid"));
}

/* If xenstored supports reconnection, the guest reconnects. */
static void disorder_is_mended(void)
{
	boot();
	store.reconnects = true;
	store_left_over();
	store_end(STORE_BAD_REPLY_INDEX + host_below(STORE_ENDS - STORE_BAD_REPLY_INDEX));
	assert(xs_init() == 0);
	expect_value("domid", "5");
	assert(!strstr(host_console(), "xenstore:"));
	down();
}

static void no_xenstore(void)
{
	char *value;

	host_boot();
	boot_info.xenstore_ring = NULL;
	assert(xs_write(NULL, "data/x", "") == -ENODEV);
	assert(xs_init() == -ENODEV);
	assert(xs_read(NULL, "data/x", &value) == -ENODEV);
	xs_last_words("data/x", "y", NSEC_PER_SEC);
}

/* ---- directories of more than a message */

#define MANY 700

static bool changing;

/*
 * The first entry is removed and a new one is appended: the list is always consecutive.
 */
static void change_directory(void *arg)
{
	char path[64];

	(void)arg;
	for (unsigned i = 0; changing; i++) {
		thread_sleep(clock_now() + host_below(3000000));
		if (i >= 10)		/* otherwise the whole list would never be read */
			continue;
		sprintf(path, HOME "data/dir/%04u-name", i);
		store_rm(path);
		thread_sleep(clock_now() + host_below(3000000));
		sprintf(path, HOME "data/dir/%04u-name", MANY + i);
		store_write(path, "");
	}
	finished();
}

static void big_directory(void)
{
	char path[64], **names;
	int n, first;

	up();
	store.chunk = 0;
	for (unsigned i = 0; i < MANY; i++) {
		sprintf(path, HOME "data/dir/%04u-name", i);
		store_write(path, "");
	}
	changing = true;
	started("change", change_directory, NULL);
	for (int k = 0; k < 3; k++) {
		n = xs_list(NULL, "data/dir", &names);
		assert(n == MANY || n == MANY - 1);
		first = atoi(names[0]);
		for (int i = 0; i < n; i++) {
			sprintf(path, "%04u-name", first + i);
			assert(strcmp(names[i], path) == 0);
		}
		free(names);
	}
	changing = false;
	wait_for_all();
	store.old = true;		/* it cannot tell */
	assert(xs_list(NULL, "data/dir", &names) == -E2BIG);
	down();
}

/* ---- transactions */

static int add_one(const struct xs_tx *tx, void *arg)
{
	uint64_t n;
	int rc = xs_read_number(tx, "data/counter", 0, 1000, &n);

	(void)arg;
	if (rc)
		return rc;
	return xs_printf(tx, "data/counter", "%llu", (unsigned long long)n + 1);
}

static void adder(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		int rc = xs_transaction(0, add_one, NULL);

		assert(rc == 0);
	}
	finished();
}

static void no_addition_is_lost(void)
{
	unsigned threads = 2 + host_below(6);
	char expect[16];

	up();
	store.max_transactions = 1 + host_below(4);
	store.conflicts = host_chance(2) ? 2 + host_below(5) : 0;
	store_write(HOME "data/counter", "0");
	for (unsigned i = 0; i < threads; i++)
		started("adder", adder, NULL);
	wait_for_all();
	sprintf(expect, "%u", 3 * threads);
	expect_value("data/counter", expect);
	assert(store.transactions == 0);
	down();
}

static void begin_and_end(void *arg)
{
	struct xs_tx tx = { 0 };

	(void)arg;
	thread_sleep(clock_now() + host_below(100000));
	assert(xs_begin(&tx) == 0 && xs_end(&tx, false) == 0);
	finished();
}

/* The refusal and the end that makes it void may come in either order. */
static void room_is_noticed(void)
{
	up();
	store.max_transactions = 1;
	store.unordered = true;
	for (int i = 0; i < 3; i++)
		started("beginner", begin_and_end, NULL);
	wait_for_all();
	down();
}

static int change_mind(const struct xs_tx *tx, void *arg)
{
	(void)arg;
	assert(xs_write(tx, "data/a", "new") == 0);
	expect_value("data/a", NULL);
	return -EBUSY;
}

static void undone(void)
{
	struct xs_tx tx = { 0 };

	up();
	assert(xs_transaction(0, change_mind, NULL) == -EBUSY);
	expect_value("data/a", NULL);
	store.max_transactions = 0;
	assert(xs_begin(&tx) == -ENOSPC);
	store.max_transactions = 1;
	assert(xs_begin(&tx) == 0);
	assert(xs_end(&tx, true) == 0);
	assert(store.transactions == 0);
	down();
}

/* ---- watches */

#define PATHS 6

static struct xs_watch watch;
static unsigned written[PATHS], seen[PATHS];

static unsigned read_seen(const char *path)
{
	uint64_t n = 0;
	int rc = xs_read_number(NULL, path, 0, 100000, &n);

	assert(rc == 0 || rc == -ENOENT);
	return n;
}

/* Looks at what the event says and below. */
static void look(const char *path)
{
	char each[64];

	for (unsigned i = 0; i < PATHS; i++) {
		sprintf(each, "data/w/%u", i);
		if (strncmp(each, path, strlen(path)) == 0)
			seen[i] = read_seen(each);
	}
}

static bool all_seen(void)
{
	return memcmp(written, seen, sizeof(seen)) == 0;
}

static void consumer(void *arg)
{
	bool slow = arg;

	while (!all_seen() || left > 1) {
		char *path;
		int rc = xs_watch_wait(&watch, clock_now() + 50 * NSEC_PER_MSEC, &path);

		if (rc == -ETIMEDOUT)
			continue;
		assert(rc == 0 && strncmp(path, "data/w", 6) == 0);
		if (slow)
			thread_sleep(clock_now() + host_below(3000000));
		look(path);
		free(path);
	}
	finished();
}

static void writer(void *arg)
{
	char path[64], value[16];

	(void)arg;
	for (int k = 0; k < 30; k++) {
		unsigned i = host_below(PATHS);

		sprintf(path, HOME "data/w/%u", i);
		sprintf(value, "%u", ++written[i]);
		store_write(path, value);
		if (host_chance(3))
			thread_sleep(clock_now() + host_below(400000));
	}
	finished();
}

static void no_event_is_lost(void)
{
	up();
	assert(xs_watch(&watch, "data/w", NULL) == 0);
	started("consumer", consumer, (void *)(uintptr_t)host_chance(2));
	started("writer", writer, NULL);
	wait_for_all();
	xs_unwatch(&watch);
	while (store.watches)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	down();
}

/* The last event may be missed for ever only if one is: no time-out helps this one. */
static void the_last_event_comes(void)
{
	char *path;

	up();
	assert(xs_watch(&watch, "data/w", NULL) == 0);
	assert(xs_watch_wait(&watch, NEVER, &path) == 0 && strcmp(path, "data/w") == 0);
	free(path);
	for (int k = 0; k < 10; k++) {
		store_write(HOME "data/w/1", "x");
		assert(xs_watch_wait(&watch, NEVER, &path) == 0);
		assert(strcmp(path, "data/w/1") == 0);
		free(path);
	}
	assert(!xs_watch_pending(&watch));
	assert(xs_watch_wait(&watch, 0, &path) == -ETIMEDOUT);
	xs_unwatch(&watch);
	down();
}

static void events_in_order(void)
{
	char name[64], *path;
	unsigned n = 1 + host_below(60);

	up();
	assert(xs_watch(&watch, HOME "data", NULL) == 0);
	assert(xs_watch_wait(&watch, NEVER, NULL) == 0);
	for (unsigned i = 0; i < n; i++) {
		sprintf(name, HOME "data/%u", i);
		store_write(name, "");
	}
	for (unsigned i = 0; i < n; i++) {
		sprintf(name, HOME "data/%u", i);
		assert(xs_watch_wait(&watch, NEVER, &path) == 0);
		assert(strcmp(path, name) == 0);
		free(path);
	}
	xs_unwatch(&watch);
	down();
}

/* If events are not taken, the queue is cut, others are served, and no event is lost. */
static void queue_is_cut(void)
{
	struct xs_watch other;
	char name[512], *path;
	unsigned n = 0;

	up();
	store.chunk = store.lazy = 0;
	assert(xs_watch(&watch, "data", NULL) == 0);
	assert(xs_watch(&other, "device", NULL) == 0);
	assert(xs_watch_wait(&other, NEVER, NULL) == 0);
	for (unsigned i = 0; i < 500; i++) {
		sprintf(name, HOME "data/%u-%0300u", i, 0);
		store_write(name, "");
	}
	store_write(HOME "device/vif/0/state", "1");
	assert(xs_watch_wait(&other, NEVER, &path) == 0);
	assert(strcmp(path, "device/vif/0/state") == 0);
	free(path);
	assert(watch.cut && watch.bytes <= XS_WATCH_BYTES);
	do {
		assert(xs_watch_wait(&watch, 0, &path) == 0);
		strcpy(name, path);
		free(path);
		n++;
	} while (xs_watch_pending(&watch));
	assert(n < 500 && strcmp(name, "data") == 0);
	store_write(HOME "data/new", "");
	assert(xs_watch_wait(&watch, NEVER, &path) == 0 && strcmp(path, "data/new") == 0);
	free(path);
	xs_unwatch(&watch);
	xs_unwatch(&other);
	down();
}

/* A watch is signalled again only after its last event was taken. */
static void no_event_twice(void)
{
	char *path;

	up();
	store.unordered = false;
	assert(xs_watch(&watch, "data", NULL) == 0);
	assert(xs_watch_wait(&watch, NEVER, NULL) == 0);
	for (int i = 0; i < 20; i++) {
		store_write(HOME "data/a", "");
		store_write(HOME "data/b", "");
		thread_sleep(clock_now() + host_below(1000000));
	}
	expect_value("domid", "5");	/* behind all events */
	for (const char *name = "ab"; *name; name++) {
		assert(xs_watch_wait(&watch, 0, &path) == 0 && path[5] == *name);
		free(path);
	}
	assert(!xs_watch_pending(&watch));
	xs_unwatch(&watch);
	down();
}

/* A consumer may cut off what it watches from what it gets. */
static void events_stay_below(void)
{
	static const char *const strange[] = { "/some/where/else", "dat", "datas/x", "" };
	char *path;

	up();
	assert(xs_watch(&watch, "data", NULL) == 0);
	assert(xs_watch_wait(&watch, NEVER, NULL) == 0);
	for (size_t i = 0; i < HOST_COUNT(strange); i++) {
		store_stray_event(strange[i]);
		assert(xs_watch_wait(&watch, NEVER, &path) == 0);
		assert(strcmp(path, "data") == 0);
		free(path);
	}
	xs_unwatch(&watch);
	down();
}

/* Behind a payload lies what is left of the one before: a token that would fit. */
static void malformed_is_no_event(void)
{
	static char longest[4096];
	static const struct {
		const char *payload;
		size_t len;
	} bad[] = {
		{ "data", 4 }, { "data", 5 }, { "", 0 }, { "", 1 }, { longest, 4096 },
	};

	up();
	store.unordered = false;
	memset(longest, 'd', sizeof(longest));
	assert(xs_watch(&watch, "data", NULL) == 0);
	assert(xs_watch_wait(&watch, NEVER, NULL) == 0);
	for (size_t i = 0; i < HOST_COUNT(bad); i++) {
		store_write(HOME "data", "");
		assert(xs_watch_wait(&watch, NEVER, NULL) == 0);
		store_raw_event(bad[i].payload, bad[i].len);
		expect_value("domid", "5");
		assert(!xs_watch_pending(&watch));
	}
	xs_unwatch(&watch);
	down();
}

static struct waitq both;
static struct xs_watch one, two;

/* One thread for several, and watches that come and go while events fly. */
static void several_watches(void)
{
	unsigned ones = 0, twos = 0;

	up();
	assert(xs_watch(&one, "data/1", &both) == 0);
	assert(xs_watch(&two, "data/2", &both) == 0);
	for (int k = 0; k < 12; k++) {
		store_write(HOME "data/1", "");
		store_write(HOME "data/2", "");
		wait_until(&both, xs_watch_pending(&one) || xs_watch_pending(&two));
		ones += xs_watch_wait(&one, 0, NULL) == 0;
		twos += xs_watch_wait(&two, 0, NULL) == 0;
		if (host_chance(3)) {
			xs_unwatch(&two);
			assert(xs_watch(&two, "data/2", &both) == 0);
		}
	}
	assert(ones + twos >= 12);
	xs_unwatch(&one);
	xs_unwatch(&two);
	store.max_watches = 0;
	while (store.watches)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(xs_watch(&one, "data/1", NULL) == -ENOSPC);
	assert(xs_watch(&one, "data//1", NULL) == -EINVAL);
	down();
}

/* ---- deadlines */

static void hurried(void *arg)
{
	(void)arg;
	for (int k = 0; k < 8; k++) {
		struct xs_tx soon = { .deadline = clock_now() + host_below(3000000) };
		struct xs_tx tx = soon;
		char value[300], *is;
		int rc;

		sprintf(value, "%0*u", 1 + host_below(280), 7);
		rc = xs_write(&soon, "data/h", value);
		assert(rc == 0 || rc == -ETIMEDOUT);
		rc = xs_read(&soon, "data/domid", &is);
		assert(rc >= 0 || rc == -ETIMEDOUT || rc == -ENOENT);
		if (rc >= 0)
			free(is);
		rc = xs_begin(&tx);
		if (rc == 0)
			rc = xs_end(&tx, host_chance(2));
		assert(rc == 0 || rc == -ETIMEDOUT || rc == -EAGAIN);
	}
	finished();
}

static void deadlines_pass(void)
{
	up();
	store.lazy = 1 + host_below(6);
	store.max_transactions = 3;
	for (int i = 0; i < 4; i++)
		started("hurried", hurried, NULL);
	wait_for_all();
	store.lazy = 0;
	expect_value("domid", "5");	/* in order, after all of those */
	while (store.transactions)	/* the forgotten ones are ended, too */
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(!strstr(host_console(), "xenstore:"));
	down();
}

static void dead_xenstored(void)
{
	bool deaf = host_chance(2);
	char value[400];

	up();
	if (deaf)
		store.deaf = true;
	else
		store.silent = true;
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int k = 0; k < 100; k++) {
		struct xs_tx soon = { .deadline = clock_now() + 1 + host_below(1000000) };

		assert(xs_write(&soon, "data/x", value) == -ETIMEDOUT);
		assert(clock_now() < soon.deadline + 100 * NSEC_PER_MSEC);
	}
	assert(store.requests < 80);
	xs_last_words("data/y", "z", NSEC_PER_MSEC);
	down();
}

/* ---- the worst */

static bool calm;			/* xenstored has come to its senses */

static void allowed(int rc, int also)
{
	assert(rc >= 0 || rc == -EPROTO || rc == also || (!calm && rc == -EAGAIN));
}

static void patient(void *arg)
{
	unsigned id = (uintptr_t)arg;
	struct xs_perm *perms;
	struct xs_watch w;
	struct xs_tx tx;
	char path[64], *value, **names;
	int rc;

	sprintf(path, "data/%u", id);
	for (int k = 0; k < 4; k++) {
		allowed(xs_write(NULL, path, "value"), 0);
		rc = xs_read(NULL, path, &value);
		allowed(rc, -ENOENT);
		if (rc >= 0)
			free(value);
		rc = xs_list(NULL, "data", &names);
		allowed(rc, 0);
		if (rc >= 0)
			free(names);
		rc = k ? -EPROTO : xs_list(NULL, "data/dir", &names);
		allowed(rc, 0);
		if (rc >= 0)
			free(names);
		rc = xs_get_perms(NULL, "data", &perms);
		allowed(rc, 0);
		if (rc >= 0)
			free(perms);
		tx = (struct xs_tx){ 0 };
		rc = xs_begin(&tx);
		allowed(rc, -ENOSPC);
		if (rc == 0)
			allowed(xs_end(&tx, host_chance(2)), -ENOENT);
		rc = xs_watch(&w, path, NULL);
		allowed(rc, 0);
		if (rc == 0) {
			assert(xs_watch_wait(&w, clock_now() + host_below(1000000),
					     &value) != 0 ||
			       (strncmp(value, path, strlen(path)) == 0 &&
				(free(value), true)));
			xs_unwatch(&w);
		}
	}
	finished();
}

static void nonsense_hurts_nobody(void)
{
	char path[200];

	up();
	for (unsigned i = 0; i < 40; i++) {
		sprintf(path, HOME "data/dir/%0110u", i);
		store_write(path, "");
	}
	store.nasty = 2 + host_below(20);
	store.noise = 1 + host_below(10);
	for (uintptr_t i = 0; i < 4; i++)
		started("patient", patient, (void *)i);
	wait_for_all();
	store.nasty = store.noise = 0;
	calm = true;
	assert(xs_write(NULL, "data/0", "calm") == 0);
	expect_value("data/0", "calm");
	assert(!store.lost);
	down();
}

static void mistyped_is_no_answer(void)
{
	struct xs_tx tx = { 0 };
	char *value, **names;

	up();
	store.mistyped = true;
	store.nasty = 1;
	assert(xs_read(NULL, "domid", &value) == -EPROTO);
	assert(xs_write(NULL, "data/x", "y") == -EPROTO);
	assert(xs_list(NULL, "data", &names) == -EPROTO);
	assert(xs_begin(&tx) == -EPROTO);
	assert(xs_watch(&watch, "data", NULL) == -EPROTO);
	store.nasty = 0;
	expect_value("domid", "5");
	down();
}

static void victim(void *arg)
{
	char *value;
	int rc;

	do {
		if (arg)
			rc = xs_watch_wait(&watch, NEVER, NULL);
		else
			rc = xs_read(NULL, "domid", &value);
		if (rc > 0)
			free(value);
		thread_sleep(clock_now() + host_below(10000));
	} while (rc >= 0);
	assert(rc == -EIO);
	finished();
}

static void all_are_told(void)
{
	unsigned threads;

	up();
	threads = thread_count();
	assert(xs_watch(&watch, "data", NULL) == 0);
	for (uintptr_t i = 0; i < 6; i++)
		started("victim", victim, (void *)(i % 2));
	thread_sleep(clock_now() + host_below(3000000));
	store_end(host_below(STORE_ENDS));
	while (xs_write(NULL, "data/x", "") == 0)
		;
	wait_for_all();
	assert(xs_write(NULL, "data/x", "") == -EIO);
	assert(xs_watch(&one, "data", NULL) == -EIO);
	xs_unwatch(&watch);
	while (thread_count() == threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(strstr(host_console(), "connection lost"));
}

/* ---- without memory, and at the end */

static void starving(void *arg)
{
	unsigned id = (uintptr_t)arg;
	char path[64], *value;

	sprintf(path, "data/%u", id);
	for (int k = 0; k < 10; k++) {
		int rc = xs_write(NULL, path, "value");

		assert(rc == 0 || rc == -ENOMEM);
		rc = xs_read(NULL, path, &value);
		assert(rc == 5 || rc == -ENOMEM || rc == -ENOENT);
		if (rc == 5)
			free(value);
		rc = xs_transaction(0, add_one, NULL);
		assert(rc == 0 || rc == -ENOMEM);
	}
	finished();
}

static void memory_runs_out(void)
{
	unsigned changes = 0, events = 0;
	char *path;

	up();
	store_write(HOME "data/counter", "0");
	assert(xs_watch(&watch, "data/w", NULL) == 0);
	for (uintptr_t i = 0; i < 3; i++)
		started("starving", starving, (void *)i);
	host.malloc_fails = 2 + host_below(10);
	while (left || events < changes) {
		if (events == changes && left) {
			store_write(HOME "data/w/1", "x");
			changes++;
		}
		if (xs_watch_wait(&watch, clock_now() + NSEC_PER_MSEC, &path) == 0) {
			free(path);
			events++;
		}
		if (!left)
			host.malloc_fails = 0;
	}
	while (store.transactions)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	xs_unwatch(&watch);
	down();
}

static void last_words_go_out(void)
{
	bool busy = host_chance(2);
	uint64_t switches;

	up();
	for (int i = 0; busy && i < 5; i++)
		started("hurried", hurried, NULL);
	thread_yield();
	switches = sched_stats.switches;
	host.malloc_fails = 1;
	store.lazy = 0;
	xs_last_words("data/exit-status", "134", 10 * NSEC_PER_SEC);
	assert(sched_stats.switches == switches);
	host.malloc_fails = 0;
	if (!busy)
		assert(strcmp(store_read(HOME "data/exit-status"), "134") == 0);
	wait_for_all();
	expect_value("data/exit-status", "134");
	down();
}

/* ---- the border */

static unsigned bytes_read;

static void count_reads(const void *address, size_t size, bool write)
{
	if (store_in_reply_ring(address) && !write)
		bytes_read += size;
}

static void fetched_once(void)
{
	char *value;

	up();
	assert(xs_write(NULL, "data/x", "a value of not too many bytes") == 0);
	assert(xs_watch(&watch, "data/x", NULL) == 0);
	assert(xs_watch_wait(&watch, NEVER, NULL) == 0);
	bytes_read = 0;
	store.bytes = 0;
	host_on_access = count_reads;
	for (int i = 0; i < 5; i++) {
		assert(xs_read(NULL, "data/x", &value) == 29);
		free(value);
		store_write(HOME "data/x", "a value of not too many bytes");
		assert(xs_watch_wait(&watch, NEVER, NULL) == 0);
	}
	host_on_access = NULL;
	assert(bytes_read == store.bytes && bytes_read > 5 * 29);
	xs_unwatch(&watch);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "what is written is read, by many threads, whatever the ring does",
		  values_are_kept, 600 },
		{ "values hold any bytes", any_bytes, 20 },
		{ "errors are those of xenstored", errors_have_names, 20 },
		{ "a number is decimal and nothing else", numbers_are_numbers, 5 },
		{ "a request too long never leaves", too_long_is_refused_here, 20 },
		{ "many may be the first", begun_once, 100 },
		{ "a call before xs_init() is done returns -ENODEV", too_early, 200 },
		{ "a second-hand ring is taken up where it stands", second_hand, 500 },
		{ "a ring in disorder is not used", ring_in_disorder, 50 },
		{ "a ring in disorder is mended if it can be", disorder_is_mended, 100 },
		{ "without xenstore every call says so", no_xenstore, 1 },
		{ "a directory of many messages is read as it was at one moment",
		  big_directory, 50 },
		{ "transactions of threads lose nothing", no_addition_is_lost, 500 },
		{ "a refused transaction gets the next free one", room_is_noticed, 1000 },
		{ "a transaction that fails leaves nothing", undone, 50 },
		{ "after each change there is an event", no_event_is_lost, 1500 },
		{ "the last event comes", the_last_event_comes, 500 },
		{ "events come in order", events_in_order, 300 },
		{ "a queue that is not emptied is cut, and loses nothing", queue_is_cut, 20 },
		{ "an event that waits is not doubled", no_event_twice, 200 },
		{ "an event is for what is watched, or below", events_stay_below, 20 },
		{ "a malformed event is none", malformed_is_no_event, 20 },
		{ "watches come and go while events fly", several_watches, 500 },
		{ "a deadline ends any call and nothing stays", deadlines_pass, 1000 },
		{ "a dead xenstored costs its caller the deadline, and us little",
		  dead_xenstored, 200 },
		{ "invalid replies do no harm", nonsense_hurts_nobody, 300 },
		{ "an answer of the wrong type is none", mistyped_is_no_answer, 50 },
		{ "when the stream breaks all are told", all_are_told, 500 },
		{ "without memory calls fail and events do not", memory_runs_out, 250 },
		{ "each byte of a reply is fetched once", fetched_once, 100 },
		{ "last words need neither sleep nor memory", last_words_go_out, 300 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
