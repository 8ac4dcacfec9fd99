/* SPDX-License-Identifier: ISC */
/*
 * mmap() and related functions: the list of the mappings, and those that have memory of their
 * own: anonymous ones and copies of files.  mapped.c has shared mappings of files.
 */
#include "lib/process/mman.h"
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct mapping *mappings;	/* sorted by address */

#define STEP (64 * PAGE_SIZE)
#define MAPPINGS_AT_ONCE 1024		/* mappings per step */

static size_t round_up(size_t len)
{
	return (len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ul);
}

#define BOTH (PROT_READ | PROT_WRITE)

/*
 * Under PV each page costs a hypercall, and there may be thousands of mappings, so other
 * threads run between steps. The list may be used by one thread at a time: `changing` is
 * its lock.
 */
static bool changing;
static struct waitq unchanging;

void mappings_begin(void)
{
	wait_until(&unchanging, !changing);
	changing = true;
}

void mappings_end(void)
{
	struct shared *ended = shared_ended();

	changing = false;
	wake_one(&unchanging);
	shared_free(ended);
}

struct mapping **mappings_find(const char *at)
{
	struct mapping **p = &mappings;

	for (unsigned n = 1; *p && (*p)->end <= at; p = &(*p)->next, n++)
		if (n % MAPPINGS_AT_ONCE == 0)
			kernel_pause();
	return p;
}

static void protect(struct mapping *m, int prot)
{
	for (char *page = m->start; prot != m->prot && page < m->end; page += PAGE_SIZE) {
		if (page > m->start && (page - m->start) % STEP == 0)
			kernel_pause();
		prot == PROT_NONE ? arch_guard(page) :
		prot == PROT_READ ? arch_make_readonly(page) : arch_unguard(page);
	}
	m->prot = prot;
}

/* Allocates zeroed pages as a mapping; NULL: no memory. */
static char *map(size_t len, bool anonymous)
{
	struct mapping *m = malloc(sizeof(*m)), **p;
	char *pages;

	if (!m)
		return NULL;
	kernel_enter();
	mappings_begin();
	while (page_prepare_pages(len / PAGE_SIZE))
		kernel_pause();
	pages = page_alloc(len / PAGE_SIZE);
	if (pages) {
		p = mappings_find(pages);
		*m = (struct mapping){ *p, pages, pages + len, BOTH, anonymous, NULL };
		*p = m;
	}
	mappings_end();
	kernel_leave();
	if (!pages) {
		free(m);
		return NULL;
	}
	return memset(pages, 0, len);
}

/* The rest of the pages, behind the end of the file, is zero. */
static int fill(char *to, size_t len, int fd, off_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, to + done, len - done, offset + done);

		if (n < 0)
			return errno == EIO || errno == EUCLEAN || errno == ENOMEM ? -errno : -ENODEV;
		if (n == 0)
			break;
		done += n;
	}
	return 0;
}

/* A mapping with memory of its own: anonymous, or a copy of a file.  */
static int map_own(size_t len, int prot, int flags, int fd, off_t offset, char **at)
{
	int rc = 0;

	*at = map(round_up(len), flags & MAP_ANONYMOUS);
	if (!*at)
		return -ENOMEM;
	if (!(flags & MAP_ANONYMOUS))
		rc = fill(*at, len, fd, offset);
	if (!rc && !(prot & PROT_WRITE) && mprotect(*at, len, prot))
		rc = -errno;
	if (rc)
		munmap(*at, len);
	return rc;
}

/* A file that cannot be written is shared as a copy.  -ENODEV: another one that is to be shared. */
static int map_file(struct file *f, size_t len, int prot, int flags, off_t offset, char **at)
{
	struct fs_open *o = file_fs_open(f);
	struct mapping *m;
	int rc;

	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return -EACCES;
	if (flags & MAP_PRIVATE)
		return 0;
	if (!o || (o->inode->mode & FS_IFMT) != FS_IFREG)
		return prot & PROT_WRITE ? -ENODEV : 0;
	mappings_begin();
	rc = shared_map(f, round_up(len), prot & PROT_WRITE ? BOTH : prot, offset, &m);
	if (!rc)
		*at = m->start;
	mappings_end();
	return rc;
}

