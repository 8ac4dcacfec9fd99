/* SPDX-License-Identifier: ISC */
/* POSIX.1-2017: posix_memalign, which newlib declares and does not have. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

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
