/* SPDX-License-Identifier: ISC */
/* mmap() and its kin: pages, and which of them are mappings. */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct mapping {
	struct mapping *next;
	char *start, *end;
};

static struct mapping *mappings;

static size_t round_up(size_t len)
{
	return (len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ul);
}

/* Zeroed pages that are a mapping; NULL: no memory. */
static char *map(size_t len)
{
	struct mapping *m = malloc(sizeof(*m));
	char *pages;

	if (!m)
		return NULL;
	kernel_enter();
	pages = page_alloc(len / PAGE_SIZE);
	if (pages) {
		*m = (struct mapping){ mappings, pages, pages + len };
		mappings = m;
	}
	kernel_leave();
	if (!pages) {
		free(m);
		return NULL;
	}
	return memset(pages, 0, len);
}

static int fill(char *to, size_t len, int fd, off_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, to + done, len - done, offset + done);

		if (n < 0)
			return errno == EBADF ? -EBADF : -ENODEV;
		if (n == 0)		/* behind the end there are zeroes */
			break;
		done += n;
	}
	return 0;
}

void *mmap(void *hint, size_t len, int prot, int flags, int fd, off_t offset)
{
	int kind = flags & (MAP_SHARED | MAP_PRIVATE), rc = 0;
	char *at;

	(void)hint;
	if (!len || flags & MAP_FIXED || (kind != MAP_SHARED && kind != MAP_PRIVATE) ||
	    offset < 0 || offset % PAGE_SIZE)
		rc = -EINVAL;
	else if (prot & PROT_EXEC)
		rc = -ENOTSUP;
	else if (!(flags & MAP_ANONYMOUS) && kind == MAP_SHARED && prot & PROT_WRITE)
		rc = -ENODEV;
	else if (len > SIZE_MAX / 2)
		rc = -ENOMEM;
	if (rc)
		return (void *)result(rc);
	at = map(round_up(len));
	if (!at)
		return (void *)result(-ENOMEM);
	if (!(flags & MAP_ANONYMOUS))
		rc = fill(at, len, fd, offset);
	if (rc)
		munmap(at, len);
	return rc ? (void *)result(rc) : at;
}

/* The mapping that begins at or before `at` and ends behind it. */
static struct mapping **find(const char *at)
{
	struct mapping **p = &mappings;

	while (*p && !(at >= (*p)->start && at < (*p)->end))
		p = &(*p)->next;
	return p;
}

/* All of these pages are mappings', which may be several. */
static bool mapped(const char *at, const char *end)
{
	while (at < end) {
		struct mapping *m = *find(at);

		if (!m)
			return false;
		at = m->end;
	}
	return true;
}

/* Take [at, end) out of the mapping it lies in; spare is for what may be left behind. */
static void unmap(char *at, char *end, struct mapping **spare)
{
	struct mapping **p = find(at), *m = *p;
	char *behind = m->end;

	page_free(at, (end - at) / PAGE_SIZE);
	if (at > m->start) {
		m->end = at;
		if (end < behind) {
			**spare = (struct mapping){ m->next, end, behind };
			m->next = *spare;
			*spare = NULL;
		}
	} else if (end < behind) {
		m->start = end;
	} else {
		*p = m->next;
		free(m);
	}
}

static bool pages_in_a_row(const void *at, size_t len)
{
	return (uintptr_t)at % PAGE_SIZE == 0 && len && len <= SIZE_MAX / 2 &&
	       (uintptr_t)at + round_up(len) > (uintptr_t)at;
}

int munmap(void *at, size_t len)
{
	struct mapping *spare;
	char *p = at, *end = p + round_up(len);
	int rc = 0;

	if (!pages_in_a_row(at, len))
		return result(-EINVAL);
	spare = malloc(sizeof(*spare));
	if (!spare)
		return result(-ENOMEM);
	kernel_enter();
	if (!mapped(p, end))
		rc = -EINVAL;
	while (!rc && p < end) {
		char *stop = (*find(p))->end;

		stop = stop < end ? stop : end;
		unmap(p, stop, &spare);
		p = stop;
	}
	kernel_leave();
	free(spare);
	return result(rc);
}

static int look(const void *at, size_t len)
{
	bool good;

	if (!pages_in_a_row(at, len))
		return result(-EINVAL);
	kernel_enter();
	good = mapped(at, (const char *)at + round_up(len));
	kernel_leave();
	return good ? 0 : result(-ENOMEM);
}

int mprotect(void *at, size_t len, int prot)
{
	return prot & PROT_EXEC ? result(-ENOTSUP) : look(at, len);
}

int msync(void *at, size_t len, int flags)
{
	(void)flags;
	return look(at, len);
}

int mlock(const void *at, size_t len)
{
	(void)at, (void)len;
	return 0;
}

int munlock(const void *at, size_t len)
{
	(void)at, (void)len;
	return 0;
}

int madvise(void *at, size_t len, int advice)
{
	if (advice < MADV_NORMAL || advice >= MADV_DONTNEED)
		return result(-EINVAL);
	return look(at, len);
}

int posix_madvise(void *at, size_t len, int advice)
{
	if (advice < MADV_NORMAL || advice > POSIX_MADV_DONTNEED)
		return EINVAL;
	return look(at, len) ? ENOMEM : 0;
}
