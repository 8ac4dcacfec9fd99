/* SPDX-License-Identifier: ISC */
/*
 * control/toolstack.c, kernel/shutdown.c, watchdog.c and dump.c: how a guest ends.
 *
 * Over 500 lines: all requests share one toolstack.
 */
#include "control/toolstack.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/dump.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "kernel/watchdog.h"
#include "tests/host/host.h"
#include "tests/host/xenstored.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define HOME "/local/domain/5/"

/* Its endpoint is another matter: tests/xen/endpoint. */
static const char *command_line = "control=off";
static char hooks[16];			/* which ran, in order */

static void listen(void *arg)
{
	(void)arg;
	toolstack_run();
}

static void up(void)
{
	static char line[128];

	store_start();
	store.lazy = host_chance(2) ? 2 + host_below(10) : 0;
	host_boot();
	strcpy(line, command_line);
	assert(param_init(line) == 0);
	shutdown_init();
	assert(xs_init() == 0);
	assert(toolstack_init() == 0);
	assert(thread_start("control", THREAD_KERNEL, STACK_KERNEL, listen, NULL, NULL));
	watchdog_init();
}

static void hook_a(const struct shutdown_order *order)
{
	assert(order->deadline > clock_now());
	strcat(hooks, "a");
}

static void hook_b(const struct shutdown_order *order)
{
	thread_sleep(order->deadline - 9 * NSEC_PER_SEC);
	strcat(hooks, "b");
}

static struct shutdown_hook a = { .name = "a", .run = hook_a };
static struct shutdown_hook b = { .name = "b", .run = hook_b };

static void expect_report(const char *status)
{
	const char *is = store_read(HOME "data/exit-status");

	assert(is && strcmp(is, status) == 0);
	assert(*store_read(HOME "data/exit-reason"));
}

/* ---- requests of the toolstack */

static const char *word;

/* xl writes it some time, and waits for it to be taken away. */
static bool toolstack(void *arg)
{
	static uint64_t when;
	static bool written;

	(void)arg;
	if (written)
		return false;
	if (!when)
		when = arch_clock() + host_below(20000000);
	if (arch_clock() < when) {
		host_at(when);
		return false;
	}
	store_write(HOME "control/shutdown", word);
	written = true;
	return true;
}

static void wait_to_be_asked(void)
{
	up();
	shutdown_hook(&a);
	shutdown_hook(&b);
	host_actor("xl", toolstack, NULL);
	for (;;)
		thread_sleep(clock_now() + NSEC_PER_SEC);
}

static void spin(void)
{
	up();
	host_actor("xl", toolstack, NULL);
	kernel_leave();
	for (;;)
		host_preempt();
}

static void in_order(void)
{
	static const struct {
		const char *word;
		int reason;
	} requests[] = {
		{ "poweroff", SHUTDOWN_poweroff },
		{ "halt", SHUTDOWN_poweroff },
		{ "reboot", SHUTDOWN_reboot },
	};
	unsigned i = host_below(HOST_COUNT(requests));

	word = requests[i].word;
	assert(host_until_shutdown(wait_to_be_asked) == requests[i].reason);
	assert(strcmp(hooks, "ba") == 0);
	assert(strcmp(store_read(HOME "control/shutdown"), "") == 0);
	expect_report("143");
}

/* ---- SIGTERM */

static bool handles, ends_itself;
static unsigned terms;

int shutdown_signal(int sig)
{
	assert(sig == SIGTERM);
	terms += handles;
	return handles ? 0 : -ENOENT;
}

static void wait_for_sigterm(void)
{
	up();
	shutdown_hook(&a);
	shutdown_hook(&b);
	host_actor("xl", toolstack, NULL);
	while (!terms || !ends_itself)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	shutdown_exit(9);
}

