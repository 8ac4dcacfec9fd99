/* SPDX-License-Identifier: ISC */
/*
 * Consistency checks of the heap. An application that writes beyond a block, or to a
 * freed block, damages newlib's malloc structures, and the fault occurs later and
 * elsewhere.
 *
 * free() and realloc() check the block and its neighbours before newlib uses them. A
 * report of a fault checks the whole heap.
 */
#include "lib/libc/chunk_check.h"
#include "lib/libc/heap.h"

#include "kernel/log.h"
#include "kernel/page.h"

#include <stdbool.h>
#include <stdint.h>

#define MANY 10000000	/* chunks checked in a report, which must not take seconds */

static bool top_in_order(void)
{
	const struct chunk *top = last();
	uintptr_t from = (uintptr_t)top;

	return aligned(top) && from >= start() && from < page_break && (top->size & 15) == IN_USE &&
	       size_of(top) <= page_break - from;
}

/*
 * Whether a link of a free chunk points to the head of a list, or to a place in the heap
 * where a chunk can be.
 */
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

static bool free_in_order(const struct chunk *c)
{
	return at(c, size_of(c))->before == size_of(c) && listed(c);
}

/* c leads on: whether the next chunk agrees with it. */
static bool behind_in_order(const struct chunk *c)
{
	const struct chunk *next = at(c, size_of(c));

	if (next == last() || size_of(next) == FENCE)
		return true;
	return link_valid(next) && (!is_free(next) || free_in_order(next));
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
static bool reported;			/* a panic below has reported it already */

static _Noreturn void fail(const char *function, const void *memory, const char *why)
{
	reported = true;
	panic("%s(%p): %s", function, memory, why);
}

void heap_enter(void)
{
	locked++;
	if (start() == UINTPTR_MAX || panicking || top_in_order())
		return;
	panic("the heap is damaged: data was written beyond its last block");
}

void heap_leave(void)
{
	locked--;
}

/* Whether c is free, or part of a larger free chunk. */
static bool freed(const struct chunk *c)
{
	return is_free(c) && before_in_order(at(c, size_of(c)));
}

void heap_check(const void *memory, const char *function)
{
	const struct chunk *c = chunk_of(memory);

	if (!aligned(c) || start() == UINTPTR_MAX || (uintptr_t)c < start() || c >= last())
		fail(function, memory, "not returned by malloc(), or already freed");
	if (!sized(c))
		fail(function, memory, "the heap is damaged, or not returned by malloc()");
	if (link_valid(c) && freed(c))
		fail(function, memory, "already freed");
	if (!link_valid(c) || is_free(c) || !behind_in_order(c))
		fail(function, memory, "the heap is damaged behind this block");
	if (!before_in_order(c))
		fail(function, memory, "the heap is damaged before this block");
	if (heap_kept(memory))
		fail(function, memory, "already freed");
}

static bool in_order(const struct chunk *c)
{
	return link_valid(c) && (!is_free(c) || free_in_order(c));
}

/* Returns the first inconsistent chunk, or NULL. before: the chunk before it, or NULL. */
static const struct chunk *first_damaged(const struct chunk **before)
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
	damaged = first_damaged(&before);
	if (damaged && before)
		print("  the heap is damaged at %p, possibly by a write beyond the %zu bytes at %p\n",
		      memory_of(damaged), size_of(before) - OVERHEAD, memory_of(before));
	else if (damaged)
		print("  the heap is damaged at %p\n", memory_of(damaged));
	else if (locked && !reported)
		print("  the heap is damaged: the fault was in malloc() or free()\n");
}
