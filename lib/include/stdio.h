/* SPDX-License-Identifier: ISC */
/* newlib's <stdio.h>, in which these two functions have other names. */
#ifndef XENOLITH_STDIO_H
#define XENOLITH_STDIO_H

#include_next <stdio.h>

#if __POSIX_VISIBLE >= 200809
#ifdef __cplusplus
extern "C" {
#endif
ssize_t getline(char **line, size_t *size, FILE *file);
ssize_t getdelim(char **line, size_t *size, int end, FILE *file);
#ifdef __cplusplus
}
#endif
#endif

#endif
