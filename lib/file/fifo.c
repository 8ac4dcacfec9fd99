/* SPDX-License-Identifier: ISC */
/*
 * FIFOs that are opened by their names (POSIX.1-2017: open(), mkfifo()).
 *
 * All files of a FIFO share one pipe, from the first open() to the last close().  The pipe sees one
 * reader and one writer, which stand for all of them: each file watches these two.
 */
#include "lib/file/path.h"
#include "lib/file/pipe.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

struct fifo {
	struct fifo *next, **link;
	const struct inode *inode;	/* which the place of each file holds */
	struct pipe *pipe;
	struct file reader, writer;	/* of the pipe, while there are any */
	unsigned files, readers, writers;
	uint64_t read_opens, write_opens;	/* counts that only grow */
	struct waitq opened;
};

struct fifo_file {
	struct file file;
	struct place place;
	struct fifo *fifo;
	bool reads, writes;
	uint64_t unseen;		/* no writer since write_opens was this: no POLLHUP */
	struct watcher reader, writer;
};

#define FILE_OF(w, member) ((struct fifo_file *)((char *)(w) - offsetof(struct fifo_file, member)))

static struct fifo *fifos;

static void reader_changed(struct watcher *w)
{
	file_changed(&FILE_OF(w, reader)->file);
}

static void writer_changed(struct watcher *w)
{
	file_changed(&FILE_OF(w, writer)->file);
}

static void closed(struct watcher *w)
{
	(void)w;
}

static struct fifo_file *of(struct file *f)
{
	return (struct fifo_file *)f;
}

static struct pipe *in_of(const struct fifo_file *f)
{
	return f->reads ? f->fifo->pipe : NULL;
}

static struct pipe *out_of(const struct fifo_file *f)
{
	return f->writes ? f->fifo->pipe : NULL;
}

static struct fifo *fifo_get(const struct inode *inode)
{
	struct fifo *p = fifos;

	while (p && p->inode != inode)
		p = p->next;
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (p)
		p->pipe = calloc(1, sizeof(*p->pipe));
	if (!p || !p->pipe) {
		free(p);
		return NULL;
	}
	p->inode = inode;
	p->link = &fifos;
	p->next = fifos;
	if (p->next)
		p->next->link = &p->next;
	fifos = p;
	return p;
}

/* Frees it if no file has it. */
static void fifo_put(struct fifo *p)
{
	if (p->files)
		return;
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	pipe_changed(p->pipe);		/* without reader and writer: frees it */
	free(p);
}

/* The pipe's ends are there as long as files have them. */
static void set_ends(struct fifo *p)
{
	p->pipe->reader = p->readers ? &p->reader : NULL;
	p->pipe->writer = p->writers ? &p->writer : NULL;
	if (p->files)
		pipe_changed(p->pipe);
}

static ssize_t fifo_readv(struct file *f, const struct iovec *to, int count)
{
	return pipe_take(in_of(of(f)), f->flags, to, count);
}

static ssize_t fifo_writev(struct file *f, const struct iovec *from, int count)
{
	return pipe_give(out_of(of(f)), f->flags, from, count);
}

static ssize_t fifo_read(struct file *f, void *to, size_t len)
{
	return fifo_readv(f, &(struct iovec){ to, len }, 1);
}

static ssize_t fifo_write(struct file *f, const void *from, size_t len)
{
	return fifo_writev(f, &(struct iovec){ (void *)from, len }, 1);
}

static unsigned fifo_ready(struct file *f)
{
	const struct fifo_file *x = of(f);
	unsigned events = pipe_events(in_of(x), out_of(x));

	/* As on Linux: who opened it before any writer came does not see the end of one. */
	return x->fifo->write_opens == x->unseen ? events & ~POLLHUP : events;
}

static int fifo_ioctl(struct file *f, unsigned long request, void *arg)
{
	return pipe_control(f, in_of(of(f)), request, arg);
}

static int fifo_stat(struct file *f, struct stat *st)
{
	return place_stat(&of(f)->place, st);
}

static off_t fifo_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return -ESPIPE;
}

static void fifo_close(struct file *f)
{
	struct fifo_file *x = of(f);
	struct fifo *p = x->fifo;

	file_unwatch(&x->reader);
	file_unwatch(&x->writer);
	p->readers -= x->reads;
	p->writers -= x->writes;
	p->files--;
	set_ends(p);
	fifo_put(p);
	place_put(&x->place);
	free(x);
}

static const struct file_ops fifo_ops = {
	.read = fifo_read, .write = fifo_write, .readv = fifo_readv, .writev = fifo_writev,
	.ready = fifo_ready, .ioctl = fifo_ioctl,
	.stat = fifo_stat, .seek = fifo_seek, .close = fifo_close,
};

/* Waits for the other end.  One that came and has gone counts. */
static int wait_for_other(struct fifo *p, const struct fifo_file *x, int flags)
{
	uint64_t reads = p->read_opens, writes = p->write_opens;

	if (flags & O_NONBLOCK || (x->reads && x->writes))
		return 0;
	return wait_or_signal(&p->opened, NEVER, signal_way(NEVER), x->reads ?
			      p->writers || p->write_opens != writes :
			      p->readers || p->read_opens != reads) < 0 ? -EINTR : 0;
}

int fifo_open(const struct place *at, int flags, struct file **f)
{
	struct fifo_file *x = calloc(1, sizeof(*x));
	struct fifo *p = x ? fifo_get(at->inode) : NULL;
	int rc = p ? place_copy(&x->place, at) : -ENOMEM;

	if (rc) {
		if (p)
			fifo_put(p);
		free(x);
		return rc;
	}
	x->file.ops = &fifo_ops;
	x->fifo = p;
	x->reads = (flags & O_ACCMODE) != O_WRONLY;
	x->writes = (flags & O_ACCMODE) != O_RDONLY;
	x->unseen = x->reads && !x->writes && !p->writers ? p->write_opens : UINT64_MAX;
	x->reader = (struct watcher){ .changed = reader_changed, .closed = closed };
	x->writer = (struct watcher){ .changed = writer_changed, .closed = closed };
	file_watch(&p->reader, &x->reader);
	file_watch(&p->writer, &x->writer);
	p->files++;
	if (x->writes && !x->reads && flags & O_NONBLOCK && !p->readers)
		rc = -ENXIO;
	p->readers += x->reads;
	p->writers += x->writes;
	p->read_opens += x->reads && !rc;
	p->write_opens += x->writes && !rc;
	if (!rc) {
		set_ends(p);
		wake(&p->opened);
		rc = wait_for_other(p, x, flags);
	}
	if (rc)
		fifo_close(&x->file);
	else
		*f = &x->file;
	return rc;
}
