/* SPDX-License-Identifier: ISC */
/* pipe(): a byte stream between threads (POSIX.1-2017). */
#include "lib/file/pipe.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct end {
	struct file file;
	struct pipe *in, *out;		/* NULL: it does not read; it does not write */
};

static void notify(struct file *f)
{
	if (f)
		file_changed(f);
}

const char *pipe_bytes(const struct pipe *p, size_t skip, size_t *n)
{
	size_t at = (p->at + skip) % PIPE_SIZE, len = p->len - skip;

	*n = len < PIPE_SIZE - at ? len : PIPE_SIZE - at;
	return p->data + at;
}

void pipe_drop(struct pipe *p, size_t n)
{
	p->at = (p->at + n) % PIPE_SIZE;
	p->len -= n;
	p->consumed += n;
	wake(&p->writers);
	notify(p->writer);
}

size_t pipe_put(struct pipe *p, const void *from, size_t len)
{
	size_t end = (p->at + p->len) % PIPE_SIZE;
	size_t n = len < pipe_room(p) ? len : pipe_room(p);
	size_t part = n < PIPE_SIZE - end ? n : PIPE_SIZE - end;

	memcpy(p->data + end, from, part);
	memcpy(p->data, (const char *)from + part, n - part);
	p->len += n;
	wake(&p->readers);
	notify(p->reader);
	return n;
}

int pipe_wait_bytes(struct pipe *p, size_t n, uint64_t deadline)
{
	return wait_or_signal(&p->readers, deadline, signal_way(deadline),
			      p->len >= n || pipe_ended(p) || p->read_ended);
}

int pipe_wait_room(struct pipe *p, size_t n, uint64_t deadline)
{
	return wait_or_signal(&p->writers, deadline, signal_way(deadline),
			      pipe_room(p) >= n || pipe_broken(p));
}

void pipe_changed(struct pipe *p)
{
	wake(&p->readers);
	wake(&p->writers);
	notify(p->reader);
	notify(p->writer);
	if (!p->reader && !p->writer)
		free(p);
}

int pipe_install(struct file *a, struct file *b, bool cloexec, int fds[2])
{
	int first = file_install(a), second = file_install(b);

	if (first >= 0 && second < 0)
		file_close(first);
	if (second >= 0 && first < 0)
		file_close(second);
	file_put(a);
	file_put(b);
	if (first < 0 || second < 0)
		return first < 0 ? first : second;
	fds[0] = file_set_cloexec(first, cloexec);
	fds[1] = file_set_cloexec(second, cloexec);
	return 0;
}

static size_t length(const struct iovec *v, int count)
{
	size_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += v[i].iov_len;
	return sum;
}

static size_t take(struct pipe *p, void *to, size_t len)
{
	const char *from;
	size_t done = 0, n;

	for (; done < len && p->len; done += n) {
		from = pipe_bytes(p, 0, &n);
		n = n < len - done ? n : len - done;
		memcpy((char *)to + done, from, n);
		pipe_drop(p, n);
	}
	return done;
}

ssize_t pipe_take(struct pipe *p, int flags, const struct iovec *to, int count)
{
	size_t done = 0;

	if (!p)
		return -EBADF;
	if (!length(to, count))
		return 0;
	if (!p->len && !pipe_ended(p) && flags & O_NONBLOCK)
		return -EAGAIN;
	if (pipe_wait_bytes(p, 1, NEVER) < 0)
		return -EINTR;
	for (int i = 0; i < count; i++)
		done += take(p, to[i].iov_base, to[i].iov_len);
	return done;
}

/* After the first wait for all of a message that is atomic nothing sleeps. */
ssize_t pipe_give(struct pipe *p, int flags, const struct iovec *from, int count)
{
	size_t len = length(from, count), done = 0, at = 0, need, n;

	if (!p)
		return -EBADF;
	while (done < len) {
		if (at == from->iov_len) {
			from++;
			at = 0;
			continue;
		}
		need = len <= PIPE_ATOMIC ? len - done : 1;
		if (!pipe_broken(p) && pipe_room(p) < need && flags & O_NONBLOCK)
			return done ? (ssize_t)done : -EAGAIN;
		if (pipe_wait_room(p, need, NEVER) < 0)
			return done ? (ssize_t)done : -EINTR;
		if (pipe_broken(p))
			return done ? (ssize_t)done : -EPIPE;
		n = pipe_put(p, (const char *)from->iov_base + at, from->iov_len - at);
		at += n;
		done += n;
	}
	return done;
}

