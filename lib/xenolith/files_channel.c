/* SPDX-License-Identifier: ISC */
/* The channel over which files are copied (lib/xenolith/files.h): a vchan for dom0. */
#include "lib/xenolith/files.h"
#include "control/command.h"
#include "control/control_internal.h"
#include "drivers/vchan.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/sched.h"

#include <errno.h>

#define PATH "data/vchan/0/files"
#define OPERATOR 0			/* dom0 */
#define ORDER_DATA 16			/* of the ring of the direction with the data */
#define ORDER_CALLS 10
#define STACK (32 * 1024)		/* file systems and paths need it */
#define PATIENCE (10 * NSEC_PER_SEC)	/* for the client to connect, and to take a reply */
#define PAGES ((sizeof(struct files) + PAGE_SIZE - 1) / PAGE_SIZE)

struct files *files;

static struct vchan chan;
static const struct interface *interface;
static bool expects;			/* data of the client that was not read */

/* ---- Data. */

static bool read_all(void *to, size_t len)
{
	for (char *at = to; len;) {
		ssize_t n = vchan_read(&chan, at, len, NEVER);

		if (n <= 0)
			return false;
		at += n;
		len -= n;
	}
	return true;
}

void files_expect(void)
{
	expects = true;
}

ssize_t files_receive(void)
{
	if (!read_all(&files->chunk.length, sizeof(files->chunk.length)))
		return -ECONNRESET;
	if (files->chunk.length > FILES_CHUNK)
		return -EPROTO;
	if (!read_all(files->chunk.data, files->chunk.length))
		return -ECONNRESET;
	expects = files->chunk.length > 0;
	return files->chunk.length;
}

int files_send(size_t len)
{
	ssize_t size = sizeof(files->chunk.length) + len;

	files->chunk.length = len;
	return vchan_write(&chan, &files->chunk, size, NEVER) == size ? 0 : -ECONNRESET;
}

/* ---- Calls. */

static bool send(struct command *c)
{
	ssize_t len = c->reply->len - c->start + 1;

	c->reply->to[c->reply->len] = '\0';
	return vchan_write(&chan, c->reply->to + c->start, len, clock_now() + PATIENCE) == len;
}

/* No method sleeps for a time. */
static bool wait(struct command *c, uint64_t deadline)
{
	(void)c, (void)deadline;
	return true;
}

/* Returns false if the client has left. */
static bool answer(const char *message, size_t len, bool too_long)
{
	struct json reply = { .to = files->out, .size = FILES_MESSAGE - 1 };
	struct command c = { .reply = &reply, .only = interface, .send = send, .wait = wait };
	bool there = too_long ? command_refuse(&c, "too long") : command_answer(&c, message, len);

	while (there && expects) {
		there = files_receive() >= 0;
		kernel_pause();
	}
	return there;
}

static bool somebody(void)
{
	evtchn_take(&chan.port);
	return vchan_ready(&chan) & (VCHAN_READABLE | VCHAN_GONE);
}

static void session(void *arg)
{
	struct frames f = { .buf = files->in, .size = FILES_MESSAGE };
	bool there;
	ssize_t n;

	(void)arg;
	there = wait_until_deadline(&chan.port.waiters, clock_now() + PATIENCE, somebody());
	while (there) {
		n = vchan_read(&chan, f.buf + f.len, f.size - f.len, NEVER);
		there = n > 0 && frames_received(&f, n, answer);
	}
	vchan_close(&chan);
	page_free(files, PAGES);
	files = NULL;
}

int files_serve(const struct interface *only, bool to_guest)
{
	int rc;

	if (files)
		return -EBUSY;
	files = page_alloc(PAGES);
	if (!files)
		return -ENOMEM;
	interface = only;
	expects = false;
	rc = vchan_serve(&chan, OPERATOR, PATH, to_guest ? ORDER_DATA : ORDER_CALLS,
			 to_guest ? ORDER_CALLS : ORDER_DATA);
	if (!rc && !thread_start("files", THREAD_KERNEL, STACK, session, NULL, NULL)) {
		vchan_close(&chan);
		rc = -ENOMEM;
	}
	if (rc) {
		page_free(files, PAGES);
		files = NULL;
	}
	return rc;
}
