/* SPDX-License-Identifier: ISC */
/* drivers/console.c with a dom0 that reads when the test requests it. */
#include "drivers/console.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "tests/host/host.h"

#include <assert.h>
#include <string.h>
#include <xen/io/console.h>

static char seen[1 << 16];
static size_t nseen;
static unsigned told;

/* As xenconsoled: after an event, reads all data, then sends an event. */
static bool dom0(void *arg)
{
	struct xencons_interface *ring = arg;
	bool read = false;

	if (!host_rung(host_console_port))
		return false;
	told++;
	for (; ring->out_cons != ring->out_prod; ring->out_cons++, read = true)
		seen[nseen++] = ring->out[MASK_XENCONS_IDX(ring->out_cons, ring->out)];
	if (read)
		host_notify(host_console_port);
	return true;
}

static void boot(void)
{
	struct xencons_interface *ring;

	host_boot();
	ring = boot_info.console_ring;
	ring->out_cons = ring->out_prod = host_random();
	host_actor("dom0", dom0, ring);
	console_attach();
	console_init();
}

/* Prints this many bytes at boot, without an event to dom0. */
static void fill(size_t n)
{
	while (n--)
		print("x");
	host_settle();
	assert(!told);
}

/* Until dom0 has seen so much; false: it never will. */
static bool seen_in_time(size_t n)
{
	uint64_t deadline = clock_now() + NSEC_PER_SEC;

	while (nseen < n && clock_now() < deadline)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	return nseen == n;
}

static void lines_wait_for_the_first_output(void)
{
	size_t n = 1 + host_below(2000);

	boot();
	fill(n);
	assert(console_write("y\n", 2) == 2);
	assert(seen_in_time(n + 3) && told == 1);
	assert(memcmp(seen + n - 1, "xy\r\n", 4) == 0);
}

static void a_ring_full_of_untold_lines(void)
{
	size_t n = sizeof(((struct xencons_interface *)0)->out) - host_below(3);

	boot();
	fill(n);
	if (host_chance(2))
		assert(console_write("\n", 1) == 1);
	else
		print("\n");
	host_settle();
	console_notify();
	assert(seen_in_time(n + 2) && seen[n] == '\r' && seen[n + 1] == '\n');
}

/*
 * While dom0 does not read, the log does not wait; its end is printed when dom0
 * reads again.
 */
static bool asleep;

static bool sleepy_dom0(void *arg)
{
	return !asleep && dom0(arg);
}

static void boot_beside_sleepy_dom0(void)
{
	struct xencons_interface *ring;

	host_boot();
	ring = boot_info.console_ring;
	ring->out_cons = ring->out_prod = host_random();
	asleep = true;
	host_actor("dom0", sleepy_dom0, ring);
	console_attach();
	shutdown_init();
	console_init();
	console_notify();
}

static void the_log_does_not_wait(void)
{
	unsigned lines = host_below(2) ? 100 : 2000;
	char last[20];
	uint64_t before;

	boot_beside_sleepy_dom0();
	for (unsigned i = 0; i < lines; i++) {
		before = clock_now();
		print("%07u of the lines that nobody reads\n", i);
		assert(clock_now() - before < NSEC_PER_MSEC);
	}
	asleep = false;
	assert(console_write("done\n", 5) == 5);
	for (before = clock_now(); clock_now() < before + NSEC_PER_SEC;)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(memcmp(seen + nseen - 6, "done\r\n", 6) == 0);
	for (unsigned i = 0; i < 100; i++) {
		format(last, sizeof(last), "%07u of", i);
		assert(memcmp(seen + i * 40, last, strlen(last)) == 0);
	}
	seen[nseen] = '\0';
	assert((lines > 1000) == !!strstr(seen, "bytes dropped"));
}

/* The guest goes down at the end, since the console's thread does not end. */
static void print_and_be_silent(void)
{
	unsigned lines = 60 + host_below(40);

	boot_beside_sleepy_dom0();
	console_start();
	for (unsigned i = 0; i < lines; i++)
		print("%07u of the lines that nobody reads\n", i);
	host_settle();
	assert(nseen == 0);
	asleep = false;
	assert(seen_in_time(lines * 40));
	shutdown_guest(SHUTDOWN_poweroff, 0, "a test");
}

/* The console's thread writes what was kept, even if nothing else is ever written. */
static void kept_lines_need_no_more_output(void)
{
	assert(host_until_shutdown(print_and_be_silent) == SHUTDOWN_poweroff);
}

/* As on EC2, where an HVM guest has its serial line instead. */
static void where_there_is_no_ring(void)
{
	host_boot();
	boot_info.console_ring = NULL;
	console_attach();
	console_init();
	print("said ");
	assert(console_write("written", 7) == 7);
	assert(strstr(host_console(), "said written"));
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "the lines of the boot wait for the first line of main",
		  lines_wait_for_the_first_output, 20 },
		{ "a writer that finds the ring full of unannounced data sends an event",
		  a_ring_full_of_untold_lines, 60 },
		{ "the log does not wait for its reader", the_log_does_not_wait, 40 },
		{ "lines that found the ring full are written without more output",
		  kept_lines_need_no_more_output, 40 },
		{ "without a ring, output is written by the platform",
		  where_there_is_no_ring, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
