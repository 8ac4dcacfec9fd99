/* SPDX-License-Identifier: ISC */
/* malloc(), calloc() and free(): newlib's; large blocks are mapped in steps before. */
#include "kernel/page.h"
#include "kernel/sched.h"
#include "lib/libc/heap.h"

#include <malloc.h>
#include <reent.h>
#include <stdbool.h>
#include <stdlib.h>

void heap_prepare(size_t size)
{
	bool more = size > PAGE_STEP;

	while (more && current && !current->depth) {
		kernel_enter();
		more = page_prepare(size);
		kernel_leave();
	}
}

void *malloc(size_t size)
{
	heap_prepare(size);
	return _malloc_r(_REENT, size);
}

void free(void *p)
{
	if (!p)
		return;
	__malloc_lock(_REENT);
	heap_check(p, "free");
	_free_r(_REENT, p);
	__malloc_unlock(_REENT);
}

void cfree(void *p)
{
	free(p);
}

void *calloc(size_t n, size_t size)
{
	size_t all;

	if (!__builtin_mul_overflow(n, size, &all))
		heap_prepare(all);
	return _calloc_r(_REENT, n, size);
}
