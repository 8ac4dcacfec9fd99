/* SPDX-License-Identifier: ISC */
/* kernel/clock.c: time since boot, and the time of day. */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "tests/host/host.h"

#include <assert.h>

static void time_begins_at_boot(void)
{
	uint64_t before = arch_clock(), last;

	clock_attach();
	last = clock_now();
	assert(last < NSEC_PER_MSEC);
	for (int i = 0; i < 100; i++) {
		uint64_t now = clock_now();

		assert(now >= last);
		last = now;
	}
	host_advance(3 * NSEC_PER_SEC);
	assert(clock_now() - last >= 3 * NSEC_PER_SEC);
	assert(clock_to_xen(0) >= before && clock_to_xen(0) <= before + NSEC_PER_MSEC);
	assert(clock_to_xen(last) < arch_clock());
}

/* The guest is on another processor each time, whose clock is a little behind or ahead. */
static void neither_time_goes_back(void)
{
	uint64_t last = 0, last_wall = 0, start;

	host.clock_back = 5000;
	clock_attach();
	start = arch_clock();
	for (int i = 0; i < 300; i++) {
		uint64_t now = clock_now(), wall = clock_wall();

		assert(now >= last && wall >= last_wall);
		last = now;
		last_wall = wall;
	}
	start = arch_clock() - start;
	assert(last + 20000 > start && last < start + 20000);
}

static uint64_t wall_now(void)
{
	const struct shared_info *s = &arch_shared_info;

	return s->wc_sec * NSEC_PER_SEC + s->wc_nsec + arch_clock();
}

static void wall_is_xens(void)
{
	uint64_t before, wall, after;

	clock_attach();
	before = wall_now();
	wall = clock_wall();
	after = wall_now();
	assert(before <= wall && wall <= after);
}

static void wall_can_be_set(void)
{
	uint64_t to = host_random() >> 2, wall;

	clock_attach();
	clock_wall_set(to);
	wall = clock_wall();
	assert(wall >= to - NSEC_PER_MSEC && wall < to + NSEC_PER_MSEC);
	host_advance(NSEC_PER_SEC);
	assert(clock_wall() - wall >= NSEC_PER_SEC);
	assert(clock_now() < 2 * NSEC_PER_SEC);	/* time since boot is not touched */
	clock_wall_set(5);
	assert(clock_wall() < NSEC_PER_MSEC);
}

/*
 * The host's clock is set: Xen makes the version odd, writes, makes it even.  Both
 * times here have as many seconds as nanoseconds, so a mixture shows.
 */
static unsigned phase;

static bool set_hosts_clock(void *arg)
{
	struct shared_info *s = &arch_shared_info;
	uint32_t next = s->wc_sec == 100000000 ? 200000000 : 100000000;

	(void)arg;
	if (host_chance(2))
		return false;
	switch (phase++ % 4) {
	case 0:
		s->wc_version++;
		break;
	case 1:
		s->wc_sec = next;
		break;
	case 2:
		s->wc_nsec = s->wc_sec;
		break;
	case 3:
		s->wc_version++;
		break;
	}
	return true;
}

static void wall_is_never_half_old(void)
{
	clock_attach();
	host.accesses = 1 + host_below(3);
	arch_shared_info.wc_sec = arch_shared_info.wc_nsec = 100000000;
	host_actor("operator", set_hosts_clock, NULL);
	for (int i = 0; i < 50; i++) {
		uint64_t system = arch_clock(), base = clock_wall() - system;
		uint64_t either[] = { 100000000 * NSEC_PER_SEC + 100000000,
				      200000000 * NSEC_PER_SEC + 200000000 };

		assert((base >= either[0] && base < either[0] + NSEC_PER_MSEC) ||
		       (base >= either[1] && base < either[1] + NSEC_PER_MSEC));
	}
}

/* A resume: system time is another host's.  The wall clock gains the time of the suspend, exactly. */
static void time_continues_after_a_resume(void)
{
	uint64_t last, offset, gained;

	clock_attach();
	offset = clock_wall_offset();
	host_advance(host_below(NSEC_PER_SEC));
	last = clock_now();
	assert(clock_wall_offset() == offset);
	host_advance(1000 * NSEC_PER_SEC);
	clock_attach();
	gained = clock_wall_offset() - offset;
	assert(gained >= 1000 * NSEC_PER_SEC && gained < 1000 * NSEC_PER_SEC + NSEC_PER_MSEC);
	assert(clock_now() >= last && clock_now() - last < NSEC_PER_MSEC);
	assert(clock_wall_offset() - offset == gained);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "time begins at boot and does not go backwards",
		  time_begins_at_boot, 50 },
		{ "time does not go backwards between two processors",
		  neither_time_goes_back, 100 },
		{ "the time of day is Xen's", wall_is_xens, 50 },
		{ "the time of day can be set", wall_can_be_set, 50 },
		{ "the time of day is read as a whole while Xen updates it",
		  wall_is_never_half_old, 200 },
		{ "time since boot continues after a resume", time_continues_after_a_resume, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
