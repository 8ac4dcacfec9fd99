/* SPDX-License-Identifier: ISC */
/*
 * drivers/blkfront*.c and drivers/xenbus/frontend*.c: backends that restart, disks that are
 * detached, reports.
 */
#include "tests/unit/blkfront_user.h"

#include "drivers/blkfront_internal.h"
#include "kernel/param.h"

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
	/* It is the same disk: descriptors from before are still valid. */
	assert(blkfront_read(&disk, &byte, 1, 5) == 1 && byte == blkback_disk[5]);
	down();
}

/* Returns the number of log lines about the disk from there on. */
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

/* The backend cannot fill the log and so remove other lines from it. */
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

/*
 * Requests to xenstore that fail without memory are repeated: an existing disk is not
 * detached.
 */
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

/* And a disk that is attached meanwhile is found later. */
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

/*
 * Xenstore may be lost at any moment of a disk's life: the disk ends, and all its calls
 * fail.
 */
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

/* ---- a restored domain, which has another directory of the device, or none */

static void restored(void)
{
	blkback_vanish();
	frontend_release(true);
}

static void a_disk_of_a_restored_domain(void)
{
	static const char *const sizes[] = { NULL, "1024", "96" };
	unsigned size = host_below(3);
	uint8_t byte;
	ssize_t n;

	up();
	blkback.sector_size = NULL;
	restart();
	disk.attached = disk.blkfront->fe.attached;
	restored();
	blkback.sectors = sizes[size];
	if (host_chance(3))
		blkback.sector_size = "4096";
	blkback_attach();
	n = blkfront_read(&disk, &byte, 1, 5);
	if (size == 2 || blkback.sector_size)		/* another disk */
		assert(n == -EIO && strstr(host_console(), "another disk than before"));
	else
		assert(n == 1 && byte == blkback_disk[5]);
	wait_for_disk();
	assert(blkfront_read(&disk, &byte, 1, 5) == 1 && byte == blkback_disk[5]);
	down();
}

static void restored_without_its_disk(void)
{
	static char line[] = "onlost=crash";

	assert(param_init(line) == 0);
	up();
	shutdown_init();
	shutdown_limits();
	restored();
	thread_sleep(clock_now() + 30 * SECOND);
	host_fail("the guest runs without its disk");
}

static void a_disk_that_a_restored_domain_does_not_have(void)
{
	assert(host_until_shutdown(restored_without_its_disk) == SHUTDOWN_crash);
}

/* ---- reports */

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
		{ "the device reconnects to a backend that restarts",
		  a_backend_that_restarts, 20 },
		{ "keys of earlier connections are removed",
		  keys_of_other_connections, 20 },
		{ "a backend that always restarts does not fill the log",
		  a_backend_that_restarts_for_ever, 5 },
		{ "a device is detached and attached again, under load",
		  detached_and_attached, 20 },
		{ "a disk that vanishes is detached", a_disk_that_just_vanishes, 20 },
		{ "with very little memory, requests are small", little_memory, 10 },
		{ "a disk that is attached later is found", a_disk_that_comes_later, 10 },
		{ "a lack of memory does not count as detachment",
		  want_of_memory_is_no_detachment, 30 },
		{ "a disk that is attached while memory is short is found later",
		  a_disk_that_comes_without_memory, 20 },
		{ "a disk ends when xenstore is lost", xenstore_is_lost, 40 },
		{ "a disk is flushed at shutdown, which a silent backend delays",
		  a_disk_at_the_end, 20 },
		{ "after a restore, a disk of another size is another disk",
		  a_disk_of_a_restored_domain, 20 },
		{ "a disk that a restored domain does not have is lost",
		  a_disk_that_a_restored_domain_does_not_have, 5 },
		{ "a report lists devices and rings", rings_are_reported, 5 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
