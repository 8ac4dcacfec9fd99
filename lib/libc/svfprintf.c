/* SPDX-License-Identifier: ISC */
/* snprintf() and other functions that print to memory, for which newlib makes a FILE. */
#include "lib/libc/printf.h"
#include "lib/libc/stream.h"

#include <errno.h>
#include <stdlib.h>

struct memory_output {
	struct printf_output output;
	struct _reent *reent;
	FILE *file;
};

/* Characters that do not fit are dropped, or asprintf()'s memory grows. */
static bool put(struct printf_output *output, const char *bytes, size_t len)
{
	const struct memory_output *to = (struct memory_output *)output;

	return __ssputs_r(to->reent, to->file, bytes, len) == 0;
}

int _svfprintf_r(struct _reent *reent, FILE *file, const char *format, va_list args)
{
	struct memory_output to = { .output.put = put, .reent = reent, .file = file };
	int n;

	if (file->_flags & __SMBF && !file->_bf._base) {	/* asprintf()'s */
		file->_bf._base = file->_p = malloc(64);
		if (!file->_p)
			return -1;
		file->_bf._size = 64;
	}
	n = printf_to(&to.output, format, args);
	return file->_flags & __SERR ? -1 : n;
}
