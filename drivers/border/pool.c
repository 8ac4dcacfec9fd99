/* SPDX-License-Identifier: ISC */
#include "drivers/border/pool.h"
#include "kernel/arch.h"
#include "kernel/gnttab.h"
#include "kernel/page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A page, and its private address, which is freed. */
struct own {
	struct page page;
	void *memory;
};

static int grant_one(struct pool *pool)
{
	struct own *own = malloc(sizeof(*own));
	void *memory = own ? page_alloc(1) : NULL;
	int ref;

	if (!memory) {
		free(own);
		return -ENOMEM;
	}
	ref = gnttab_grant_zeroed(pool->peer, memory, false);
	if (ref < 0) {
		page_free(memory, 1);
		free(own);
		return ref;
	}
	*own = (struct own){
		.page = { .data = memory, .ref = ref, .next = pool->free },
		.memory = memory,
	};
	pool->free = &own->page;
	pool->nfree++;
	pool->granted++;
	return 0;
}

int pool_init(struct pool *pool, domid_t peer, uint32_t min, uint32_t max)
{
	int rc = 0;

	assert(min <= max);
	*pool = (struct pool){ .peer = peer, .max = max };
	while (pool->granted < min && !rc)
		rc = grant_one(pool);
	if (rc) {
		pool_fail(pool, rc);
		pool_end(pool);
	}
	return rc;
}

/* Wakes the first waiting thread if its request can be met now, or can never be met. */
static void next_turn(struct pool *pool)
{
	struct turn *first = pool->turns.first;

	if (first && (first->n <= pool->nfree || first->n > pool->granted))
		wake(&first->queue);
}

/* Returns whether n pages are free, and grants more if necessary. */
static bool enough(struct pool *pool, uint32_t n)
{
	while (pool->nfree < n && pool->granted < pool->max && grant_one(pool) == 0)
		;
	return pool->nfree >= n;
}

static struct page *take(struct pool *pool, uint32_t n)
{
	struct page *chain = pool->free, *last = chain;

	for (uint32_t i = 1; i < n; i++)
		last = last->next;
	pool->free = last->next;
	last->next = NULL;
	pool->nfree -= n;
	pool->lent += n;
	return chain;
}

int pool_try_get(struct pool *pool, uint32_t n, struct page **chain)
{
	assert(n);
	if (pool->error)
		return pool->error;
	if (n > pool->max)
		return -EMSGSIZE;
	if (pool->turns.first)
		return -EAGAIN;
	if (!enough(pool, n))
		return n > pool->granted ? -ENOMEM : -EAGAIN;
	*chain = take(pool, n);
	return 0;
}

int pool_get(struct pool *pool, uint32_t n, struct page **chain)
{
	struct turn me;
	int rc = pool_try_get(pool, n, chain);

	if (rc != -EAGAIN)
		return rc;
	turn_join(&pool->turns, &me, n);
	wait_until(&me.queue, pool->error || (turn_first(&pool->turns, &me) &&
					      (enough(pool, n) || n > pool->granted)));
	turn_leave(&pool->turns, &me);
	if (pool->error) {
		wake(&pool->returned);
		return pool->error;
	}
	rc = pool->nfree >= n ? 0 : -ENOMEM;
	if (!rc)
		*chain = take(pool, n);
	next_turn(pool);
	return rc;
}

void pool_put(struct pool *pool, struct page *chain)
{
	while (chain) {
		struct page *next = chain->next;

		chain->next = pool->free;
		pool->free = chain;
		pool->nfree++;
		pool->lent--;
		chain = next;
	}
	if (pool->lent == 0)
		wake(&pool->returned);
	next_turn(pool);
}

void pool_fail(struct pool *pool, int error)
{
	if (!pool->error)
		pool->error = error;
	turn_wake_all(&pool->turns);
}

uint32_t pool_end(struct pool *pool)
{
	uint32_t kept = 0;

	assert(pool->error);
	wait_until(&pool->returned, pool->lent == 0 && !pool->turns.first);
	while (pool->free) {
		struct own *own = (struct own *)pool->free;

		pool->free = own->page.next;
		kept += !gnttab_revoke_and_free(own->page.ref, own->memory);
		free(own);
	}
	pool->nfree = pool->granted = 0;
	return kept;
}
