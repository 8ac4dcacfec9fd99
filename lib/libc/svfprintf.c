/* SPDX-License-Identifier: ISC */
/* snprintf() and others to memory: newlib gives them a FILE of their own. */
#include "lib/libc/printf.h"

int _svfprintf_r(struct _reent *reent, FILE *file, const char *format, va_list args)
{
	return printf_with(__newlib_svfprintf_r, reent, file, format, args);
}
