/* SPDX-License-Identifier: ISC */
#include "fs/buf.h"
#include "fs/fs.h"

#include <assert.h>
#include <string.h>

void store_init(struct store *s, struct block *dev, unsigned block_size)
{
	memset(s, 0, sizeof(*s));
	s->dev = dev;
	s->block_size = block_size;
	s->shift = __builtin_ctz(block_size);
	s->blocks = dev->size >> s->shift;
}

static void unhash(struct buf *b)
{
	struct buf **link = &b->store->hash[b->nr % BUF_HASH];

	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
}

static void data_free(struct store *s, uint8_t *data)
{
	if (s->block_size == OS_PAGE)
		cache_page_free(data);
	else
		cache_free(data, s->block_size);
}

static void drop(struct cached *c)
{
	struct buf *b = (struct buf *)c;

	assert(!b->pins && !b->running && !b->committing && !b->checkpoint && !b->frozen);
	unhash(b);
	data_free(b->store, b->data);
	cache_free(b, sizeof(*b));
}

void buf_drop(struct buf *b)
{
	cache_busy(&b->cached);
	drop(&b->cached);
}

void store_end(struct store *s)
{
	for (unsigned i = 0; i < BUF_HASH; i++)
		while (s->hash[i])
			buf_drop(s->hash[i]);
}

int store_readv(struct store *s, const struct block_vec *vecs, unsigned n, uint64_t nr)
{
	int rc = s->dev->read(s->dev, vecs, n, nr << s->shift);

	if (rc)
		s->errors++;
	for (unsigned i = 0; i < n; i++)
		s->read_bytes += vecs[i].len;
	return rc;
}

static int write_runs(struct store *s, const struct block_run *runs, unsigned count)
{
	int rc = 0;

	if (s->dev->write_runs && count > 1)
		return s->dev->write_runs(s->dev, runs, count);
	for (unsigned i = 0; i < count && !rc; i++)
		rc = s->dev->write(s->dev, runs[i].vecs, runs[i].count, runs[i].at);
	return rc;
}

int store_write_runs(struct store *s, const struct block_run *runs, unsigned count)
{
	int rc = write_runs(s, runs, count);

	/* A failed write may have reached the disk in part. */
	s->writes++;
	if (rc)
		s->errors++;
	for (unsigned k = 0; k < count; k++)
		for (unsigned i = 0; i < runs[k].count; i++)
			s->written_bytes += runs[k].vecs[i].len;
	return rc;
}

int store_writev(struct store *s, const struct block_vec *vecs, unsigned n, uint64_t nr)
{
	return store_write_runs(s, &(struct block_run){ vecs, n, nr << s->shift }, 1);
}

int store_read(struct store *s, void *to, uint64_t nr, unsigned count)
{
	struct block_vec v = { to, (size_t)count << s->shift };

	return store_readv(s, &v, 1, nr);
}

int store_write(struct store *s, const void *from, uint64_t nr, unsigned count)
{
	struct block_vec v = { (void *)(uintptr_t)from, (size_t)count << s->shift };

	return store_writev(s, &v, 1, nr);
}

/* One flush, and with `vec` the write behind it. */
static int flush(struct store *s, const struct block_vec *vec, uint64_t at)
{
	uint64_t mark = s->writes;
	int rc;

	s->flushing = true;
	rc = vec ? s->dev->flush_write(s->dev, vec, 1, at) : s->dev->flush(s->dev);
	s->flushing = false;
	s->flushes++;
	os_wake(&s->flushed);
	if (rc) {
		s->errors++;
		s->flush_failed = true;
		return rc;
	}
	s->durable = mark;
	return 0;
}

int store_flush(struct store *s)
{
	uint64_t wanted = s->writes;
	int rc = 0;

	while (!rc && s->durable < wanted)
		if (s->flush_failed)
			return -EIO;
		else if (s->flushing)
			os_wait(&s->flushed);
		else
			rc = flush(s, NULL, 0);
	return rc;
}