static ssize_t pipe_readv(struct file *f, const struct iovec *to, int count)
{
	return pipe_take(((struct end *)f)->in, f->flags, to, count);
}

static ssize_t pipe_writev(struct file *f, const struct iovec *from, int count)
{
	return pipe_give(((struct end *)f)->out, f->flags, from, count);
}

static ssize_t pipe_read(struct file *f, void *to, size_t len)
{
	return pipe_readv(f, &(struct iovec){ to, len }, 1);
}

static ssize_t pipe_write(struct file *f, const void *from, size_t len)
{
	return pipe_writev(f, &(struct iovec){ (void *)from, len }, 1);
}

unsigned pipe_events(const struct pipe *in, const struct pipe *out)
{
	unsigned events = 0;

	if (in && in->len)
		events |= POLLIN | POLLRDNORM;
	if (in && pipe_ended(in))
		events |= POLLHUP;
	if (out && (pipe_broken(out) || pipe_room(out) >= PIPE_ATOMIC))
		events |= POLLOUT | POLLWRNORM;
	if (out && pipe_broken(out))
		events |= POLLERR;
	return events;
}

static unsigned pipe_ready(struct file *f)
{
	return pipe_events(((struct end *)f)->in, ((struct end *)f)->out);
}

int pipe_control(struct file *f, const struct pipe *in, unsigned long request, void *arg)
{
	if (request != FIONREAD && request != FIONBIO)
		return -ENOTTY;
	if (request == FIONBIO)
		f->flags = *(int *)arg ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
	else
		*(int *)arg = in ? in->len : 0;
	return 0;
}

static int pipe_ioctl(struct file *f, unsigned long request, void *arg)
{
	return pipe_control(f, ((struct end *)f)->in, request, arg);
}

static int pipe_stat(struct file *f, struct stat *st)
{
	(void)f;
	st->st_mode = S_IFIFO | 0600;
	st->st_blksize = PIPE_ATOMIC;
	return 0;
}

static off_t pipe_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return -ESPIPE;
}

static void pipe_close(struct file *f)
{
	struct end *e = (struct end *)f;

	if (e->in) {
		e->in->reader = NULL;
		pipe_changed(e->in);
	}
	if (e->out) {
		e->out->writer = NULL;
		pipe_changed(e->out);
	}
	free(e);
}

static const struct file_ops pipe_ops = {
	.read = pipe_read, .write = pipe_write, .readv = pipe_readv, .writev = pipe_writev,
	.ready = pipe_ready, .ioctl = pipe_ioctl,
	.stat = pipe_stat, .seek = pipe_seek, .close = pipe_close,
};

int pipe2(int fds[2], int flags)
{
	struct pipe *p;
	struct end *r, *w;
	bool cloexec = flags & O_CLOEXEC;
	int rc = -ENOMEM;

	if (flags & ~(O_NONBLOCK | O_CLOEXEC))
		return result(-EINVAL);
	flags &= O_NONBLOCK;
	kernel_enter();
	p = calloc(1, sizeof(*p));
	r = calloc(1, sizeof(*r));
	w = calloc(1, sizeof(*w));
	if (p && r && w) {
		*r = (struct end){ .file = { .ops = &pipe_ops, .flags = flags | O_RDONLY,
					     .refs = 1 }, .in = p };
		*w = (struct end){ .file = { .ops = &pipe_ops, .flags = flags | O_WRONLY,
					     .refs = 1 }, .out = p };
		p->reader = &r->file;
		p->writer = &w->file;
		rc = pipe_install(&r->file, &w->file, cloexec, fds);
	} else {
		free(p);
		free(r);
		free(w);
	}
	kernel_leave();
	return result(rc);
}

int pipe(int fds[2])
{
	return pipe2(fds, 0);
}
