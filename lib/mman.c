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
	bool guarded;			/* PROT_NONE */
};

static struct mapping *mappings;

static size_t round_up(size_t len)
{
	return (len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ul);
}

static void guard(struct mapping *m, bool on)
{
	for (char *page = m->start; on != m->guarded && page < m->end; page += PAGE_SIZE)
		on ? arch_guard(page) : arch_unguard(page);
	m->guarded = on;
}

/* Zeroed pages that are a mapping; NULL: no memory. */
static char *map(size_t len)
{
	struct mapping *m = malloc(sizeof(*m));
	char *pages;

	if (!m)
		return NULL;
	kernel_enter();
	while (page_prepare_pages(len / PAGE_SIZE)) {
		kernel_leave();		/* others may want the CPU */
		kernel_enter();
	}
	pages = page_alloc(len / PAGE_SIZE);
	if (pages) {
		*m = (struct mapping){ mappings, pages, pages + len, false };
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
	if (!rc && prot == PROT_NONE && mprotect(at, len, prot))
		rc = -errno;
	if (rc)
		munmap(at, len);
	return rc ? (void *)result(rc) : at;
}

/* The mapping this address lies in; else *find() is NULL. */
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

/* No mapping goes on across this address: who did is two now. */
static void cut(char *at, struct mapping **spare)
{
	struct mapping *m = *find(at), *behind = *spare;

	if (!m || at == m->start)
		return;
	*spare = behind->next;
	*behind = (struct mapping){ m->next, at, m->end, m->guarded };
	m->next = behind;
	m->end = at;
}

static void unmap(struct mapping **p)
{
	struct mapping *m = *p;

	guard(m, false);
	page_free(m->start, (m->end - m->start) / PAGE_SIZE);
	*p = m->next;
	free(m);
}

static bool pages_in_a_row(const void *at, size_t len)
{
	return (uintptr_t)at % PAGE_SIZE == 0 && len && len <= SIZE_MAX / 2 &&
	       (uintptr_t)at + round_up(len) > (uintptr_t)at;
}

/* Whole mappings: which, after this, begin and end where the range does; or they go. */
enum what { UNMAP, GUARD, UNGUARD };

static int change(char *at, char *end, enum what what, struct mapping **spare)
{
	if (!mapped(at, end))
		return what == UNMAP ? -EINVAL : -ENOMEM;
	cut(at, spare);
	cut(end, spare);
	while (at < end) {
		struct mapping **p = find(at);

		at = (*p)->end;
		if (what == UNMAP)
			unmap(p);
		else
			guard(*p, what == GUARD);
	}
	return 0;
}

static int change_pages(void *at, size_t len, enum what what)
{
	struct mapping *one, *two, *spare;
	int rc = -ENOMEM;

	if (!pages_in_a_row(at, len))
		return result(-EINVAL);
	one = malloc(sizeof(*one));
	two = malloc(sizeof(*two));
	spare = one;
	if (one && two) {
		one->next = two;
		two->next = NULL;
		kernel_enter();
		rc = change(at, (char *)at + round_up(len), what, &spare);
		kernel_leave();
		one = spare;
		two = spare ? spare->next : NULL;
	}
	free(one);
	free(two);
	return result(rc);
}

int munmap(void *at, size_t len)
{
	return change_pages(at, len, UNMAP);
}

int mprotect(void *at, size_t len, int prot)
{
	if (prot == PROT_NONE)
		return change_pages(at, len, GUARD);
	return prot == (PROT_READ | PROT_WRITE) ? change_pages(at, len, UNGUARD) :
						  result(-ENOTSUP);
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
