/* SPDX-License-Identifier: ISC */
/*
 * The control endpoint: a vchan server for dom0 at data/vchan/0/control.  Its protocol is
 * varlink (varlink.org): JSON objects, each followed by a NUL.  control/command.h is the
 * interface to the methods.
 *
 * A kernel thread serves one client after another, with two buffers that are allocated for
 * the first client, so it replies while the application spins.  An invalid message gets an
 * error as its reply, and the next message is processed normally.  An incomplete message of a
 * client that has disconnected is dropped.
 */
#include "control/command.h"
#include "control/control_internal.h"
#include "drivers/vchan.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/sched.h"

#include <errno.h>
#include <string.h>

#define PATH "data/vchan/0/control"
#define OPERATOR 0			/* dom0 */
#define ORDER_IN 10			/* calls are short */
#define ORDER_OUT 11
#define BUFFER_PAGES (COMMAND_MAX / PAGE_SIZE)

/* A client that does not read its reply for this time is dismissed. */
#define PATIENCE (10 * NSEC_PER_SEC)

static struct vchan chan;
static char *in, *out;

static bool have_buffers(void)
{
	if (!in)
		in = page_alloc(BUFFER_PAGES);
	if (!out)
		out = page_alloc(BUFFER_PAGES);
	return in && out;
}

static bool send(struct command *c)
{
	size_t len = c->reply->len - c->start;
	uint64_t deadline = clock_now() + PATIENCE;

	/* The message with its NUL is not longer than COMMAND_MAX, by json_fits(). */
	c->reply->to[c->reply->len] = '\0';
	return vchan_write(&chan, c->reply->to + c->start, len + 1, deadline) == (ssize_t)len + 1;
}

static bool disconnected(void)
{
	evtchn_take(&chan.port);
	vchan_update(&chan);
	return chan.error || chan.state != VCHAN_OPEN;
}

static bool wait(struct command *c, uint64_t deadline)
{
	(void)c;
	return !wait_until_deadline(&chan.port.waiters, deadline, disconnected());
}

/* Returns false if the client has disconnected. */
static bool answer(const char *message, size_t len, bool too_long)
{
	struct json reply = { .to = out, .size = COMMAND_MAX - 1 };
	struct command c = { .reply = &reply, .send = send, .wait = wait };

	return too_long ? command_refuse(&c, "too long") : command_answer(&c, message, len);
}

/*
 * Serves one client, until it disconnects.  Returns true if all of its bytes were read.
 */
static bool session(void)
{
	struct frames f = { .buf = in, .size = COMMAND_MAX };
	ssize_t n;

	for (;;) {
		n = vchan_read(&chan, f.buf + f.len, f.size - f.len, NEVER);
		if (n <= 0)
			return n == 0;
		if (!frames_received(&f, n, answer))
			return false;
	}
}

static bool somebody(void)
{
	evtchn_take(&chan.port);
	return vchan_ready(&chan) & (VCHAN_READABLE | VCHAN_GONE);
}

/* For the next client.  xenstored may be busy, or a suspend may keep requests back. */
static bool dismiss(void)
{
	int rc;

	while ((rc = vchan_dismiss(&chan)) == -ETIMEDOUT || rc == -ENOMEM)
		thread_sleep(clock_now() + NSEC_PER_SEC);
	return rc == 0;
}

static void endpoint(void *arg)
{
	int rc = vchan_serve(&chan, OPERATOR, PATH, ORDER_IN, ORDER_OUT);

	(void)arg;
	if (rc) {
		log_warning("control: cannot create the endpoint (error %d)", rc);
		return;
	}
	do {
		wait_until(&chan.port.waiters, somebody());
		if (!chan.error && !have_buffers())
			log_warning("control: no memory for a client");
	} while ((!chan.error && in && out && session()) || dismiss());
	log_warning("control: the endpoint has failed and is closed");
	vchan_close(&chan);
}

void control_endpoint_start(void)
{
	const char *level = param("control");

	if (level && !strcmp(level, "off"))
		return;
	if (!thread_start("endpoint", THREAD_KERNEL, STACK_KERNEL, endpoint, NULL, NULL))
		log_warning("control: no memory for the endpoint");
}
