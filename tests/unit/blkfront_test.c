/* SPDX-License-Identifier: ISC */
/* drivers/blkfront*.c and drivers/xenbus/frontend*.c, against tests/host/blkback.c. */
#include "drivers/blkfront.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/dump.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "tests/host/blkback.h"
#include "tests/host/host.h"
#include "tests/host/xenstored.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND NSEC_PER_SEC

static struct disk disk;
static unsigned running, baseline;

static bool little;

static void boot(void)
{
	if (little)
		host_set_memory((1 << 20) + host_below(256) * PAGE_SIZE);
	else if (host_chance(2))	/* a pool of few pages */
		host_set_memory(4 << 20);
	store_start();
	host_boot();
	baseline = thread_count();
	for (size_t i = 0; i < BLKBACK_SIZE; i++)
		blkback_disk[i] = i * 7 + i / 4096;
}

static void any_manners(void)
{
	blkback.flush = host_chance(2);
	blkback.barrier = host_chance(2);
	blkback.persistent = host_chance(2);
	blkback.ring_order = host_below(4);
	blkback.indirect = host_chance(2) ? 12 + host_below(300) : host_below(2) * 4;
	if (host_chance(3))
		blkback.sector_size = "4096";
}

static int open_disk(void)
{
	return blkfront_open(&disk, BLKBACK_VDEV, clock_now() + 5 * SECOND);
}

static void up(void)
{
	boot();
	any_manners();
	blkback_attach();
	assert(open_disk() == 0);
}

