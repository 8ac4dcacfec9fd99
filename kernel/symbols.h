/* SPDX-License-Identifier: ISC */
/* Names of functions, for backtraces. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

/*
 * The function that addr lies in, or NULL where addr is no code.  *start becomes its
 * first byte.  Reads only the table that tools/symbols puts into the image: it is safe in
 * any state of the kernel, and slow (linear in the number of functions).
 */
const char *symbol_lookup(uintptr_t addr, uintptr_t *start);

/*
 * All functions, by address: the next one, *at being NULL at first.  "": no code, from
 * *start on; NULL: that was the last.
 */
const char *symbol_next(const uint8_t **at, uintptr_t *start);

#endif
