/* SPDX-License-Identifier: ISC */
#include "fs/cache.h"
#include "fs/os.h"

#include <assert.h>
#include <string.h>

#define RESERVE 48			/* pages */
#define DIRTY_LEAST (512 << 10)
#define DIRTY_MOST (64 << 20)

/* A ring: list.newer is the oldest, list.older the newest. */
static struct cached list = { .newer = &list, .older = &list };
struct cache_stats cache_stats;

static struct {
	void *pages[RESERVE];
	unsigned count;
	/* Pages that were given away in place of smaller memory. */
	void *lent[RESERVE];
	unsigned lent_count;
	unsigned mounted, operations;
} reserve;

void cache_idle(struct cached *c)
{
	assert(!c->newer);
	c->older = list.older;
	c->newer = &list;
	list.older->newer = c;
	list.older = c;
	cache_stats.idle += c->size;
}

void cache_busy(struct cached *c)
{
	if (!c->newer)
		return;
	c->newer->older = c->older;
	c->older->newer = c->newer;
	c->newer = c->older = NULL;
	cache_stats.idle -= c->size;
}

size_t cache_reclaim(size_t bytes)
{
	size_t freed = 0;

	while (freed < bytes && list.newer != &list) {
		struct cached *c = list.newer;

		freed += c->size;
		cache_busy(c);
		c->drop(c);
	}
	return freed;
}

void *cache_alloc(size_t size)
{
	void *p;

	os_set_reclaim(cache_reclaim);
	while (!(p = os_alloc(size)))
		if (!cache_reclaim(size + OS_PAGE))
			return NULL;
	cache_stats.bytes += size;
	return p;
}

/* Whether it is a page that was lent, which is freed then. */
static bool give_back(void *p)
{
	for (unsigned k = 0; k < reserve.lent_count; k++)
		if (reserve.lent[k] == p) {
			reserve.lent[k] = reserve.lent[--reserve.lent_count];
			os_page_free(p);
			return true;
		}
	return false;
}

void cache_free(void *p, size_t size)
{
	if (!p)
		return;
	if (!give_back(p))
		os_free(p);
	cache_stats.bytes -= size;
}

void *cache_page_alloc(void)
{
	void *p;

	os_set_reclaim(cache_reclaim);
	while (!(p = os_page_alloc()))
		if (!cache_reclaim(OS_PAGE))
			return NULL;
	cache_stats.bytes += OS_PAGE;
	return p;
}

void cache_page_free(void *page)
{
	if (!page)
		return;
	os_page_free(page);
	cache_stats.bytes -= OS_PAGE;
}

void cache_mounted(void)
{
	reserve.mounted++;
}

void cache_unmounted(void)
{
	if (--reserve.mounted)
		return;
	while (reserve.count)
		os_page_free(reserve.pages[--reserve.count]);
}

bool cache_reserve(void)
{
	while (reserve.count < RESERVE) {
		void *page = cache_page_alloc();

		if (!page)
			break;
		cache_stats.bytes -= OS_PAGE;
		reserve.pages[reserve.count++] = page;
	}
	return reserve.count == RESERVE;
}

void cache_operation(int by)
{
	reserve.operations += by;
}

void *cache_page_alloc_sure(void)
{
	void *page = cache_page_alloc();

	if (page || !reserve.operations || !reserve.count)
		return page;
	cache_stats.bytes += OS_PAGE;
	return reserve.pages[--reserve.count];
}

void *cache_alloc_sure(size_t size)
{
	void *p = cache_alloc(size);

	if (p || size > OS_PAGE || reserve.lent_count == RESERVE)
		return p;
	p = cache_page_alloc_sure();
	if (!p)
		return NULL;
	cache_stats.bytes -= OS_PAGE;
	cache_stats.bytes += size;
	reserve.lent[reserve.lent_count++] = p;
	return memset(p, 0, size);
}

bool cache_has(size_t bytes)
{
	return cache_stats.idle >= bytes || os_memory_free() + cache_stats.idle >= bytes;
}

size_t cache_dirty_limit(void)
{
	size_t limit = (os_memory_free() + cache_stats.bytes) / 4;

	return limit < DIRTY_LEAST ? DIRTY_LEAST : limit > DIRTY_MOST ? DIRTY_MOST : limit;
}
