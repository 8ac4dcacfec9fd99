/* SPDX-License-Identifier: ISC */
/* Functions around newlib's malloc code, which runs in the kernel monitor. */
#ifndef LIB_LIBC_HEAP_H
#define LIB_LIBC_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Call this before an allocation of `size` bytes, without malloc's lock: maps the memory
 * in steps, so that the monitor is held for one step only.
 */
void heap_prepare(size_t size);

/*
 * Panics unless memory is a block of malloc() in use and its neighbours are consistent.
 * Call it with malloc's lock held. function: the name for the report.
 */
void heap_check(const void *memory, const char *function);

/* Whether a block was freed, and is kept for malloc(); whether there is one. */
bool heap_kept(const void *memory);
bool heap_keeps(void);

/* Gives the kept blocks to newlib; returns whether there were any. */
bool heap_give_back(void);

/*
 * newlib's _malloc_r(), which the Makefile has renamed: it fails when memory is used up but for kept
 * blocks.  _malloc_r() gives them back then.
 */
struct _reent;
void *__newlib_malloc_r(struct _reent *r, size_t size);

/*
 * heap_enter() and heap_leave() mark code that uses the heap, so that a fault there is
 * reported as heap damage. heap_enter() checks the end of the heap, from which malloc()
 * takes new memory.
 */
void heap_enter(void);
void heap_leave(void);

/*
 * Gives the kept blocks back, and fills the memory that is free with zeroes, without malloc's own words
 * in it.  Kernel code.
 */
void heap_clear(void);

#endif
