/* SPDX-License-Identifier: ISC */
/* snprintf() and other functions that print to memory, for which newlib makes a FILE. */
#include "lib/libc/printf.h"

int _svfprintf_r(struct _reent *reent, FILE *file, const char *format, va_list args)
{
	return printf_with(__newlib_svfprintf_r, reent, file, format, args);
}
