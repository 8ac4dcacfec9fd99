/* SPDX-License-Identifier: ISC */
/* drivers/border/pool.c and drivers/border/pending.c. */
#include "drivers/border/pending.h"
#include "drivers/border/pool.h"
#include "kernel/clock.h"
#include "kernel/gnttab.h"
#include "kernel/page.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PEER 3

static struct pool pool;
static unsigned running;

static void start_thread(void (*main)(void *), uintptr_t arg)
{
	running++;
	assert(thread_start("user", THREAD_KERNEL, STACK_KERNEL, main, (void *)arg, NULL));
}

static void end(void)
{
	pool_fail(&pool, -ENETDOWN);
	pool_end(&pool);
	while (running)
		thread_yield();
}

static unsigned length(const struct page *chain)
{
	unsigned n = 0;

	for (; chain; chain = chain->next)
		n++;
	return n;
}

/* ---- pool */

static void pages_are_granted_once_and_empty(void)
{
	struct page *chain, *again;
	grant_ref_t ref;
	char *seen;

	host_boot();
	assert(pool_init(&pool, PEER, 2, 8) == 0);
	assert(pool.granted == 2);
	assert(pool_get(&pool, 1, &chain) == 0);
	ref = chain->ref;
	seen = host_map(PEER, ref, true);
	assert(seen);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		assert(!seen[i]);
	strcpy(seen, "from the peer");
	assert(memcmp((char *)(uintptr_t)chain->data, "from the peer", 14) == 0);
	pool_put(&pool, chain);
	assert(pool_get(&pool, 1, &again) == 0);
	assert(again->ref == ref);	/* last in, first out */
	pool_put(&pool, again);
	assert(pool_get(&pool, 8, &chain) == 0 && length(chain) == 8 && pool.granted == 8);
	pool_put(&pool, chain);
	assert(pool_get(&pool, 9, &chain) == -EMSGSIZE);
	host_unmap(PEER, ref, true);
	end();
}

/* A page that the backend keeps mapped is not used again before it lets go. */
static void a_mapped_page_is_freed_when_it_is_let_go(void)
{
	struct page_stats before, after;
	struct page *chain;
	grant_ref_t ref;

	host_boot();
	assert(pool_init(&pool, PEER, 4, 4) == 0);
	assert(pool_get(&pool, 4, &chain) == 0);
	ref = chain->next->ref;
	assert(host_map(PEER, ref, true));
	pool_put(&pool, chain);
	page_stats(&before);
	end();
	page_stats(&after);
	/* The thread that waits until it is unmapped has a stack, too. */
	assert(before.used - 3 + STACK_KERNEL / PAGE_SIZE + 1 == after.used);
	thread_sleep(clock_now() + NSEC_PER_SEC);
	host_unmap(PEER, ref, true);
	thread_sleep(clock_now() + 60 * NSEC_PER_SEC);
}

static unsigned most;

static void use(void *arg)
{
	struct page *chain;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		unsigned n = 1 + host_below(host_chance(4) ? 16 : 4);

		if (host_chance(2) || pool_try_get(&pool, n, &chain))
			assert(pool_get(&pool, n, &chain) == 0);
		assert(length(chain) == n && pool.lent <= 16);
		if (pool.lent > most)
			most = pool.lent;
		for (struct page *p = chain; p; p = p->next) {
			assert(*(uint32_t *)(uintptr_t)p->data == 0);
			*(uint32_t *)(uintptr_t)p->data = 1;
		}
		thread_yield();
		for (struct page *p = chain; p; p = p->next)
			*(uint32_t *)(uintptr_t)p->data = 0;
		pool_put(&pool, chain);
		if (host_chance(3))
			thread_yield();
	}
	running--;
}

static void nobody_shares_and_nobody_starves(void)
{
	host_boot();
	assert(pool_init(&pool, PEER, host_below(16), 16) == 0);
	for (unsigned i = 0; i < 6; i++)
		start_thread(use, i);
	while (running)
		thread_yield();
	assert(most > 8);
	end();
}

static unsigned order[4], norder;
static unsigned wants[4];

static void get_once(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	struct page *chain;

	assert(pool_get(&pool, wants[me], &chain) == 0);
	order[norder++] = me;
	pool_put(&pool, chain);
	running--;
}