static void sigterm_comes_first(void)
{
	command_line = "control=off onexit=crash";
	handles = true;
	ends_itself = host_chance(2);
	word = host_chance(2) ? "poweroff" : "reboot";
	assert(host_until_shutdown(wait_for_sigterm) ==
	       (*word == 'r' ? SHUTDOWN_reboot : SHUTDOWN_poweroff));
	assert(terms == 1 && strcmp(hooks, "ba") == 0);
	expect_report(ends_itself ? "9" : "143");
}

static void even_if_it_spins(void)
{
	word = "poweroff";
	assert(host_until_shutdown(spin) == SHUTDOWN_poweroff);
	assert(strcmp(store_read(HOME "control/shutdown"), "") == 0);
	expect_report("143");
}

static void wait_for_text(const char *text)
{
	while (!strstr(host_console(), text))
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static void features(void)
{
	up();
	while (!store_read(HOME "control/feature-sysrq"))
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(strcmp(store_read(HOME "control/feature-poweroff"), "1") == 0);
	assert(strcmp(store_read(HOME "control/feature-reboot"), "1") == 0);
	assert(strcmp(store_read(HOME "control/feature-suspend"), "1") == 0);
	store_write(HOME "control/shutdown", "dance");
	while (*store_read(HOME "control/shutdown"))
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	wait_for_text("unsupported request dance");
	store_write(HOME "control/shutdown", "suspend");
	wait_for_text("the suspend was cancelled");
	thread_sleep(clock_now() + 2 * NSEC_PER_SEC);	/* memory is taken again */
	assert(!page_take_from_xen());
	host_xen.shutdown = SHUTDOWN_poweroff;	/* the threads stay */
}

/* ---- sysrq */

static char key;

static void press(void)
{
	char keys[2] = { key };

	up();
	store_write(HOME "control/sysrq", keys);
	for (;;) {
		thread_sleep(clock_now() + NSEC_PER_SEC);
		if (clock_now() > 10 * NSEC_PER_SEC && !*store_read(HOME "control/sysrq"))
			shutdown_guest(SHUTDOWN_poweroff, 0, "enough");
	}
}

static void sysrq(void)
{
	static const struct {
		char key;
		int reason;
		const char *says, *status;
	} keys[] = {
		{ 'h', SHUTDOWN_poweroff, "o power off", "0" },
		{ '?', SHUTDOWN_poweroff, "o power off", "0" },
		{ 't', SHUTDOWN_poweroff, "control ", "0" },
		{ 't', SHUTDOWN_poweroff, "in thread_sleep", "0" },
		{ 't', SHUTDOWN_poweroff, "xenstore        signalled", "0" },
		{ 'm', SHUTDOWN_poweroff, "grants:", "0" },
		{ 's', SHUTDOWN_poweroff, "", "0" },
		{ 'o', SHUTDOWN_poweroff, "sysrq o", "143" },
		{ 'b', SHUTDOWN_reboot, "sysrq b", "143" },
		{ 'c', SHUTDOWN_crash, "panic: sysrq c", "134" },
	};
	unsigned i = host_below(HOST_COUNT(keys));
	const char *status;

	key = keys[i].key;
	assert(host_until_shutdown(press) == keys[i].reason);
	assert(strstr(host_console(), keys[i].says));
	status = store_read(HOME "data/exit-status");
	assert(status && strcmp(status, keys[i].status) == 0);
}

/* ---- by itself */

static void leave(void)
{
	up();
	shutdown_hook(&a);
	shutdown_guest(SHUTDOWN_poweroff, 256 + 7, "main ended");
}

static void status_is_told(void)
{
	assert(host_until_shutdown(leave) == SHUTDOWN_poweroff);
	assert(strcmp(hooks, "a") == 0);
	expect_report("7");
}

static uint64_t began, ended;

static void hook_stuck(const struct shutdown_order *order)
{
	static struct waitq never;

	(void)order;
	began = clock_now();
	wait_until(&never, false);
}

static void last_a(const struct shutdown_order *order)
{
	(void)order;
	ended = clock_now();
	strcat(hooks, "A");
}

static struct shutdown_hook stuck = { .name = "stuck", .run = hook_stuck };
static struct shutdown_hook last = { .name = "last", .last = last_a };

static void leave_stuck(void)
{
	up();
	shutdown_hook(&last);
	shutdown_hook(&stuck);
	shutdown_guest(SHUTDOWN_reboot, 3, "test");
}

static void stuck_hook_is_cut_off(void)
{
	command_line = "control=off shutdown-timeout=4s";
	assert(host_until_shutdown(leave_stuck) == SHUTDOWN_reboot);
	assert(strcmp(hooks, "A") == 0);
	assert(strstr(host_console(), "hook stuck takes too long"));
	assert(ended - began < 7 * NSEC_PER_SEC);
	assert(strcmp(store_read(HOME "data/exit-status"), "3") == 0);
}

static void hook_spins(const struct shutdown_order *order)
{
	(void)order;
	for (;;)
		host_advance(NSEC_PER_MSEC);
}

static void leave_spinning(void)
{
	up();
	b.run = hook_spins;
	shutdown_hook(&b);
	shutdown_guest(SHUTDOWN_reboot, 3, "test");
}

static void spinning_hook_is_cut_off(void)
{
	assert(host_until_shutdown(leave_spinning) == SHUTDOWN_watchdog);
}

static void leave_without_xenstored(void)
{
	up();
	shutdown_hook(&last);
	shutdown_hook(&a);
	if (host_chance(2))
		store.silent = true;
	else
		store.deaf = true;
	began = clock_now();
	shutdown_guest(SHUTDOWN_poweroff, 0, "test");
}

static void dead_xenstored_is_no_matter(void)
{
	assert(host_until_shutdown(leave_without_xenstored) == SHUTDOWN_poweroff);
	assert(strcmp(hooks, "a") == 0);
	assert(clock_now() - began < 6 * NSEC_PER_SEC);
}

/* Everybody leaves at once, hooks too; each hook runs once. */
static void hook_leaves(const struct shutdown_order *order)
{
	(void)order;
	strcat(hooks, "l");
	shutdown_guest(SHUTDOWN_crash, 99, "a hook");
}

static struct shutdown_hook leaves = { .name = "leaves", .run = hook_leaves };

static void leaver(void *arg)
{
	shutdown_guest(SHUTDOWN_poweroff, (uintptr_t)arg, "one of many");
}

static void leave_together(void)
{
	up();
	shutdown_hook(&a);
	shutdown_hook(&leaves);
	for (uintptr_t i = 0; i < 4; i++)
		thread_start("leaver", THREAD_KERNEL, STACK_KERNEL, leaver, (void *)5,
			     NULL);
	shutdown_guest(SHUTDOWN_poweroff, 5, "one of many");
}

static void the_first_decides(void)
{
	assert(host_until_shutdown(leave_together) == SHUTDOWN_poweroff);
	assert(strcmp(hooks, "la") == 0);
	expect_report("5");
}

static void fall(void)
{
	up();
	shutdown_hook(&a);
	shutdown_hook(&last);
	panic("so be it");
}

static void panic_is_short(void)
{
	static const struct {
		const char *policy;
		int reason;
	} policies[] = {
		{ "", SHUTDOWN_crash },
		{ "onpanic=crash", SHUTDOWN_crash },
		{ "onpanic=poweroff", SHUTDOWN_poweroff },
		{ "onpanic=reboot reboot-guard=0", SHUTDOWN_reboot },
	};
	unsigned i = host_below(HOST_COUNT(policies));

	command_line = policies[i].policy;
	assert(host_until_shutdown(fall) == policies[i].reason);
	assert(strcmp(hooks, "A") == 0 && strstr(host_console(), "so be it"));
}

/* ---- losses */

static void lose(void)
{
	up();
	shutdown_hook(&a);
	shutdown_limits();
	thread_sleep(clock_now() + NSEC_PER_SEC);
	shutdown_loss("onlost", STATUS_LOST, "it is lost");
	assert(*hooks == '\0');			/* not in the thread that noticed it */
	thread_sleep(clock_now() + NSEC_PER_SEC);
	shutdown_guest(SHUTDOWN_poweroff, 1, "it went on");
}

static void a_loss_ends_it_if_told_so(void)
{
	static const struct {
		const char *words, *status;
		int reason;
	} policies[] = {
		{ "control=off", "1", SHUTDOWN_poweroff },
		{ "control=off onlost=ignore", "1", SHUTDOWN_poweroff },
		{ "control=off onoom=crash", "1", SHUTDOWN_poweroff },
		{ "control=off onlost=poweroff", "129", SHUTDOWN_poweroff },
		{ "control=off onlost=crash onoom=poweroff", "129", SHUTDOWN_crash },
		{ "control=off onlost=reboot reboot-guard=0", "129", SHUTDOWN_reboot },
	};
	unsigned i = host_below(HOST_COUNT(policies));

	command_line = policies[i].words;
	assert(host_until_shutdown(lose) == policies[i].reason);
	assert(strcmp(hooks, "a") == 0);
	expect_report(policies[i].status);
}

/* ---- the watchdog */

static void hang(void)
{
	up();
	began = clock_now();
	for (;;)		/* in the kernel, with events masked */
		host_advance(NSEC_PER_MSEC);
}

static void compute(void)
{
	up();
	began = clock_now();
	kernel_leave();
	while (clock_now() < began + 100 * NSEC_PER_SEC) {
		host_advance(host_below(NSEC_PER_SEC / 10));
		host_preempt();
	}
	kernel_enter();
	shutdown_guest(SHUTDOWN_poweroff, 0, "done");
}

static void watchdog_bites(void)
{
	command_line = host_chance(2) ? "control=off watchdog=9000ms" : "watchdog=9s control=off";
	assert(host_until_shutdown(hang) == SHUTDOWN_watchdog);
	assert(clock_now() - began < 20 * NSEC_PER_SEC);
}

static void watchdog_is_fed(void)
{
	command_line = "control=off watchdog=60s";
	assert(host_until_shutdown(compute) == SHUTDOWN_poweroff);
}

static void watchdog_is_asked_for(void)
{
	up();
	assert(host_xen.watchdog == 0);
	host_xen.shutdown = SHUTDOWN_poweroff;	/* the threads stay */
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "xl shutdown is acknowledged, and hooks run in reverse order",
		  in_order, 300 },
		{ "an application that handles SIGTERM ends by itself, or is ended",
		  sigterm_comes_first, 100 },
		{ "xl shutdown ends an application that spins", even_if_it_spins, 100 },
		{ "supported requests are announced, others are refused", features, 50 },
		{ "each sysrq key has its effect", sysrq, 200 },
		{ "the exit status reaches xenstore", status_is_told, 100 },
		{ "a hook that sleeps for ever is cut off", stuck_hook_is_cut_off, 50 },
		{ "a hook that spins is cut off by Xen", spinning_hook_is_cut_off, 3 },
		{ "a dead xenstored delays the end only a little",
		  dead_xenstored_is_no_matter, 50 },
		{ "the first caller that ends the guest decides how", the_first_decides, 100 },
		{ "a panic runs only the last() function of hooks", panic_is_short, 50 },
		{ "a loss ends the guest if the command line says so",
		  a_loss_ends_it_if_told_so, 60 },
		{ "a kernel that hangs is ended by the watchdog", watchdog_bites, 3 },
		{ "an application that computes does not count as a hang",
		  watchdog_is_fed, 3 },
		{ "the watchdog is off by default", watchdog_is_asked_for, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
