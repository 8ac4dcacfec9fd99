/* SPDX-License-Identifier: ISC */
/*
 * The end of the guest.  There is one way: a return from main(), exit(), control/shutdown
 * and sysrq all lead here, and, by a shorter way, panic().
 *
 * It is part of the kernel since kernel and C library end the guest, too, and since
 * drivers may not call each other: console, disks and the writer of the exit status
 * register hooks.
 *
 * A guest that runs without a reason costs money.  This module decides when it ends, and
 * with which reason for Xen.  The last line on the console states the result:
 *
 *	end: poweroff, status 0, ran 12.345 s, shutdown took 0.010 s, reason: WHY
 *
 *	lifetime=DURATION		end after this time, with STATUS_LIFETIME
 *	idle=DURATION			end after this time without work: no open connection,
 *					and threads that used less than 2 % of the CPU
 *	onexit=poweroff|reboot|crash	the reason for Xen when main() has ended (default: poweroff)
 *	onpanic=crash|poweroff|reboot	... and after a panic (default: crash)
 *	onoom=poweroff|reboot|crash	if malloc() fails for less than a 16th of all memory
 *	onlost=poweroff|reboot|crash	if a device that was connected is lost for good.
 *					Without these two, or with `ignore`, the application
 *					only gets the error (ENOMEM; EIO, ENODEV)
 *	reboot-guard=DURATION		a reboot by these words that is earlier after the start
 *					becomes a poweroff, to prevent reboot loops (60 s)
 *	drain=DURATION			how long connections may continue when the guest is ended
 *					from outside (1 s, or until nothing moves on them)
 *	shutdown-timeout=DURATION	limit for all hooks together (10 s)
 *
 * lifetime=, onexit=, onpanic=, reboot-guard= and shutdown-timeout= may also be set while the
 * guest runs.
 */
#ifndef KERNEL_SHUTDOWN_H
#define KERNEL_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

struct shutdown_order {
	unsigned reason;		/* SHUTDOWN_* of xen/sched.h */
	int status;			/* exit status, 0 ... 255 */
	const char *why;		/* the reason, in words */
	bool runs;			/* the application runs on while the guest ends */
	uint64_t deadline;		/* when all hooks should have returned */
};

/*
 * Hooks run in reverse order of registration.  Each function may be NULL.
 *
 * run() may sleep, but not beyond the deadline: some time after it the guest ends,
 * whichever hook runs.  last() is called in a panic: it may neither sleep nor allocate,
 * in any state of the kernel.  sync() writes cached data while the guest continues.
 * busy() returns whether the guest is not idle.
 */
struct shutdown_hook {
	const char *name;
	void (*run)(const struct shutdown_order *order);
	void (*last)(const struct shutdown_order *order);
	void (*sync)(void);
	bool (*busy)(void);
	struct shutdown_hook *next;
};

void shutdown_init(void);		/* panic() ends here from now on */
void shutdown_hook(struct shutdown_hook *hook);
bool shutdown_begun(void);		/* the guest ends */
void shutdown_sync(void);		/* calls every hook's sync(); may sleep */

/* Enforces lifetime= and idle= from now on. */
void shutdown_limits(void);

/*
 * The guest has lost memory or a device.  Ends it, if the key `word` of the command line
 * says so, in another thread, which may use the reserved memory.  Does not sleep.
 */
void shutdown_loss(const char *word, int status, const char *why);

/*
 * Ends the guest when this time has passed, in ns of clock_now(), which is the time since the
 * start.  Only shortens the lifetime that is set.  Does not sleep.  Panics if there is no memory
 * for the thread that enforces it.
 */
void shutdown_lifetime(uint64_t ns);

/*
 * Ends the guest.  The first caller sets reason and status; later callers sleep until the
 * guest has ended.  If a hook calls it, this hook ends, and the next ones run.
 */
_Noreturn void shutdown_guest(unsigned reason, int status, const char *why);

/*
 * Ends the guest on a request from outside.  An application that handles SIGTERM gets it, and
 * half of shutdown-timeout= to end by itself, with its own status.  Otherwise, and on a second
 * request, this is shutdown_guest() with STATUS_ASKED.  Returns, without sleeping, only if the
 * application got SIGTERM.
 */
void shutdown_request(unsigned reason, const char *why);

/*
 * Sends the process a signal, as kill() of another process does; does not sleep.  Returns 0;
 * -ENOENT, without an effect, if there is no handler and no thread waits for the signal;
 * -EINVAL for an invalid number.  Weak: it is in lib/signal/signal.c, which is linked if the
 * application uses signals.
 */
int shutdown_signal(int signal) __attribute__((weak));

/*
 * As shutdown_guest(), when the application has ended: the reason for Xen is that of
 * shutdown_request() if there was one, otherwise of onexit=.
 */
_Noreturn void shutdown_exit(int status);

/* Exit statuses of guests that did not choose their own, as of killed processes. */
#define STATUS_USAGE 2			/* an invalid command line */
#define STATUS_LIFETIME 124		/* as of timeout(1) */
#define STATUS_LOST 129			/* 128 + SIGHUP: a device is lost */
#define STATUS_PANIC 134		/* 128 + SIGABRT */
#define STATUS_MEMORY 137		/* 128 + SIGKILL, as from Linux's OOM killer */
#define STATUS_ASKED 143		/* 128 + SIGTERM: ended from outside */

#endif
