/* SPDX-License-Identifier: ISC */
/*
 * The debugger's server (control/gdb/gdb.h): its sessions, and the state of the
 * application.
 *
 * A kernel thread serves one gdb after another.  The first packet stops the application.
 * It continues when gdb requests this, detaches, or disconnects.  While it runs only
 * Ctrl-C is handled.
 */
#include "control/gdb/gdb.h"
#include "control/gdb/gdb_internal.h"
#include "drivers/vchan.h"
#include "kernel/clock.h"
#include "kernel/debug.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <string.h>

#define PATH "data/vchan/0/gdb"
#define OPERATOR 0			/* dom0 */
#define ORDER_IN 10
#define ORDER_OUT 11
#define INTERRUPTED 2			/* gdb's number for SIGINT */
#define STATUS_KILLED 137		/* 128 + SIGKILL */

/* A gdb that does not read a reply for this time is disconnected. */
#define PATIENCE (10 * NSEC_PER_SEC)
#define FAREWELL (2 * NSEC_PER_SEC)

static struct vchan chan;
static struct gdb_packet packet;
static struct gdb_reply reply;
static struct gdb_session session;
static enum { APART, STOPPED, RUNNING } state;	/* attached: the latter two */
static bool waiting;			/* main() waits for the first gdb */
static bool event;			/* `stopped` must be reported */
static bool ended;			/* the application is stopped, with ... */
static uint8_t status;
static bool over;			/* the channel is closed */
static struct thread *fatal;		/* the thread whose fault ends the guest */
static struct waitq resumed;		/* state, waiting, ended */

/* ---- the application's threads */

static struct thread *application(struct thread *t)
{
	while (t && t->kind != THREAD_APP)
		t = thread_next(t);
	return t;
}

unsigned gdb_number(const struct thread *t)
{
	return t->id + 1;
}

struct thread *gdb_thread_from(uint64_t number)
{
	struct thread *t = application(thread_next(NULL));

	while (t && gdb_number(t) < number)
		t = application(thread_next(t));
	return t;
}

struct thread *gdb_thread(uint64_t number)
{
	struct thread *t = gdb_thread_from(number);

	return t && gdb_number(t) == number ? t : NULL;
}

void gdb_describe(const struct thread *t, char *text, size_t size)
{
	format(text, size, t->waits && t != session.stopped ? "%s, in %s" : "%s", t->name,
	       t->waits);
}

static void hold(bool held)
{
	for (struct thread *t = gdb_thread_from(0); t; t = application(thread_next(t)))
		sched_freeze(t, held);
}

/* A thread that wants the CPU is preferred to one that sleeps. */
static struct thread *interesting(void)
{
	struct thread *t = gdb_thread_from(0);

	while (t && !t->queued)
		t = application(thread_next(t));
	return t ? t : gdb_thread_from(0);
}

static void stop(struct thread *by, int signal, bool breakpoint)
{
	hold(true);
	debug_lift();
	state = STOPPED;
	session.stopped = by;
	session.chosen = NULL;
	session.signal = signal;
	session.breakpoint = breakpoint;
}

static void go(void)
{
	fatal = session.fatal ? session.stopped : NULL;
	debug_plant(session.step);
	if (session.only)
		sched_freeze(session.only, false);
	else
		hold(false);
	state = RUNNING;
	waiting = false;
	wake(&resumed);
}

/* Continues the application as without a debugger. */
static void leave(void)
{
	debug_lift();
	debug_unbreak_all();
	hold(false);
	state = APART;
	event = false;
	wake(&resumed);
}

bool debug_attached(void)
{
	return state == RUNNING;
}

void debug_stopped(int signal, bool breakpoint, bool *is_fatal)
{
	stop(current, signal, breakpoint);
	event = true;
	wake(&chan.port.waiters);
	wait_until(&resumed, state != STOPPED);
	*is_fatal = fatal == current;
	fatal = NULL;
}

/* ---- the attached gdb */

static bool send(const char *text, size_t len)
{
	return vchan_write(&chan, text, len, clock_now() + PATIENCE) == (ssize_t)len;
}

static bool send_reply(void)
{
	if (reply.full) {		/* a part of it would be another packet */
		gdb_begin(&reply);
		gdb_put(&reply, "E01");
	}
	gdb_end(&reply);
	return send(reply.data, reply.len);
}

static bool report(void)
{
	gdb_begin(&reply);
	gdb_report(&session, &reply);
	return send_reply();
}

/*
 * Reports the application's end to a gdb that waits for it.  If the application is
 * stopped, gdb loses the connection.
 */