static void first_come_first_served(void)
{
	struct page *chain, *one;

	host_boot();
	host.fifo = true;
	assert(pool_init(&pool, PEER, 0, 8) == 0);
	assert(pool_get(&pool, 8, &chain) == 0);
	wants[0] = 8;
	for (unsigned i = 0; i < 4; i++) {
		wants[i] = i ? 1 + host_below(3) : 8;
		start_thread(get_once, i);
		thread_yield();
	}
	while (chain) {
		assert(norder == 0);
		one = chain;
		chain = chain->next;
		one->next = NULL;
		pool_put(&pool, one);
		assert(pool_try_get(&pool, 1, &one) == -EAGAIN);
		thread_yield();
	}
	while (running)
		thread_yield();
	for (unsigned i = 0; i < 4; i++)
		assert(order[i] == i);
	end();
}

static void expect_error(void *arg)
{
	struct page *chain;

	assert(pool_get(&pool, (uintptr_t)arg, &chain) == -ENETDOWN);
	running--;
}

static void put_later(void *arg)
{
	thread_sleep(clock_now() + 1000);
	pool_put(&pool, arg);
	running--;
}

static void the_end_waits_for_what_is_lent(void)
{
	struct page *chain;

	host_boot();
	assert(pool_init(&pool, PEER, 0, 8) == 0);
	assert(pool_get(&pool, 7, &chain) == 0);
	for (unsigned i = 0; i < 3; i++)
		start_thread(expect_error, 2 + i);
	thread_sleep(clock_now() + 100);
	pool_fail(&pool, -ENETDOWN);
	assert(pool_try_get(&pool, 1, &(struct page *){ 0 }) == -ENETDOWN);
	start_thread(put_later, (uintptr_t)chain);
	pool_end(&pool);
	assert(pool.lent == 0);
	while (running)
		thread_yield();
}

/* With few grants, threads share the pages, and impossible requests are refused. */
static void without_grants_it_is_smaller(void)
{
	struct page *chain;

	host.grant_frames = 1;
	host_boot();
	assert(pool_init(&pool, PEER, 4, 4096) == 0);
	assert(pool_get(&pool, 4096, &chain) == -ENOMEM);
	assert(pool.granted > 100 && pool.granted < 600 && pool.lent == 0);
	assert(pool_get(&pool, pool.granted, &chain) == 0);
	assert(pool_try_get(&pool, 1, &(struct page *){ 0 }) == -EAGAIN);
	assert(pool_get(&pool, 600, &(struct page *){ 0 }) == -ENOMEM);
	pool_put(&pool, chain);
	end();
	assert(pool_init(&pool, PEER, 1000, 1000) == -ENOSPC);
}

/* ---- pending */

#define IDS 40

static void each_is_taken_once(void)
{
	static int thing[IDS];
	int id_of[IDS];
	bool in_flight[IDS] = { 0 };
	struct pending p;
	unsigned n = 0;

	assert(pending_init(&p, IDS) == 0);
	for (int k = 0; k < 2000; k++) {
		unsigned i = host_below(IDS);

		if (!in_flight[i]) {
			id_of[i] = pending_add(&p, &thing[i]);
			assert(id_of[i] >= 0 && id_of[i] < IDS);
			for (unsigned j = 0; j < IDS; j++)
				assert(j == i || !in_flight[j] || id_of[j] != id_of[i]);
			n++;
		} else {
			assert(pending_take(&p, id_of[i]) == &thing[i]);
			assert(!pending_take(&p, id_of[i]));	/* not twice */
			n--;
		}
		in_flight[i] = !in_flight[i];
		assert(!pending_take(&p, IDS + host_random() % (UINT64_MAX - IDS)));
		assert(!pending_take(&p, (1ull << 32) + id_of[i]));
		if (n == IDS)
			assert(pending_add(&p, &thing[0]) == -EAGAIN);
	}
	while (pending_take_any(&p))
		n--;
	assert(n == 0);
	pending_free(&p);
	assert(!pending_take(&p, 0) && pending_add(&p, &thing[0]) == -EAGAIN);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "pages are granted once, and were zeroed before",
		  pages_are_granted_once_and_empty, 5 },
		{ "a page that stays mapped is freed when it is unmapped",
		  a_mapped_page_is_freed_when_it_is_let_go, 10 },
		{ "no page has two users, and no thread starves", nobody_shares_and_nobody_starves,
		  200 },
		{ "first come, first served", first_come_first_served, 50 },
		{ "closing waits for pages that are in use",
		  the_end_waits_for_what_is_lent, 50 },
		{ "with few grants the pool is smaller",
		  without_grants_it_is_smaller, 2 },
		{ "only ids in flight are accepted, and only once",
		  each_is_taken_once, 50 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
