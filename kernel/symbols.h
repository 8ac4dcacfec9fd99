/* SPDX-License-Identifier: ISC */
/* Names of functions, for backtraces, and of the image; tools/symbols makes them. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

/* The name of the application, and a digest of the image in hexadecimal digits. */
extern const char image_name[], image_build[];

/*
 * Returns the function in which addr lies, or NULL if addr is not code; *start becomes
 * its first byte.  Reads only the table that tools/symbols puts into the image: it is
 * safe in any state of the kernel, and slow (linear in the number of functions).  The name is
 * valid until the second next call of this function or symbol_next(), and has at most 255
 * characters.
 */
const char *symbol_lookup(uintptr_t addr, uintptr_t *start);

/*
 * Returns the functions one after another, by address.  *at is NULL at first.  "" means
 * that there is no code from *start on; NULL ends the list.
 */
const char *symbol_next(const uint8_t **at, uintptr_t *start);

#endif
