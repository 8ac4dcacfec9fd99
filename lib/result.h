/* SPDX-License-Identifier: ISC */
/* Results of kernel calls in POSIX's form. */
#ifndef LIB_RESULT_H
#define LIB_RESULT_H

#include <errno.h>

/* Returns rc; if it is -errno, sets errno and returns -1. */
static inline long result(long rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

#endif
