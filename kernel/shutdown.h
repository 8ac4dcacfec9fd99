/* SPDX-License-Identifier: ISC */
/*
 * How the guest ends.  There is one way out, and all go it: main() that returns,
 * exit(), control/shutdown, sysrq; and, by a shorter cut, panic().
 *
 * It is part of the kernel, not a driver, since kernel and library end here too, and
 * since drivers of the same row may not know each other: the console, the disks and who
 * reports to xenstore register what they have to do as hooks.
 *
 * A guest that runs on for no reason costs money; here alone it is decided what ends it,
 * and what Xen is told.  The last line on the console says how it was, for whoever reads
 * only that:
 *
 *	end: poweroff, status 0, after 12.345 s, 0.010 s of them ending: WHY
 *
 *	lifetime=DURATION		end after that long, with STATUS_LIFETIME
 *	idle=DURATION			end when there was no work for that long: no open
 *					connection, and threads that used less than 2 % of the CPU
 *	onexit=poweroff|reboot|crash	what Xen is told when main() has ended (poweroff)
 *	onpanic=crash|poweroff|reboot	... and after a panic (crash); also `panic=`
 *	onoom=poweroff|reboot|crash	when malloc() finds no memory for less than a 16th of all;
 *	onlost=poweroff|reboot|crash	when a device that was connected has gone for good.
 *					Without them, or with `ignore`, the application is
 *					told (ENOMEM; EIO, ENODEV), and does what it likes
 *	reboot-guard=DURATION		whoever would reboot by these words sooner than that
 *					after the start powers off, as it would go on so (60 s)
 *	drain=DURATION			so long connections go on when it was not the application
 *					that ended it (1 s), or until nothing moves on them
 *	shutdown-timeout=DURATION	for all hooks together (10 s)
 *
 * But for idle= they may be set while the guest runs, a lifetime also longer than it was.
 */
#ifndef KERNEL_SHUTDOWN_H
#define KERNEL_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

struct shutdown_order {
	unsigned reason;		/* SHUTDOWN_* of xen/sched.h */
	int status;			/* exit status, as a shell has it: 0 ... 255 */
	const char *why;		/* in words */
	bool runs;			/* the application, while the guest ends */
	uint64_t deadline;		/* by when all hooks should be done */
};

/*
 * Hooks run in reverse order of registration.  run() may sleep, but not beyond the
 * deadline: some time behind it the guest ends anyway, whatever hook it is in.
 * last() is for a panic: it may neither sleep nor allocate, and nothing in the kernel
 * need be in order.  sync() puts what is still in memory where it belongs, and the guest
 * goes on.  busy(): this is
 * no idle guest.  Each may be NULL.
 */
struct shutdown_hook {
	const char *name;
	void (*run)(const struct shutdown_order *order);
	void (*last)(const struct shutdown_order *order);
	void (*sync)(void);
	bool (*busy)(void);
	struct shutdown_hook *next;
};

void shutdown_init(void);		/* makes panic() end here */
void shutdown_hook(struct shutdown_hook *hook);
void shutdown_sync(void);		/* every hook's sync() */

/* From here on lifetime= and idle= hold. */
void shutdown_limits(void);

/*
 * The guest has lost what it may be unable to do without: its end if the word says so, in
 * another thread, which has what memory the kernel keeps.  Does not sleep.
 */
void shutdown_loss(const char *word, int status, const char *why);

/* End the guest that long after its start, if it has not ended sooner. */
void shutdown_lifetime(uint64_t ns);

/*
 * End the guest.  Who is first decides; who comes while it ends sleeps till then.  A
 * hook that calls it ends itself, and the next ones run.
 */
_Noreturn void shutdown_guest(unsigned reason, int status, const char *why);

/* The same for an application that has ended: onexit= decides. */
_Noreturn void shutdown_exit(int status);

/* Exit statuses of guests that did not choose their own; as of a killed process. */
#define STATUS_USAGE 2			/* a command line nobody can read */
#define STATUS_LIFETIME 124		/* as timeout(1) has it */
#define STATUS_LOST 129			/* 128 + SIGHUP: a device has gone */
#define STATUS_PANIC 134		/* 128 + SIGABRT */
#define STATUS_MEMORY 137		/* 128 + SIGKILL, as from Linux's OOM killer */
#define STATUS_ASKED 143		/* 128 + SIGTERM: somebody outside ended us */

#endif
