/* SPDX-License-Identifier: ISC */
/*
 * malloc(), calloc() and free(): newlib's; large blocks are mapped in steps before.
 *
 * Small blocks that were freed are kept for the next request of their size.  newlib sees them as
 * blocks in use, so they are given back when memory is short.
 */
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched_brief.h"
#include "lib/libc/chunk_check.h"
#include "lib/libc/heap.h"

#include <malloc.h>
#include <reent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 1056u /* the largest chunk that is kept */
#define SMALLEST 128u  /* programs free many chunks up to this size at once */
#define KEPT_BYTES 16384u /* of each larger size */
#define SHARE 16      /* of the memory, for all that are kept */
#define STEP 256      /* are given back with malloc's lock held */
#define KINDS (KEPT_MAX / 16 + 1)

struct kept {
	struct kept *next;
	uintptr_t seal; /* shows whether next was overwritten */
};

static struct kept *kept[KINDS];
static uint16_t nkept[KINDS]; /* not of the smallest */
static size_t all_kept; /* bytes */

static uintptr_t seal_of(const struct kept *k)
{
	return ~((uintptr_t)k + (uintptr_t)k->next);
}

static void lock(void)
{
	if (current)
		kernel_enter_briefly();
}

static void unlock(void)
{
	if (current)
		kernel_leave_briefly();
}

bool heap_kept(const void *memory)
{
	const struct kept *k = memory;
	size_t kind;

	if (k->seal != seal_of(k))
		return false;
	kind = size_of(chunk_of(memory)) / 16;
	if (kind >= KINDS)
		return false;
	for (const struct kept *i = kept[kind]; i; i = i->next)
		if (i == k)
			return true;
	return false;
}

static void *take(size_t kind)
{
	struct kept *k = kept[kind];

	if (!k)
		return NULL;
	if (k->seal != seal_of(k) || size_of(chunk_of(k)) != kind * 16)
		panic("malloc(): the heap is damaged: data was written to the freed block %p", k);
	kept[kind] = k->next;
	all_kept -= kind * 16;
	if (kind > SMALLEST / 16)
		nkept[kind]--;
	k->seal = 0;
	return k;
}

static bool keep(void *memory)
{
	struct kept *k = memory;
	size_t size = size_of(chunk_of(memory)), kind = size / 16;

	if (kind >= KINDS || all_kept >= (boot_info.memory_end - boot_info.memory_start) / SHARE)
		return false;
	if (size > SMALLEST) {
		if (nkept[kind] * size >= KEPT_BYTES)
			return false;
		nkept[kind]++;
	}
	all_kept += size;
	k->next = kept[kind];
	k->seal = seal_of(k);
	kept[kind] = k;
	return true;
}

bool heap_keeps(void)
{
	return all_kept;
}

/* Gives a few back; returns whether there were any. */
static bool give_back(void)
{
	unsigned n = 0;
	void *k;

	__malloc_lock(_REENT);
	for (size_t kind = 0; kind < KINDS; kind++)
		while (n < STEP && (k = take(kind))) {
			heap_check(k, "malloc");
			_free_r(_REENT, k);
			n++;
		}
	__malloc_unlock(_REENT);
	return n;
}

bool heap_give_back(void)
{
	bool any = false;

	while (give_back())
		any = true;
	return any;
}

void heap_prepare(size_t size)
{
	bool more = size > PAGE_STEP;

	while (more && current && !current->depth) {
		kernel_enter();
		more = page_prepare(size);
		kernel_leave();
	}
}

/* For newlib, too: strdup(), memalign() and others call it. */
void *_malloc_r(struct _reent *r, size_t size)
{
	void *p = __newlib_malloc_r(r, size);

	if (!p && heap_give_back())
		p = __newlib_malloc_r(r, size);
	return p;
}

static void *allocate(size_t size)
{
	size_t kind = (size + OVERHEAD + 15) / 16;
	void *p;

	if (size <= KEPT_MAX - OVERHEAD - 16) {
		lock();
		kind = kind < CHUNK_MIN / 16 ? CHUNK_MIN / 16 : kind;
		p = take(kind + !kept[kind]); /* newlib's chunks may be 16 larger */
		unlock();
		if (p)
			return p;
	} else {
		heap_prepare(size);
	}
	return _malloc_r(_REENT, size);
}

void *malloc(size_t size)
{
	return allocate(size);
}

void free(void *p)
{
	if (!p)
		return;
	lock();
	if (!in_use(chunk_of(p)) || heap_kept(p) || !keep(p)) {
		heap_check(p, "free");
		_free_r(_REENT, p);
	}
	unlock();
}

void cfree(void *p)
{
	free(p);
}

void *calloc(size_t n, size_t size)
{
	size_t all;
	void *p;

	if (__builtin_mul_overflow(n, size, &all))
		return _calloc_r(_REENT, n, size); /* it refuses */
	if (all <= KEPT_MAX - OVERHEAD - 16) {
		p = allocate(all); /* of malloc() and memset() gcc makes calloc() */
		return p ? memset(p, 0, all) : NULL;
	}
	heap_prepare(all);
	return _calloc_r(_REENT, n, size);
}
