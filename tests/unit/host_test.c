/* SPDX-License-Identifier: ISC */
/* tests/host itself: leaks and errors of a test are reported. */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own this ends with a report that has these words. */
static void fails(void (*test)(void), const char *words)
{
	static char report[16384];
	FILE *file = tmpfile();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(fileno(file), STDERR_FILENO);
		host_run(1, test);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	rewind(file);
	report[fread(report, 1, sizeof(report) - 1, file)] = '\0';
	fclose(file);
	if (!status || !strstr(report, words))
		host_fail("no '%s' in: %s", words, report);
}

static struct waitq queue;
static struct evtchn port;
static struct gnttab_map map;

static void sleep_for_good(void *arg)
{
	(void)arg;
	wait_until(&queue, false);
}

static void leave_page(void)
{
	host_boot();
	page_alloc(1);
}

static void leave_thread(void)
{
	host_boot();
	thread_start("t", THREAD_KERNEL, STACK_KERNEL, sleep_for_good, NULL, NULL);
}

static void leave_port(void)
{
	host_boot();
	evtchn_listen(&port, "port", 1);
}

static void leave_grant(void)
{
	host_boot();
	gnttab_grant(1, page_alloc(1), false);
}

static void leave_mapping(void)
{
	grant_ref_t ref;

	host_boot();
	ref = host_grant(1, host_page(), false);
	assert(!gnttab_map(&map, 1, &ref, 1, false));
}

static void leave_the_kernel(void)
{
	host_boot();
	kernel_leave();
}

static void leaks_are_found(void)
{
	fails(leave_page, "leaked pages: 1");
	fails(leave_thread, "leaked threads: 1");
	fails(leave_port, "leaked ports: 1");
	fails(leave_grant, "leaked grants: 1");
	fails(leave_mapping, "leaked foreign mappings: 1");
	fails(leave_the_kernel, "ended at depth 0");
}

static void sleep_all(void)
{
	host_boot();
	thread_start("sleeper", THREAD_KERNEL, STACK_KERNEL, sleep_for_good, NULL, NULL);
	wait_until(&queue, false);
}

static void run_for_good(void)
{
	host_boot();
	host.steps = 1000;
	for (;;)
		thread_yield();
}

static void deadlocks_are_found(void)
{
	fails(sleep_all, "deadlock");
	fails(sleep_all, "sleeper      kernel waits in sleep_for_good");
	fails(run_for_good, "does not end");
}

static void panic_now(void)
{
	host_boot();
	panic("no way");
}

static void notify_from_application(void)
{
	host_boot();
	evtchn_listen(&port, "port", 1);
	kernel_leave();
	evtchn_notify(&port);
}

static void touch_what_is_not_mapped(void)
{
	host_boot();
	*(volatile char *)(boot_info.memory_start + (30 << 20)) = 1;
}

static void touch_a_guard(void)
{
	struct thread *t;

	host_boot();
	t = thread_start("t", THREAD_KERNEL, STACK_KERNEL, sleep_for_good, NULL, NULL);
	*((volatile char *)t->context - STACK_KERNEL) = 1;
}

static void errors_are_found(void)
{
	fails(panic_now, "no way");
	fails(notify_from_application, "unmasked");
	fails(touch_what_is_not_mapped, "SEGV");
	fails(touch_a_guard, "SEGV");
}

static void end_by_panic(void)
{
	host_boot();
	panic("as planned");
}

static void an_end_can_be_planned(void)
{
	assert(host_until_shutdown(end_by_panic) == SHUTDOWN_crash);
	assert(strstr(host_console(), "as planned"));
}

static uint64_t order;

static void draw(void *arg)
{
	order = order * 31 + (uintptr_t)arg;
	thread_yield();
	order = order * 37 + (uintptr_t)arg;
	order ^= clock_now();
}

static void a_seed_is_a_schedule(void)
{
	static HOST_KEEP uint64_t first;
	static HOST_KEEP unsigned runs;

	host_boot();
	for (uintptr_t i = 1; i < 10; i++)
		thread_start("t", THREAD_KERNEL, STACK_KERNEL, draw, (void *)i, NULL);
	thread_sleep(clock_now() + NSEC_PER_SEC);
	if (runs++ == 0)
		first = order;
	else
		assert(order == first);
}

static void run_it_again(void)
{
	__lsan_disable();		/* each run forgets the last one's memory */
	for (int i = 0; i < 20; i++)
		host_run(7, a_seed_is_a_schedule);
	__lsan_enable();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "anything that a test leaves behind is found", leaks_are_found, 1 },
		{ "a deadlock is found", deadlocks_are_found, 1 },
		{ "errors of the guest are found", errors_are_found, 1 },
		{ "a test can expect a shutdown", an_end_can_be_planned, 20 },
		{ "one seed is one schedule", run_it_again, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
