/* SPDX-License-Identifier: ISC */
/* backend/store_*.c: memory, files, copy-on-write, and each kind of fault. */
#include "backend/domain.h"
#include "backend/store_faults.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/host/host.h"
#include "tests/host/xenstored.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenolith/disk.h>

#define SIZE (600 * 1024 + 512)
#define SECOND NSEC_PER_SEC

static uint8_t model[SIZE], buf[SIZE];

int domain_thread(void (*main)(void *arg), void *arg)
{
	(void)main, (void)arg;
	return -ENOSYS;
}

static void boot(void)
{
	store_start();
	host_boot();
	memset(model, 0, SIZE);
}

static struct disk_store *memory(void)
{
	struct disk_store *s;

	assert(disk_memory(SIZE, &s) == 0);
	return s;
}

/* A file with the model's bytes. */
static struct disk_store *file(char path[20])
{
	struct disk_store *s;
	int fd;

	strcpy(path, "/tmp/diskXXXXXX");
	fd = mkstemp(path);
	assert(fd >= 0 && ftruncate(fd, SIZE) == 0);
	close(fd);
	assert(disk_file(path, false, 0, 0, &s) == 0 && s->size == SIZE);
	return s;
}

static struct disk_store *faulty(struct disk_store *below, const char *rule)
{
	struct disk_store *s;
	const char *why;

	assert(disk_faults(below, host_random(), &s) == 0);
	if (rule)
		assert(disk_faults_add(s, rule, &why) == 0);
	return s;
}

/* Cuts a range of the buffer into pieces of whole sectors. */
static int cut(struct iovec v[16], uint8_t *from, size_t len)
{
	int n = 0;

	while (len) {
		size_t part = 512 * (1 + host_below(20));

		if (part > len || n == 15)
			part = len;
		v[n++] = (struct iovec){ from, part };
		from += part;
		len -= part;
	}
	return n;
}

static int move(struct disk_store *s, bool write, uint64_t at, uint8_t *data, size_t len)
{
	struct iovec v[16];
	int n = cut(v, data, len);

	return write ? s->write(s, v, n, at) : s->read(s, v, n, at);
}

static void compare(struct disk_store *s)
{
	memset(buf, 0xee, SIZE);
	assert(move(s, false, 0, buf, SIZE) == 0);
	for (size_t i = 0; i < SIZE; i++)
		if (buf[i] != model[i])
			host_fail("byte %zu is %u, not %u", i, buf[i], model[i]);
}

static void use(struct disk_store *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		size_t at = host_below(SIZE / 512) * 512;
		size_t len = 512 * (1 + host_below(host_chance(3) ? 400 : 12));

		if (len > SIZE - at)
			len = SIZE - at;
		if (s->flush && host_chance(6))
			assert(s->flush(s) == 0);
		if (s->discard && host_chance(6)) {
			assert(s->discard(s, at, len) == 0);
			memset(model + at, 0, len);
		} else if (host_chance(2)) {
			for (size_t k = 0; k < len; k++)
				model[at + k] = host_random();
			assert(move(s, true, at, model + at, len) == 0);
		} else {
			memset(buf, 0xee, len);
			assert(move(s, false, at, buf, len) == 0);
			assert(memcmp(buf, model + at, len) == 0);
		}
	}
	compare(s);
}

static void what_is_written_is_read(void)
{
	struct disk_store *stores[5], *base;
	char path[20];

	boot();
	stores[0] = memory();
	stores[1] = file(path);
	base = memory();
	assert(disk_overlay(base, memory(), &stores[2]) == 0);
	stores[3] = faulty(memory(), NULL);
	stores[4] = faulty(memory(), "write-cache");
	for (int i = 0; i < 5; i++) {
		memset(model, 0, SIZE);
		use(stores[i], 40);
		disk_close(stores[i]);
	}
	unlink(path);
}