static void wait_for_threads(void)
{
	while (running)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static void detach(void)
{
	blkback_detach();
	while (!blkback_detached())
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	while (open_disk() != -ENODEV)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(!store_read("/local/domain/5/device/vbd/51712/state"));
}

/* All threads of the device end with xenstore. */
static void down(void)
{
	if (!blkback_detached())
		detach();
	wait_for_threads();
	store_end(STORE_TOO_LONG);
	while (thread_count() != baseline)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

/* Application threads, or the claim's own would never have its turn. */
struct user {
	void (*main)(void *arg);
	void *arg;
};

static void user(void *arg)
{
	struct user u = *(struct user *)arg;

	kernel_enter();
	free(arg);
	u.main(u.arg);
	running--;
	kernel_leave();
}

static void start_thread(void (*main)(void *), uintptr_t arg)
{
	struct user *u = malloc(sizeof(*u));

	*u = (struct user){ main, (void *)arg };
	running++;
	assert(thread_start("user", THREAD_APP, 4 * STACK_KERNEL, user, u, NULL));
}

/* ---- what is written is read */

#define AREA (BLKBACK_SIZE / 4)

static void use_area(void *arg)
{
	size_t start = (uintptr_t)arg * AREA;
	uint8_t *mine = malloc(AREA), *buf = malloc(AREA);

	memcpy(mine, blkback_disk + start, AREA);
	for (int i = 0; i < 12; i++) {
		size_t at = host_below(AREA), len = host_below(host_chance(2) ? 2000 : AREA);

		if (len > AREA - at)
			len = AREA - at;
		if (host_chance(2)) {
			for (size_t k = 0; k < len; k++)
				mine[at + k] = buf[k] = host_random();
			assert(blkfront_write(&disk, buf, len, start + at) == (ssize_t)len);
		} else {
			memset(buf, 0xee, AREA);
			assert(blkfront_read(&disk, buf, len, start + at) == (ssize_t)len);
			assert(memcmp(buf, mine + at, len) == 0);
			assert(len == AREA || buf[len] == 0xee);
		}
		if (host_chance(6))
			assert(blkfront_flush(&disk) == 0);
	}
	assert(memcmp(mine, blkback_disk + start, AREA) == 0);
	free(mine);
	free(buf);
}

/* In one call more than the pool may hold, from several at once. */
static void read_all(void *arg)
{
	uint8_t *buf = malloc(BLKBACK_SIZE);

	(void)arg;
	assert(blkfront_read(&disk, buf, BLKBACK_SIZE, 0) == BLKBACK_SIZE);
	assert(memcmp(buf, blkback_disk, BLKBACK_SIZE) == 0);
	free(buf);
}

static void what_is_written_is_read(void)
{
	up();
	for (unsigned i = 0; i < 3; i++)
		start_thread(read_all, i);
	wait_for_threads();
	for (unsigned i = 0; i < 4; i++)
		start_thread(use_area, i);
	wait_for_threads();
	assert(blkback.indirect <= 11 || blkback.persistent || blkback.mapped <= 40);
	down();
	assert(blkback.mapped == 0);
}

/* Neighbours in one sector do not undo each other. */
static void edit_sector(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	uint8_t value;

	for (int i = 0; i < 10; i++) {
		value = i;
		assert(blkfront_write(&disk, &value, 1, 100 + me) == 1);
	}
}

static void neighbours_in_a_sector(void)
{
	up();
	for (unsigned i = 0; i < 5; i++)
		start_thread(edit_sector, i);
	wait_for_threads();
	for (unsigned i = 0; i < 5; i++)
		assert(blkback_disk[100 + i] == 9);
	down();
}

/* Some sectors, whose first and last bytes are the editors'. */
#define FIRST 16384
#define SECTORS 8
static uint32_t sector_bytes;
static bool all_written;

static void write_whole_sectors(void *arg)
{
	static uint8_t buf[SECTORS * 4096], last[SECTORS];

	(void)arg;
	for (unsigned round = 1; round < 40; round++) {
		unsigned from = host_below(SECTORS), n = 1 + host_below(SECTORS - from);
		size_t len = n * sector_bytes, at = FIRST + from * sector_bytes;

		memset(buf, round, len);
		memset(last + from, round, n);
		if (blkback.discard && host_chance(4)) {
			memset(last + from, 0, n);
			assert(blkfront_discard(&disk, at, len) == 0);
		} else {
			assert(blkfront_write(&disk, buf, len, at) == (ssize_t)len);
		}
	}
	all_written = true;
	thread_sleep(clock_now() + SECOND);
	for (unsigned i = 0; i < SECTORS; i++)
		for (unsigned k = 1; k < sector_bytes - 1; k++) {
			uint8_t is = blkback_disk[FIRST + i * sector_bytes + k];

			if (last[i] && is != last[i])
				host_fail("sector %u is %u, and %u was written last", i, is,
					  last[i]);
		}
}

static void edit_edges(void *arg)
{
	uint8_t two[2] = { 200, 201 };
	size_t at, len;

	(void)arg;
	while (!all_written) {
		at = FIRST + (1 + host_below(SECTORS - 1)) * sector_bytes - host_below(2);
		len = at % sector_bytes ? 1 + host_below(2) : 1;
		assert(blkfront_write(&disk, two, len, at) == (ssize_t)len);
	}
}

/* An edit undoes no write of whole sectors that was complete while it was under way. */
static void an_edit_undoes_nothing(void)
{
	boot();
	any_manners();
	sector_bytes = host_chance(2) ? 4096 : 512;
	if (sector_bytes == 4096)
		blkback.sector_size = "4096";
	blkback.discard = host_chance(2);
	blkback_attach();
	assert(open_disk() == 0);
	start_thread(write_whole_sectors, 0);
	for (unsigned i = 0; i < 3; i++)
		start_thread(edit_edges, i);
	wait_for_threads();
	down();
}

/* ---- the edges */

static void the_end_of_the_disk(void)
{
	static uint8_t buf[8192];
	struct disk_info info;

	up();
	assert(blkfront_info(&disk, &info) == 0);
	assert(info.size == BLKBACK_SIZE && info.writable);
	assert(blkfront_read(&disk, buf, sizeof(buf), BLKBACK_SIZE - 10) == 10);
	assert(memcmp(buf, blkback_disk + BLKBACK_SIZE - 10, 10) == 0);
	assert(blkfront_read(&disk, buf, sizeof(buf), BLKBACK_SIZE) == 0);
	assert(blkfront_read(&disk, buf, SIZE_MAX, UINT64_MAX) == 0);
	assert(blkfront_write(&disk, buf, 10, BLKBACK_SIZE - 5) == 5);
	assert(blkfront_write(&disk, buf, 1, BLKBACK_SIZE) == -ENOSPC);
	assert(blkfront_read(&disk, buf, 0, 5) == 0 && blkfront_write(&disk, buf, 0, 5) == 0);
	down();
}

/* 2^40 sectors: half a PiB. */
static void beyond_two_tib(void)
{
	static uint8_t buf[512];
	const uint64_t sector = (1ull << 40) - 1;

	boot();
	blkback.sectors = "1099511627776";
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_write(&disk, buf, 512, sector * 512) == 512);
	assert(blkback.last_sector == sector);
	assert(blkfront_write(&disk, buf, 512, (sector + 1) * 512) == -ENOSPC);
	down();
}

static void read_only_is_read_only(void)
{
	uint8_t byte;

	boot();
	blkback.info = "4";
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_write(&disk, &byte, 1, 0) == -EROFS);
	assert(blkfront_discard(&disk, 0, 4096) == -EROFS);
	assert(blkfront_read(&disk, &byte, 1, 1) == 1 && byte == blkback_disk[1]);
	down();
}

