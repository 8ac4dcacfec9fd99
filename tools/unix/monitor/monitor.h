/* SPDX-License-Identifier: ISC */
/* Internal declarations of the monitor (the folder monitor/). */
#ifndef TOOLS_UNIX_MONITOR_H
#define TOOLS_UNIX_MONITOR_H

#include "guest.h"

#include <ucontext.h>

extern struct shared_info *monitor_shared;
extern uint32_t *monitor_nmi;
extern uint32_t monitor_pid;

#define NSEC 1000000000ull
#define TIMER_SIGNAL SIGALRM

/* In enter.S. */
extern char hypercall_entry[], iret_entry[];
extern char tail[], tail_end[], iret_open[], iret_end[], monitor_restorer[];
_Noreturn void monitor_enter(uint64_t entry, uint64_t stack, uint64_t start_info);

long monitor_syscall(long nr, long a, long b, long c, long e, long f, long g);
long monitor_hypercall(uint64_t a, uint64_t b, uint64_t c, uint64_t e, uint64_t f,
		       unsigned nr);
void monitor_say(const char *text);
_Noreturn void monitor_exit(int status);
void monitor_default(int sig); /* the signal's default action from now on */

/*
 * Memory.  monitor_map(): maps what the builder's page tables have, and gives up all mappings of
 * the tender.  monitor_update(), monitor_remap(): the hypercalls.  monitor_writable(): whether the
 * guest may write there.  monitor_dirty(): handles the first write to a page that is writable, but
 * not marked as written; returns whether it was one.  monitor_instruction(): the bytes there, or
 * NULL if it is not the guest's text.
 */
int monitor_map(const struct domain *d);
long monitor_update(uint8_t *ram, const struct mmu_update *ops, unsigned n,
		    uint64_t domid);
long monitor_remap(uint8_t *ram, uint64_t address, uint64_t entry);
bool monitor_writable(uint8_t *ram, uint64_t address);
bool monitor_dirty(uint8_t *ram, uint64_t address, uint64_t code);
const uint8_t *monitor_instruction(uint8_t *ram, uint64_t address, unsigned n);

/*
 * The clock and the timer (time.c).  monitor_timer_init() returns the number of the POSIX timer,
 * for the sandbox.  monitor_sync_clock() corrects the rate; monitor_check_timer() delivers
 * VIRQ_TIMER when it is due, else, if the guest runs, it lets the POSIX timer fire in time.
 * monitor_time_left(): how long the guest may sleep, in ns; 0: for ever.
 */
extern unsigned monitor_timer_port;
int monitor_timer_init(const struct domain *domain);
void monitor_sync_clock(bool first);
void monitor_check_timer(bool running);
long monitor_set_timer(uint64_t when);
void monitor_timer_fired(void);
uint64_t monitor_time_left(void);
uint64_t monitor_monotonic(void);

/* Executes an instruction that Xen emulates for PV guests.  Returns whether it was one. */
bool monitor_emulate(uint8_t *ram, greg_t *r);

/* The last fault that the guest got, to be repeated for a core dump. */
struct monitor_fault {
	int sig;
	uint64_t gregs[23];
};
void monitor_keep(struct monitor_fault *f, const ucontext_t *u, int sig);
void monitor_dump_core(const struct monitor_fault *f);

#endif
