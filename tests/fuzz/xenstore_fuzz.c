/* SPDX-License-Identifier: ISC */
/*
 * The client's handling of replies: the fuzzer is xenstored.  It sees each request, so
 * its replies can be nearly valid.  When its input ends, it sends a fatal error.
 */
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "tests/fuzz/guest_fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xs_wire.h>

static struct xenstore_domain_interface *ring;
static struct xsd_sockmsg asked[64], asking;
static char payload[XENSTORE_PAYLOAD_MAX];
static char token[16];			/* of the last watch */
static unsigned nasked, asking_got;
static char out[3 * XENSTORE_PAYLOAD_MAX];
static size_t out_at, out_len;
static bool over;

static unsigned byte(void)
{
	if (!input_left)
		return 0;
	input_left--;
	return *input++;
}

static size_t bytes(char *to, size_t max)
{
	size_t len = byte();

	if (len == 255)
		len = byte() << 8 | byte();
	if (len > max)
		len = max;
	for (size_t i = 0; i < len; i++)
		to[i] = byte();
	return len;
}

static void say(const void *what, size_t len)
{
	if (len > sizeof(out) - out_len)
		return;
	memcpy(out + out_len, what, len);
	out_len += len;
}

static void message(uint32_t type, uint32_t id, const void *what, size_t len)
{
	struct xsd_sockmsg hdr = { type, id, 0, len };

	say(&hdr, sizeof(hdr));
	say(what, len);
}

static void note_token(void)
{
	const char *t = memchr(payload, '\0', asking.len);

	if (asking.type == XS_WATCH && t && strnlen(t + 1, sizeof(token)) < sizeof(token))
		strcpy(token, t + 1);
}

/* Read all requests. */
static bool listen(void)
{
	bool any = false;

	while (ring->req_prod - ring->req_cons - 1 < XENSTORE_RING_SIZE) {
		char c = ring->req[MASK_XENSTORE_IDX(ring->req_cons)];

		ring->req_cons++;
		any = true;
		if (asking_got < sizeof(asking))
			((char *)&asking)[asking_got] = c;
		else
			payload[(asking_got - sizeof(asking)) % sizeof(payload)] = c;
		if (++asking_got < sizeof(asking) ||
		    asking_got < sizeof(asking) + asking.len)
			continue;
		note_token();
		asking_got = 0;
		if (nasked < HOST_COUNT(asked))
			asked[nasked++] = asking;
	}
	return any;
}

static const char *error_name(void)
{
	return xsd_errors[byte() % HOST_COUNT(xsd_errors)].errstring;
}

/* Sends the next message of the input; a reply removes its request from the list. */
static void think(void)
{
	static char text[2 * XENSTORE_PAYLOAD_MAX];
	unsigned what = byte(), n = nasked ? byte() % nasked : 0;
	size_t len;

	switch (what % 8) {
	case 0:
	case 1:			/* a reply, sometimes to another request */
		if (!nasked)
			return;
		len = bytes(text, XENSTORE_PAYLOAD_MAX);
		message(what & 8 ? byte() % (XS_DIRECTORY_PART + 3) : asked[n].type,
			asked[n].req_id, text, len);
		asked[n] = asked[--nasked];
		return;
	case 2:
		if (!nasked)
			return;
		len = bytes(text, 16);
		if (what & 8)
			len = strlen(strcpy(text, error_name())) + 1;
		message(XS_ERROR, asked[n].req_id, text, len);
		asked[n] = asked[--nasked];
		return;
	case 3:
		len = bytes(text, XENSTORE_PAYLOAD_MAX);
		message(XS_WATCH_EVENT, byte() & 1, text, len);
		return;
	case 4:			/* an event of a known watch */
		len = bytes(text, XENSTORE_PAYLOAD_MAX - sizeof(token) - 8);
		if (what & 8) {
			memmove(text + 5, text, len);
			memcpy(text, "data/", 5);
			len += 5;
		}
		text[len++] = '\0';
		strcpy(text + len, token);
		message(XS_WATCH_EVENT, 0, text, len + strlen(token) + 1);
		return;
	case 5:			/* a reply without a request, perhaps twice */
		len = bytes(text, 64);
		message(byte() % (XS_DIRECTORY_PART + 3), asking.req_id + (byte() & 3) - 1,
			text, len);
		return;
	case 6:			/* not even a message */
		if (what & 0x38)
			return;
		len = bytes(text, 64);
		say(text, len);
		return;
	default:		/* not even a stream */
		if (what & 0xf8)
			return;
		len = byte() % 8;
		((char *)&ring->req_cons)[byte() % 28] = len;
	}
}

