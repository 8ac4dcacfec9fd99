/* SPDX-License-Identifier: ISC */
#include "kernel/clock.h"
#include "kernel/dump.h"
#include "kernel/hypercall.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define TIMEOUT (10 * NSEC_PER_SEC)
#define GRACE (2 * NSEC_PER_SEC)	/* after the deadline, for the last lines */

static struct shutdown_hook *hooks;
static const char *running;		/* the hook */
static struct thread *ender;
static struct shutdown_order order;
static uint64_t began;			/* to end */

static const char *const names[] = {
	[SHUTDOWN_poweroff] = "poweroff",
	[SHUTDOWN_reboot] = "reboot",
	[SHUTDOWN_crash] = "crash",
};

void shutdown_hook(struct shutdown_hook *hook)
{
	hook->next = hooks;
	hooks = hook;
}

bool shutdown_begun(void)
{
	return ender;
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
	for (;;)		/* refused by Xen */
		xen_sched_shutdown(SHUTDOWN_poweroff);
}

#define REASONS "poweroff|reboot|crash"

PARAM(onexit, "onexit=" REASONS);
PARAM(onpanic, "onpanic=" REASONS);
PARAM(onoom, "onoom=" REASONS "|ignore");
PARAM(onlost, "onlost=" REASONS "|ignore");
PARAM(reboot_guard, "reboot-guard=DURATION");
PARAM(shutdown_timeout, "shutdown-timeout=DURATION");
PARAM(lifetime, "lifetime=DURATION");
PARAM(idle, "idle=DURATION");
PARAM(summary, "summary=no");

/*
 * The reason that key= sets, or fallback.  A guest that would reboot in a loop is powered
 * off.
 */
static unsigned policy(const char *key, unsigned fallback)
{
	static const unsigned known[] = { SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_crash };
	const char *word = param(key);
	unsigned reason = fallback;

	for (size_t i = 0; word && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(word, names[known[i]]) == 0)
			reason = known[i];
	if (word && strcmp(word, names[reason]) != 0)
		log_warning("%s=%s: must be poweroff, reboot or crash", key, word);
	if (reason == SHUTDOWN_reboot &&
	    clock_now() < param_duration("reboot-guard", 60 * NSEC_PER_SEC)) {
		log_warning("shutdown: power off instead of reboot: the uptime is below reboot-guard");
		reason = SHUTDOWN_poweroff;
	}
	return reason;
}

static void summary(void)
{
	uint64_t now = clock_now(), took = now - began;

	log_unwritten();
	if (!param("summary") || strcmp(param("summary"), "no"))
		print("end: %s, status %d, ran %u.%03u s, shutdown took %u.%03u s, reason: %s\n",
		      names[order.reason], order.status, (unsigned)(now / NSEC_PER_SEC),
		      (unsigned)(now % NSEC_PER_SEC / NSEC_PER_MSEC), (unsigned)(took / NSEC_PER_SEC),
		      (unsigned)(took % NSEC_PER_SEC / NSEC_PER_MSEC), order.why);
	log_level = LOG_ERROR;		/* of other threads, which run until the end */
}

/* Calls last() of the hooks that did not run. */
static void last_words(void)
{
	struct shutdown_hook *h;

	while ((h = hooks)) {
		hooks = h->next;
		if (h->last)
			h->last(&order);
	}
}

/* A kernel thread: it runs if any thread does. */
static void cut_off(void *arg)
{
	(void)arg;
	thread_sleep(order.deadline + GRACE);
	log_error("shutdown: hook %s takes too long", running);
	summary();
	last_words();
	end(order.reason);
}

/*
 * Two things enforce the end: a thread, and if a hook spins in the kernel, Xen.  Either
 * may be missing: without memory, or with a Xen before 4.0.
 */
static void set_limit(void)
{
	uint64_t left = order.deadline - clock_now() + 2 * GRACE;
	uint32_t id = 0;

	thread_start("cut-off", THREAD_KERNEL, STACK_KERNEL, cut_off, NULL, NULL);
	xen_sched_watchdog(&id, left / NSEC_PER_SEC + 1);
}

/* The request from outside; why is NULL if there is none. */
static struct {
	unsigned reason;
	const char *why;
	uint64_t at;
} request;

static _Noreturn void end_in_order(unsigned reason, int status, const char *why, bool runs)
{
	struct shutdown_hook *h;

	if (ender && ender != current) {
		static struct waitq never;

		wait_until(&never, false);
	}
	if (!ender) {
		ender = current;
		began = request.why ? request.at : clock_now();
		page_reserve(0);
		order = (struct shutdown_order){
			.reason = reason, .status = status & 0xff, .why = why,
			.runs = runs, .deadline = began +
				    param_duration("shutdown-timeout", TIMEOUT),
		};
		log_info("shutdown: %s, status %d", why, order.status);
		set_limit();
	}
	while ((h = hooks)) {
		hooks = h->next;
		running = h->name;
		if (!hooks)	/* the first hook, the console's, runs last and flushes it */
			summary();
		if (h->run)
			h->run(&order);
	}
	end(order.reason);
}

_Noreturn void shutdown_guest(unsigned reason, int status, const char *why)
{
	end_in_order(reason, status, why, true);
}

_Noreturn void shutdown_exit(int status)
{
	if (request.why)
		end_in_order(request.reason, status, "the application has ended, as requested",
			     false);
	end_in_order(policy("onexit", SHUTDOWN_poweroff), status, "the application has ended",
		     false);
}

