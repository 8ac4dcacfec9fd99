/* SPDX-License-Identifier: ISC */
/*
 * Arbitrary input from gdb, in packets or not: each reply is a packet, requests for
 * memory do not exceed the buffer, and the thread that is selected to run exists.
 */
#include "control/gdb/gdb_internal.h"
#include "kernel/debug.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define THREADS 3
#define MEMORY 0x40000000ul
#define PLACES 4

static struct thread threads[THREADS];
static uint64_t registers[THREADS][DEBUG_REGISTERS];
static uint8_t memory[6000];
static uintptr_t breaks[PLACES];

static void must(bool claim)
{
	if (!claim)
		abort();
}

/* ---- the application */

static unsigned index_of(const struct thread *t)
{
	must(t >= threads && t < threads + THREADS);
	return t - threads;
}

unsigned gdb_number(const struct thread *t)
{
	return 1 + 2 * index_of(t);
}

struct thread *gdb_thread_from(uint64_t number)
{
	for (unsigned i = 0; i < THREADS; i++)
		if (gdb_number(&threads[i]) >= number)
			return &threads[i];
	return NULL;
}

struct thread *gdb_thread(uint64_t number)
{
	struct thread *t = gdb_thread_from(number);

	return t && gdb_number(t) == number ? t : NULL;
}

void gdb_describe(const struct thread *t, char *text, size_t size)
{
	snprintf(text, size, "thread %u", index_of(t));
}

void debug_registers(const struct thread *t, uint64_t values[DEBUG_REGISTERS])
{
	memcpy(values, registers[index_of(t)], sizeof(registers[0]));
}

int debug_set_registers(struct thread *t, const uint64_t values[DEBUG_REGISTERS])
{
	memcpy(registers[index_of(t)], values, sizeof(registers[0]));
	return values[0] & 1 ? -1 : 0;
}

static size_t there(uintptr_t address, size_t len)
{
	if (address < MEMORY || address >= MEMORY + sizeof(memory))
		return 0;
	return len < MEMORY + sizeof(memory) - address ? len : MEMORY + sizeof(memory) - address;
}

size_t debug_read(uintptr_t address, void *to, size_t len)
{
	size_t n = there(address, len);

	must(len <= GDB_PACKET_MAX / 2);
	memset(to, 0x5a, len);		/* so that ASan checks the size */
	if (n)
		memcpy(to, memory + (address - MEMORY), n);
	return n;
}

int debug_write(uintptr_t address, const void *from, size_t len)
{
	must(len <= GDB_PACKET_MAX / 2);
	if (there(address, len) < len)
		return -1;
	if (len)
		memcpy(memory + (address - MEMORY), from, len);
	return 0;
}

int debug_break(uintptr_t address)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (!breaks[i]) {
			breaks[i] = address;
			return 0;
		}
	return -1;
}

void debug_unbreak(uintptr_t address)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (breaks[i] == address)
			breaks[i] = 0;
}

/* ---- requests, and checks of the replies */

static struct gdb_session session;
static struct gdb_packet packet;

static unsigned digit(char c)
{
	must((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void check_reply(struct gdb_reply *r)
{
	uint8_t sum = 0;
	size_t i;

	gdb_end(r);
	must(r->len >= 4 && r->len <= sizeof(r->data) && r->data[0] == '$');
	for (i = 1; i < r->len - 3; i++) {
		must(!memchr("$#}*", r->data[i], 4));
		sum += (uint8_t)r->data[i];
	}
	must(r->data[i] == '#' && digit(r->data[i + 1]) * 16 + digit(r->data[i + 2]) == sum);
	must(!r->full);
}

static void answer(void)
{
	static struct gdb_reply r;

	must(packet.len <= GDB_PACKET_MAX && !packet.data[packet.len]);
	session.step = session.only = (struct thread *)1;
	gdb_begin(&r);
	if (gdb_answer(&session, packet.data, &r) == GDB_RUN) {
		must(r.len == 1);
		if (session.step)
			index_of(session.step);
		if (session.only)
			index_of(session.only);
	}
	if (session.chosen)
		index_of(session.chosen);
	check_reply(&r);
}

static void as_packet(const char *data, size_t len)
{
	static struct gdb_reply r;

	gdb_begin(&r);
	for (size_t i = 0; i < len; i++)
		gdb_put(&r, (const char[]){ data[i], '\0' });
	gdb_end(&r);
	for (size_t i = 0; i + 1 < r.len; i++)
		must(gdb_byte(&packet, r.data[i]) != GDB_PACKET);
	must(gdb_byte(&packet, r.data[r.len - 1]) == GDB_PACKET);
	must(!memcmp(packet.data, r.data + 1, packet.len) && packet.len == r.len - 4);
	answer();
}

/*
 * The first byte decides whether each line of the rest is made a packet, or the bytes
 * are used as they are.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1, *end = (const char *)data + size;

	if (size < 1)
		return 0;
	memset(&session, 0, sizeof(session));
	memset(&packet, 0, sizeof(packet));
	session.stopped = data[0] & 2 ? &threads[1] : NULL;
	if (data[0] & 1) {
		for (; p < end; p++)
			if (gdb_byte(&packet, *p) == GDB_PACKET)
				answer();
		return 0;
	}
	while (p < end) {
		const char *line = memchr(p, '\n', end - p);
		size_t n = (line ? line : end) - p;

		if (!memchr(p, '$', n) && !memchr(p, '#', n))
			as_packet(p, n);
		p += n + 1;
	}
	return 0;
}