static void a_base_is_not_changed(void)
{
	struct disk_store *base, *top, *o;
	struct iovec v = { model, SIZE };
	char path[20];
	void (*close)(struct disk_store *s);

	boot();
	base = memory();
	for (size_t i = 0; i < SIZE; i++)
		model[i] = i * 7 + i / 4096;
	assert(base->write(base, &v, 1, 0) == 0);
	top = file(path);
	close = base->close;
	base->close = NULL;
	assert(disk_overlay(base, top, &o) == 0);
	compare(o);
	use(o, 40);
	disk_close(o);
	/* A server that is started again finds in the sparse file what was changed. */
	assert(disk_file(path, false, 0, 0, &top) == 0);
	assert(disk_overlay(base, top, &o) == 0);
	compare(o);
	disk_close(o);
	unlink(path);
	for (size_t i = 0; i < SIZE; i++)
		model[i] = i * 7 + i / 4096;
	compare(base);
	close(base);
}

static int (*exactly)(struct disk_store *s, uint64_t at, uint64_t *start, uint64_t *end);
static int granularity;			/* 0: zeroes are not stored */

/* Of a file system with larger blocks, or which does not store blocks of zeroes. */
static int roughly(struct disk_store *s, uint64_t at, uint64_t *start, uint64_t *end)
{
	int rc = exactly(s, at, start, end);

	if (rc)
		return rc;
	if (!granularity)
		return -ENXIO;
	*start = *start / granularity * granularity;
	*end = granularity < 4096 ? *start + granularity : (*end + granularity - 1) / granularity * granularity;
	return 0;
}

/*
 * With such a file, a restarted server would show zeroes, or the base, in place of what was written.
 * What was written to find out is gone: at the next start it would be the guest's.
 */
static void an_overlay_needs_an_exact_file_system(void)
{
	static const int bad[] = { 0, 1024, 16384, 131072 };
	struct disk_store *base, *top, *o;
	uint64_t start, end;
	char path[20];

	boot();
	for (unsigned i = 0; i < HOST_COUNT(bad); i++) {
		base = memory();
		top = file(path);
		exactly = top->written;
		top->written = roughly;
		granularity = bad[i];
		assert(disk_overlay(base, top, &o) == -EOPNOTSUPP);
		assert(exactly(top, 0, &start, &end) == -ENXIO);
		disk_close(top);
		disk_close(base);
		unlink(path);
	}
}

static void a_part_of_a_file_is_a_disk(void)
{
	struct disk_store *all, *part;
	char path[20];

	boot();
	all = file(path);
	assert(disk_file(path, false, 4096, 8192, &part) == 0 && part->size == 8192);
	memset(buf, 5, 8192);
	assert(move(part, true, 0, buf, 8192) == 0);
	memset(model + 4096, 5, 8192);
	compare(all);
	disk_close(part);
	assert(disk_file(path, false, 4096, SIZE, &part) == -EINVAL);
	assert(disk_file(path, false, SIZE, 0, &part) == -EINVAL);
	assert(disk_file("/nonexistent", false, 0, 0, &part) == -ENOENT);
	assert(disk_file("/", true, 0, 0, &part) == -EINVAL);
	assert(truncate(path, 2 * SIZE) == 0);
	all->tell(all, DISK_RESIZED);
	assert(all->size == 2 * SIZE);
	disk_close(all);
	unlink(path);
}

/* ---- faults */

