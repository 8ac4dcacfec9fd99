/* SPDX-License-Identifier: ISC */
/* control/gdb/gdb_packet.c and gdb_command.c, with an application of three threads. */
#include "control/gdb/gdb_internal.h"
#include "kernel/debug.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define THREADS 3
#define MEMORY 0x40000000ul

static struct thread threads[THREADS];
static uint64_t registers[DEBUG_REGISTERS];
static uint8_t memory[64];
static uintptr_t breakpoint;
static struct gdb_session session;
static struct gdb_packet packet;
static struct gdb_reply reply;

/* ---- the application */

unsigned gdb_number(const struct thread *t)
{
	return 1 + (t - threads);
}

struct thread *gdb_thread_from(uint64_t number)
{
	return number > THREADS ? NULL : &threads[number ? number - 1 : 0];
}

struct thread *gdb_thread(uint64_t number)
{
	return number && number <= THREADS ? &threads[number - 1] : NULL;
}

void gdb_describe(const struct thread *t, char *text, size_t size)
{
	snprintf(text, size, "%c", 'a' + (int)(t - threads));
}

void debug_registers(const struct thread *t, uint64_t values[DEBUG_REGISTERS])
{
	memcpy(values, registers, sizeof(registers));
	values[0] += t - threads;
}

int debug_set_registers(struct thread *t, const uint64_t values[DEBUG_REGISTERS])
{
	memcpy(registers, values, sizeof(registers));
	return t == &threads[2] ? -1 : 0;
}

size_t debug_read(uintptr_t address, void *to, size_t len)
{
	size_t n = address - MEMORY < sizeof(memory) ? sizeof(memory) - (address - MEMORY) : 0;

	n = n < len ? n : len;
	memcpy(to, memory + (n ? address - MEMORY : 0), n);
	return n;
}

int debug_write(uintptr_t address, const void *from, size_t len)
{
	if (address - MEMORY >= sizeof(memory) || len > sizeof(memory) - (address - MEMORY))
		return -1;
	memcpy(memory + (address - MEMORY), from, len);
	return 0;
}

int debug_break(uintptr_t address)
{
	breakpoint = address;
	return address == MEMORY ? 0 : -1;
}

void debug_unbreak(uintptr_t address)
{
	(void)address;
	breakpoint = 0;
}

/* ---- bytes */

static enum gdb_event feed(const char *bytes)
{
	enum gdb_event came = GDB_NOTHING;

	while (*bytes) {
		assert(came == GDB_NOTHING);
		came = gdb_byte(&packet, *bytes++);
	}
	return came;
}

static void packets_are_found(void)
{
	assert(feed("$g#67") == GDB_PACKET && !strcmp(packet.data, "g"));
	assert(feed("+$#00") == GDB_PACKET && packet.len == 0);
	assert(feed("++nonsense$m1,2#FC") == GDB_PACKET && !strcmp(packet.data, "m1,2"));
	assert(feed("\3") == GDB_INTERRUPT);
	assert(feed("-") == GDB_AGAIN);
	/* Inside of one, those are data. */
	assert(feed("$\3-+#5b") == GDB_PACKET && !strcmp(packet.data, "\3-+"));
	/* One that was never ended is not half of the next. */
	assert(feed("$m123$g#67") == GDB_PACKET && !strcmp(packet.data, "g"));
}

static void broken_ones_are_told(void)
{
	char c = 'x';

	assert(feed("$g#68") == GDB_BROKEN);
	assert(feed("$g#6g") == GDB_BROKEN);
	assert(feed("$g#g7") == GDB_BROKEN);
	assert(feed("$g##7") == GDB_BROKEN);
	assert(feed("$g#67") == GDB_PACKET);
	/* The longest, and one more. */
	for (int more = 0; more < 2; more++) {
		uint8_t sum = 0;
		char end[4];

		feed("$");
		for (int i = 0; i < GDB_PACKET_MAX + more; i++, sum += c)
			assert(gdb_byte(&packet, c) == GDB_NOTHING);
		snprintf(end, sizeof(end), "#%02x", sum);
		assert(feed(end) == (more ? GDB_BROKEN : GDB_PACKET));
	}
	assert(feed("$g#67") == GDB_PACKET);
}

/* ---- commands */

static enum gdb_next next;

static const char *ask(const char *what)
{
	static char text[GDB_PACKET_MAX + 1];

	gdb_begin(&reply);
	next = gdb_answer(&session, what, &reply);
	assert(!reply.full);
	snprintf(text, sizeof(text), "%.*s", (int)reply.len - 1, reply.data + 1);
	return text;
}

#define says(what, answer) assert(!strcmp(ask(what), answer))

static void stopped(void)
{
	session = (struct gdb_session){ .stopped = &threads[1], .signal = 11 };
	for (unsigned i = 0; i < DEBUG_REGISTERS; i++)
		registers[i] = 0x1100 + i;
}

