/* SPDX-License-Identifier: ISC */
/* The calls of the current thread, as in glibc (backtrace(3)). */
#ifndef XENOLITH_EXECINFO_H
#define XENOLITH_EXECINFO_H

#ifdef __cplusplus
extern "C" {
#endif

/* Stores at most `size` return addresses, the innermost first. Returns how many. */
int backtrace(void **to, int size);

/* Allocated, to be freed by one free(): "IMAGE(NAME+0x12) [0x101234]" for each.  NULL: no memory. */
char **backtrace_symbols(void *const *addresses, int size);
void backtrace_symbols_fd(void *const *addresses, int size, int fd);

#ifdef __cplusplus
}
#endif

#endif