static void errors_by_operation_and_position(void)
{
	struct disk_store *s;

	boot();
	s = faulty(memory(), "write 10..19 EIO");
	assert(move(s, true, 9 * 512, buf, 512) == 0 && move(s, true, 20 * 512, buf, 512) == 0);
	assert(move(s, true, 19 * 512, buf, 1024) == -EIO && move(s, true, 512, buf, 9 * 512 + 512) == -EIO);
	assert(move(s, false, 10 * 512, buf, 512) == 0 && s->flush(s) == 0);
	disk_close(s);
	s = faulty(memory(), "read ENOSPC");
	assert(move(s, false, 0, buf, 512) == -ENOSPC && move(s, true, 0, buf, 512) == 0);
	disk_close(s);
	s = faulty(memory(), "flush EIO times 2");
	assert(s->flush(s) == -EIO && s->flush(s) == -EIO && s->flush(s) == 0);
	disk_close(s);
	s = faulty(memory(), "flush EIO skip 2 times 1");
	assert(!s->flush(s) && !s->flush(s) && s->flush(s) == -EIO && !s->flush(s));
	disk_close(s);
	s = faulty(memory(), "discard EOPNOTSUPP");
	assert(s->discard(s, 0, 512) == -EOPNOTSUPP);
	disk_close(s);
	s = faulty(memory(), "any EIO");
	assert(s->discard(s, 0, 512) == -EIO && s->flush(s) == -EIO && move(s, true, 0, buf, 512) == -EIO);
	disk_close(s);
}

static void errors_by_time_and_rate(void)
{
	struct disk_store *s;
	unsigned failed = 0;

	boot();
	s = faulty(memory(), "write EIO after 10s for 5s");
	s->tell(s, DISK_CONNECTED);
	assert(move(s, true, 0, buf, 512) == 0);
	thread_sleep(clock_now() + 10 * SECOND);
	assert(move(s, true, 0, buf, 512) == -EIO);
	thread_sleep(clock_now() + 5 * SECOND);
	assert(move(s, true, 0, buf, 512) == 0);
	disk_close(s);
	s = faulty(memory(), "read EIO rate 1/10");
	for (unsigned i = 0; i < 1000; i++)
		failed += move(s, false, 0, buf, 512) == -EIO;
	assert(failed > 50 && failed < 160);
	disk_close(s);
}

static void latency_and_hang(void)
{
	struct disk_store *s;
	uint64_t before;

	boot();
	s = faulty(memory(), "any latency 30ms");
	before = clock_now();
	assert(move(s, false, 0, buf, 512) == 0 && clock_now() - before >= 30 * NSEC_PER_MSEC);
	disk_close(s);
	s = faulty(memory(), "write hang for 3s");
	s->tell(s, DISK_CONNECTED);
	before = clock_now();
	assert(move(s, true, 0, buf, 512) == 0 && clock_now() - before >= 2 * SECOND);
	s->tell(s, DISK_STOPPED);
	disk_close(s);
	s = faulty(memory(), "write hang");
	s->tell(s, DISK_STOPPED);		/* the connection ends: nobody waits */
	assert(move(s, true, 0, buf, 512) == -EIO);
	disk_close(s);
}

static void a_torn_write_has_a_beginning(void)
{
	struct disk_store *s;
	size_t n;

	boot();
	s = faulty(memory(), "write torn times 1");
	memset(model, 9, 20 * 512);
	assert(move(s, true, 0, model, 20 * 512) == -EIO);
	assert(move(s, false, 0, buf, 20 * 512) == 0);
	for (n = 0; n < 20 * 512 && buf[n] == 9; n++)
		;
	assert(n % 512 == 0 && n < 20 * 512);
	for (; n < 20 * 512; n++)
		assert(buf[n] == 0);
	disk_close(s);
}

static void lost_writes_are_not_reported(void)
{
	struct disk_store *s;

	boot();
	s = faulty(memory(), "write 3..3 lost");
	memset(buf, 1, 512);
	assert(move(s, true, 3 * 512, buf, 512) == 0);
	compare(s);
	disk_close(s);
}