static void registers_are_in_order(void)
{
	stopped();
	assert(!strncmp(ask("g"), "01110000000000000111000000000000", 32));
	assert(strlen(ask("g")) == 2 * (17 * 8 + 7 * 4));
	assert(!strcmp(ask("g") + 2 * 16 * 8, "1011000000000000" "11110000" "12110000" "13110000"
	       "14110000" "15110000" "16110000" "17110000"));
	says("p10", "1011000000000000");
	says("p11", "11110000");
	says("p18", "xxxxxxxx");
	says("pffffffffffffffff", "xxxxxxxx");
	says("Hg1", "OK");
	says("p0", "0011000000000000");
	says("P1=0807060504030201", "OK");
	assert(registers[1] == 0x0102030405060708);
	says("P10=0807", "E01");
	says("P18=0807060504030201", "E01");
	says("P=", "E01");
	says("G00", "E01");
	says("Hg3", "OK");
	says("P1=0807060504030201", "E01");
	says("Hg4", "E01");
	says("Hg0", "OK");
	says("p", "E01");
	session.stopped = NULL;
	says("g", "E01");
	says("?", "T0b");
}

static void memory_is_asked_for(void)
{
	stopped();
	says("M40000000,3:010aff", "OK");
	says("m40000000,3", "010aff");
	says("m4000003f,5", "00");
	says("m40000040,1", "E01");
	says("m40000000,0", "");
	says("m0,1", "E01");
	says("mffffffffffffffff,2", "E01");
	says("m40000000,10000000000000000", "E01");
	says("m40000000", "E01");
	says("m40000000,1,", "E01");
	says("m,", "E01");
	says("M40000000,3:0102", "E01");
	says("M40000000,1:0102", "E01");
	says("M40000000,2:0g02", "E01");
	says("M4000003f,2:0102", "E01");
	says("M40000000,ffffffffffffffff:01", "E01");
	assert(memory[0] == 1 && memory[1] == 10 && memory[63] == 0);
	/* More than a packet has room for. */
	assert(strlen(ask("m40000000,ffffff")) == 2 * sizeof(memory));
}

static void breakpoints_are_set(void)
{
	says("Z0,40000000,1", "OK");
	assert(breakpoint == MEMORY);
	says("z0,40000000,1", "OK");
	assert(!breakpoint);
	says("Z0,40000001,1", "E01");
	says("Z0,", "E01");
	says("Z1,40000000,1", "");
	says("X40000000,1:a", "");
}

static void who_runs(const char *what, struct thread *step, struct thread *only, bool fatal)
{
	stopped();
	says(what, "");
	assert(next == GDB_RUN);
	assert(session.step == step && session.only == only && session.fatal == fatal);
}

static void somebody_runs(void)
{
	who_runs("c", NULL, NULL, false);
	who_runs("s", &threads[1], NULL, false);
	who_runs("C0b", NULL, NULL, true);
	who_runs("C05", NULL, NULL, false);
	who_runs("vCont;c", NULL, NULL, false);
	who_runs("vCont;s:3;c", &threads[2], NULL, false);
	who_runs("vCont;s:3", &threads[2], &threads[2], false);
	who_runs("vCont;c:1", NULL, &threads[0], false);
	who_runs("vCont;C0b:2;c", NULL, NULL, true);
	who_runs("vCont;C0b:1;c", NULL, NULL, false);	/* it was not thread 1's */
	who_runs("vCont;s:1;c:-1", &threads[0], NULL, false);
	for (const char *const *p = (const char *const []){ "vCont;", "vCont;x", "vCont;s:9",
	     "vCont;c;", "vCont;C:1", "vCont;c:", "c40000000", "S", NULL }; *p; p++) {
		stopped();
		says(*p, "E01");
		assert(next == GDB_STAY);
	}
	says("D", "OK");
	assert(next == GDB_DETACH);
	says("k", "");
	assert(next == GDB_KILL);
}

static void questions_are_answered(void)
{
	stopped();
	says("?", "T0bthread:2;");
	says("qSupported:swbreak+;xmlRegisters=i386",
	     "PacketSize=1000;swbreak+;vContSupported+;QStartNoAckMode+;qXfer:features:read+");
	session.breakpoint = true;
	session.signal = DEBUG_TRAP;
	says("?", "T05swbreak:;thread:2;");
	says("qC", "QC2");
	says("qAttached", "1");
	says("qfThreadInfo", "m1,2,3");
	says("qsThreadInfo", "l");
	says("qThreadExtraInfo,3", "63");
	says("qThreadExtraInfo,4", "E01");
	says("T3", "OK");
	says("T4", "E01");
	says("T0", "E01");
	says("qXfer:features:read:target.xml:0,5", "m<?xml");
	says("qXfer:features:read:target.xml:1000,5", "l");
	says("qXfer:features:read:other.xml:0,5", "");
	says("vCont?", "vCont;c;C;s;S");
	says("vMustReplyEmpty", "");
	says("qSomething", "");
	says("", "");
	says("QStartNoAckMode", "OK");
	assert(session.no_acks);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "packets are found in a stream of bytes", packets_are_found, 1 },
		{ "an invalid or long packet is refused, and the next one is parsed",
		  broken_ones_are_told, 1 },
		{ "registers are in gdb's order", registers_are_in_order, 1 },
		{ "memory is read and written within its bounds", memory_is_asked_for, 1 },
		{ "only one kind of breakpoint is accepted", breakpoints_are_set, 1 },
		{ "the threads that run and step are parsed", somebody_runs, 1 },
		{ "queries are answered", questions_are_answered, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