int store_flush_write(struct store *s, const void *from, uint64_t nr, unsigned count)
{
	struct block_vec v = { (void *)(uintptr_t)from, (size_t)count << s->shift };
	int rc;

	if (!s->dev->flush_write || s->flushing || s->flush_failed || s->durable == s->writes) {
		rc = store_flush(s);
		return rc ? rc : store_write(s, from, nr, count);
	}
	rc = flush(s, &v, nr << s->shift);
	s->writes++;
	s->written_bytes += v.len;
	return rc;
}

static struct buf *find(struct store *s, uint64_t nr)
{
	struct buf *b = s->hash[nr % BUF_HASH];

	while (b && b->nr != nr)
		b = b->next;
	return b;
}

static void hold(struct buf *b)
{
	cache_busy(&b->cached);
	b->pins++;
}

static struct buf *make(struct store *s, uint64_t nr)
{
	struct buf *b = cache_alloc_sure(sizeof(*b));

	if (!b)
		return NULL;
	b->data = s->block_size == OS_PAGE ? cache_page_alloc_sure()
					   : cache_alloc_sure(s->block_size);
	if (!b->data) {
		cache_free(b, sizeof(*b));
		return NULL;
	}
	b->cached.size = sizeof(*b) + s->block_size;
	b->cached.drop = drop;
	b->store = s;
	b->nr = nr;
	b->next = s->hash[nr % BUF_HASH];
	s->hash[nr % BUF_HASH] = b;
	return b;
}

struct buf *buf_find(struct store *s, uint64_t nr)
{
	struct buf *b = find(s, nr);

	if (!b || !b->valid)
		return NULL;
	hold(b);
	return b;
}

/* Memory that is not a page may be unaligned: it is read by way of one. */
static int read_block(struct store *s, uint8_t *to, uint64_t nr)
{
	void *page;
	int rc;

	if (s->block_size == OS_PAGE)
		return store_read(s, to, nr, 1);
	page = cache_page_alloc_sure();
	if (!page)
		return -ENOMEM;
	rc = store_read(s, page, nr, 1);
	memcpy(to, page, s->block_size);
	cache_page_free(page);
	return rc;
}

int buf_get(struct store *s, uint64_t nr, struct buf **to)
{
	struct buf *b;
	int rc;

	if (nr >= s->blocks)
		return -EUCLEAN;
	b = find(s, nr);
	if (!b && !(b = make(s, nr)))
		return -ENOMEM;
	hold(b);
	while (b->reading)
		os_wait(&s->read);
	if (!b->valid) {
		b->reading = true;
		rc = read_block(s, b->data, nr);
		b->reading = false;
		os_wake(&s->read);
		if (rc) {
			buf_put(b);
			return rc;
		}
		b->valid = true;
		b->kind = BUF_UNKNOWN;
	}
	*to = b;
	return 0;
}

int buf_new(struct store *s, uint64_t nr, struct buf **to)
{
	struct buf *b;

	if (nr >= s->blocks)
		return -EUCLEAN;
	b = find(s, nr);
	if (!b && !(b = make(s, nr)))
		return -ENOMEM;
	hold(b);
	while (b->reading)
		os_wait(&s->read);
	/* A hostile image may have this block in use already. */
	if (b->running || b->committing || b->checkpoint || b->pins > 1) {
		buf_put(b);
		return -EUCLEAN;
	}
	memset(b->data, 0, s->block_size);
	b->valid = true;
	b->kind = BUF_UNKNOWN;
	*to = b;
	return 0;
}

void buf_put(struct buf *b)
{
	if (!b)
		return;
	assert(b->pins);
	if (--b->pins || b->running || b->committing || b->checkpoint)
		return;
	if (b->valid)
		cache_idle(&b->cached);
	else
		drop(&b->cached);
}

int buf_claim(struct buf *b, unsigned kind)
{
	if (b->kind == BUF_UNKNOWN)
		b->kind = kind;
	if (b->kind == kind)
		return 0;
	buf_put(b);
	return -EUCLEAN;
}
