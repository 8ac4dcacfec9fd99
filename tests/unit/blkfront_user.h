/* SPDX-License-Identifier: ISC */
/* A user of a disk of tests/host/blkback.c, with a model of what the disk must contain. */
#ifndef TESTS_UNIT_BLKFRONT_USER_H
#define TESTS_UNIT_BLKFRONT_USER_H

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

static inline void boot(void)
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

static inline void any_manners(void)
{
	blkback.flush = host_chance(2);
	blkback.barrier = host_chance(2);
	blkback.persistent = host_chance(2);
	blkback.ignores = host_chance(2);
	blkback.ring_order = host_below(4);
	blkback.indirect = host_chance(2) ? 12 + host_below(300) : host_below(2) * 4;
	if (host_chance(3))
		blkback.sector_size = "4096";
}

static inline int open_disk(void)
{
	return blkfront_open(&disk, BLKBACK_VDEV, clock_now() + 5 * SECOND);
}

static inline void up(void)
{
	boot();
	any_manners();
	blkback_attach();
	assert(open_disk() == 0);
}

static inline void wait_for_threads(void)
{
	while (running)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static inline void detach(void)
{
	blkback_detach();
	while (!blkback_detached())
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	while (open_disk() != -ENODEV)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(!store_read("/local/domain/5/device/vbd/51712/state"));
}

/* All threads of the device end with xenstore. */
static inline void down(void)
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

static inline void user(void *arg)
{
	struct user u = *(struct user *)arg;

	kernel_enter();
	free(arg);
	u.main(u.arg);
	running--;
	kernel_leave();
}

static inline void start_thread(void (*main)(void *), uintptr_t arg)
{
	struct user *u = malloc(sizeof(*u));

	*u = (struct user){ main, (void *)arg };
	running++;
	assert(thread_start("user", THREAD_APP, 4 * STACK_KERNEL, user, u, NULL));
}

static unsigned errors;

static inline void read_until_error(void *arg)
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

static inline void wait_for_disk(void)
{
	while (open_disk() == -ENODEV)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(open_disk() == 0);
}

static inline void attach_again_and_use(void)
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

#endif
