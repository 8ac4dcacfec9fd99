/* SPDX-License-Identifier: ISC */
/*
 * newlib's <stdio.h>, in which getline() and getdelim() have other names, and renameat2() of
 * Linux.
 */
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

#if __GNU_VISIBLE
#define RENAME_NOREPLACE	1	/* EEXIST if the new name exists */
#define RENAME_EXCHANGE		2	/* both names must exist */

#ifdef __cplusplus
extern "C" {
#endif
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
#ifdef __cplusplus
}
#endif
#endif

#endif
