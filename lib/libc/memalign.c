/* SPDX-License-Identifier: ISC */
/*
 * Aligned memory.  POSIX.1-2017's posix_memalign() is declared by newlib and missing there;
 * its aligned_alloc() and memalign() do not look at the alignment.
 */
#include "lib/libc/heap.h"

#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdint.h>
#include <stdlib.h>

void *memalign(size_t alignment, size_t size)
{
	if (alignment & (alignment - 1)) {
		errno = EINVAL;
		return NULL;
	}
	if (size < SIZE_MAX - alignment)
		heap_prepare(size + alignment);
	return _memalign_r(_REENT, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
	int saved = errno;
	void *p;

	if (alignment < sizeof(void *) || alignment & (alignment - 1))
		return EINVAL;
	p = memalign(alignment, size);
	errno = saved;			/* posix_memalign() tells by what it returns */
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}
