/* SPDX-License-Identifier: ISC */
/* What malloc() and its kind do before and after newlib's code, which holds the monitor. */
#ifndef LIB_LIBC_HEAP_H
#define LIB_LIBC_HEAP_H

#include <stddef.h>

/*
 * An application is about to ask for so many bytes: map them in steps, outside of malloc's
 * lock, so that the monitor is held for one step only.
 */
void heap_prepare(size_t size);

/*
 * Panic unless memory is a block of malloc() in use, and what lies beside it in the heap is in
 * order.  In malloc's lock; function: what it was given to.
 */
void heap_check(const void *memory, const char *function);

/*
 * Between these malloc's lock is held: a fault is the heap's then.  heap_enter() looks at the
 * end of the heap, which malloc() takes new memory from.
 */
void heap_enter(void);
void heap_leave(void);

#endif
