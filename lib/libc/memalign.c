/* SPDX-License-Identifier: ISC */
/*
 * Aligned memory. newlib declares posix_memalign() (POSIX.1-2017) but does not define it;
 * its aligned_alloc() and memalign() do not check the alignment.
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
	errno = saved;	/* posix_memalign() returns the error and does not set errno */
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}
