/* SPDX-License-Identifier: ISC */
/*
 * A byte stream from one file to another: one direction of a pipe(), a FIFO or a socketpair().
 * Kernel code; only functions that wait sleep.
 */
#ifndef LIB_FILE_PIPE_H
#define LIB_FILE_PIPE_H

#include "kernel/sched.h"
#include "lib/file/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIPE_SIZE 65536
#define PIPE_ATOMIC 4096		/* PIPE_BUF: writes up to this size are atomic */

struct pipe {
	struct file *reader, *writer;	/* NULL: closed */
	bool write_ended, read_ended;	/* no more writes; no more reads */
	size_t at, len;			/* position and number of unread bytes */
	uint64_t consumed;		/* number of bytes that were read */
	struct rights *rights;		/* for a socketpair(): rights.h, in order */
	struct waitq readers, writers;
	char data[PIPE_SIZE];
};

static inline bool pipe_ended(const struct pipe *p)
{
	return !p->writer || p->write_ended;
}

static inline bool pipe_broken(const struct pipe *p)
{
	return !p->reader || p->read_ended || p->write_ended;
}

static inline size_t pipe_room(const struct pipe *p)
{
	return PIPE_SIZE - p->len;
}

/*
 * Returns contiguous bytes behind the first `skip`, and their number in *n. They are
 * valid until pipe_drop().
 */
const char *pipe_bytes(const struct pipe *p, size_t skip, size_t *n);
void pipe_drop(struct pipe *p, size_t n);

/* Copies as much as there is space for. Returns how much. */
size_t pipe_put(struct pipe *p, const void *from, size_t len);

/*
 * Sleep until there are n bytes or the stream has ended; until there is space for n bytes
 * or the reader is closed. Return 1; 0 if the deadline has passed; -EINTR.
 */
int pipe_wait_bytes(struct pipe *p, size_t n, uint64_t deadline);
int pipe_wait_room(struct pipe *p, size_t n, uint64_t deadline);

/* Call this when one of its ends has changed. Frees the pipe if both are NULL. */
void pipe_changed(struct pipe *p);

/* read(), write(), the events of ready(), and ioctl(), of files that read `in` and write `out`
   (NULL: they do not); flags: O_NONBLOCK.  The first two sleep; all buffers are one message. */
ssize_t pipe_take(struct pipe *in, int flags, const struct iovec *to, int count);
ssize_t pipe_give(struct pipe *out, int flags, const struct iovec *from, int count);
unsigned pipe_events(const struct pipe *in, const struct pipe *out);
int pipe_control(struct file *f, const struct pipe *in, unsigned long request, void *arg);

/* Opens a FIFO of a file system; sleeps until its other end is open, too, unless O_NONBLOCK.
   Returns 0, -ENXIO, -EINTR or -ENOMEM.  flags: O_* */
struct place;
int fifo_open(const struct place *at, int flags, struct file **f);

/* Assigns descriptors to both files, or frees both. Returns 0 or -errno. */
int pipe_install(struct file *a, struct file *b, bool cloexec, int fds[2]);

#endif
