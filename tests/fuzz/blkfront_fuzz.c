/* SPDX-License-Identifier: ISC */
/*
 * The responses of drivers/blkfront_request.c: the backend does what the input says.  However it
 * behaves, every call returns, and nothing is leaked at the end.
 */
#include "drivers/blkfront.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/fuzz/guest_fuzz.h"
#include "tests/host/blkback.h"
#include "tests/host/xenstored.h"

#include <stdlib.h>
#include <string.h>

static struct disk disk;
static unsigned running;

static unsigned byte(void)
{
	if (!input_left)
		return UINT32_MAX;
	input_left--;
	return *input++;
}

static void use(void *arg)
{
	size_t size = 300 << 2 * (uintptr_t)arg;
	uint8_t *buf = malloc(size);
	ssize_t n;

	kernel_enter();
	do
		n = arg ? blkfront_read(&disk, buf, size, 700) :
			  blkfront_write(&disk, buf, size, 100);
	while (n == (ssize_t)size);
	if (n >= 0)
		abort();
	free(buf);
	running--;
	kernel_leave();
}

static void run(void)
{
	unsigned threads;

	store_start();
	host.steps = 2000000;
	host.accesses = host_below(2) * 64;
	host_boot();
	threads = thread_count();
	blkback.indirect = 40;
	blkback.persistent = true;
	blkback.flush = true;
	blkback_attach();
	if (blkfront_open(&disk, BLKBACK_VDEV, NEVER))
		abort();
	blkback.input = byte;
	for (uintptr_t i = 0; i < 4; i++, running++)
		if (!thread_start("use", THREAD_APP, 4 * STACK_KERNEL, use, (void *)i, NULL))
			abort();
	while (running || !blkback_detached())
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	store_end(STORE_TOO_LONG);
	while (thread_count() != threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}
