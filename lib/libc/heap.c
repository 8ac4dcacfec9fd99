/* SPDX-License-Identifier: ISC */
/*
 * Is the heap in order?  An application that writes beyond a block, or to a block that it has
 * freed, damages what newlib's malloc keeps there, and the fault comes later and elsewhere.
 *
 * What is given to free() and realloc() is checked before newlib follows it, with its
 * neighbours.  A report of any fault looks at the whole heap.
 */
#include "lib/libc/chunk.h"
#include "lib/libc/heap.h"

#include "kernel/log.h"
#include "kernel/page.h"

#include <stdbool.h>
#include <stdint.h>

#define NO_BITS 14ul			/* of a size: alignment is 16, and no mmap() is used */
#define FENCE OVERHEAD			/* size of what ends the heap before a foreign sbrk() */
#define MANY 10000000			/* chunks: a report does not take seconds */

extern char *__malloc_sbrk_base;	/* -1: there is no heap yet */

static uintptr_t start(void)
{
	return (uintptr_t)__malloc_sbrk_base;
}

static bool aligned(const struct chunk *c)
{
	return !((uintptr_t)c & 15);
}

static bool top_in_order(void)
{
	const struct chunk *top = last();
	uintptr_t end = (uintptr_t)page_brk(0), from = (uintptr_t)top;

	return aligned(top) && from >= start() && from < end && (top->size & 15) == IN_USE &&
	       size_of(top) <= end - from;
}

/* Its size leads to another chunk, or to top. */
static bool sized(const struct chunk *c)
{
	return !(c->size & NO_BITS) && size_of(c) >= CHUNK_MIN &&
	       size_of(c) <= (uintptr_t)last() - (uintptr_t)c;
}

/* The same, or it ends the heap. */
static bool ended(const struct chunk *c)
{
	return c == last() || c->size == (FENCE | IN_USE) || sized(c);
}

/* In the list of those that are free: a link leads to a chunk, or to a list's head. */
static bool link_holds(const struct chunk *c, const struct chunk *to)
{
	uintptr_t from = (uintptr_t)to, head = from - (uintptr_t)__malloc_av_;

	if (head < LISTS * sizeof(struct pair))
		return head % sizeof(struct pair) == 0;
	return c != to && aligned(to) && from >= start() && to < last();
}

static bool listed(const struct chunk *c)
{
	return link_holds(c, c->next) && link_holds(c, c->prev) && c->next->prev == c &&
	       c->prev->next == c;
}

/* c is in order, and leads to a chunk that is. */
static bool leads_on(const struct chunk *c)
{
	return sized(c) && ended(at(c, size_of(c)));
}

static bool is_free(const struct chunk *c)
{
	return !(at(c, size_of(c))->size & IN_USE);
}

static bool free_in_order(const struct chunk *c)
{
	return at(c, size_of(c))->before == size_of(c) && listed(c);
}

/* c leads on: whether what lies behind is as it must be. */
static bool behind_in_order(const struct chunk *c)
{
	const struct chunk *next = at(c, size_of(c));

	if (next == last() || size_of(next) == FENCE)
		return true;
	return leads_on(next) && (!is_free(next) || free_in_order(next));
}

static bool before_in_order(const struct chunk *c)
{
	const struct chunk *before = at(c, -c->before);

	if (c->size & IN_USE)
		return true;
	return !(c->before & 15) && c->before >= CHUNK_MIN &&
	       c->before <= (uintptr_t)c - start() && size_of(before) == c->before &&
	       sized(before) && listed(before);
}

static unsigned locked;
static bool told;			/* a panic of ours says it already */

static _Noreturn void fail(const char *function, const void *memory, const char *why)
{
	told = true;
	panic("%s(%p): %s", function, memory, why);
}

void heap_enter(void)
{
	locked++;
	if (start() == UINTPTR_MAX || panicking || top_in_order())
		return;
	panic("the heap is damaged: something was written beyond its last block");
}

void heap_leave(void)
{
	locked--;
}

/* c is free, or has become part of a larger chunk that is. */
static bool freed(const struct chunk *c)
{
	return is_free(c) && before_in_order(at(c, size_of(c)));
}

void heap_check(const void *memory, const char *function)
{
	const struct chunk *c = chunk_of(memory);

	if (!aligned(c) || start() == UINTPTR_MAX || (uintptr_t)c < start() || c >= last())
		fail(function, memory, "malloc() has not returned that, or it is free already");
	if (!sized(c))
		fail(function, memory,
		     "the heap is damaged there, or malloc() has not returned that");
	if (leads_on(c) && freed(c))
		fail(function, memory, "it is free already");
	if (!leads_on(c) || is_free(c) || !behind_in_order(c))
		fail(function, memory, "the heap is damaged behind it");
	if (!before_in_order(c))
		fail(function, memory, "the heap is damaged before it");
}

static bool in_order(const struct chunk *c)
{
	return leads_on(c) && (!is_free(c) || free_in_order(c));
}

/* The first chunk that is not in order, or NULL; before: the one before it, or NULL. */
static const struct chunk *find_damage(const struct chunk **before)
{
	const struct chunk *c = (const struct chunk *)start();

	*before = NULL;
	for (unsigned i = 0; i < MANY && c != last() && size_of(c) != FENCE; i++) {
		if (!in_order(c))
			return c;
		*before = c;
		c = at(c, size_of(c));
	}
	return c == last() && !top_in_order() ? c : NULL;
}

void heap_report(void)
{
	const struct chunk *damaged, *before;

	if (start() == UINTPTR_MAX)
		return;
	damaged = find_damage(&before);
	if (damaged && before)
		print("  the heap is damaged at %p, or by what was written to the %zu bytes at %p\n",
		      memory_of(damaged), size_of(before) - OVERHEAD, memory_of(before));
	else if (damaged)
		print("  the heap is damaged at %p\n", memory_of(damaged));
	else if (locked && !told)
		print("  this was in malloc() or free(): the heap is damaged\n");
}
