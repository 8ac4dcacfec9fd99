/* SPDX-License-Identifier: ISC */
/* signalfd as on Linux (signalfd(2)): see sys/signalfd.h. */
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/signal/signal.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

struct signalfd {
	struct file file;
	struct signalfd *next;
	sigset_t set;
};

static struct signalfd *all;
static struct waitq readers;		/* of all of them */
static bool announcing;

/* Which signals can be read depends on the thread, so watchers look again, each as its own. */
void signalfd_changed(void)
{
	wake(&readers);
	announcing = true;
	for (struct signalfd *s = all; s; s = s->next)
		file_changed(&s->file);
	announcing = false;
}

bool signalfd_has(int sig)
{
	for (struct signalfd *s = all; s; s = s->next)
		if (s->set & BIT(sig))
			return true;
	return false;
}

static struct signalfd_siginfo from_info(const siginfo_t *i)
{
	return (struct signalfd_siginfo){
		.ssi_signo = i->si_signo, .ssi_code = i->si_code, .ssi_pid = i->si_pid,
		.ssi_uid = i->si_uid, .ssi_int = i->si_value.sival_int,
		.ssi_ptr = (uintptr_t)i->si_value.sival_ptr, .ssi_tid = i->si_timerid,
		.ssi_overrun = i->si_overrun,
	};
}

static ssize_t signalfd_read(struct file *f, void *to, size_t len)
{
	struct signalfd *s = (struct signalfd *)f;
	struct pthread *p = pthread_current();
	struct signalfd_siginfo out;
	siginfo_t info;
	size_t n = 0;

	if (len < sizeof(out))
		return -EINVAL;
	if (!(signal_pending(p) & s->set) && f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (wait_or_signal(&readers, NEVER, SIGNAL_RESTARTS, signal_pending(p) & s->set) <= 0)
		return -EINTR;
	while (len - n >= sizeof(out) && signal_take(p, s->set, &info)) {
		out = from_info(&info);
		memcpy((char *)to + n, &out, sizeof(out));
		n += sizeof(out);
	}
	return n;
}

/* The signals that the calling thread could read. */
static unsigned signalfd_ready(struct file *f)
{
	const struct pthread *p = current->kind == THREAD_APP ? pthread_current() : NULL;

	if (announcing)
		return POLLIN | POLLRDNORM;
	return p && signal_pending(p) & ((struct signalfd *)f)->set ? POLLIN | POLLRDNORM : 0;
}

static int signalfd_stat(struct file *f, struct stat *st)
{
	(void)f, (void)st;
	return 0;
}

static void signalfd_close(struct file *f)
{
	struct signalfd **link = &all;

	while (&(*link)->file != f)
		link = &(*link)->next;
	*link = (*link)->next;
	free(f);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read, .ready = signalfd_ready, .stat = signalfd_stat,
	.close = signalfd_close,
};

/* Returns a descriptor, -EMFILE or -ENOMEM. */
static int make(sigset_t set, int flags)
{
	struct signalfd *s = calloc(1, sizeof(*s));
	int fd;

	if (!s)
		return -ENOMEM;
	s->file = (struct file){ .ops = &signalfd_ops, .flags = O_RDONLY, .refs = 1 };
	s->file.flags |= flags & SFD_NONBLOCK ? O_NONBLOCK : 0;
	s->set = set;
	s->next = all;
	all = s;
	fd = file_set_cloexec(file_install(&s->file), flags & SFD_CLOEXEC);
	file_put(&s->file);
	return fd;
}

static int change(int fd, sigset_t set)
{
	struct file *f = file_get(fd);
	int rc = f ? -EINVAL : -EBADF;

	if (f && f->ops == &signalfd_ops) {
		((struct signalfd *)f)->set = set;
		signalfd_changed();
		rc = fd;
	}
	if (f)
		file_put(f);
	return rc;
}

int signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t signals;
	int rc;

	if (flags & ~(SFD_NONBLOCK | SFD_CLOEXEC))
		return result(-EINVAL);
	signals = *set & ~NOT_BLOCKED;
	pthread_current();
	kernel_enter();
	rc = fd == -1 ? make(signals, flags) : change(fd, signals);
	kernel_leave();
	return result(rc);
}
