/* SPDX-License-Identifier: ISC */
/* mremap() of Linux, for mappings with memory of their own; mincore() and mlockall(). */
#define _GNU_SOURCE
#include "kernel/arch.h"
#include "kernel/sched.h"
#include "lib/process/mman.h"
#include "lib/result.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static size_t round_up(size_t len)
{
	return (len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ul);
}

/* The protection of a range that lies in one mapping with its own memory, or an error. */
static int protection(const char *at, size_t len)
{
	const struct mapping *m;
	int rc;

	kernel_enter();
	mappings_begin();
	m = *mappings_find(at);
	if (!m || at < m->start || at + len > m->end)
		rc = -EFAULT;
	else
		rc = m->shared ? -EINVAL : m->prot;
	mappings_end();
	kernel_leave();
	return rc;
}

static int move(char *at, size_t len, size_t new_len, int prot, char **to)
{
	char *new = mmap(NULL, new_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (new == MAP_FAILED)
		return -ENOMEM;
	if (prot == PROT_NONE && mprotect(at, len, PROT_READ))
		return -errno;
	memcpy(new, at, len);
	if (prot != (PROT_READ | PROT_WRITE) && mprotect(new, new_len, prot))
		return -errno;
	*to = new;
	return munmap(at, len) ? -errno : 0;
}

void *mremap(void *at, size_t len, size_t new_len, int flags, ...)
{
	int prot, rc;
	char *to = at;

	if (flags & ~MREMAP_MAYMOVE || (uintptr_t)at % PAGE_SIZE || !len || !new_len ||
	    len > SIZE_MAX / 2 || new_len > SIZE_MAX / 2)
		return (void *)result(-EINVAL);
	len = round_up(len);
	new_len = round_up(new_len);
	rc = prot = protection(at, len);
	if (prot >= 0 && new_len == len)
		return at;
	if (prot >= 0 && new_len < len)
		rc = munmap(to + new_len, len - new_len) ? -errno : 0;
	else if (prot >= 0)
		rc = flags & MREMAP_MAYMOVE ? move(at, len, new_len, prot, &to) : -ENOMEM;
	return rc < 0 ? (void *)result(rc) : to;
}

int mincore(void *at, size_t len, unsigned char *vec)
{
	if ((uintptr_t)at % PAGE_SIZE)
		return result(-EINVAL);
	if (len && msync(at, len, MS_ASYNC))
		return result(-ENOMEM);
	memset(vec, 1, round_up(len) / PAGE_SIZE);
	return 0;
}

/* Nothing is ever paged out. */
int mlockall(int flags)
{
	return flags & ~(MCL_CURRENT | MCL_FUTURE) || !flags ? result(-EINVAL) : 0;
}

int munlockall(void)
{
	return 0;
}
