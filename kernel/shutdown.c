/* SPDX-License-Identifier: ISC */
#include "kernel/clock.h"
#include "kernel/hypercall.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"

#include <string.h>

#define TIMEOUT (10 * NSEC_PER_SEC)
#define GRACE (2 * NSEC_PER_SEC)	/* behind the deadline: the last lines */

static struct shutdown_hook *hooks;
static const char *running;		/* the hook */
static struct thread *ender;
static struct shutdown_order order;

void shutdown_hook(struct shutdown_hook *hook)
{
	hook->next = hooks;
	hooks = hook;
}

void shutdown_sync(void)
{
	for (struct shutdown_hook *h = hooks; h; h = h->next)
		if (h->sync)
			h->sync();
}

static _Noreturn void end(unsigned reason)
{
	xen_sched_shutdown(reason);
	for (;;)		/* Xen would not have it */
		xen_sched_shutdown(SHUTDOWN_poweroff);
}

/* Those that did not get their turn, in short. */
static void last_words(void)
{
	struct shutdown_hook *h;

	while ((h = hooks)) {
		hooks = h->next;
		if (h->last)
			h->last(&order);
	}
}

/* A kernel thread: it comes to its turn if any thread does. */
static void cut_off(void *arg)
{
	(void)arg;
	thread_sleep(order.deadline + GRACE);
	log_error("shutdown: hook %s takes too long", running);
	last_words();
	end(order.reason);
}

/*
 * Who makes sure that it comes to an end: a thread, and behind that Xen, should some
 * hook spin in the kernel.  Either may be missing: no memory, a Xen before 4.0.
 */
static void set_limit(void)
{
	uint64_t left = order.deadline - clock_now() + 2 * GRACE;
	uint32_t id = 0;

	thread_start("cut-off", THREAD_KERNEL, STACK_KERNEL, cut_off, NULL, NULL);
	xen_sched_watchdog(&id, left / NSEC_PER_SEC + 1);
}

_Noreturn void shutdown_guest(unsigned reason, int status, const char *why)
{
	struct shutdown_hook *h;

	if (ender && ender != current) {
		static struct waitq never;

		wait_until(&never, false);
	}
	if (!ender) {
		ender = current;
		order = (struct shutdown_order){
			.reason = reason, .status = status & 0xff, .why = why,
			.deadline = clock_now() +
				    param_duration("shutdown-timeout", TIMEOUT),
		};
		log_info("shutdown: %s, status %d", why, order.status);
		set_limit();
	}
	while ((h = hooks)) {
		hooks = h->next;
		running = h->name;
		if (h->run)
			h->run(&order);
	}
	end(order.reason);
}

static unsigned panic_reason(void)
{
	const char *policy = param("panic");

	if (policy && strcmp(policy, "poweroff") == 0)
		return SHUTDOWN_poweroff;
	if (policy && strcmp(policy, "reboot") == 0)
		return SHUTDOWN_reboot;
	return SHUTDOWN_crash;
}

/* Nothing may sleep, and perhaps nothing works. */
static __attribute__((noreturn)) void end_of_panic(void)
{
	static bool again;

	order = (struct shutdown_order){
		.reason = panic_reason(), .status = STATUS_PANIC, .why = "panic",
		.deadline = clock_now() + GRACE,
	};
	if (!again) {
		again = true;
		last_words();
	}
	end(order.reason);
}

void shutdown_init(void)
{
	panic_end = end_of_panic;
}