/* The other flags have no effect, since all pages are allocated immediately. */
#define KNOWN (MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE | MAP_STACK)

static int refused(size_t len, int prot, int flags, off_t offset)
{
	int kind = flags & (MAP_SHARED | MAP_PRIVATE);

	if (!len || flags & ~KNOWN || prot & ~(BOTH | PROT_EXEC) ||
	    (kind != MAP_SHARED && kind != MAP_PRIVATE) || offset < 0 || offset % PAGE_SIZE)
		return -EINVAL;
	if (prot & PROT_EXEC)
		return -ENOTSUP;
	if (len > SIZE_MAX / 2)
		return -ENOMEM;
	return offset > INT64_MAX - (off_t)round_up(len) ? -EOVERFLOW : 0;
}

void *mmap(void *hint, size_t len, int prot, int flags, int fd, off_t offset)
{
	int rc = refused(len, prot, flags, offset);
	char *at = NULL;
	struct file *f;

	(void)hint;
	if (!rc && !(flags & MAP_ANONYMOUS)) {
		kernel_enter();
		f = file_get(fd);
		rc = f ? map_file(f, len, prot, flags, offset, &at) : -EBADF;
		if (f)
			file_put(f);
		kernel_leave();
	}
	if (!rc && !at)
		rc = map_own(len, prot, flags, fd, offset, &at);
	return rc ? (void *)result(rc) : at;
}

/* Whether all of these pages belong to mappings, beginning with m. */
static bool mapped(const struct mapping *m, const char *at, const char *end)
{
	for (unsigned n = 1; at < end; m = m->next, n++) {
		if (!m || m->start > at)
			return false;
		if (n % MAPPINGS_AT_ONCE == 0)
			kernel_pause();
		at = m->end;
	}
	return true;
}

/* Splits a mapping at this address. */
static void cut(struct mapping *m, char *at, struct mapping **spare)
{
	struct mapping *behind = *spare;

	*spare = behind->next;
	*behind = (struct mapping){ m->next, at, m->end, m->prot, m->anonymous,
				    m->shared ? shared_copy(m->shared) : NULL };
	m->next = behind;
	m->end = at;
}

static void unmap(struct mapping **p)
{
	struct mapping *m = *p;

	*p = m->next;
	if (m->shared) {
		shared_unmap(m);
	} else {
		protect(m, BOTH);
		page_free(m->start, (m->end - m->start) / PAGE_SIZE);
	}
	free(m);
}

static bool pages_in_a_row(const void *at, size_t len)
{
	return (uintptr_t)at % PAGE_SIZE == 0 && len && len <= SIZE_MAX / 2 &&
	       (uintptr_t)at + round_up(len) > (uintptr_t)at;
}

/*
 * Changes or unmaps whole mappings. The caller has split them at the ends of the range.
 */
#define UNMAP (-1)			/* or PROT_*: protects them */

static int change(char *at, char *end, int what, struct mapping **spare)
{
	struct mapping **p = mappings_find(at);
	int rc = 0;

	if (!mapped(*p, at, end))
		return what == UNMAP ? -EINVAL : -ENOMEM;
	if (at > (*p)->start) {
		cut(*p, at, spare);
		p = &(*p)->next;
	}
	while (at < end) {
		if ((*p)->end > end)
			cut(*p, end, spare);
		at = (*p)->end;
		if (what == UNMAP) {
			unmap(p);
		} else {
			if (!(*p)->shared)
				protect(*p, what);
			else if (!rc)
				rc = shared_protect(*p, what);
			p = &(*p)->next;
		}
		kernel_pause();
	}
	return rc;
}

static int change_pages(void *at, size_t len, int what)
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
		mappings_begin();
		rc = change(at, (char *)at + round_up(len), what, &spare);
		mappings_end();
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
	if (prot & ~(BOTH | PROT_EXEC) || (uintptr_t)at % PAGE_SIZE)
		return result(-EINVAL);
	if (prot & PROT_EXEC)
		return result(-ENOTSUP);
	if (!len)
		return 0;
	/* x86 has no write-only pages */
	return change_pages(at, len, prot & PROT_WRITE ? BOTH : prot);
}

