/* SPDX-License-Identifier: ISC */
/* drivers/xenbus/xs_watch.c: watches and their events. */
#include "tests/unit/xenstore_client.h"

#define PATHS 6

static unsigned written[PATHS], seen[PATHS];

static unsigned read_seen(const char *path)
{
	uint64_t n = 0;
	int rc = xs_read_number(NULL, path, 0, 100000, &n);

	assert(rc == 0 || rc == -ENOENT);
	return n;
}

/* Checks the path of the event and the paths below. */
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

/* A consumer may remove the watched path from the path that it gets. */
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

/* Behind a payload is the rest of an earlier one, which contains a valid token. */
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

/* One thread for several watches, which are added and removed while events arrive. */
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

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "after each change there is an event", no_event_is_lost, 1500 },
		{ "the last event is not lost", the_last_event_comes, 500 },
		{ "events arrive in order", events_in_order, 300 },
		{ "a full queue of events is cut, and the watch still fires",
		  queue_is_cut, 20 },
		{ "an event that is queued is not queued twice", no_event_twice, 200 },
		{ "events are for the watched path and below it", events_stay_below, 20 },
		{ "an invalid event is ignored", malformed_is_no_event, 20 },
		{ "watches are added and removed while events arrive",
		  several_watches, 500 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
