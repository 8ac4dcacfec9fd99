/* SPDX-License-Identifier: ISC */
/* pipe() and socketpair(): bytes from one thread to another (POSIX.1-2017). */
#include "kernel/sched.h"
#include "lib/file.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE 65536
#define ATOMIC 4096			/* PIPE_BUF: such a write is one piece, or waits */

/* One direction. */
struct pipe {
	struct end *reader, *writer;	/* NULL: closed */
	size_t at, len;			/* of what is in it */
	struct waitq readers, writers;
	char data[SIZE];
};

struct end {
	struct file file;
	struct pipe *in, *out;		/* NULL: it has no such direction */
};

static void tell(struct end *e)
{
	if (e)
		file_changed(&e->file);
}

static ssize_t pipe_read(struct file *f, void *to, size_t len)
{
	struct pipe *p = ((struct end *)f)->in;
	size_t n, part;

	if (!p)
		return -EBADF;
	if (!len)
		return 0;
	if (!p->len && p->writer && f->flags & O_NONBLOCK)
		return -EAGAIN;
	wait_until(&p->readers, p->len || !p->writer);
	n = len < p->len ? len : p->len;
	part = n < SIZE - p->at ? n : SIZE - p->at;
	memcpy(to, p->data + p->at, part);
	memcpy((char *)to + part, p->data, n - part);
	p->at = (p->at + n) % SIZE;
	p->len -= n;
	wake(&p->writers);
	tell(p->writer);
	return n;
}

static void put(struct pipe *p, const char *from, size_t n)
{
	size_t end = (p->at + p->len) % SIZE, part = n < SIZE - end ? n : SIZE - end;

	memcpy(p->data + end, from, part);
	memcpy(p->data, from + part, n - part);
	p->len += n;
	wake(&p->readers);
	tell(p->reader);
}

static ssize_t pipe_write(struct file *f, const void *from, size_t len)
{
	struct pipe *p = ((struct end *)f)->out;
	size_t done = 0, need = len <= ATOMIC ? len : 1, n;

	if (!p)
		return -EBADF;
	while (done < len) {
		if (p->reader && SIZE - p->len < need && f->flags & O_NONBLOCK)
			return done ? (ssize_t)done : -EAGAIN;
		wait_until(&p->writers, !p->reader || SIZE - p->len >= need);
		if (!p->reader)
			return done ? (ssize_t)done : -EPIPE;
		n = len - done < SIZE - p->len ? len - done : SIZE - p->len;
		put(p, (const char *)from + done, n);
		done += n;
	}
	return done;
}

static unsigned pipe_ready(struct file *f)
{
	const struct end *e = (struct end *)f;
	unsigned events = 0;

	if (e->in && (e->in->len || !e->in->writer))
		events |= POLLIN | POLLRDNORM;
	if (e->in && !e->in->writer)
		events |= POLLHUP;
	if (e->out && (!e->out->reader || SIZE - e->out->len >= ATOMIC))
		events |= POLLOUT | POLLWRNORM;
	if (e->out && !e->in && !e->out->reader)
		events |= POLLERR;
	return events;
}

static int pipe_ioctl(struct file *f, unsigned long request, void *arg)
{
	const struct end *e = (struct end *)f;

	if (request != FIONREAD && request != FIONBIO)
		return -ENOTTY;
	if (request == FIONBIO)
		f->flags = *(int *)arg ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
	else
		*(int *)arg = e->in ? e->in->len : 0;
	return 0;
}

static int pipe_stat(struct file *f, struct stat *st)
{
	(void)f;
	st->st_mode = S_IFIFO | 0600;
	st->st_blksize = ATOMIC;
	return 0;
}

static off_t pipe_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return -ESPIPE;
}

static void half_closed(struct pipe *p)
{
	wake(&p->readers);
	wake(&p->writers);
	tell(p->reader);
	tell(p->writer);
	if (!p->reader && !p->writer)
		free(p);
}

static void pipe_close(struct file *f)
{
	struct end *e = (struct end *)f;

	if (e->in)
		e->in->reader = NULL;
	if (e->out)
		e->out->writer = NULL;
	if (e->in)
		half_closed(e->in);
	if (e->out)
		half_closed(e->out);
	free(e);
}

static const struct file_ops pipe_ops = {
	.read = pipe_read, .write = pipe_write, .ready = pipe_ready, .ioctl = pipe_ioctl,
	.stat = pipe_stat, .seek = pipe_seek, .close = pipe_close,
};

static struct end *end_new(struct pipe *in, struct pipe *out, int flags)
{
	struct end *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->file = (struct file){ .ops = &pipe_ops, .flags = flags, .refs = 1 };
	e->in = in;
	e->out = out;
	if (in)
		in->reader = e;
	if (out)
		out->writer = e;
	return e;
}

/* Both have a descriptor, or neither is there any more. */
static int install(struct end *a, struct end *b, int fds[2])
{
	int first = file_install(&a->file), second = file_install(&b->file);

	if (first >= 0 && second < 0)
		file_close(first);
	if (second >= 0 && first < 0)
		file_close(second);
	file_put(&a->file);
	file_put(&b->file);
	if (first < 0 || second < 0)
		return first < 0 ? first : second;
	fds[0] = first;
	fds[1] = second;
	return 0;
}

static int make(bool both, int flags, int fds[2])
{
	struct pipe *p = calloc(1, sizeof(*p)), *q = both ? calloc(1, sizeof(*q)) : NULL;
	struct end *a = NULL, *b = NULL;

	if (p && (q || !both)) {
		a = end_new(p, q, flags | (both ? O_RDWR : O_RDONLY));
		b = end_new(q, p, flags | (both ? O_RDWR : O_WRONLY));
	}
	if (a && b)
		return install(a, b, fds);
	free(a);
	free(b);
	free(p);
	free(q);
	return -ENOMEM;
}

int pipe2(int fds[2], int flags)
{
	int rc;

	if (flags & ~(O_NONBLOCK | O_CLOEXEC))
		return result(-EINVAL);
	kernel_enter();
	rc = make(false, flags & O_NONBLOCK, fds);
	kernel_leave();
	return result(rc);
}

int pipe(int fds[2])
{
	return pipe2(fds, 0);
}

/* Local ones, which are two pipes. */
int socketpair(int domain, int type, int protocol, int fds[2])
{
	int rc;

	if (domain != AF_UNIX)
		return result(-EOPNOTSUPP);
	if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM || protocol)
		return result(-EPROTONOSUPPORT);
	kernel_enter();
	rc = make(true, type & SOCK_NONBLOCK ? O_NONBLOCK : 0, fds);
	kernel_leave();
	return result(rc);
}