static int check_mapped(const void *at, size_t len)
{
	bool good;

	if (!len && (uintptr_t)at % PAGE_SIZE == 0)
		return 0;
	if (!pages_in_a_row(at, len))
		return result(-EINVAL);
	kernel_enter();
	mappings_begin();
	good = mapped(*mappings_find(at), at, (const char *)at + round_up(len));
	mappings_end();
	kernel_leave();
	return good ? 0 : result(-ENOMEM);
}

static struct mapping *next_shared(const char *at, const char *end)
{
	struct mapping *m = *mappings_find(at);

	for (unsigned n = 1; m && m->start < end && !m->shared; m = m->next, n++)
		if (n % MAPPINGS_AT_ONCE == 0)
			kernel_pause();
	return m && m->start < end ? m : NULL;
}

/* The list is not held while a file becomes durable, so its mapping may end meanwhile. */
static int sync_shared(struct mapping *m, const char *at, const char *end, bool durable)
{
	struct shared *s = shared_copy(m->shared);
	int rc = shared_collect(m, at, end);

	if (!rc && durable) {
		mappings_end();
		rc = shared_sync(s);
		mappings_begin();
	}
	shared_drop(s);
	return rc;
}

/* Of each shared mapping in a range that is mapped. */
static int sync_range(char *at, char *end, bool durable)
{
	struct mapping *m;
	int error = 0, rc;

	if (!mapped(*mappings_find(at), at, end))
		return -ENOMEM;
	while (at < end && (m = next_shared(at, end))) {
		char *from = m->start > at ? m->start : at;

		at = m->end < end ? m->end : end;
		rc = sync_shared(m, from, at, durable);
		error = error ? error : rc;
	}
	return error;
}

int msync(void *at, size_t len, int flags)
{
	int rc;

	if (flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return result(-EINVAL);
	if (!len && (uintptr_t)at % PAGE_SIZE == 0)
		return 0;
	if (!pages_in_a_row(at, len))
		return result(-EINVAL);
	kernel_enter();
	mappings_begin();
	rc = sync_range(at, (char *)at + round_up(len), flags & MS_SYNC);
	mappings_end();
	kernel_leave();
	return result(rc);
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

/* MADV_DONTNEED: as on Linux, the pages are zero afterwards. */
static int clear(char *at, size_t len)
{
	char *end = at + round_up(len);
	struct mapping *m, *first;
	int rc = 0;

	kernel_enter();
	mappings_begin();
	m = first = *mappings_find(at);
	if (!mapped(first, at, end))
		rc = -ENOMEM;
	for (unsigned n = 1; !rc && m && m->start < end; m = m->next, n++) {
		/* A private one would have to be read from the file again. */
		if (!m->anonymous && !m->shared)
			rc = -EINVAL;
		if (n % MAPPINGS_AT_ONCE == 0)
			kernel_pause();
	}
	for (m = first; at < end && !rc; at += PAGE_SIZE) {
		if (at == m->end)
			m = m->next;
		if (m->shared)		/* its pages are the file's */
			continue;
		if (m->prot != BOTH)
			arch_unguard(at);
		memset(at, 0, PAGE_SIZE);
		if (m->prot != BOTH)
			m->prot == PROT_NONE ? arch_guard(at) : arch_make_readonly(at);
		kernel_pause();
	}
	mappings_end();
	kernel_leave();
	return result(rc);
}

int madvise(void *at, size_t len, int advice)
{
	if ((advice < MADV_NORMAL || advice > MADV_DONTNEED) && advice != MADV_FREE)
		return result(-EINVAL);
	if (check_mapped(at, len))
		return -1;
	return advice == MADV_DONTNEED ? clear(at, len) : 0;
}

int posix_madvise(void *at, size_t len, int advice)
{
	if (advice < MADV_NORMAL || advice > POSIX_MADV_DONTNEED)
		return EINVAL;
	return check_mapped(at, len) ? ENOMEM : 0;
}
