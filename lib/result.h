/* SPDX-License-Identifier: ISC */
/* What a kernel call gave, as POSIX has it. */
#ifndef LIB_RESULT_H
#define LIB_RESULT_H

#include <errno.h>

/* rc, or -1 and errno where it is -errno. */
static inline long result(long rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

#endif
