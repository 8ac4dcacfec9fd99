/* SPDX-License-Identifier: ISC */
/* What newlib's printf() is not built to do: `%2$s` and `%m`. */
#ifndef LIB_LIBC_PRINTF_H
#define LIB_LIBC_PRINTF_H

#include <reent.h>
#include <stdarg.h>
#include <stdio.h>

typedef int printf_engine(struct _reent *reent, FILE *file, const char *format, va_list args);

/* newlib's own two, by the names that the Makefile gives them. */
printf_engine __newlib_vfprintf_r, __newlib_svfprintf_r;

/*
 * As the engine, also with positional arguments (POSIX.1-2017, fprintf) and %m (syslog(3) and
 * Linux's printf(3)): it gets a format without either, and its arguments in that order.
 */
int printf_with(printf_engine *engine, struct _reent *reent, FILE *file, const char *format,
		va_list args);

#endif