/* Sectors are as flushed, or as written later if the rule says "some"; never anything else. */
static void a_power_cut_loses_what_was_not_flushed(void)
{
	bool some = host_chance(2);
	struct disk_store *s;
	unsigned kept = 0;

	boot();
	s = faulty(memory(), some ? "lose-cache-on-destroy some" : "lose-cache-on-destroy");
	use(s, 20);
	assert(s->flush(s) == 0);
	for (unsigned i = 0; i < 100; i++) {
		memset(buf, i, 512);
		assert(move(s, true, i * 512, buf, 512) == 0);
	}
	s->tell(s, DISK_LOST);
	for (unsigned i = 0; i < 100; i++) {
		assert(move(s, false, i * 512, buf, 512) == 0);
		if (memcmp(buf, model + i * 512, 512)) {
			for (unsigned k = 0; k < 512; k++)
				assert(buf[k] == i);
			kept++;
		}
	}
	assert(some ? kept > 10 && kept < 90 : kept == 0);
	disk_close(s);
	s = faulty(memory(), "write-cache");		/* a clean end loses nothing */
	memset(buf, 7, 512);
	assert(move(s, true, 0, buf, 512) == 0);
	s->tell(s, DISK_LOST);
	assert(move(s, false, 0, buf, 512) == 0 && buf[5] == 7);
	disk_close(s);
}

static void rules_are_checked(void)
{
	static const char *const bad[] = {
		"", " ", "writes EIO", "write", "write 5 EIO", "write 5.. EIO", "write 6..5 EIO",
		"write EFAULT", "write latency", "write latency 5", "write latency 5min", "read torn",
		"read lost", "flush 1..2 EIO", "any 1..2 EIO", "write EIO after", "write EIO after 5",
		"write EIO times 0", "write EIO skip 0", "write EIO rate 1", "write EIO rate 2/1", "write EIO rate 0/5",
		"write EIO sometimes", "write-cache now", "lose-cache-on-destroy all",
		"write 0..18446744073709551615 EIO", "write 99999999999999999999..1 EIO",
		"write EIO after 99999999999s", "out-of-order out-of-order",
		"a b c d e f g h i j k l m n o p q r s t u v w",
	};
	static const char *const good[] = {
		"write 5000..6000 EIO after 10s", "read EIO rate 1/100 times 3", " flush\tEIO ",
		"any latency 5ms after 1s for 2s", "write 0..0 torn", "discard lost", "any hang", "flush EIO skip 3 times 2",
		"write-cache", "lose-cache-on-destroy some", "out-of-order",
	};
	struct fault_rule r;
	unsigned flags = 0;
	const char *why;

	for (unsigned i = 0; i < HOST_COUNT(bad); i++) {
		why = NULL;
		if (fault_parse(bad[i], &r, &flags, &why) != -EINVAL || !why || !*why)
			host_fail("'%s' is a rule", bad[i]);
	}
	assert(flags == 0);
	for (unsigned i = 0; i < HOST_COUNT(good); i++)
		if (fault_parse(good[i], &r, &flags, &why))
			host_fail("'%s': %s", good[i], why);
	assert(flags == (FAULT_CACHE | FAULT_LOSE | FAULT_LOSE_SOME | FAULT_OUT_OF_ORDER));
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "what is written to a store is read", what_is_written_is_read, 30 },
		{ "a base below an overlay is not changed, and a restart finds the changes",
		  a_base_is_not_changed, 20 },
		{ "an overlay needs a file system that stores exactly what was written",
		  an_overlay_needs_an_exact_file_system, 1 },
		{ "a part of a file is a disk", a_part_of_a_file_is_a_disk, 2 },
		{ "faults: errors by operation and position", errors_by_operation_and_position, 4 },
		{ "faults: errors by time and rate", errors_by_time_and_rate, 4 },
		{ "faults: latency and hang", latency_and_hang, 4 },
		{ "faults: a torn write has a beginning", a_torn_write_has_a_beginning, 20 },
		{ "faults: a lost write is not reported", lost_writes_are_not_reported, 2 },
		{ "faults: a power cut loses what was not flushed",
		  a_power_cut_loses_what_was_not_flushed, 20 },
		{ "faults: rules are checked", rules_are_checked, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
