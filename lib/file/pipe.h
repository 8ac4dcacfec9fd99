/* SPDX-License-Identifier: ISC */
/*
 * One direction of a pipe() or socketpair(): bytes, from the file that writes to the one
 * that reads.  Kernel code; only the two that wait sleep.
 */
#ifndef LIB_FILE_PIPE_H
#define LIB_FILE_PIPE_H

#include "kernel/sched.h"
#include "lib/file/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIPE_SIZE 65536
#define PIPE_ATOMIC 4096		/* PIPE_BUF: such a write to a pipe is one piece, or waits */

struct pipe {
	struct file *reader, *writer;	/* NULL: closed */
	bool ended, deaf;		/* nothing more is written; nothing more is read */
	size_t at, len;			/* of what is in it */
	uint64_t gone;			/* bytes that were read */
	struct rights *rights;		/* a socketpair()'s: rights.h, in order */
	struct waitq readers, writers;
	char data[PIPE_SIZE];
};

static inline bool pipe_ended(const struct pipe *p)
{
	return !p->writer || p->ended;
}

static inline bool pipe_broken(const struct pipe *p)
{
	return !p->reader || p->deaf || p->ended;
}

static inline size_t pipe_room(const struct pipe *p)
{
	return PIPE_SIZE - p->len;
}

/* Some of the bytes behind the first `skip`: *n of them, which stay until pipe_drop(). */
const char *pipe_bytes(const struct pipe *p, size_t skip, size_t *n);
void pipe_drop(struct pipe *p, size_t n);

/* As much as there is room for. */
size_t pipe_put(struct pipe *p, const void *from, size_t len);

/* Sleep until there are as many bytes, or no more will come; until there is such room, or
   it is in vain.  1; 0: the deadline has passed; -EINTR. */
int pipe_wait_bytes(struct pipe *p, size_t n, uint64_t deadline);
int pipe_wait_room(struct pipe *p, size_t n, uint64_t deadline);

/* Something about its ends has changed; once both are NULL it is freed. */
void pipe_changed(struct pipe *p);

/* Both have a descriptor, or neither is there any more: 0 or -errno. */
int pipe_install(struct file *a, struct file *b, bool cloexec, int fds[2]);

#endif
