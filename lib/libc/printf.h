/* SPDX-License-Identifier: ISC */
/* Extensions of newlib's printf(): `%2$s` and `%m`. */
#ifndef LIB_LIBC_PRINTF_H
#define LIB_LIBC_PRINTF_H

#include <reent.h>
#include <stdarg.h>
#include <stdio.h>

typedef int printf_engine(struct _reent *reent, FILE *file, const char *format, va_list args);

/* newlib's functions, which the Makefile has renamed. */
printf_engine __newlib_vfprintf_r, __newlib_svfprintf_r;

/*
 * Formats as the engine does, and supports positional arguments (POSIX.1-2017, fprintf)
 * and %m (syslog(3), and printf(3) of Linux). The engine gets a format without them, and
 * its arguments in order.
 */
int printf_with(printf_engine *engine, struct _reent *reent, FILE *file, const char *format,
		va_list args);

#endif