static void flush_or_barrier_or_nothing(void)
{
	up();
	assert(blkfront_flush(&disk) == 0);
	assert(blkback.flushes == blkback.flush);
	assert(blkback.barriers == (blkback.barrier && !blkback.flush));
	blkback.refuses = true;
	assert(blkfront_flush(&disk) == 0);	/* the next best, until there is nothing */
	assert(blkfront_flush(&disk) == 0);
	assert(blkback.flushes <= 2 && blkback.barriers <= 2);
	if (blkback.flush || blkback.barrier)
		assert(strstr(host_console(), "from now on: no flush"));
	else
		assert(strstr(host_console(), "no flush and no barrier"));
	down();
}

static void discard_is_rounded_inwards(void)
{
	boot();
	blkback.discard = true;
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_discard(&disk, 1000, 2000) == 0);
	assert(blkback.discards == 1);
	assert(blkback_disk[1023] == (uint8_t)(1023 * 7) && blkback_disk[1024] == 0);
	assert(blkback_disk[2559] == 0 && blkback_disk[2560] == (uint8_t)(2560 * 7));
	assert(blkfront_discard(&disk, 513, 1000) == 0 && blkback.discards == 1);
	assert(blkfront_discard(&disk, 0, UINT64_MAX) == 0 && blkback.discards == 2);
	down();
}

/* ---- errors and lies */

static void an_error_is_an_error(void)
{
	static uint8_t buf[100000];
	unsigned failed = 0;

	up();
	blkback.fails = 3;
	for (int i = 0; i < 20 || !failed; i++) {
		ssize_t n = blkfront_read(&disk, buf, sizeof(buf), i % 64 * 512);

		assert(n == sizeof(buf) || n == -EIO || n == -EOPNOTSUPP);
		failed += n < 0;
	}
	assert(failed);
	blkback.fails = 0;
	assert(blkfront_read(&disk, buf, sizeof(buf), 0) == sizeof(buf));
	assert(memcmp(buf, blkback_disk, sizeof(buf)) == 0);
	down();
}

static unsigned errors;

static void read_until_error(void *arg)
{
	uint8_t *buf = malloc(40000);
	ssize_t n;

	(void)arg;
	do
		n = blkfront_read(&disk, buf, 1 + host_below(40000), host_below(BLKBACK_SIZE));
	while (n > 0);
	assert(n == -EIO);
	errors++;
	free(buf);
}

static void wait_for_disk(void)
{
	while (open_disk() == -ENODEV)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(open_disk() == 0);
}

