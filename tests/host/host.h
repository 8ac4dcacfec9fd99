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
 * seeds as it requests.  For each seed the guest - its static variables, its memory,
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

/* A static variable of a test with this attribute, initially zero, is kept between seeds. */
#define HOST_KEEP __attribute__((section(".bss.host_keep")))

/* ---- claims.c */

struct host_claim {
	const char *text;
	void (*test)(void);
	unsigned seeds;			/* how many; 1 if nothing is random */
};

/*
 * Runs the claims and prints each; returns the exit status.  Options: -k TEXT only claims with
 * this text, -s SEED only this seed, -x N so many times the seeds, -v show the guest's log.
 */
int host_main(int argc, char **argv, const struct host_claim *claims, size_t n);

/*
 * Runs a test once with a seed: resets everything, runs it, stops all threads, searches for
 * leaks.  For fuzzers, which have an input besides the seed.
 */
void host_run(uint64_t seed, void (*test)(void));

/*
 * Starts the kernel as lib/process/start.c does; the caller becomes the thread "main", in
 * the kernel.  Only threads, ports and grants that exist on return may exist at the end.
 */
void host_boot(void);

/* Runs guest code that shuts down.  Returns the reason, or -1 if it just returned. */
int host_until_shutdown(void (*guest)(void));

/*
 * For a fuzzer that boots once, in a host_run() of its own: host_restore() sets the guest's
 * static variables to what they were at host_snapshot(), and nothing else.
 */
void host_snapshot(void);
void host_restore(void);

/* Returns the text on Xen's console since the seed began, or since it was cleared. */
const char *host_console(void);
void host_console_clear(void);

/* Prints the state of the guest, and aborts. */
_Noreturn void host_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- properties of the machine: set before host_boot() */

struct host_machine {
	unsigned ports;			/* maximum number of event channels */
	unsigned grant_frames;
	bool no_watchdog;		/* -ENOSYS, as Xen 3.4 */
	enum { RDRAND, RDRAND_STUCK, RDRAND_NONE } rdrand;
	unsigned map_fails;		/* one of so many arch_map() fails; 0: none */
	unsigned malloc_fails;		/* one of so many malloc() of the guest fails */
	unsigned accesses;		/* other domains move after so many of them; 0: never */
	bool fifo;			/* arch_choose() takes the first, as on Xen */
	bool profiled;			/* upcalls in kernel code too; otherwise by the seed */
	bool restores;			/* a suspend ends in a restored domain; else it is cancelled */
	unsigned clock_back;		/* processors' clocks differ by less; 0: not at all */
	uint64_t steps;			/* after so many the run counts as endless */
};
extern struct host_machine host;

/* Makes the domain a new one: with the ports that a builder binds, and an empty grant table. */
void host_xen_restored(void);

void host_set_memory(size_t bytes);	/* at most 1 GiB; default: 64 MiB */

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

/* For application code: a place where an event may interrupt it, and sometimes does. */
void host_preempt(void);

/* Lets other domains move; the platform calls it often. */
void host_step(void);

/* As host_step(), without running the guest: until no actor can take a step. */
void host_settle(void);

/* Called before each memory access of guest code; for tests that search for double fetches. */
extern void (*host_on_access)(const void *address, size_t size, bool write);

/*
 * ---- xen.c: actions of other domains, which are 0 ... HOST_PEERS-1 without the guest's
 */

#define HOST_PEERS 10
#define HOST_SELF 5

/* Ports of other domains, with common numbers.  Return 0 if it is not possible. */
evtchn_port_t host_listen(domid_t peer);	/* for the guest to connect to */
evtchn_port_t host_connect(domid_t peer, evtchn_port_t guest_port);
void host_notify(evtchn_port_t port);
bool host_rung(evtchn_port_t port);		/* and clears the event */
void host_close(evtchn_port_t port);

/* dom0's ends of the ports that the domain builder bound. */
extern evtchn_port_t host_console_port, host_xenstore_port;

/* Raises a virtual interrupt of the guest. */
void host_virq(unsigned virq);

/* Maps a page that the guest granted.  Returns NULL if the grant does not allow it. */
void *host_map(domid_t peer, grant_ref_t ref, bool write);
void host_unmap(domid_t peer, grant_ref_t ref, bool write);

/* Allocates a zeroed page of another domain, and grants it to the guest. */
void *host_page(void);
grant_ref_t host_grant(domid_t peer, void *page, bool readonly);
unsigned host_mapped_by_guest(grant_ref_t ref);	/* how often it is mapped */
void host_revoke(grant_ref_t ref);

struct host_xen {
	int shutdown;			/* the reason, or -1 */
	unsigned ports, grants;		/* in use by the guest */
	unsigned mapped;		/* pages of other domains that it has mapped */
	uint64_t timer;			/* expires at this time; 0: not set */
	uint64_t periodic;		/* the next periodic tick, which is on at boot; 0: off */
	uint64_t watchdog;		/* expires at this time; 0: none */
	unsigned sends;			/* event hypercalls */
	struct vcpu_runstate_info *runstate;
};
extern struct host_xen host_xen;

/* ---- arch.c */

/* Returns whether the guest can access this address without a fault. */
bool host_touchable(const void *address);

void host_advance(uint64_t ns);		/* lets time pass */
void host_set_time(uint64_t ns);	/* after host_restore(): clock_now() must not go backwards */
size_t host_page_tables(void);		/* pages that arch_map() took from the guest */

/* Decodes base64; returns the number of bytes. */
size_t host_base64(const char *text, size_t len, uint8_t *to);

#endif
