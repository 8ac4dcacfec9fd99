/* SPDX-License-Identifier: ISC */
#include "drivers/border/stream.h"
#include "drivers/console.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <string.h>
#include <xen/io/console.h>

/* How long the last output waits for room before it is dropped. */
#define LAST_PATIENCE (2 * NSEC_PER_SEC)

static struct stream in, out;
static struct evtchn event;
static bool present;

/*
 * Each event costs dom0 a run of its console daemon, which delays the first output of
 * main.  So dom0 is notified of the boot's lines together with main's first output, or
 * after the time that main has for it.
 */
static bool may_notify;
static bool notify_due;		/* there is output that dom0 was not notified of */

/*
 * Writes the part of text that fits, with newlines converted for a terminal.  Returns the
 * bytes of text that were written.  A newline is not written if only half of it fits.
 */
static ssize_t put_some(const char *text, size_t len)
{
	const char *newline = memchr(text, '\n', len);
	size_t line = newline ? (size_t)(newline - text) : len;
	ssize_t room = stream_writable(&out);

	if (room < 0 || line > 0)
		return room < 0 ? room : stream_write(&out, text, line);
	if (room < 2)
		return 0;
	stream_write(&out, "\r\n", 2);
	return 1;
}

static void notify(void)
{
	if (!may_notify || !notify_due)
		return;
	notify_due = false;
	evtchn_notify(&event);
}

/*
 * Writes all that fits, and notifies dom0 once, also if nothing fits: dom0 may not know
 * yet of the bytes that fill the ring.
 */
static ssize_t put(const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n = 0;

	while (done < len && (n = put_some(text + done, len - done)) > 0)
		done += n;
	notify_due |= done > 0;
	notify();
	return done ? (ssize_t)done : n;
}

static bool taken(void)
{
	return stream_writable(&out) == (ssize_t)out.size;
}

/*
 * The log may not sleep, and kernel code does not wait for dom0. Text for which there is
 * no room is kept here, in order, for a thread that waits for room.  Text for which there
 * is no room here is counted.
 */
static char backlog[8192];
static size_t kept, lost;
static struct waitq more_kept;

static void keep(const char *text, size_t len)
{
	if (len > sizeof(backlog) - kept) {
		lost += len;
		return;
	}
	memcpy(backlog + kept, text, len);
	kept += len;
}

/* Writes kept text as far as there is room.  Returns 0 if none is left, 1, or -errno. */
static int flush(void)
{
	ssize_t n;

	for (;;) {
		n = kept ? put(backlog, kept) : 0;
		if (n < 0)
			kept = lost = 0;
		if (n > 0) {
			kept -= n;
			memmove(backlog, backlog + n, kept);
		}
		if (kept || !lost)
			return n < 0 ? n : kept > 0;
		kept = format(backlog, sizeof(backlog),
			      "console: %zu bytes dropped; the log has the end of them\n", lost);
		lost = 0;
	}
}

void console_notify(void)
{
	may_notify = true;
	flush();
	notify();
}

static void pour(void *arg)
{
	(void)arg;
	for (;;) {
		wait_until(&more_kept, kept);
		wait_until(&event.waiters, (evtchn_take(&event), flush() <= 0));
	}
}

static void sink(const char *text, size_t len, bool urgent)
{
	uint64_t deadline = urgent ? clock_now() + LAST_PATIENCE : 0;
	ssize_t n;

	may_notify |= urgent;
	for (;;) {
		n = flush();
		if (n == 0)
			n = put(text, len);
		else if (n > 0)
			n = 0;
		if (n < 0)
			return;
		text += n;
		len -= n;
		if (!len)
			return;
		may_notify = true;
		notify();
		if (!urgent || clock_now() > deadline)
			break;
		xen_sched_yield();
	}
	if (urgent)
		return;
	keep(text, len);
	wake(&more_kept);
}

/* Waits until the log is written, so that nothing is lost. */
static void drain(const struct shutdown_order *order)
{
	console_notify();
	wait_until_deadline(&event.waiters, order->deadline, (evtchn_take(&event), flush() <= 0 && taken()));
}

static void drain_last(const struct shutdown_order *order)
{
	console_notify();
	while ((flush() > 0 || !taken()) && clock_now() < order->deadline)
		xen_sched_yield();
}

void console_attach(void)
{
	struct xencons_interface __shared *page = boot_info.console_ring;

	present = false;
	if (!page || evtchn_adopt(&event, "console", boot_info.console_port))
		return;
	stream_open(&in, (uint8_t __shared *)page->in, sizeof(page->in), &page->in_cons,
		    &page->in_prod);
	stream_open(&out, (uint8_t __shared *)page->out, sizeof(page->out), &page->out_prod,
		    &page->out_cons);
	present = true;
	notify_due = !taken();		/* an earlier user of the ring may not have notified */
}

int console_hold(uint64_t deadline)
{
	(void)deadline;
	if (!present)
		return 0;
	console_notify();
	wait_until_deadline(&event.waiters, clock_now() + LAST_PATIENCE,
			    (evtchn_take(&event), flush() <= 0 && taken()));
	return 0;
}

void console_release(bool restored)
{
	if (!restored)
		return;
	console_attach();
	wake(&event.waiters);
}

void console_init(void)
{
	static struct shutdown_hook hook = {
		.name = "console", .run = drain, .last = drain_last,
	};

	if (!present)
		return;
	log_sink = sink;
	shutdown_hook(&hook);
}

/* Without this thread, kept text waits for the next output. */
void console_start(void)
{
	if (present)
		thread_start("console", THREAD_KERNEL, STACK_KERNEL, pour, NULL, NULL);
}

ssize_t console_write(const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n = 0;

	if (!present) {
		xen_console_write(text, len);
		return len;
	}
	may_notify = true;
	while (done < len) {
		wait_until(&event.waiters, (evtchn_take(&event),
					    n = flush() > 0 ? 0 : put(text + done, len - done)));
		if (n < 0)
			return -EIO;
		done += n;
	}
	return len;
}

bool console_readable(void)
{
	return present && stream_readable(&in) != 0;
}

bool console_present(void)
{
	return present;
}

ssize_t console_read(char *to, size_t len)
{
	ssize_t n = 0;

	if (len == 0)
		return 0;
	if (!present)
		return 0;
	wait_until(&event.waiters, (evtchn_take(&event), n = stream_read(&in, to, len)));
	if (n < 0)
		return -EIO;
	evtchn_notify(&event);		/* there is room again */
	for (ssize_t i = 0; i < n; i++)
		if (to[i] == '\r')
			to[i] = '\n';
	return n;
}

struct waitq *console_changed(void)
{
	return &event.waiters;
}

/* The caller handles the event: otherwise the port would be masked. */
uint64_t console_events(void)
{
	evtchn_take(&event);
	return event.count;
}