static void attach_again_and_use(void)
{
	struct disk old = disk;
	uint8_t byte;

	blkback.lie = LIE_NONE;
	blkback.scribbles = blkback.silent = blkback.keeps = false;
	detach();
	assert(!disk.blkfront || blkfront_read(&disk, &byte, 1, 0) == -EIO);
	blkback_attach();
	wait_for_disk();
	assert(blkfront_read(&disk, &byte, 1, 5) == 1 && byte == blkback_disk[5]);
	assert(!old.blkfront || blkfront_read(&old, &byte, 1, 5) == -EIO);	/* for good */
}

/*
 * All callers get the error, none hangs, and the device works after it is attached again.
 */
static void who_lies_loses_the_device(void)
{
	up();
	for (unsigned i = 0; i < 4; i++)
		start_thread(read_until_error, i);
	thread_sleep(clock_now() + host_below(200000));
	blkback.lie = 1 + host_below(LIE_LIES - 1);
	wait_for_threads();
	assert(errors == 4);
	assert(open_disk() == -EPROTO);
	assert(strstr(host_console(), "disabled until it is attached again"));
	attach_again_and_use();
	down();
}

/* Ring and data change at any moment: errors, and nothing else. */
static void a_scribbler_is_survived(void)
{
	up();
	for (unsigned i = 0; i < 4; i++)
		start_thread(read_until_error, i);
	thread_sleep(clock_now() + host_below(200000));
	blkback.scribbles = true;
	thread_sleep(clock_now() + SECOND);
	if (running)			/* it just did not answer */
		blkback_detach();
	wait_for_threads();
	assert(errors == 4);
	blkback.scribbles = false;
	if (!blkback_detached())
		attach_again_and_use();
	down();
}

static void silence_ends_with_the_connection(void)
{
	up();
	blkback.silent = true;
	for (unsigned i = 0; i < 4; i++)
		start_thread(read_until_error, i);
	thread_sleep(clock_now() + 20 * SECOND);
	assert(running == 4);
	attach_again_and_use();
	wait_for_threads();
	assert(errors == 4);
	down();
}

static void who_keeps_pages_loses_the_device(void)
{
	static uint8_t buf[20000];

	up();
	blkback.persistent = true;
	assert(blkfront_read(&disk, buf, sizeof(buf), 0) == sizeof(buf));
	blkback.keeps = true;
	blkback_restart();
	while (open_disk() != -EPROTO)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(strstr(host_console(), "granted pages are still mapped"));
	blkback_let_go();
	attach_again_and_use();
	thread_sleep(clock_now() + 60 * SECOND);	/* what was kept is freed */
	down();
}

static void parameters_that_make_no_sense(void)
{
	static const char *const sectors[] = {
		"", "-1", "0x10", "18446744073709551615", "18014398509481985", "1e3", "512 ",
	};
	static const char *const sizes[] = {
		"0", "513", "256", "8192", "4294967296", "4096x", "1073741824",
	};

	boot();
	if (host_chance(2))
		blkback.sectors = sectors[host_below(HOST_COUNT(sectors))];
	else
		blkback.sector_size = sizes[host_below(HOST_COUNT(sizes))];
	blkback_attach();
	assert(open_disk() == -EPROTO);
	blkback.sectors = blkback.sector_size = NULL;
	attach_again_and_use();
	down();
}

/* What its sector numbers mean is known of Linux's: no other is written to by a guess. */
static void units_that_are_not_known(void)
{
	static const char *const sizes[] = { "512", "1024", "2048", "4096" };
	unsigned which = host_below(4);
	uint8_t byte = 9;

	boot();
	blkback.sector_size = sizes[which];
	blkback.unknown = true;
	blkback_attach();
	assert(open_disk() == (which ? -EPROTO : 0));
	if (which) {
		assert(strstr(host_console(), "cannot determine whether"));
		assert(blkback.requests == 0);
		blkback.unknown = false;
		attach_again_and_use();
	}
	assert(blkfront_write(&disk, &byte, 1, 4096) == 1 && blkback_disk[4096] == 9);
	down();
}

/* ---- coming and going */

