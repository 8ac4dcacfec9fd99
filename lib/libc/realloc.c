/* SPDX-License-Identifier: ISC */
/*
 * realloc(), instead of newlib's, which copies with malloc's lock held, that is in the
 * monitor, and does not release the lock when it refuses 2 GiB (_mallocr.c of newlib
 * 4.5).
 *
 * Chunks are joined and split with the lock held. Data is copied without it, when the new
 * chunk is already marked as used.
 */
#include "lib/libc/chunk_check.h"
#include "lib/libc/heap.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <reent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void set_size(struct chunk *c, size_t size)
{
	c->size = size | (c->size & IN_USE);
}

/*
 * Returns how much larger c would be with the free chunk behind it; top keeps a minimum.
 */
static size_t behind(struct chunk *c)
{
	struct chunk *next = at(c, size_of(c));

	if (next == last())
		return size_of(next) > CHUNK_MIN ? size_of(next) - CHUNK_MIN : 0;
	return at(next, size_of(next))->size & IN_USE ? 0 : size_of(next);
}

static void unlink_chunk(struct chunk *c)
{
	c->next->prev = c->prev;
	c->prev->next = c->next;
}

/* Joins c with the free chunk behind it; takes only what is needed from top. */
static void take_behind(struct chunk *c, size_t need)
{
	size_t size = size_of(c);
	struct chunk *next = at(c, size);

	if (next == last()) {
		size_t all = size + size_of(next);

		if (need <= size)
			return;
		set_size(c, need);
		__malloc_av_[1].next = at(c, need);
		last()->size = (all - need) | IN_USE;
		return;
	}
	size += size_of(next);
	unlink_chunk(next);
	set_size(c, size);
	at(c, size)->size |= IN_USE;
}

/* Splits off and frees what c does not need. */
static void *cut(struct _reent *r, struct chunk *c, size_t need)
{
	size_t more = size_of(c) - need;

	if (more >= CHUNK_MIN) {
		set_size(c, need);
		at(c, need)->size = more | IN_USE;
		_free_r(r, memory_of(at(c, need)));
	}
	return memory_of(c);
}

static void *shrink(struct _reent *r, struct chunk *c, size_t need)
{
	void *memory;

	__malloc_lock(r);
	memory = cut(r, c, need);
	__malloc_unlock(r);
	return memory;
}

/* Enlarges c in place. Returns c, or NULL. */
static struct chunk *widen(struct chunk *c, size_t need)
{
	if (size_of(c) >= need)
		return c;
	if (size_of(c) + behind(c) < need)
		return NULL;
	take_behind(c, need);
	return c;
}

/*
 * Joins c with the free chunk before it. Returns that chunk; the data still has to be
 * moved.
 */
static struct chunk *widen_down(struct chunk *c, size_t need)
{
	struct chunk *before = at(c, -c->before);

	if (c->size & IN_USE || c->before + size_of(c) + behind(c) < need)
		return NULL;
	unlink_chunk(before);
	set_size(before, c->before + size_of(c));
	if (size_of(before) < need)
		take_behind(before, need);
	return before;
}

static void *resize(struct _reent *r, void *old, size_t size)
{
	struct chunk *c = chunk_of(old), *wide;
	size_t need = (size + OVERHEAD + 15) & ~15ul, had;
	void *to = NULL;

	if (need < CHUNK_MIN)
		need = CHUNK_MIN;
	__malloc_lock(r);
	heap_check(old, "realloc");
	had = size_of(c) - OVERHEAD;
	wide = widen(c, need);
	if (wide)
		to = cut(r, wide, need);
	else
		wide = widen_down(c, need);
	__malloc_unlock(r);
	if (wide == c)
		return to;
	if (wide) {
		memmove(memory_of(wide), old, had);
		return shrink(r, wide, need);
	}
	to = __newlib_malloc_r(r, size);
	if (!to)
		return NULL;
	if (chunk_of(to) == at(c, size_of(c))) {	/* the heap has grown at its end */
		__malloc_lock(r);
		set_size(c, size_of(c) + size_of(chunk_of(to)));
		__malloc_unlock(r);
		return shrink(r, c, need);
	}
	memcpy(to, old, had);
	_free_r(r, old);
	return to;
}

void *_realloc_r(struct _reent *r, void *old, size_t size)
{
	void *to;

	if (!old)
		return _malloc_r(r, size);
	if (size > INT_MAX - CHUNK_MIN) {	/* the limit of newlib's malloc() */
		_REENT_ERRNO(r) = ENOMEM;
		return NULL;
	}
	to = resize(r, old, size);
	if (!to && heap_give_back())		/* some may have been beside the block */
		to = resize(r, old, size);
	return to;
}

/* Whether a block is already as large as is needed, and not too large. */
static bool fits(const void *old, size_t size)
{
	size_t has;

	if (!in_use(chunk_of(old)) || heap_kept(old))
		return false;
	has = size_of(chunk_of(old)) - OVERHEAD;
	return size <= has && has - size < CHUNK_MIN - OVERHEAD;
}

void *realloc(void *old, size_t size)
{
	if (!old)
		return malloc(size);
	if (fits(old, size))
		return old;
	heap_prepare(size);
	return _realloc_r(_REENT, old, size);
}