static bool xenstored(void *arg)
{
	bool any = listen();

	(void)arg;
	if (over)
		return false;
	while (out_at < out_len && ring->rsp_prod - ring->rsp_cons < XENSTORE_RING_SIZE) {
		ring->rsp[MASK_XENSTORE_IDX(ring->rsp_prod)] = out[out_at++];
		ring->rsp_prod++;
		any = true;
	}
	if (out_at == out_len) {
		out_at = out_len = 0;
		any = true;
		if (input_left)
			think();
		else
			over = true;
	} else if (ring->rsp_prod - ring->rsp_cons > XENSTORE_RING_SIZE) {
		over = any = true;
	}
	if (over) {
		ring->server_features = XENSTORE_SERVER_FEATURE_ERROR;
		ring->error = XENSTORE_ERROR_RINGIDX;
	}
	if (any)
		host_notify(host_xenstore_port);
	return any;
}

static unsigned left;
static struct waitq done;

static void asker(void *arg)
{
	struct xs_tx soon = { .deadline = clock_now() + NSEC_PER_SEC }, tx = soon;
	struct xs_perm *perms;
	char *value, **names;
	uint64_t n;
	int rc;

	do {
		if (xs_read(arg ? &soon : NULL, "data/x", &value) >= 0)
			free(value);
		if ((rc = xs_list(arg ? &soon : NULL, "data", &names)) >= 0) {
			for (int i = 0; i < rc; i++)
				if (strlen(names[i]) > 1024 * 1024)
					abort();
			free(names);
		}
		if ((rc = xs_get_perms(NULL, "data", &perms)) >= 0)
			free(perms);
		xs_read_number(NULL, "data/n", 1, 9, &n);
		if (xs_begin(&tx) == 0)
			xs_end(&tx, arg);
		rc = xs_write(NULL, "data/x", "value");
	} while (rc != -EIO);
	left--;
	wake(&done);
}

static void watcher(void *arg)
{
	static struct xs_watch w;
	char *path;
	int rc = xs_watch(&w, "data", NULL);
	bool watched = rc == 0;

	(void)arg;
	while (rc == 0 && (rc = xs_watch_wait(&w, NEVER, &path)) == 0) {
		if (strncmp(path, "data", 4) != 0)
			abort();
		free(path);
	}
	if (watched)
		xs_unwatch(&w);
	left--;
	wake(&done);
}

static void run(void)
{
	ring = host_page();
	memset(ring, 0, sizeof(*ring));
	ring->req_cons = ring->req_prod = ring->rsp_cons = ring->rsp_prod = -500u;
	boot_info.xenstore_ring = ring;
	host_actor("xenstored", xenstored, NULL);
	host.steps = 200000;
	host.accesses = 0;
	host_boot();
	if (xs_init() == -ENODEV)
		abort();
	left = 3;
	thread_start("asker", THREAD_KERNEL, STACK_KERNEL, asker, NULL, NULL);
	thread_start("hasty", THREAD_KERNEL, STACK_KERNEL, asker, "", NULL);
	thread_start("watcher", THREAD_KERNEL, STACK_KERNEL, watcher, NULL, NULL);
	wait_until(&done, left == 0);
	while (thread_count() > 1)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}