static void use_through_restarts(void *arg)
{
	uint8_t byte, value = (uintptr_t)arg;
	size_t at = value * 5000;
	bool written = false;		/* all writes may fail until the disk is back */

	for (int i = 0; i < 30; i++) {
		ssize_t n = blkfront_write(&disk, &value, 1, at);

		assert(n == 1 || n == -EIO);
		written |= n == 1;
		n = blkfront_read(&disk, &byte, 1, at);
		assert(n == -EIO || (n == 1 && (byte == value || !written)));
		errors += n == -EIO;
		thread_sleep(clock_now() + host_below(300000));
	}
}

static void a_backend_that_restarts(void)
{
	uint8_t byte;

	up();
	for (unsigned i = 0; i < 4; i++)
		start_thread(use_through_restarts, i);
	for (int i = 0; i < 3; i++) {
		unsigned before = blkback.connections;

		thread_sleep(clock_now() + host_below(2000000));
		blkback_restart();
		while (blkback.connections == before)
			thread_sleep(clock_now() + NSEC_PER_MSEC);
	}
	wait_for_threads();
	/* It is the same disk: what was opened before is good still. */
	assert(blkfront_read(&disk, &byte, 1, 5) == 1 && byte == blkback_disk[5]);
	down();
}

/* Lines about the disk in the log from there on. */
static int lines_about_it(size_t from)
{
	int n = 0;

	for (const char *p = host_console() + from; (p = strstr(p, "] device/vbd/51712")); p++)
		n++;
	return n;
}

static void restart(void)
{
	unsigned before = blkback.connections;

	blkback_restart();
	while (blkback.connections == before)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(open_disk() == 0);
}

#define FRONT "/local/domain/5/device/vbd/51712/"

/* A backend sees only keys of this connection, not of earlier ones. */
static void keys_of_other_connections(void)
{
	uint8_t byte;

	boot();
	blkback.ring_order = host_below(3);
	store_write(FRONT "device-type", "disk");
	if (host_chance(2)) {
		store_write(FRONT "multi-queue-num-queues", "2");
		store_write(FRONT "queue-0/ring-ref", "7");
		store_write(FRONT "queue-0/event-channel", "7");
		store_write(FRONT "feature-large-sector-size", "1");
		store_write(FRONT "ring-page-order", "4");
		for (char key[] = FRONT "ring-ref0"; key[sizeof(key) - 2] < '8';
		     key[sizeof(key) - 2]++)
			store_write(key, "99");
	}
	store_write(FRONT "ring-ref-of-a-name-that-is-far-longer-than-any-that-a-backend-would-"
		    "ever-ask-a-frontend-for-so-it-stays-where-it-is-and-does-no-harm", "1");
	blkback_attach();
	assert(open_disk() == 0);
	for (int i = 0; i < 4; i++) {
		blkback.ring_order = host_below(3);
		store_write("/local/domain/0/backend/vbd/5/51712/max-ring-page-order",
			    (const char *const[]){ "0", "1", "2" }[blkback.ring_order]);
		restart();
		assert(blkfront_read(&disk, &byte, 1, 5) == 1 && byte == blkback_disk[5]);
		assert(!store_read(FRONT "queue-0/ring-ref") && !store_read(FRONT "queue-0"));
		assert(strcmp(store_read(FRONT "device-type"), "disk") == 0);
	}
	down();
}

/* Whoever has the backend cannot have the log too, nor what else stands in it. */
static void a_backend_that_restarts_for_ever(void)
{
	size_t from;
	char said[64];

	up();
	from = strlen(host_console());
	for (int i = 0; i < 50; i++)
		restart();
	assert(lines_about_it(from) == LOG_SOME - 1);	/* the first was up()'s */
	format(said, sizeof(said), " (%d lines left out)\n", 50 - (LOG_SOME - 1));
	assert(!strstr(host_console() + from, "left out"));
	thread_sleep(clock_now() + 60 * SECOND);
	restart();
	assert(strstr(host_console() + from, said));
	down();
}

