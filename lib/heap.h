/* SPDX-License-Identifier: ISC */
/* What malloc() and its kind do before and after newlib's code, which holds the monitor. */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stddef.h>

/*
 * An application is about to ask for so many bytes: map them in steps, outside of malloc's
 * lock, so that the monitor is held for one step only.
 */
void heap_prepare(size_t size);

#endif