/* The application did not end by itself. */
static void end_request(void *arg)
{
	(void)arg;
	thread_sleep(request.at + param_duration("shutdown-timeout", TIMEOUT) / 2);
	shutdown_guest(request.reason, STATUS_ASKED, request.why);
}

void shutdown_request(unsigned reason, const char *why)
{
	if (request.why || !shutdown_signal || shutdown_signal(SIGTERM))
		shutdown_guest(reason, STATUS_ASKED, why);
	log_info("shutdown: %s: SIGTERM", why);
	request.reason = reason;
	request.why = why;
	request.at = clock_now();
	if (!thread_start("request", THREAD_KERNEL, STACK_KERNEL, end_request, NULL, NULL))
		shutdown_guest(reason, STATUS_ASKED, why);
}

/* The end after a panic: nothing may sleep, and the kernel may be damaged. */
static __attribute__((noreturn)) void end_of_panic(void)
{
	static bool again;

	began = clock_now();
	order = (struct shutdown_order){
		.reason = policy("onpanic", SHUTDOWN_crash),
		.status = STATUS_PANIC, .why = "panic",
		.deadline = clock_now() + GRACE,
	};
	if (!again) {
		again = true;
		summary();
		last_words();
	}
	end(order.reason);
}

/* ---- guests that would run on for no reason */

#define LOOKS 8				/* checks of an idle guest, until it counts as idle */

static struct waitq limits_changed;
static uint64_t lifetime = NEVER;
static struct {
	const char *word, *why;
	int status;
} loss;

void shutdown_loss(const char *word, int status, const char *why)
{
	const char *what = param(word);

	if (!what || strcmp(what, "ignore") == 0 || loss.why)
		return;
	loss.word = word;
	loss.why = why;
	loss.status = status;
	wake(&limits_changed);
}

static void add_time(const struct thread *t, void *sum)
{
	if (t->kind == THREAD_APP)
		*(uint64_t *)sum += t->cpu_time;
}

/* Whether there was work since the last check, which was this long ago. */
static bool worked(uint64_t ago)
{
	static uint64_t before;
	uint64_t now = 0, ran;

	thread_list(add_time, &now);
	/* The time of a thread that has ended is missing: the sum may be smaller. */
	ran = now > before ? now - before : before - now;
	before = now;
	for (struct shutdown_hook *h = hooks; h; h = h->next)
		if (h->busy && h->busy())
			return true;
	return ran > ago / 50;
}

static void watch_limits(void *arg)
{
	uint64_t idle = *(uint64_t *)arg, step = idle == NEVER ? NEVER : idle / LOOKS;
	unsigned idled = 0;

	for (;;) {
		uint64_t now = clock_now(), was = lifetime;
		uint64_t next_check = step == NEVER ? NEVER : now + step;

		wait_until_deadline(&limits_changed, next_check < lifetime ? next_check : lifetime,
				    lifetime != was || loss.why);
		if (loss.why)
			shutdown_guest(policy(loss.word, SHUTDOWN_poweroff), loss.status,
				       loss.why);
		if (clock_now() >= lifetime) {
			dump_threads();
			shutdown_guest(SHUTDOWN_poweroff, STATUS_LIFETIME,
				       "lifetime expired");
		}
		if (clock_now() < next_check)
			continue;
		idled = worked(step) ? 0 : idled + 1;
		if (idled >= LOOKS)
			shutdown_guest(SHUTDOWN_poweroff, 0, "the guest was idle");
	}
}

/* Returns false if there is no memory to enforce a limit. */
static bool watching(void)
{
	static uint64_t idle;
	static bool started;

	if (started)
		return true;
	idle = param_duration("idle", NEVER);
	if (idle < LOOKS * NSEC_PER_MSEC)
		idle = LOOKS * NSEC_PER_MSEC;
	started = thread_start("limits", THREAD_KERNEL, STACK_KERNEL, watch_limits, &idle, NULL);
	return started;
}

void shutdown_lifetime(uint64_t ns)
{
	if (ns == NEVER && !param("idle") && !param("onoom") && !param("onlost"))
		return;
	if (!watching())
		panic("no memory for the thread that enforces lifetime= and idle=");
	if (ns < lifetime)
		lifetime = ns;
	wake(&limits_changed);
}

/* ---- what may be set while the guest runs */

/* The operator may also extend it. */
static int set_lifetime(const char *text)
{
	uint64_t ns;

	if (!param_parse_duration(text, &ns))
		return -EINVAL;
	if (!watching())
		return -ENOMEM;
	lifetime = ns;
	wake(&limits_changed);
	return 0;
}

static int set_word(const char *text)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] && !strcmp(names[i], text))
			return 0;
	return -EINVAL;
}

static int set_duration(const char *text)
{
	uint64_t ns;

	return param_parse_duration(text, &ns) ? 0 : -EINVAL;
}

void shutdown_limits(void)
{
	static struct setting settings[] = {
		{ .key = "lifetime", .set = set_lifetime },
		{ .key = "onexit", .set = set_word, .initial = "poweroff" },
		{ .key = "onpanic", .set = set_word, .initial = "crash" },
		{ .key = "reboot-guard", .set = set_duration, .initial = "60s" },
		{ .key = "shutdown-timeout", .set = set_duration, .initial = "10s" },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		param_setting(&settings[i]);
	shutdown_lifetime(param_duration("lifetime", NEVER));
}

void shutdown_init(void)
{
	panic_end = end_of_panic;
}