static void detached_and_attached(void)
{
	up();
	for (int i = 0; i < 3; i++) {
		errors = 0;
		for (unsigned k = 0; k < 3; k++)
			start_thread(read_until_error, k);
		thread_sleep(clock_now() + host_below(500000));
		attach_again_and_use();
		assert(blkfront_next(0) == BLKBACK_VDEV);
	}
	down();
}

/* Requests are not larger than the pool. */
static void little_memory(void)
{
	static uint8_t bytes[BLKBACK_SIZE];

	little = true;
	boot();
	blkback.indirect = 256;
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_read(&disk, bytes, sizeof(bytes), 0) == sizeof(bytes));
	assert(memcmp(bytes, blkback_disk, sizeof(bytes)) == 0);
	assert(blkfront_write(&disk, bytes + 4096, 200000, 0) == 200000);
	assert(memcmp(bytes + 4096, blkback_disk, 200000) == 0);
	down();
}

static void a_disk_that_just_vanishes(void)
{
	up();
	for (unsigned k = 0; k < 3; k++)
		start_thread(read_until_error, k);
	thread_sleep(clock_now() + host_below(500000));
	blkback_vanish();
	wait_for_threads();
	assert(errors == 3);
	while (open_disk() != -ENODEV)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	thread_sleep(clock_now() + 30 * SECOND);
	assert(!store_read("/local/domain/5/device/vbd/51712/state"));
	blkback_attach();
	wait_for_disk();
	down();
}

static void a_disk_that_comes_later(void)
{
	boot();
	assert(open_disk() == -ENODEV);
	assert(blkfront_next(0) == -ENODEV);
	thread_sleep(clock_now() + SECOND);
	blkback_attach();
	wait_for_disk();
	down();
}

/* What cannot be asked for want of memory is asked again: a disk that is there stays. */
static void want_of_memory_is_no_detachment(void)
{
	static const char *const events[] = {
		"/local/domain/5/device/vbd/7/nothing", "/local/domain/5/device/vbd/7",
		"/local/domain/0/backend/vbd/5/51712/state",
	};
	uint8_t byte;

	up();
	host.malloc_fails = 1 + host_below(4);
	for (unsigned i = 0; i < 20; i++) {
		unsigned which = host_below(HOST_COUNT(events));

		store_write(events[which], which == 2 ? "4" : "");
		thread_sleep(clock_now() + host_below(200 * NSEC_PER_MSEC));
	}
	host.malloc_fails = 0;
	assert(blkfront_read(&disk, &byte, 1, 5) == 1 && byte == blkback_disk[5]);
	assert(blkback.connections == 1);
	down();
}

/* And one that comes then is found, if later. */
static void a_disk_that_comes_without_memory(void)
{
	boot();
	assert(open_disk() == -ENODEV);
	host.malloc_fails = host_below(20);
	host.map_fails = host_below(4);
	blkback_attach();
	thread_sleep(clock_now() + host_below(3000 * NSEC_PER_MSEC));
	host.malloc_fails = host.map_fails = 0;
	wait_for_disk();
	down();
}

static bool lost;

static void open_and_read_until_error(void *arg)
{
	struct disk d;
	uint8_t byte;
	int rc;

	(void)arg;
	while ((rc = blkfront_open(&d, BLKBACK_VDEV, clock_now() + 5 * SECOND)) && !lost)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	if (rc)
		return;
	while (blkfront_read(&d, &byte, 1, host_below(BLKBACK_SIZE)) > 0)
		;
}

/* At any moment of a disk's life: it ends, with all who use it. */
static void xenstore_is_lost(void)
{
	boot();
	any_manners();
	assert(open_disk() == -ENODEV);
	blkback_attach();
	for (unsigned k = 0; k < 3; k++)
		start_thread(open_and_read_until_error, k);
	thread_sleep(clock_now() + host_below(host_chance(2) ? 300000 : 3000000));
	store_end(host_chance(2) ? STORE_TOO_LONG : STORE_GIVES_UP);
	lost = true;
	wait_for_threads();
	blkback_vanish();
	down();
}

