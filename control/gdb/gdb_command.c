/* SPDX-License-Identifier: ISC */
/*
 * gdb's packets ("Packets" in appendix E of its manual), while the application is
 * stopped.  The reply to an unknown packet is empty, and gdb does without it; the reply
 * to an invalid one is an error.
 */
#include "control/gdb/gdb_internal.h"
#include "kernel/debug.h"

#include <errno.h>
#include <string.h>

/* In a `g`, r0 ... r15 and rip have eight bytes, the flags and the segments four. */
#define WIDE 17
#define WIDTH(n) ((n) < WIDE ? 8 : 4)
#define ALL_WIDTH (WIDE * 8 + (DEBUG_REGISTERS - WIDE) * 4)

#define MEMORY_MAX ((GDB_PACKET_MAX - 64) / 2)

static const char target[] =
	"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
	"<target><architecture>i386:x86-64</architecture></target>";

/* Not an errno: gdb only shows that there is an error. */
static void refuse(struct gdb_reply *r)
{
	gdb_put(r, "E01");
}

static void result(struct gdb_reply *r, bool ok)
{
	if (ok)
		gdb_put(r, "OK");
	else
		refuse(r);
}

/* -1 is all, 0 any: NULL. */
static bool take_thread(const char **at, struct thread **t)
{
	uint64_t n;

	*t = NULL;
	if (gdb_take(at, "-1"))
		return true;
	if (!gdb_take_number(at, &n))
		return false;
	if (n)
		*t = gdb_thread(n);
	return !n || *t;
}

void gdb_report(struct gdb_session *s, struct gdb_reply *r)
{
	uint8_t signal = s->signal;

	gdb_put(r, "T");
	gdb_put_bytes(r, &signal, 1);
	if (s->breakpoint && s->swbreak)
		gdb_put(r, "swbreak:;");
	if (s->stopped) {
		gdb_put(r, "thread:");
		gdb_put_number(r, gdb_number(s->stopped));
		gdb_put(r, ";");
	}
}

/* ---- registers */

static struct thread *chosen(struct gdb_session *s)
{
	return s->chosen ? s->chosen : s->stopped;
}

static void read_registers(struct gdb_session *s, struct gdb_reply *r)
{
	uint64_t v[DEBUG_REGISTERS];

	if (!chosen(s)) {
		refuse(r);
		return;
	}
	debug_registers(chosen(s), v);
	for (unsigned i = 0; i < DEBUG_REGISTERS; i++)
		gdb_put_bytes(r, &v[i], WIDTH(i));
}

static void write_registers(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint64_t v[DEBUG_REGISTERS] = { 0 };
	bool ok = chosen(s) != NULL;

	for (unsigned i = 0; i < DEBUG_REGISTERS; i++)
		ok = ok && gdb_take_bytes(&p, &v[i], WIDTH(i));
	result(r, ok && !debug_set_registers(chosen(s), v));
}

/* Registers behind these are unknown. */
static void read_register(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint64_t v[DEBUG_REGISTERS], n;

	if (!chosen(s) || !gdb_take_number(&p, &n) || *p) {
		refuse(r);
	} else if (n >= DEBUG_REGISTERS) {
		gdb_put(r, "xxxxxxxx");
	} else {
		debug_registers(chosen(s), v);
		gdb_put_bytes(r, &v[n], WIDTH(n));
	}
}

static void write_register(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	uint64_t v[DEBUG_REGISTERS], n;

	if (!chosen(s) || !gdb_take_number(&p, &n) || !gdb_take(&p, "=") ||
	    n >= DEBUG_REGISTERS) {
		refuse(r);
		return;
	}
	debug_registers(chosen(s), v);
	result(r, gdb_take_bytes(&p, &v[n], WIDTH(n)) && !*p &&
	       !debug_set_registers(chosen(s), v));
}

/* ---- memory */

static bool take_range(const char **p, uint64_t *address, uint64_t *len)
{
	return gdb_take_number(p, address) && gdb_take(p, ",") && gdb_take_number(p, len) &&
	       *len <= UINT64_MAX - *address;
}

static void read_memory(const char *p, struct gdb_reply *r)
{
	static uint8_t bytes[MEMORY_MAX];
	uint64_t address, len;
	size_t n;

	if (!take_range(&p, &address, &len) || *p) {
		refuse(r);
		return;
	}
	if (len > MEMORY_MAX)
		len = MEMORY_MAX;
	n = debug_read(address, bytes, len);
	if (len && !n)
		refuse(r);
	else
		gdb_put_bytes(r, bytes, n);
}

static void write_memory(const char *p, struct gdb_reply *r)
{
	static uint8_t bytes[MEMORY_MAX];
	uint64_t address, len;

	result(r, take_range(&p, &address, &len) && gdb_take(&p, ":") && len <= MEMORY_MAX &&
	       gdb_take_bytes(&p, bytes, len) && !*p && !debug_write(address, bytes, len));
}

/* Z0,ADDRESS,KIND: breakpoints in text; of other kinds there are none. */
static void breakpoint(const char *p, bool set, struct gdb_reply *r)
{
	uint64_t address, kind;

	if (!gdb_take(&p, "0,"))
		return;
	if (!take_range(&p, &address, &kind)) {
		refuse(r);
	} else if (set) {
		result(r, !debug_break(address));
	} else {
		debug_unbreak(address);
		gdb_put(r, "OK");
	}
}

/* ---- threads */

static void list_threads(struct gdb_session *s, struct gdb_reply *r)
{
	struct thread *t = gdb_thread_from(s->listed);
	const char *before = "m";

	if (!t)
		gdb_put(r, "l");
	for (; t && r->len < GDB_PACKET_MAX - 32; t = gdb_thread_from(s->listed)) {
		gdb_put(r, before);
		gdb_put_number(r, gdb_number(t));
		s->listed = gdb_number(t) + 1;
		before = ",";
	}
}

