/* SPDX-License-Identifier: ISC */
/* Internal declarations of control/gdb. */
#ifndef CONTROL_GDB_GDB_INTERNAL_H
#define CONTROL_GDB_GDB_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread;

/* ---- gdb_packet.c: packets in bytes, $DATA#SUM, and their contents */

#define GDB_PACKET_MAX 4096

enum gdb_event {
	GDB_NOTHING,			/* nothing yet */
	GDB_PACKET,			/* in data, followed by a NUL */
	GDB_BROKEN,			/* too long, or an invalid checksum */
	GDB_AGAIN,			/* the last reply was broken */
	GDB_INTERRUPT,			/* Ctrl-C */
};

struct gdb_packet {			/* begins zeroed */
	size_t len;
	enum { GDB_OUTSIDE, GDB_DATA, GDB_SUM_HIGH, GDB_SUM_LOW } at;
	uint8_t sum, checksum;
	bool broken;
	char data[GDB_PACKET_MAX + 1];
};
enum gdb_event gdb_byte(struct gdb_packet *p, char c);

/* A packet that is written.  Bytes that do not fit are left out, and `full` is set. */
struct gdb_reply {
	size_t len;
	bool full;
	char data[1 + GDB_PACKET_MAX + 3];
};
void gdb_begin(struct gdb_reply *r);
void gdb_put(struct gdb_reply *r, const char *text);
void gdb_put_number(struct gdb_reply *r, uint64_t n);		/* without leading zeroes */
void gdb_put_bytes(struct gdb_reply *r, const void *from, size_t n);
void gdb_end(struct gdb_reply *r);

/*
 * Parse at *at, which moves behind it: this text; a number of 1 to 16 digits; n bytes of
 * two digits each.  They return false, and do not move *at, if it is not there.
 */
bool gdb_take(const char **at, const char *text);
bool gdb_take_number(const char **at, uint64_t *n);
bool gdb_take_bytes(const char **at, void *to, size_t n);

/* ---- gdb_command.c: what the packets ask for */

enum gdb_next { GDB_STAY, GDB_RUN, GDB_DETACH, GDB_KILL };

struct gdb_session {			/* begins zeroed */
	struct thread *stopped;		/* the thread that is reported; NULL: none */
	int signal;
	bool breakpoint;
	bool swbreak, no_acks;		/* as negotiated */
	struct thread *chosen;		/* the thread whose registers are read */
	unsigned listed;		/* of qsThreadInfo: numbers below were sent */

	/* GDB_RUN: */
	struct thread *step, *only;	/* NULL: none; all */
	bool fatal;			/* the fault ends the guest */
};

/* Handles a packet.  GDB_RUN has no reply yet, GDB_KILL may have one.  Does not sleep. */
enum gdb_next gdb_answer(struct gdb_session *s, const char *packet, struct gdb_reply *r);

/* Writes the reply that `stopped` has stopped. */
void gdb_report(struct gdb_session *s, struct gdb_reply *r);

/* ---- gdb.c: the application's threads, by numbers from 1 on */

struct thread *gdb_thread(uint64_t number);	/* NULL: not an application thread */
unsigned gdb_number(const struct thread *t);
struct thread *gdb_thread_from(uint64_t number);	/* the first from this number on, or NULL */
void gdb_describe(const struct thread *t, char *text, size_t size);

#endif
