/* SPDX-License-Identifier: ISC */
/* printf(), fprintf() and others to a stream. */
#include "lib/libc/printf.h"

int _vfprintf_r(struct _reent *reent, FILE *file, const char *format, va_list args)
{
	return printf_with(__newlib_vfprintf_r, reent, file, format, args);
}

int vfprintf(FILE *file, const char *format, va_list args)
{
	return _vfprintf_r(_REENT, file, format, args);
}
