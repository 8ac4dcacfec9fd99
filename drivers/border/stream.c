/* SPDX-License-Identifier: ISC */
#include "drivers/border/stream.h"

#include <assert.h>
#include <errno.h>

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

void stream_open(struct stream *s, void __shared *buf, uint32_t size,
		 uint32_t __shared *ours, uint32_t __shared *theirs)
{
	assert(size && !(size & (size - 1)));
	*s = (struct stream){
		.buf = buf, .size = size, .ours = ours, .theirs = theirs,
		.at = shared_load(ours),
	};
}

ssize_t stream_readable(const struct stream *s)
{
	uint32_t used = shared_load(s->theirs) - s->at;

	return used > s->size ? -EPROTO : (ssize_t)used;
}

ssize_t stream_writable(const struct stream *s)
{
	uint32_t used = s->at - shared_load(s->theirs);

	return used > s->size ? -EPROTO : (ssize_t)(s->size - used);
}

/* The index is published after the bytes were moved. */
static void advance(struct stream *s, size_t len)
{
	s->at += len;
	shared_store(s->ours, s->at);
}

ssize_t stream_read(struct stream *s, void *to, size_t len)
{
	ssize_t ready = stream_readable(s);
	size_t start = s->at & (s->size - 1);
	size_t first;

	if (ready <= 0)
		return ready;
	len = min(len, ready);
	first = min(len, s->size - start);
	shared_get(to, s->buf + start, first);
	shared_get((char *)to + first, s->buf, len - first);
	advance(s, len);
	return len;
}

ssize_t stream_write(struct stream *s, const void *from, size_t len)
{
	ssize_t room = stream_writable(s);
	size_t start = s->at & (s->size - 1);
	size_t first;

	if (room <= 0)
		return room;
	len = min(len, room);
	first = min(len, s->size - start);
	shared_put(s->buf + start, from, first);
	shared_put(s->buf, (const char *)from + first, len - first);
	advance(s, len);
	return len;
}

void stream_rewind(struct stream *s)
{
	s->at = shared_load(s->theirs);
	shared_store(s->ours, s->at);
}
