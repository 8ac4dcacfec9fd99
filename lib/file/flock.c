/* SPDX-License-Identifier: ISC */
/*
 * flock() of 4.4BSD, as on Linux: a lock belongs to an open file description, which
 * descriptors made by dup() share. Another open() of the same file is another
 * description, also in the same process.
 */
#include "kernel/sched.h"
#include "lib/file/lock.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>

struct file_lock {
	struct file_lock *next;
	const struct file *owner;
	struct lock_file file;
	bool exclusive;
};

static struct file_lock *locks;
static struct waitq released;

static bool may_be(const struct file_lock *l)
{
	for (const struct file_lock *o = locks; o; o = o->next)
		if (o->owner != l->owner && (o->exclusive || l->exclusive) &&
		    lock_file_is(o->file, l->file))
			return false;
	return true;
}

void file_unlock(struct file *f)
{
	struct file_lock **p = &locks, *l = f->lock;

	if (!l)
		return;
	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	f->lock = NULL;
	free(l);
	wake(&released);
}

static int lock(struct file *f, bool exclusive, bool may_sleep)
{
	struct file_lock *l;

	if (f->lock && f->lock->exclusive == exclusive)
		return 0;
	file_unlock(f);		/* even if it cannot get another one */
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOLCK;
	l->owner = f;
	l->file = lock_file(f);
	l->exclusive = exclusive;
	if ((!may_sleep && !may_be(l)) ||
	    wait_or_signal(&released, NEVER, SIGNAL_RESTARTS, may_be(l)) < 0) {
		free(l);
		return may_sleep ? -EINTR : -EWOULDBLOCK;
	}
	file_unlock(f);		/* another thread of the description has locked meanwhile */
	l->next = locks;
	locks = l;
	f->lock = l;
	return 0;
}

static int flock_once(int fd, int how)
{
	int kind = how & ~LOCK_NB, rc = -EBADF;
	struct file *f;

	if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
		return -EINVAL;
	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = 0;
		if (kind == LOCK_UN)
			file_unlock(f);
		else
			rc = lock(f, kind == LOCK_EX, !(how & LOCK_NB));
		file_put(f);
	}
	kernel_leave();
	return rc;
}

int flock(int fd, int how)
{
	return result(RESTARTED(flock_once(fd, how)));
}
