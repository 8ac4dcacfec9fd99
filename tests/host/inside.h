/* SPDX-License-Identifier: ISC */
/* Internal declarations of the host platform. */
#ifndef TESTS_HOST_INSIDE_H
#define TESTS_HOST_INSIDE_H

#include "tests/host/host.h"

/*
 * Guest memory, pages of the other domains and grant table frames: one file, mapped
 * here in one piece, below 2 GiB so that frame numbers fit a grant, and a second time
 * wherever a domain maps a page of another domain.
 */
#define HOST_BASE 0x20000000ul
#define HOST_GUEST_MAX (1024ul << 20)	/* the maximum of host_set_memory() */
#define HOST_PEER_PAGES 16384u
#define HOST_FRAMES_MAX 64u

#define HOST_PEER_BASE (HOST_BASE + HOST_GUEST_MAX)
#define HOST_FRAMES_BASE (HOST_PEER_BASE + HOST_PEER_PAGES * PAGE_SIZE)
#define HOST_END (HOST_FRAMES_BASE + HOST_FRAMES_MAX * PAGE_SIZE)

int host_memory_file(void);		/* offset 0 is HOST_BASE */

extern bool host_verbose;
void host_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct regs {
	uintptr_t pc;
};
bool host_in_kernel(void);		/* by the mask, or by the profiler, which clears it */

/* Called for each module at the start of a seed. */
void host_arch_reset(void);
void host_xen_reset(void);
void host_world_reset(uint64_t seed);

/* Stops all threads except the one that runs claims, which must be the caller. */
void host_stop_threads(void);
bool host_on_main_flow(void);
/* The guest is gone: on the main flow call host_down(), which does not return. */
_Noreturn void host_leave_to_main(void);
extern void (*host_down)(void);

uint64_t host_now(void);			/* arch_clock() without advancing time */
void host_timers(void);				/* raises events that are due */
uint64_t host_next_timer(uint64_t deadline);	/* when the next event is due; 0: never */
bool host_actors_step(void);			/* lets one actor move, if one can */
uint64_t host_actors_due(void);			/* the next host_at(); 0: none */
void host_count_grants(void);		/* into host_xen.grants */

void host_count_step(void);		/* fails after too many steps */

void *__real_calloc(size_t n, size_t size);	/* which never fails the guest */

bool host_outside(void);		/* the running code is not the guest's */
void host_enter_outside(void);
void host_leave_outside(void);

#endif
