/* SPDX-License-Identifier: ISC */
/* drivers/xenbus/xenstore.c and xs_link.c: values, directories, transactions, earlier kernels. */
#include "tests/unit/xenstore_client.h"

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

/* The refusal, and the end that makes it obsolete, may come in either order. */
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

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "values that were written are read, by many threads, whatever the ring does",
		  values_are_kept, 600 },
		{ "values hold any bytes", any_bytes, 20 },
		{ "errors are those of xenstored", errors_have_names, 20 },
		{ "only decimal numbers are accepted", numbers_are_numbers, 5 },
		{ "a request that is too long is not sent",
		  too_long_is_refused_here, 20 },
		{ "many threads may make the first call", begun_once, 100 },
		{ "a call before xs_init() is done returns -ENODEV", too_early, 200 },
		{ "a ring that an earlier kernel used is continued", second_hand, 500 },
		{ "a ring with invalid indexes is not used", ring_in_disorder, 50 },
		{ "a ring with invalid indexes is reset if xenstored supports it",
		  disorder_is_mended, 100 },
		{ "without xenstore every call returns an error", no_xenstore, 1 },
		{ "a directory of many messages is read as of one moment",
		  big_directory, 50 },
		{ "concurrent transactions lose no change", no_addition_is_lost, 500 },
		{ "a refused transaction is tried again when there is room",
		  room_is_noticed, 1000 },
		{ "a failed transaction changes nothing", undone, 50 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
