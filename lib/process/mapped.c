/* SPDX-License-Identifier: ISC */
/*
 * Shared mappings of files: the pages of the file system's cache themselves, seen through a
 * window (kernel/arch.h).  So read() and write() see the same bytes at once.
 *
 * All pages are held from mmap() to munmap(), and those that the file gets later from then on;
 * behind the end of the file there is nothing, and an access is a fault.  The file system learns
 * what was written through a mapping from msync(), munmap(), fsync() and sync(), which look at the
 * page tables; mprotect() keeps what they say.
 */
#include "kernel/arch.h"
#include "kernel/sched.h"
#include "lib/file/mapped.h"
#include "lib/process/mman.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

struct shared {
	struct shared *next, **link;
	unsigned refs;			/* mappings */
	struct place place;		/* keeps it mounted */
	struct fs_open open;
	bool may_write;
	char *start;			/* the address of the first page, also if it was unmapped */
	uint64_t first;			/* its index in the file */
	size_t count;
	uint64_t size;			/* of the file, when its pages were last taken */
	/* NULL: the file has no such page, or it was unmapped. */
	struct fs_page *pages[];
};

static struct shared *all;
static struct shared *ended;		/* without mappings, to be freed: shared_ended() */

#define STEP 64				/* pages between two calls of kernel_pause() */
#define AHEAD 128			/* pages that are read at once */

static const struct fs_ops *ops_of(const struct shared *s)
{
	return s->open.inode->fs->ops;
}

static char *address(const struct shared *s, size_t k)
{
	return s->start + k * PAGE_SIZE;
}

static size_t number(const struct shared *s, const char *at)
{
	return (at - s->start) / PAGE_SIZE;
}

static void protect(struct shared *s, size_t k, int prot)
{
	arch_window_protect(address(s, k), prot == PROT_NONE ? NULL : s->pages[k]->data,
			    prot & PROT_WRITE);
}

/* Tells the file system if a page was written.  After an error it counts as written again. */
static int collect(struct shared *s, size_t k)
{
	int rc;

	if (!s->pages[k] || !arch_window_written(address(s, k)))
		return 0;
	rc = ops_of(s)->page_dirty(s->open.inode, s->first + k, s->pages[k]);
	if (rc == -ENXIO)		/* the file has lost it meanwhile */
		return 0;
	if (rc)
		arch_window_mark(address(s, k));
	return rc;
}

static int collect_range(struct shared *s, size_t from, size_t to)
{
	int error = 0, rc;

	for (size_t k = from; k < to; k++) {
		if (k % STEP == 0)
			kernel_pause();
		rc = collect(s, k);
		if (rc && !error)
			error = rc;
	}
	return error;
}

static void let_go(struct shared *s, size_t k)
{
	struct fs_page *page = s->pages[k];

	if (!page)
		return;
	arch_window_show(address(s, k), NULL, false);
	s->pages[k] = NULL;
	ops_of(s)->page_put(s->open.inode, page);
}

/* Takes the page that the file has now, if it has one. */
static int take(struct shared *s, size_t k, int prot)
{
	struct fs_page *page = NULL;
	int rc = ops_of(s)->page(s->open.inode, s->first + k, &page);

	if (rc && rc != -ENXIO)
		return rc;
	if (page && page == s->pages[k]) {
		ops_of(s)->page_put(s->open.inode, page);
		return 0;
	}
	let_go(s, k);
	s->pages[k] = page;
	if (page)
		protect(s, k, prot);
	return 0;
}

/* ---- Making and unmaking them. */

static struct shared *shared_new(struct file *f, size_t len, off_t at)
{
	struct shared *s = calloc(1, sizeof(*s) + len / PAGE_SIZE * sizeof(s->pages[0]));

	if (!s || place_copy(&s->place, file_place(f))) {
		free(s);
		return NULL;
	}
	s->refs = 1;
	s->may_write = (f->flags & O_ACCMODE) == O_RDWR;
	s->first = at / PAGE_SIZE;
	s->count = len / PAGE_SIZE;
	s->size = file_fs_open(f)->inode->size;
	fs_open_begin(&s->open, file_fs_open(f)->inode);
	s->link = &all;
	s->next = all;
	if (all)
		all->link = &s->next;
	all = s;
	s->open.inode->user = s;
	return s;
}

void shared_drop(struct shared *s)
{
	struct inode *i = s->open.inode;

	if (--s->refs)
		return;
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	i->user = NULL;
	for (struct shared *other = all; other; other = other->next)
		if (other->open.inode == i)
			i->user = other;
	s->next = ended;
	ended = s;
}

struct shared *shared_ended(void)
{
	struct shared *s = ended;

	ended = NULL;
	return s;
}

void shared_free(struct shared *s)
{
	for (struct shared *next; s; s = next) {
		next = s->next;
		fs_open_end(&s->open);
		place_put(&s->place);
		free(s);
	}
}

struct shared *shared_copy(struct shared *s)
{
	s->refs++;
	return s;
}

/* The first gap of the windows that is large enough, with an unmapped page on both sides. */
static char *find_gap(size_t len, struct mapping ***where)
{
	struct mapping **p = mappings_find((char *)ARCH_WINDOWS);
	uintptr_t at = ARCH_WINDOWS + PAGE_SIZE;

	for (; *p && at + len + PAGE_SIZE > (uintptr_t)(*p)->start; p = &(*p)->next)
		at = (uintptr_t)(*p)->end + PAGE_SIZE;
	*where = p;
	return at + len < 2 * ARCH_WINDOWS ? (char *)at : NULL;
}