static bool report_end(void)
{
	bool said = false;

	over = state != RUNNING;
	leave();
	if (over) {
		vchan_close(&chan);
	} else {
		gdb_begin(&reply);
		gdb_put(&reply, "W");
		gdb_put_bytes(&reply, &status, 1);
		said = send_reply();
	}
	ended = false;
	wake(&resumed);
	return said;
}

static bool obey(void)
{
	bool said = true;

	gdb_begin(&reply);
	switch (gdb_answer(&session, packet.data, &reply)) {
	case GDB_STAY:
		return send_reply();
	case GDB_RUN:
		go();
		return true;
	case GDB_DETACH:
		said = send_reply();
		waiting = false;
		leave();
		return said;
	case GDB_KILL:
		send_reply();
		shutdown_guest(SHUTDOWN_poweroff, STATUS_KILLED, "killed by gdb");
	}
	return false;
}

/* Returns false if gdb does not read any more. */
static bool take(char c)
{
	switch (gdb_byte(&packet, c)) {
	case GDB_NOTHING:
		break;
	case GDB_BROKEN:
		return session.no_acks || send("-", 1);
	case GDB_AGAIN:
		return session.no_acks || !reply.len || send(reply.data, reply.len);
	case GDB_INTERRUPT:
		if (state != RUNNING)
			break;
		stop(interesting(), INTERRUPTED, false);
		return report();
	case GDB_PACKET:
		if (!session.no_acks && !send("+", 1))
			return false;
		if (state == RUNNING)
			break;
		if (state == APART)
			stop(interesting(), DEBUG_TRAP, false);
		return obey();
	}
	return true;
}

static bool something(void)
{
	evtchn_take(&chan.port);
	return event || ended || vchan_ready(&chan) & (VCHAN_READABLE | VCHAN_GONE);
}

/* Serves one gdb, until it disconnects.  Returns true if all of its bytes were read. */
static bool serve_one(void)
{
	char bytes[64];
	ssize_t n;

	for (;;) {
		wait_until(&chan.port.waiters, something());
		if (ended && !report_end())
			return false;
		if (event) {
			event = false;
			if (!report())
				return false;
		}
		n = vchan_try_read(&chan, bytes, sizeof(bytes));
		if (n <= 0 && n != -EAGAIN)
			return n == 0;
		for (ssize_t i = 0; i < n; i++)
			if (!take(bytes[i]))
				return false;
	}
}

static void serve(void *arg)
{
	int rc = vchan_serve(&chan, OPERATOR, PATH, ORDER_IN, ORDER_OUT);
	bool goes_on = rc == 0;

	(void)arg;
	while (goes_on) {
		memset(&packet, 0, sizeof(packet));
		memset(&session, 0, sizeof(session));
		reply.len = 0;
		goes_on = serve_one() || (!over && vchan_dismiss(&chan) == 0);
		leave();
	}
	if (!over)
		log_warning("gdb: cannot create the server (error %d)", rc ? rc : chan.error);
	if (!over && rc == 0)
		vchan_close(&chan);
	waiting = false;
	wake(&resumed);
}

/* ---- sessions */

static void disconnect_peer(const struct shutdown_order *order)
{
	uint64_t deadline = clock_now() + FAREWELL;

	if (state == APART)
		return;
	status = order->status;
	ended = true;
	wake(&chan.port.waiters);
	wait_until_deadline(&resumed, deadline, !ended);
}

/* After a panic: otherwise a gdb would wait for ever if the domain is preserved. */
static void report_crash(const struct shutdown_order *order)
{
	(void)order;
	if (state != RUNNING)
		return;
	gdb_begin(&reply);
	gdb_put(&reply, "X06");		/* SIGABRT */
	gdb_end(&reply);
	vchan_try_write(&chan, reply.data, reply.len);
}

static struct shutdown_hook hook = {
	.name = "gdb", .run = disconnect_peer, .last = report_crash,
};

PARAM(gdb, "gdb=on|wait|off");

void gdb_start(void)
{
	const char *word = param("gdb");
	bool wait = word && !strcmp(word, "wait");

	if (!word || !strcmp(word, "off"))
		return;
	kernel_enter();
	if (debug_init() ||
		   !thread_start("gdb", THREAD_KERNEL, STACK_KERNEL, serve, NULL, NULL)) {
		log_warning("gdb: no memory for the server");
	} else {
		waiting = wait;
		shutdown_hook(&hook);
		if (wait)
			log_info("gdb: main() waits for a debugger");
		wait_until(&resumed, !waiting);
	}
	kernel_leave();
}