static void extra_info(const char *p, struct gdb_reply *r)
{
	struct thread *t;
	char text[80];

	if (!take_thread(&p, &t) || !t) {
		refuse(r);
		return;
	}
	gdb_describe(t, text, sizeof(text));
	gdb_put_bytes(r, text, strlen(text));
}

/*
 * Hg: the thread of register packets.  Hc is for `c` and `s`, which gdb does not use if
 * there is vCont.
 */
static void choose(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	struct thread *t;
	bool registers = gdb_take(&p, "g");

	if ((!registers && !gdb_take(&p, "c")) || !take_thread(&p, &t)) {
		refuse(r);
		return;
	}
	if (registers)
		s->chosen = t;
	gdb_put(r, "OK");
}

/* ---- running */

struct run {
	bool step, fatal;
	struct thread *thread;		/* NULL: each thread without an action of its own */
};

/* c, s, C05, S05, and in a vCont `:THREAD` behind it. */
static bool take_action(const char **p, struct run *a)
{
	uint64_t signal = 0;

	*a = (struct run){ .step = **p == 's' || **p == 'S' };
	if (gdb_take(p, "C") || gdb_take(p, "S")) {
		if (!gdb_take_number(p, &signal))
			return false;
		a->fatal = signal != 0 && signal != DEBUG_TRAP;
	} else if (!gdb_take(p, "c") && !gdb_take(p, "s")) {
		return false;
	}
	return !gdb_take(p, ":") || take_thread(p, &a->thread);
}

/*
 * One thread steps.  The others continue if an action holds for them.  A signal is only
 * passed to the thread that has it.
 */
static enum gdb_next resume(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	bool all = false;

	s->step = s->only = NULL;
	s->fatal = false;
	do {
		struct run a;

		if (!take_action(&p, &a)) {
			refuse(r);
			return GDB_STAY;
		}
		s->fatal |= a.fatal && (!a.thread || a.thread == s->stopped);
		all |= !a.thread;
		if (a.thread && !s->only)
			s->only = a.thread;
		if (a.step && !s->step)
			s->step = a.thread ? a.thread : chosen(s);
	} while (gdb_take(&p, ";"));
	if (all)
		s->only = NULL;
	if (!*p)
		return GDB_RUN;
	refuse(r);
	return GDB_STAY;
}

/* ---- queries */

static void features(const char *p, struct gdb_reply *r)
{
	uint64_t at, n;

	if (!take_range(&p, &at, &n) || *p) {
		refuse(r);
		return;
	}
	gdb_put(r, at + n < sizeof(target) - 1 ? "m" : "l");
	for (; n && at < sizeof(target) - 1; n--, at++)
		gdb_put(r, (const char[]){ target[at], '\0' });
}

static void supported(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	s->swbreak = strstr(p, "swbreak+") != NULL;
	gdb_put(r, "PacketSize=");
	gdb_put_number(r, GDB_PACKET_MAX);
	gdb_put(r, ";swbreak+;vContSupported+;QStartNoAckMode+;qXfer:features:read+");
}

static void query(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	if (gdb_take(&p, "Supported")) {
		supported(s, p, r);
	} else if (gdb_take(&p, "Attached")) {
		gdb_put(r, "1");	/* quit detaches, and does not kill */
	} else if (gdb_take(&p, "Xfer:features:read:target.xml:")) {
		features(p, r);
	} else if (gdb_take(&p, "ThreadExtraInfo,")) {
		extra_info(p, r);
	} else if (gdb_take(&p, "fThreadInfo")) {
		s->listed = 0;
		list_threads(s, r);
	} else if (gdb_take(&p, "sThreadInfo")) {
		list_threads(s, r);
	} else if (!strcmp(p, "C") && s->stopped) {
		gdb_put(r, "QC");
		gdb_put_number(r, gdb_number(s->stopped));
	}
}

static enum gdb_next run(struct gdb_session *s, const char *p, struct gdb_reply *r)
{
	if (gdb_take(&p, "vCont;"))
		return resume(s, p, r);
	if (gdb_take(&p, "vCont?")) {
		gdb_put(r, "vCont;c;C;s;S");
	} else if (gdb_take(&p, "vKill;")) {
		gdb_put(r, "OK");
		return GDB_KILL;
	}
	return GDB_STAY;
}

enum gdb_next gdb_answer(struct gdb_session *s, const char *packet, struct gdb_reply *r)
{
	const char *p = packet + (*packet != '\0');
	struct thread *t;

	switch (*packet) {
	case '?':
		gdb_report(s, r);
		break;
	case 'g':
		read_registers(s, r);
		break;
	case 'G':
		write_registers(s, p, r);
		break;
	case 'p':
		read_register(s, p, r);
		break;
	case 'P':
		write_register(s, p, r);
		break;
	case 'm':
		read_memory(p, r);
		break;
	case 'M':
		write_memory(p, r);
		break;
	case 'Z':
	case 'z':
		breakpoint(p, *packet == 'Z', r);
		break;
	case 'H':
		choose(s, p, r);
		break;
	case 'T':
		result(r, take_thread(&p, &t) && t && !*p);
		break;
	case 'q':
		query(s, p, r);
		break;
	case 'Q':
		if (!strcmp(p, "StartNoAckMode")) {
			s->no_acks = true;
			gdb_put(r, "OK");
		}
		break;
	case 'c':
	case 's':
	case 'C':
	case 'S':
		return resume(s, packet, r);
	case 'v':
		return run(s, packet, r);
	case 'D':
		gdb_put(r, "OK");
		return GDB_DETACH;
	case 'k':
		return GDB_KILL;
	}
	return GDB_STAY;
}
