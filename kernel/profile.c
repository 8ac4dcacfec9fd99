/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/command.h"
#include "kernel/profile.h"
#include "kernel/random.h"
#include "kernel/record.h"
#include "kernel/sched.h"
#include "kernel/symbols.h"

#include <errno.h>

#define DEPTH 64u
#define HEAD 6u
#define MAX_HZ 10000
#define SYMBOLS_BYTES (COMMAND_MAX - 1024)
#define IDLE UINT32_MAX

/* What docs/profile.md says: it is what the operator's side reads. */
struct sample {
	uint32_t n, thread, time[2], back, to, pc[DEPTH];
};

static struct records records;
static uint64_t period, due, stop, state;

/* Half a period to one and a half: what the guest does each n ms is met at any phase. */
static uint64_t next_period(void)
{
	state ^= state << 13;		/* Marsaglia's xorshift: any will do */
	state ^= state >> 7;
	state ^= state << 17;
	return period / 2 + state % period;
}

static void sample(const struct regs *where, bool idle, uint64_t now)
{
	static struct sample s;		/* not on a stack that is interrupted anywhere */
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
	records_put(&records, &s.n, s.n);
}

static uint64_t tick(const struct regs *where, bool idle)
{
	uint64_t now = clock_now();

	if (now >= stop)
		return NEVER;
	if (now >= due) {
		sample(where, idle, now);
		due += next_period();
		if (due < now)		/* the machine was elsewhere */
			due = now + next_period();
	}
	return due;
}

/* ---- what the operator asks for */

static int sample_for(struct command *c)
{
	int64_t hz = 1000, ms = 10000;

	if (command_integer(c, "hz", 1, MAX_HZ, &hz) < 0 ||
	    command_integer(c, "ms", 1, 24 * 3600 * 1000, &ms) < 0)
		return -EINVAL;
	if (!c->more)
		return -EDOM;
	if (records_begin(&records))
		return -ENOMEM;
	period = NSEC_PER_SEC / hz;
	state = random_word() | 1;
	due = clock_now() + next_period();
	stop = clock_now() + ms * NSEC_PER_MSEC;
	sched_profile(tick, due);
	records_stream(&records, c, stop);
	sched_profile(NULL, NEVER);
	records_end(&records);
	return 0;
}

static int symbols(struct command *c)
{
	const uint8_t *at = NULL;
	int64_t from = 0;
	uintptr_t start;
	const char *name;

	if (command_integer(c, "from", 0, UINT32_MAX, &from) < 0)
		return -EINVAL;
	json_open(c->reply, "symbols", '[');
	while ((name = symbol_next(&at, &start)) && c->reply->len < SYMBOLS_BYTES)
		if (start >= (uint64_t)from) {
			json_open(c->reply, NULL, '{');
			json_number(c->reply, "address", start);
			json_string(c->reply, "name", name);
			json_close(c->reply, '}');
		}
	json_close(c->reply, ']');
	if (name)
		json_number(c->reply, "next", start);
	return 0;
}

static const struct method methods[] = {
	{ "Sample", COMMAND_READS, sample_for },
	{ "Symbols", COMMAND_READS, symbols },
	{ NULL, 0, NULL },
};

/* Short, since every image has it; docs/profile.md says more. */
static struct interface profile = {
	.name = "org.xenolith.profile1",
	.description =
	"interface org.xenolith.profile1\n"
	"method Sample(hz: ?int, ms: ?int) -> (records: string, put: int, lost: int)\n"
	"method Symbols(from: ?int) -> (symbols: [](address: int, name: string),"
	" next: ?int)\n",
	.methods = methods,
};

void profile_init(void)
{
	command_add(&profile);
}
