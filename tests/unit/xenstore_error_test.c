/* SPDX-License-Identifier: ISC */
/* drivers/xenbus/xenstore.c and xs_link.c: deadlines, invalid replies, lack of memory, the end. */
#include "tests/unit/xenstore_client.h"

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

static bool calm;			/* xenstored works again */

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
	struct xs_watch one;
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
		{ "a deadline ends any call and leaves nothing behind",
		  deadlines_pass, 1000 },
		{ "with a dead xenstored, calls end at their deadlines and delay no other thread",
		  dead_xenstored, 200 },
		{ "invalid replies do no harm", nonsense_hurts_nobody, 300 },
		{ "a reply of the wrong type is refused", mistyped_is_no_answer, 50 },
		{ "when the stream breaks, all calls fail", all_are_told, 500 },
		{ "without memory, calls fail and events are not lost",
		  memory_runs_out, 250 },
		{ "each byte of a reply is fetched once", fetched_once, 100 },
		{ "last words are written without sleeping or allocating",
		  last_words_go_out, 300 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
