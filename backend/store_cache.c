/* SPDX-License-Identifier: ISC */
/* A write cache: sectors that were written and not flushed, in blocks of 4 KiB. */
#include "backend/store_faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096u
#define SECTOR 512u

struct cache_block {
	struct cache_block *next;
	uint64_t number;
	uint8_t dirty;			/* a bit for each sector */
	uint8_t changed;		/* since the last cache_next() */
	uint8_t data[BLOCK];
};

static struct cache_block **slot_of(const struct write_cache *c, uint64_t number)
{
	struct cache_block **p =
		(struct cache_block **)&c->table[number % (sizeof(c->table) / sizeof(c->table[0]))];

	while (*p && (*p)->number != number)
		p = &(*p)->next;
	return p;
}

static void drop_if_clean(struct write_cache *c, struct cache_block **p)
{
	struct cache_block *b = *p;

	if (!b || b->dirty)
		return;
	*p = b->next;
	c->bytes -= sizeof(*b);
	free(b);
}

static struct cache_block *make(struct write_cache *c, uint64_t number)
{
	struct cache_block **p = slot_of(c, number);

	if (*p)
		return *p;
	*p = calloc(1, sizeof(**p));
	if (*p) {
		(*p)->number = number;
		c->bytes += sizeof(**p);
	}
	return *p;
}

/* Calls visit() for each sector of the pieces, which have whole sectors. */
static int each_sector(const struct iovec *v, int count, uint64_t at,
		       int (*visit)(struct write_cache *c, uint64_t sector, uint8_t *memory),
		       struct write_cache *c)
{
	int rc = 0;

	for (int i = 0; i < count; i++)
		for (size_t done = 0; !rc && done < v[i].iov_len; done += SECTOR, at += SECTOR)
			rc = visit(c, at / SECTOR, (uint8_t *)v[i].iov_base + done);
	return rc;
}

static int write_sector(struct write_cache *c, uint64_t sector, uint8_t *memory)
{
	struct cache_block *b = make(c, sector / 8);

	if (!b)
		return -ENOMEM;
	memcpy(b->data + sector % 8 * SECTOR, memory, SECTOR);
	b->dirty |= 1 << sector % 8;
	b->changed |= 1 << sector % 8;
	return 0;
}

static int read_sector(struct write_cache *c, uint64_t sector, uint8_t *memory)
{
	struct cache_block *b = *slot_of(c, sector / 8);

	if (b && b->dirty >> sector % 8 & 1)
		memcpy(memory, b->data + sector % 8 * SECTOR, SECTOR);
	return 0;
}

int cache_write(struct write_cache *c, const struct iovec *from, int count, uint64_t at)
{
	return each_sector(from, count, at, write_sector, c);
}

void cache_read(const struct write_cache *c, const struct iovec *to, int count, uint64_t at)
{
	each_sector(to, count, at, read_sector, (struct write_cache *)c);
}

void cache_drop(struct write_cache *c, uint64_t at, uint64_t len)
{
	for (uint64_t s = at / SECTOR; s < (at + len) / SECTOR; s++) {
		struct cache_block **p = slot_of(c, s / 8);

		if (!*p)
			continue;
		(*p)->dirty &= ~(1 << s % 8);
		drop_if_clean(c, p);
	}
}

bool cache_next(struct write_cache *c, struct cache_run *r)
{
	for (unsigned i = 0; i < sizeof(c->table) / sizeof(c->table[0]); i++) {
		struct cache_block *b = c->table[i];

		if (!b)
			continue;
		r->block = b;
		for (r->first = 0; !(b->dirty >> r->first & 1); r->first++)
			;
		for (r->count = 0; b->dirty >> (r->first + r->count) & 1; r->count++)
			;
		r->at = b->number * BLOCK + r->first * SECTOR;
		b->changed = 0;
		memcpy(r->data, b->data + r->first * SECTOR, r->count * SECTOR);
		return true;
	}
	return false;
}

void cache_clean(struct write_cache *c, const struct cache_run *r)
{
	struct cache_block **p = slot_of(c, r->at / BLOCK);

	for (unsigned i = r->first; *p && i < r->first + r->count; i++)
		if (!((*p)->changed >> i & 1))
			(*p)->dirty &= ~(1 << i);
	drop_if_clean(c, p);
}

void cache_lose(struct write_cache *c, bool (*keep)(void *arg), void *arg)
{
	for (unsigned i = 0; i < sizeof(c->table) / sizeof(c->table[0]); i++)
		for (struct cache_block **p = &c->table[i], *b; (b = *p);) {
			for (unsigned s = 0; s < 8; s++)
				if (b->dirty >> s & 1 && !keep(arg))
					b->dirty &= ~(1 << s);
			if (b->dirty)
				p = &b->next;
			else
				drop_if_clean(c, p);
		}
}