static int prepare(const char *start, size_t len)
{
	uintptr_t chunk = (uintptr_t)start & ~(ARCH_WINDOW_CHUNK - 1);

	for (; chunk < (uintptr_t)start + len; chunk += ARCH_WINDOW_CHUNK) {
		if (arch_window_prepare(chunk))
			return -ENOMEM;
		kernel_pause();
	}
	return 0;
}

static int take_all(struct shared *s, int prot)
{
	size_t left;
	int rc = 0;

	for (size_t k = 0; !rc && k < s->count; k++) {
		if (k % STEP == 0)
			kernel_pause();
		if (s->first + k >= (s->open.inode->size + PAGE_SIZE - 1) / PAGE_SIZE)
			break;
		left = s->count - k;
		if (k % AHEAD == 0)
			ops_of(s)->will_need(&s->open, (s->first + k) * PAGE_SIZE,
					     (left < AHEAD ? left : AHEAD) * PAGE_SIZE);
		rc = take(s, k, prot);
	}
	return rc;
}

static int refused(const struct file *f, int prot)
{
	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return -EACCES;
	return prot & PROT_WRITE && (f->flags & O_ACCMODE) != O_RDWR ? -EACCES : 0;
}

int shared_map(struct file *f, size_t len, int prot, off_t at, struct mapping **to)
{
	struct mapping *m = calloc(1, sizeof(*m)), **p;
	struct shared *s = NULL;
	int rc = m ? refused(f, prot) : -ENOMEM;

	if (!rc && !(s = shared_new(f, len, at)))
		rc = -ENOMEM;
	if (rc) {
		free(m);
		return rc;
	}
	s->start = find_gap(len, &p);
	*m = (struct mapping){ *p, s->start, s->start + len, prot, false, s };
	rc = s->start ? prepare(s->start, len) : -ENOMEM;
	if (!rc) {
		*p = m;		/* mapped_changed() finds it */
		rc = take_all(s, prot);
		if (rc) {
			*p = m->next;
			shared_unmap(m);
			free(m);
			return rc;
		}
		*to = m;
		return 0;
	}
	shared_drop(s);
	free(m);
	return rc;
}

void shared_unmap(struct mapping *m)
{
	struct shared *s = m->shared;
	size_t from = number(s, m->start), to = number(s, m->end);
	int error = 0;

	for (size_t k = from; k < to; k++) {
		if (k % STEP == 0)
			kernel_pause();
		/* Other threads may write the page as long as they see it. */
		if (s->pages[k])
			protect(s, k, PROT_NONE);
		error |= collect(s, k);
		let_go(s, k);
	}
	if (error)
		s->open.inode->errors++;	/* fsync() of each open descriptor returns it */
	shared_drop(s);
}

int shared_protect(struct mapping *m, int prot)
{
	struct shared *s = m->shared;
	size_t from = number(s, m->start), to = number(s, m->end);

	if (prot & PROT_WRITE && !s->may_write)
		return -EACCES;
	for (size_t k = from; k < to; k++) {
		if (k % STEP == 0)
			kernel_pause();
		if (s->pages[k])
			protect(s, k, prot);
	}
	m->prot = prot;
	return 0;
}

int shared_collect(struct mapping *m, const char *from, const char *to)
{
	return collect_range(m->shared, number(m->shared, from), number(m->shared, to));
}

int shared_sync(struct shared *s)
{
	return ops_of(s)->sync(&s->open, true);
}

/* ---- What file calls tell (lib/file/mapped.h). */

static void refresh(struct shared *s, uint64_t from, uint64_t to)
{
	uint64_t end = s->first + s->count;
	size_t k;

	from = from / PAGE_SIZE > s->first ? from / PAGE_SIZE : s->first;
	to = (to + PAGE_SIZE - 1) / PAGE_SIZE < end ? (to + PAGE_SIZE - 1) / PAGE_SIZE : end;
	for (; from < to; from++) {
		struct mapping *m;

		k = from - s->first;
		if (k % STEP == 0)
			kernel_pause();
		m = *mappings_find(address(s, k));
		if (m && m->start <= address(s, k) && m->shared == s && take(s, k, m->prot))
			let_go(s, k);	/* an access is a fault, as of a bad disk on Linux */
	}
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Others may have changed the file's size since the caller did, and tell it later. */
void mapped_changed(struct inode *i, uint64_t from, uint64_t to)
{
	mappings_begin();
	for (struct shared *s = all; s; s = s->next) {
		uint64_t before = s->size, now = i->size;

		if (s->open.inode != i)
			continue;
		s->size = now;
		if (before == now)
			refresh(s, from, to);
		else
			refresh(s, smaller(from, smaller(before, now)),
				larger(to, larger(before, now)));
	}
	mappings_end();
}

int mapped_collect(struct fs *fs, struct inode *i)
{
	int error = 0, rc;

	mappings_begin();
	for (struct shared *s = all; s; s = s->next) {
		if (s->open.inode->fs != fs || (i && s->open.inode != i))
			continue;
		rc = s->may_write ? collect_range(s, 0, s->count) : 0;
		error = error ? error : rc;
	}
	mappings_end();
	return error;
}
