/* SPDX-License-Identifier: ISC */
/*
 * The host as a platform: a Linux process with a fake Xen.
 *
 *	arch.c		kernel/arch.h: threads, idling, the clock, memory
 *	xen.c		kernel/hypercall.h: ports, grants, timer, and the other domains
 *	world.c		the seed, and everything that happens outside the guest
 *	claims.c	runs a test under many seeds and looks for what it leaves behind
 *
 * A test is a list of claims.  Each claim runs in a process of its own, under as many
 * seeds as it asks for.  For each seed the guest - its static variables, its memory,
 * Xen, the other domains - begins as new, and so do the static variables of the test.
 *
 *	static void wake_one_is_fair(void)
 *	{
 *		host_boot();
 *		...
 *		assert(...);
 *	}
 *
 *	int main(int argc, char **argv)
 *	{
 *		static const struct host_claim claims[] = {
 *			{ "wake_one() wakes the longest asleep", wake_one_is_fair, 500 },
 *		};
 *
 *		return host_main(argc, argv, claims, HOST_COUNT(claims));
 *	}
 *
 * The seed decides who runs next (arch_choose()), when the other domains move, how long
 * things take.  Other domains move in every hypercall, when the guest idles, and - since
 * they are other processors - between any two memory accesses of kernel/ and drivers/.
 * So a test's main thread, and whatever else is guest code, must be written as guest
 * code is: under kernel/sched.h's rules.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include "kernel/arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A static variable of a test with this, zero at first, is kept from seed to seed. */
#define HOST_KEEP __attribute__((section(".bss.host_keep")))

/* ---- claims.c */

struct host_claim {
	const char *text;
	void (*test)(void);
	unsigned seeds;			/* how many; 1 if nothing is random */
};

/*
 * Run them and print each; the exit status.  Options: -k TEXT only claims with this
 * text, -s SEED only this seed, -x N so many times the seeds, -v say what happens.
 */
int host_main(int argc, char **argv, const struct host_claim *claims, size_t n);

/*
 * One run of test under a seed: reset, run, stop all threads, look for leaks.  For
 * fuzzers, whose input is the seed's companion.
 */
void host_run(uint64_t seed, void (*test)(void));

/*
 * Bring the kernel up as kernel/main.c does; the caller becomes the thread "main", in
 * the kernel.  What exists on return is what may exist at the end.
 */
void host_boot(void);

/* Run guest code which shuts down: the reason, or -1 if it just returned. */
int host_until_shutdown(void (*guest)(void));

/*
 * For a fuzzer that boots once, in a host_run() of its own: host_restore() sets the guest's
 * static variables to what they were at host_snapshot(), and nothing else.
 */
void host_snapshot(void);
void host_restore(void);

/* Text on Xen's console since the seed began, or since it was cleared. */
const char *host_console(void);
void host_console_clear(void);

/* Print what is known, and abort. */
_Noreturn void host_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- What the machine is like: set before host_boot(). */

struct host_machine {
	unsigned ports;			/* maximum number of event channels */
	unsigned grant_frames;
	bool no_watchdog;		/* -ENOSYS, as Xen 3.4 */
	enum { RDRAND, RDRAND_STUCK, RDRAND_NONE } rdrand;
	unsigned map_fails;		/* one arch_map() in so many fails; 0: none */
	unsigned malloc_fails;		/* one malloc() of the guest in so many fails */
	unsigned accesses;		/* others move each so many of them; 0: never */
	bool fifo;			/* arch_choose() takes the first, as on Xen */
	bool profiled;			/* upcalls come in kernel code too; else by the seed */
	unsigned clock_back;		/* processors' clocks differ by less; 0: not at all */
	uint64_t steps;			/* before it counts as a run that does not end */
};
extern struct host_machine host;

void host_set_memory(size_t bytes);	/* at most 1 GiB; else it is 64 MiB */

/* ---- world.c */

uint64_t host_random(void);		/* 64 bits from the seed */
unsigned host_below(unsigned n);	/* 0 ... n-1 */
bool host_chance(unsigned n);		/* true once in n */

/*
 * An actor outside the guest.  step() does one thing and returns true, or false if it
 * waits for the guest or for time (host_at()).  It must not call guest code: it touches
 * memory the guest shares, and the functions of xen.c below.
 */
void host_actor(const char *name, bool (*step)(void *arg), void *arg);

/* When (arch_clock()) an actor will move again, if it has nothing to do now. */
void host_at(uint64_t when);

/* Application code, where an event may come in: here it does, sometimes. */
void host_preempt(void);

/* Let the others move; the platform calls it all the time. */
void host_step(void);

/* As host_step(), without running the guest: until no actor can take a step. */
void host_settle(void);

/* Called before each memory access of guest code; for tests of what is fetched twice. */
extern void (*host_on_access)(const void *address, size_t size, bool write);

/*
 * ---- xen.c: actions of other domains, which are 0 ... HOST_PEERS-1 without the guest's
 */

#define HOST_PEERS 10
#define HOST_SELF 5

/* Ports of theirs, of one number space.  0: not possible. */
evtchn_port_t host_listen(domid_t peer);	/* for the guest to connect to */
evtchn_port_t host_connect(domid_t peer, evtchn_port_t guest_port);
void host_notify(evtchn_port_t port);
bool host_rung(evtchn_port_t port);		/* and clears it */
void host_close(evtchn_port_t port);

/* The far ends of what the domain builder bound, both dom0's. */
extern evtchn_port_t host_console_port, host_xenstore_port;

/* Ring a virtual interrupt of the guest's. */
void host_virq(unsigned virq);

/* A page the guest granted: its address, or NULL if the grant does not allow it. */
void *host_map(domid_t peer, grant_ref_t ref, bool write);
void host_unmap(domid_t peer, grant_ref_t ref, bool write);

/* A page of theirs, zeroed, and a grant of it to the guest. */
void *host_page(void);
grant_ref_t host_grant(domid_t peer, void *page, bool readonly);
unsigned host_mapped_by_guest(grant_ref_t ref);	/* how often it is mapped */
void host_revoke(grant_ref_t ref);

struct host_xen {
	int shutdown;			/* the reason, or -1 */
	unsigned ports, grants;		/* in use by the guest */
	unsigned mapped;		/* foreign pages it has mapped */
	uint64_t timer;			/* set for; 0: none */
	uint64_t periodic;		/* the next periodic tick, which is on at boot; 0: off */
	uint64_t watchdog;		/* when it bites; 0: none */
	unsigned sends;			/* event hypercalls */
	struct vcpu_runstate_info *runstate;
};
extern struct host_xen host_xen;

/* ---- arch.c */

/* Whether the guest could touch this address without a fault. */
bool host_touchable(const void *address);

void host_advance(uint64_t ns);		/* let time pass */
void host_set_time(uint64_t ns);	/* only after host_restore(): clock_now() must not go back */
size_t host_page_tables(void);		/* pages that arch_map() took from the guest */

/* The bytes that base64 text stands for: how many. */
size_t host_base64(const char *text, size_t len, uint8_t *to);

#endif
