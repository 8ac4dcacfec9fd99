/* SPDX-License-Identifier: ISC */
#include "tests/fs/device.h"

#include "tests/fs/sim.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct device *device_of(struct block *b)
{
	return (struct device *)b;
}

/* ---- What fs/ must not ask for. */

static size_t checked(struct device *d, const struct block_vec *vecs, unsigned count, uint64_t at,
		      bool write)
{
	size_t len = 0;

	if (!count || count > BLOCK_VECS)
		sim_fail("device: a transfer of %u pieces", count);
	for (unsigned i = 0; i < count; i++) {
		if (!vecs[i].len || vecs[i].len % SECTOR || (uintptr_t)vecs[i].data % SECTOR)
			sim_fail("device: a piece of %zu bytes at %p", vecs[i].len, vecs[i].data);
		len += vecs[i].len;
	}
	if (at % d->block.sector_size || len % d->block.sector_size ||
	    at > d->block.size || len > d->block.size - at)
		sim_fail("device: a transfer of %zu bytes at %llu of %llu", len,
			 (unsigned long long)at, (unsigned long long)d->block.size);
	if (write && d->block.read_only)
		sim_fail("device: a write to a read-only device at %llu", (unsigned long long)at);
	return len;
}

/* ---- Recording. */

static struct event *event_add(struct device *d, enum event_kind kind)
{
	struct event *e;

	if (d->event_count == d->event_room) {
		d->event_room = d->event_room ? 2 * d->event_room : 64;
		d->events = realloc(d->events, d->event_room * sizeof(*d->events));
	}
	e = &d->events[d->event_count++];
	*e = (struct event){ .kind = kind, .done = UINT_MAX };
	return e;
}

static unsigned record_write(struct device *d, const struct block_vec *vecs, unsigned count,
			     uint64_t at, size_t len)
{
	struct event *e;
	size_t n = 0;

	if (!d->recording)
		return 0;
	e = event_add(d, EVENT_WRITE);
	e->at = at;
	e->len = len;
	e->data = malloc(len);
	for (unsigned i = 0; i < count; i++) {
		memcpy(e->data + n, vecs[i].data, vecs[i].len);
		n += vecs[i].len;
	}
	return e - d->events;
}

static void record_done(struct device *d, unsigned event)
{
	if (d->recording)
		d->events[event].done = d->event_count;
}

void device_mark(struct device *d, enum event_kind kind, unsigned number)
{
	if (d->recording)
		event_add(d, kind)->number = number;
}

static void forget(struct device *d)
{
	for (unsigned i = 0; i < d->event_count; i++)
		free(d->events[i].data);
	d->event_count = 0;
}

void device_record(struct device *d)
{
	forget(d);
	d->recording = true;
}

/* ---- Errors. */

static bool fails(struct device *d, uint64_t number, uint64_t fail, uint64_t at, size_t len)
{
	bool bad = (fail && (number == fail || (d->fail_on && number > fail))) ||
		   (at < d->bad_to && at + len > d->bad_from);

	d->failed += bad;
	return bad;
}

/* ---- Transfers. */

static void transfer(struct device *d, bool write, const struct block_vec *vecs, unsigned count,
		     uint64_t at)
{
	for (unsigned i = 0; i < count; i++) {
		ssize_t n = vecs[i].len;

		if (write && d->before_write)
			d->before_write(d, at, n);
		if (d->data && write)
			memcpy(d->data + at, vecs[i].data, n);
		else if (d->data)
			memcpy(vecs[i].data, d->data + at, n);
		else if (write)
			n = pwrite(d->fd, vecs[i].data, n, at);
		else
			n = pread(d->fd, vecs[i].data, n, at);
		if (n != (ssize_t)vecs[i].len)
			sim_fail("device: %zd of %zu bytes at %llu", n, vecs[i].len,
				 (unsigned long long)at);
		at += n;
	}
}

static int read_now(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	struct device *d = device_of(b);
	size_t len = checked(d, vecs, count, at, false);

	sim_sleep();
	if (fails(d, ++d->reads, d->fail_read, at, len))
		return -EIO;
	transfer(d, false, vecs, count, at);
	sim_sleep();
	return 0;
}

static int write_now(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	struct device *d = device_of(b);
	size_t len = checked(d, vecs, count, at, true);
	unsigned event;

	sim_sleep();
	if (fails(d, ++d->writes, d->fail_write, at, len))
		return -EIO;
	/* Bytes that change while they are written are found by the second look. */
	event = record_write(d, vecs, count, at, len);
	transfer(d, true, vecs, count, at);
	sim_sleep();
	record_done(d, event);
	return 0;
}

static int flush_now(struct block *b)
{
	struct device *d = device_of(b);
	unsigned event = 0;

	sim_sleep();
	if (fails(d, ++d->flushes, d->fail_flush, 0, 0))
		return -EIO;
	if (d->recording)
		event = event_add(d, EVENT_FLUSH) - d->events;
	sim_sleep();
	record_done(d, event);
	return 0;
}

/* ---- Several runs: all begin, and then they end in any order. */

#define RUNS_MAX 256

static int write_runs(struct block *b, const struct block_run *runs, unsigned count)
{
	struct device *d = device_of(b);
	unsigned order[RUNS_MAX], events[RUNS_MAX];
	int rc = 0;

	if (!count || count > RUNS_MAX)
		sim_fail("device: %u runs", count);
	sim_sleep();
	for (unsigned i = 0; i < count; i++) {
		size_t len = checked(d, runs[i].vecs, runs[i].count, runs[i].at, true);

		events[i] = record_write(d, runs[i].vecs, runs[i].count, runs[i].at, len);
		order[i] = i;
	}
	for (unsigned left = count; left; left--) {
		unsigned k = sim_below(left), i = order[k];
		size_t len = checked(d, runs[i].vecs, runs[i].count, runs[i].at, true);

		order[k] = order[left - 1];
		if (fails(d, ++d->writes, d->fail_write, runs[i].at, len))
			rc = -EIO;
		else
			transfer(d, true, runs[i].vecs, runs[i].count, runs[i].at);
		record_done(d, events[i]);
		sim_sleep();
	}
	return rc;
}

static int flush_write(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	int rc = b->flush(b);

	return rc ? rc : b->write(b, vecs, count, at);
}

void device_concurrent(struct device *d)
{
	d->block.write_runs = write_runs;
	d->block.flush_write = sim_chance(2) ? flush_write : NULL;
}

/* ---- Beginning and end. */

static void device_begin(struct device *d, uint64_t size)
{
	*d = (struct device){
		.block = { .read = read_now, .write = write_now, .flush = flush_now,
			   .size = size, .sector_size = SECTOR, .name = "test" },
		.fd = -1,
	};
}

void device_memory(struct device *d, void *data, uint64_t size)
{
	device_begin(d, size);
	d->data = data;
}

int device_file(struct device *d, const char *path, bool read_only)
{
	struct stat s;
	int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &s))
		return -errno;
	device_begin(d, s.st_size / SECTOR * SECTOR);
	d->fd = fd;
	d->block.read_only = read_only;
	return 0;
}

void device_end(struct device *d)
{
	forget(d);
	free(d->events);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->events = NULL;
}
