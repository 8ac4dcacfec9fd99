/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/profile.h"
#include "kernel/random.h"
#include "kernel/record.h"
#include "kernel/sched.h"

#define DEPTH 64u
#define HEAD 6u
#define IDLE UINT32_MAX

/* The format of a record, as docs/profile.md defines it; the operator's side reads it. */
struct sample {
	uint32_t n, thread, time[2], back, to, pc[DEPTH];
};

struct records profile_records;
static uint64_t period, due, stop, state;

/*
 * Half a period to one and a half: so events with a fixed period are sampled at any
 * phase.
 */
static uint64_t next_period(void)
{
	state ^= state << 13;		/* Marsaglia's xorshift: any generator would do */
	state ^= state >> 7;
	state ^= state << 17;
	return period / 2 + state % period;
}

static void sample(const struct regs *where, bool idle, uint64_t now)
{
	static struct sample s;		/* not on a stack that may be almost full */
	static uintptr_t pcs[DEPTH];
	struct arch_call top = { 0, 0 };
	unsigned n = idle ? 0 : arch_callers(where, pcs, DEPTH, &top);

	for (unsigned i = 0; i < n; i++)
		s.pc[i] = pcs[i];
	s.n = HEAD + n;
	s.thread = idle ? IDLE : current->id;
	s.time[0] = now / 1000;
	s.time[1] = (now / 1000) >> 32;
	s.back = top.back;
	s.to = top.to;
	records_put(&profile_records, &s.n, s.n);
}

static uint64_t tick(const struct regs *where, bool idle)
{
	uint64_t now = clock_now();

	if (now >= stop)
		return NEVER;
	if (now >= due) {
		sample(where, idle, now);
		due += next_period();
		if (due < now)		/* the vcpu did not run */
			due = now + next_period();
	}
	return due;
}

int profile_begin(unsigned hz, uint64_t ns, uint64_t *until)
{
	int rc = records_begin(&profile_records);

	if (rc)
		return rc;
	period = NSEC_PER_SEC / hz;
	state = random_word() | 1;
	due = clock_now() + next_period();
	stop = clock_now() + ns;
	*until = stop;
	sched_profile(tick, due);
	return 0;
}

void profile_end(void)
{
	sched_profile(NULL, NEVER);
	records_end(&profile_records);
}
