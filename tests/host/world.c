/* SPDX-License-Identifier: ISC */
/* The seed, and all that happens outside the guest. */
#include "tests/host/inside.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ACTORS 16

static uint64_t state, steps;
static bool outside;

static struct actor {
	const char *name;
	bool (*step)(void *arg);
	void *arg;
	uint64_t due;
} actors[MAX_ACTORS], *acting;
static unsigned nactors;

void (*host_on_access)(const void *address, size_t size, bool write);

/* ---- chance */

uint64_t host_random(void)		/* splitmix64 */
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

unsigned host_below(unsigned n)
{
	return (unsigned)((host_random() >> 32) * n >> 32);
}

bool host_chance(unsigned n)
{
	return host_below(n) == 0;
}

/* ---- the others */

bool host_outside(void)
{
	return outside;
}

void host_enter_outside(void)
{
	outside = true;
}

void host_leave_outside(void)
{
	outside = false;
}

void host_actor(const char *name, bool (*step)(void *arg), void *arg)
{
	if (nactors == MAX_ACTORS)
		host_fail("too many actors");
	actors[nactors++] = (struct actor){ .name = name, .step = step, .arg = arg };
}

void host_at(uint64_t when)
{
	if (!acting)
		host_fail("host_at() outside of an actor's step");
	acting->due = when;
}

static bool act(struct actor *a)
{
	bool moved;

	if (a->due && a->due <= host_now())
		a->due = 0;
	outside = true;
	acting = a;
	moved = a->step(a->arg);
	acting = NULL;
	outside = false;
	if (moved)
		host_trace("%s moves", a->name);
	return moved;
}

bool host_actors_step(void)
{
	unsigned first = nactors > 1 ? host_below(nactors) : 0;

	if (outside)
		return false;
	for (unsigned i = 0; i < nactors; i++)
		if (act(&actors[(first + i) % nactors]))
			return true;
	return false;
}

uint64_t host_actors_due(void)
{
	uint64_t first = 0;

	for (unsigned i = 0; i < nactors; i++)
		if (actors[i].due && (!first || actors[i].due < first))
			first = actors[i].due;
	return first;
}

void host_count_step(void)
{
	if (++steps == host.steps)
		host_fail("the run does not end: %llu steps", (unsigned long long)steps);
}

void host_step(void)
{
	if (outside)
		return;
	host_count_step();
	host_advance(host_below(200));
	if (nactors && host_chance(4))
		act(&actors[host_below(nactors)]);
}

void host_settle(void)
{
	while (host_actors_step())
		;
}

/* ---- upcalls */

/*
 * Delivers an upcall as Xen does when an event is pending and upcalls are not masked; and, as in
 * arch/x86_64/hvm/entry.S, what came in while they were and was taken back is looked for.
 */
static void upcall(void)
{
	volatile struct vcpu_info *vcpu = &arch_shared_info.vcpu_info[0];

	while ((vcpu->evtchn_upcall_pending || vcpu->evtchn_pending_sel) &&
	       !vcpu->evtchn_upcall_mask) {
		vcpu->evtchn_upcall_mask = 1;
		host_trace("upcall");
		if (sched_upcall(&(struct regs){ (uintptr_t)__builtin_return_address(0) }))
			sched_preempt();
		vcpu->evtchn_upcall_mask = 0;
	}
}

void host_preempt(void)
{
	if (host_in_kernel())
		host_fail("host_preempt() in kernel code");
	host_step();
	if (host_chance(2))
		upcall();
}

/* ---- between two accesses of the guest to its memory */

static unsigned until_next;

static void access_by_guest(const void *address, size_t size, bool write)
{
	if (outside)
		return;
	if (host_on_access) {
		outside = true;
		host_on_access(address, size, write);
		outside = false;
	}
	if (!host.accesses || until_next--)
		return;
	until_next = host_below(2 * host.accesses);
	do
		host_step();
	while (host_chance(2));
	upcall();
}

/*
 * kernel/ and drivers/ are compiled so that AddressSanitizer checks each access by a
 * call, and the linker replaces it by the function here (--wrap).
 */
#define ACCESS(name, size, write)						\
	void __real___asan_##name(const void *address);				\
	void __wrap___asan_##name(const void *address);				\
	void __wrap___asan_##name(const void *address)				\
	{									\
		access_by_guest(address, size, write);				\
		__real___asan_##name(address);					\
	}

ACCESS(load1, 1, false)
ACCESS(load2, 2, false)
ACCESS(load4, 4, false)
ACCESS(load8, 8, false)
ACCESS(load16, 16, false)
ACCESS(store1, 1, true)
ACCESS(store2, 2, true)
ACCESS(store4, 4, true)
ACCESS(store8, 8, true)
ACCESS(store16, 16, true)

/* ---- memory that runs out */

static bool no_memory(void)
{
	return !outside && host.malloc_fails && host_chance(host.malloc_fails);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return no_memory() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return no_memory() ? NULL : __real_realloc(old, size);
}

void host_world_reset(uint64_t seed)
{
	static const unsigned accesses[] = { 0, 4, 16, 64, 64, 256 };

	state = seed;
	steps = 0;
	outside = false;
	acting = NULL;
	nactors = 0;
	host_on_access = NULL;
	host = (struct host_machine){
		.ports = 1023,
		.grant_frames = 32,
		.accesses = accesses[host_below(HOST_COUNT(accesses))],
		.steps = 20000000,
	};
	host.profiled = host_chance(8);
	until_next = host.accesses ? host_below(2 * host.accesses) : 0;
}