static bool behind_ran;

static void run_behind(const struct shutdown_order *order)
{
	assert(clock_now() + SECOND < order->deadline);
	behind_ran = true;
}

static void end_with_a_disk(void)
{
	static struct shutdown_hook behind = { .name = "behind", .run = run_behind };

	boot();
	shutdown_init();
	shutdown_hook(&behind);
	blkback.flush = true;
	blkback_attach();
	wait_for_disk();
	blkback.silent = host_chance(2);
	shutdown_guest(SHUTDOWN_poweroff, 0, "a test");
}

/* A silent one is given time, and so are the hooks behind it. */
static void a_disk_at_the_end(void)
{
	assert(host_until_shutdown(end_with_a_disk) == SHUTDOWN_poweroff);
	assert(behind_ran && (blkback.silent || blkback.flushes == 1));
}

/* ---- what a report tells */

static void expect_report(const char *text)
{
	size_t before = strlen(host_console());

	dump_state();
	/* The console is written by a thread of its own. */
	thread_sleep(clock_now() + 100 * NSEC_PER_MSEC);
	if (!strstr(host_console() + before, text))
		host_fail("no \"%s\" in the report", text);
}

static void rings_are_reported(void)
{
	char line[100];

	boot();
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_read(&disk, line, sizeof(line), 0) == sizeof(line));
	expect_report("device/vbd/51712: connected to /local/domain/");
	expect_report("  ring-ref: 1 produced, 1 consumed, 0 in flight, 32 of 32 slots free, "
		      "0 responses not taken");
	detach();
	expect_report("device/vbd/51712: not connected (-19)");
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "what is written is read, by many at once", what_is_written_is_read, 40 },
		{ "neighbours in one sector do not undo each other", neighbours_in_a_sector,
		  20 },
		{ "the end of the disk is the end", the_end_of_the_disk, 5 },
		{ "a disk may have more than 2 TiB", beyond_two_tib, 1 },
		{ "read-only is read-only", read_only_is_read_only, 2 },
		{ "flush, or barrier, or nothing, and it is said", flush_or_barrier_or_nothing,
		  10 },
		{ "discard is rounded inwards", discard_is_rounded_inwards, 2 },
		{ "an error is the caller's, and no more", an_error_is_an_error, 10 },
		{ "a backend that lies loses the device until it is attached again",
		  who_lies_loses_the_device, 60 },
		{ "a backend that scribbles is survived", a_scribbler_is_survived, 40 },
		{ "silence ends with the connection", silence_ends_with_the_connection, 10 },
		{ "a backend that keeps pages loses the device", who_keeps_pages_loses_the_device,
		  10 },
		{ "parameters that make no sense are refused", parameters_that_make_no_sense, 20 },
		{ "a backend that restarts is met again", a_backend_that_restarts, 20 },
		{ "sectors in units that are not known are refused", units_that_are_not_known, 10 },
		{ "an edit undoes nothing", an_edit_undoes_nothing, 60 },
		{ "keys of other connections", keys_of_other_connections, 20 },
		{ "a backend that restarts for ever does not fill the log",
		  a_backend_that_restarts_for_ever, 5 },
		{ "detached and attached, under load", detached_and_attached, 20 },
		{ "a disk that just vanishes stays away", a_disk_that_just_vanishes, 20 },
		{ "in very little memory requests are small", little_memory, 10 },
		{ "a disk that comes later is found", a_disk_that_comes_later, 10 },
		{ "want of memory is no detachment", want_of_memory_is_no_detachment, 30 },
		{ "a disk that comes while there is no memory is found later",
		  a_disk_that_comes_without_memory, 20 },
		{ "when xenstore is lost a disk ends", xenstore_is_lost, 40 },
		{ "a disk is flushed at the end, which a silent one delays", a_disk_at_the_end, 20 },
		{ "a report tells of devices and rings", rings_are_reported, 5 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
