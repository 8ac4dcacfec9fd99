/* SPDX-License-Identifier: ISC */
/*
 * Locks of ranges of a file: fcntl() with F_SETLK and lockf() (POSIX.1-2017), and F_OFD_SETLK of
 * Linux.
 *
 * A lock of F_SETLK belongs to the process, of which there is one: so it conflicts only with
 * locks of F_OFD_SETLK, each of which belongs to an open file description. A lock of the process
 * ends when any descriptor of the file is closed, one of a description with the description.
 */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/lock.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct range {
	struct range *next;
	struct lock_file file;
	const struct file *owner;	/* NULL: the process */
	off_t from, to;			/* the last byte; OFF_MAX: there is no end */
	short type;			/* F_RDLCK, F_WRLCK; of a request also F_UNLCK */
};

#define OFF_MAX INT64_MAX

static struct range *ranges;
static struct waitq released;

static bool overlap(const struct range *a, const struct range *b)
{
	return lock_file_is(a->file, b->file) && a->from <= b->to && b->from <= a->to;
}

/* The first lock that does not permit r. */
static struct range *conflict(const struct range *r)
{
	for (struct range *x = ranges; x; x = x->next)
		if (x->owner != r->owner && overlap(x, r) &&
		    (x->type == F_WRLCK || r->type == F_WRLCK))
			return x;
	return NULL;
}

/*
 * Removes the owner's locks within r. A lock on both sides of r becomes two, for which `spare`
 * is used.
 */
static void cut(const struct range *r, struct range **spare)
{
	struct range **p = &ranges, *x;

	while ((x = *p)) {
		if (x->owner != r->owner || !overlap(x, r)) {
			p = &x->next;
		} else if (x->from < r->from && x->to > r->to) {
			**spare = *x;
			(*spare)->from = r->to + 1;
			x->to = r->from - 1;
			x->next = *spare;
			*spare = NULL;
			return;
		} else if (x->from < r->from) {
			x->to = r->from - 1;
			p = &x->next;
		} else if (x->to > r->to) {
			x->from = r->to + 1;
			p = &x->next;
		} else {
			*p = x->next;
			free(x);
		}
	}
}

/* Joins r with the owner's locks of its type beside it, which are removed. */
static void join(struct range *r)
{
	struct range **p = &ranges, *x;

	while ((x = *p)) {
		if (x->owner != r->owner || x->type != r->type || !lock_file_is(x->file, r->file) ||
		    (x->to < r->from && x->to + 1 != r->from) ||
		    (r->to < x->from && r->to + 1 != x->from)) {
			p = &x->next;
			continue;
		}
		r->from = x->from < r->from ? x->from : r->from;
		r->to = x->to > r->to ? x->to : r->to;
		*p = x->next;
		free(x);
	}
}

/* Waits until no lock is in the way of r: 0, -EAGAIN, -EINTR. */
static int wait_for(const struct range *r, bool may_sleep)
{
	if (r->type == F_UNLCK)
		return 0;
	if (!may_sleep)
		return conflict(r) ? -EAGAIN : 0;
	return wait_or_signal(&released, NEVER, SIGNAL_RESTARTS, !conflict(r)) < 0 ? -EINTR : 0;
}

static int set(const struct range *r, bool may_sleep)
{
	struct range *spare = malloc(sizeof(*spare)), *new = malloc(sizeof(*new));
	int rc = spare && new ? wait_for(r, may_sleep) : -ENOLCK;

	if (!rc) {
		cut(r, &spare);
		if (r->type != F_UNLCK) {
			*new = *r;
			join(new);
			new->next = ranges;
			ranges = new;
			new = NULL;
		}
		wake(&released);	/* there may be less than before */
	}
	free(spare);
	free(new);
	return rc;
}

static void get(const struct range *r, struct flock *l)
{
	const struct range *x = conflict(r);

	if (!x) {
		l->l_type = F_UNLCK;
		return;
	}
	*l = (struct flock){
		.l_type = x->type, .l_whence = SEEK_SET, .l_start = x->from,
		.l_len = x->to == OFF_MAX ? 0 : x->to - x->from + 1,
		.l_pid = x->owner ? -1 : getpid(),
	};
}

/* The bytes that l means. */
static int resolve(struct file *f, const struct flock *l, struct range *r)
{
	struct stat st = { 0 };
	off_t base = 0;

	if (l->l_whence == SEEK_CUR && f->ops->seek)
		base = f->ops->seek(f, 0, SEEK_CUR);
	else if (l->l_whence == SEEK_END && f->ops->stat && !f->ops->stat(f, &st))
		base = st.st_size;
	else if (l->l_whence < SEEK_SET || l->l_whence > SEEK_END)
		return -EINVAL;
	if (base < 0 || __builtin_add_overflow(base, l->l_start, &r->from))
		return -EOVERFLOW;
	r->to = OFF_MAX;
	if (l->l_len > 0 && __builtin_add_overflow(r->from, l->l_len - 1, &r->to))
		return -EOVERFLOW;
	if (l->l_len < 0) {
		r->to = r->from - 1;
		if (__builtin_add_overflow(r->from, l->l_len, &r->from))
			return -EINVAL;
	}
	return r->from < 0 ? -EINVAL : 0;
}

/* The errors for which a kind of lock is refused (fcntl(2)). */
static int refused(const struct file *f, int command, const struct flock *l)
{
	int mode = f->flags & O_ACCMODE;
	bool gets = command == F_GETLK || command == F_OFD_GETLK;

	if (command >= F_OFD_GETLK && l->l_pid)
		return -EINVAL;
	if (l->l_type == F_UNLCK)
		return gets ? -EINVAL : 0;
	if (l->l_type != F_RDLCK && l->l_type != F_WRLCK)
		return -EINVAL;
	return !gets && mode == (l->l_type == F_RDLCK ? O_WRONLY : O_RDONLY) ? -EBADF : 0;
}

int range_lock(struct file *f, int command, struct flock *l)
{
	struct range r = { .type = l->l_type };
	int rc = resolve(f, l, &r);

	if (!rc)
		rc = refused(f, command, l);
	if (rc)
		return rc;
	r.file = lock_file(f);
	r.owner = command >= F_OFD_GETLK ? f : NULL;
	if (command != F_GETLK && command != F_OFD_GETLK)
		return set(&r, command == F_SETLKW || command == F_OFD_SETLKW);
	get(&r, l);
	return 0;
}

static void drop(struct lock_file file, const struct file *owner)
{
	struct range **p = &ranges, *x;

	while ((x = *p)) {
		if (x->owner != owner || !lock_file_is(x->file, file)) {
			p = &x->next;
			continue;
		}
		*p = x->next;
		free(x);
		wake(&released);
	}
}

void range_unlock(struct file *f, bool last)
{
	if (ranges)
		drop(lock_file(f), last ? f : NULL);
}

int lockf(int fd, int how, off_t len)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };

	switch (how) {
	case F_ULOCK:
		l.l_type = F_UNLCK;
		return fcntl(fd, F_SETLK, &l);
	case F_LOCK:
		return fcntl(fd, F_SETLKW, &l);
	case F_TLOCK:
		return fcntl(fd, F_SETLK, &l);
	case F_TEST:
		if (fcntl(fd, F_GETLK, &l) < 0)
			return -1;
		return l.l_type == F_UNLCK ? 0 : result(-EACCES);
	default:
		return result(-EINVAL);
	}
}
