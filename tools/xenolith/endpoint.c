/* SPDX-License-Identifier: ISC */
#include "endpoint.h"
#include "domain.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 10			/* s to wait while another client is connected */
#define MESSAGE_MAX (1 << 20)
#define DEPTH_MAX 16
#define VALUES_MAX 200000
#define NEVER INT64_MAX

static struct libxenvchan *chan;
static int domain;
static char path[64];
static char *in;			/* received data */
static size_t in_len, in_size;
static size_t done;			/* size of the last message returned, at the start of in */
static int64_t all_until = NEVER;	/* ms: endpoint_deadline() */
static int moved;			/* endpoint_move() */
static int goes_on;			/* the reply that is visited is not the last one */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

void die(int status, const char *fmt, ...)
{
	va_list args;
	char *said;

	va_start(args, fmt);
	if (vasprintf(&said, fmt, args) < 0)
		said = strdup("out of memory");
	fflush(stdout);
	fputs("xenolith: ", stderr);
	put_lines(stderr, said ? said : "out of memory");
	fputc('\n', stderr);
	va_end(args);
	exit(status);
}

int domain_find(const char *name)
{
	char *end, *there;
	long id = strtol(name, &end, 10);
	int found;

	if (*name && !*end) {
		there = id >= 0 && id <= 32751 ? store_read("/local/domain/%ld/domid", id) : NULL;
		if (!there)
			die(NO_DOMAIN, "no domain has the number %s%s", name, domain_names());
		free(there);
		return id;
	}
	found = domain_of_name(name);
	if (found < 0)
		die(NO_DOMAIN, "no domain is named %s%s", name, domain_names());
	return found;
}

static void pause_a_bit(void)
{
	struct timespec t = { 0, 20 * 1000 * 1000 };

	nanosleep(&t, NULL);
}

struct libxenvchan *channel_open(int domid, const char *at)
{
	int64_t deadline = now() + PATIENCE * 1000;

	for (;;) {
		char *there = store_read("%s/event-channel", at);
		struct libxenvchan *c = there ? libxenvchan_client_init(NULL, domid, at) : NULL;

		if (c) {
			c->blocking = 0;
			return c;
		}
		if (access("/dev/xen/gntdev", R_OK | W_OK) ||
		    access("/dev/xen/evtchn", R_OK | W_OK))
			die(NO_PERMISSION, "/dev/xen/gntdev and /dev/xen/evtchn: %s; as root, type"
			    " modprobe -a xen-gntdev xen-evtchn", strerror(errno));
		if (now() >= deadline && there)
			die(NO_ENDPOINT, "domain %d: another client is connected", domid);
		if (now() >= deadline - (PATIENCE - 2) * 1000 && !there)
			return NULL;
		free(there);
		pause_a_bit();
	}
}

void endpoint_open(int domid)
{
	domain = domid;
	snprintf(path, sizeof(path), "/local/domain/%d/data/vchan/0/control", domid);
	chan = channel_open(domid, path);
	if (!chan)
		die(NO_ENDPOINT, "domain %d has no control endpoint: it is not a Xenolith guest,"
		    " was started with control=off, or has not booted yet", domid);
}

void endpoint_move(const char *name)
{
	libxenvchan_close(chan);
	in_len = done = 0;
	moved = 1;
	snprintf(path, sizeof(path), "/local/domain/%d/data/vchan/0/%s", domain, name);
	chan = channel_open(domain, path);
	if (!chan)
		die(NO_ENDPOINT, "domain %d does not serve %s", domain, path);
}

static void check_alive(int domid)
{
	char *there = store_read("/local/domain/%d/domid", domid);

	if (!there && errno == ENOENT)
		die(FAILED, "domain %d has ended", domid);
	free(there);
}

void channel_wait(struct libxenvchan *c, int domid, int with_input)
{
	struct pollfd p[2] = {
		{ .fd = libxenvchan_fd_for_select(c), .events = POLLIN },
		{ .fd = with_input ? 0 : -1, .events = POLLIN },
	};

	int n = poll(p, 2, 1000);

	if (n < 0 && errno != EINTR)
		die(FAILED, "poll: %s", strerror(errno));
	if (n == 0)			/* a destroyed domain does not close its channels */
		check_alive(domid);
	if (p[0].revents & POLLIN)
		libxenvchan_wait(c);
}

/*
 * A hostile guest can wake this program at any rate, so each iteration checks the time.
 */
static void check_deadline(int64_t deadline)
{
	if (now() >= (deadline < all_until ? deadline : all_until))
		die(FAILED, "domain %d: timeout", domain);
}

void endpoint_deadline(unsigned seconds)
{
	all_until = now() + seconds * 1000ll;
}

static int send_all(const char *text, size_t len, int64_t deadline)
{
	while (len) {
		int n = libxenvchan_write(chan, text, len);

		if (n < 0)
			return -1;
		check_deadline(deadline);
		text += n;
		len -= n;
		if (n == 0)
			channel_wait(chan, domain, 0);
	}
	return 0;
}

void endpoint_send(const void *data, size_t len)
{
	for (const char *at = data; len;) {
		int64_t deadline = now() + DATA_PATIENCE * 1000;
		int n = libxenvchan_write(chan, at, len);

		for (; n == 0; n = libxenvchan_write(chan, at, len)) {
			check_deadline(deadline);
			channel_wait(chan, domain, 0);
		}
		if (n < 0)
			die(FAILED, "domain %d has closed the connection", domain);
		at += n;
		len -= n;
	}
}

/* Bytes behind the last message were received already. */
static size_t take_received(void *to, size_t len)
{
	size_t n = in_len - done < len ? in_len - done : len;

	memcpy(to, in + done, n);
	done += n;
	return n;
}

void endpoint_receive(void *data, size_t len)
{
	size_t have = take_received(data, len);

	for (char *at = (char *)data + have; have < len;) {
		int64_t deadline = now() + DATA_PATIENCE * 1000;
		int n = libxenvchan_read(chan, at, len - have);

		for (; n == 0; n = libxenvchan_read(chan, at, len - have)) {
			check_deadline(deadline);
			channel_wait(chan, domain, 0);
		}
		if (n < 0)
			die(FAILED, "domain %d has closed the connection", domain);
		at += n;
		have += n;
	}
}

int endpoint_has_input(void)
{
	return in_len > done || libxenvchan_data_ready(chan) > 0;
}

/*
 * Returns the next message, valid until the next call, or NULL if the guest has ended.
 * The message must be complete before the deadline.  Without a deadline, it must be
 * complete REPLY_PATIENCE seconds after its first byte.
 */
static char *receive(int64_t deadline)
{
	char *nul;
	size_t seen = 0;

	if (done) {
		in_len -= done;
		memmove(in, in + done, in_len);
		done = 0;
	}
	while (!(nul = in_len > seen ? memchr(in + seen, '\0', in_len - seen) : NULL)) {
		int n;

		seen = in_len;
		if (in_len && deadline == NEVER)
			deadline = now() + REPLY_PATIENCE * 1000;
		check_deadline(deadline);
		if (in_len + 4096 > in_size) {
			in_size = in_len + 65536;
			in = realloc(in, in_size);
			if (!in || in_size > MESSAGE_MAX)
				die(FAILED, "domain %d: a reply is too long", domain);
		}
		n = libxenvchan_read(chan, in + in_len, in_size - in_len);
		if (n < 0)
			return NULL;
		in_len += n;
		if (n == 0)
			channel_wait(chan, domain, 0);
	}
	done = nul + 1 - in;
	return in;
}

/*
 * Sends a message and returns the first reply.  The guest may disconnect a client that
 * connects while another disconnects (drivers/vchan.h), so this connects again.
 */
static char *first_reply(const char *message)
{
	int64_t deadline = now() + REPLY_PATIENCE * 1000;

	for (int i = 0; i < 5; i++) {
		char *reply;

		if (!send_all(message, strlen(message) + 1, deadline) &&
		    (reply = receive(deadline)))
			return reply;
		if (moved)
			break;
		libxenvchan_close(chan);
		in_len = done = 0;
		pause_a_bit();
		endpoint_open(domain);
	}
	die(FAILED, moved ? "domain %d has closed the connection" : "domain %d does not reply",
	    domain);
}

/* Returns the number of values in j; a container counts more, as it takes more memory. */
static size_t weigh(const json_t *j, int depth)
{
	size_t sum = 1, i;
	const char *key;
	json_t *v;

	if (depth > DEPTH_MAX)
		die(FAILED, "domain %d: a reply is nested too deeply", domain);
	if (json_is_object(j)) {
		sum = 8;
		json_object_foreach((json_t *)j, key, v)
			sum += 1 + weigh(v, depth + 1);
	} else if (json_is_array(j)) {
		sum = 4;
		json_array_foreach(j, i, v)
			sum += weigh(v, depth + 1);
	}
	return sum;
}

int endpoint_goes_on(void)
{
	return goes_on;
}

char *endpoint_call(const char *method, json_t *parameters, int more, visit_reply *visit,
		    void *arg)
{
	json_t *call = json_object(), *reply;
	char *text, *message, *name = NULL;

	goes_on = 1;
	json_object_set_new(call, "method", json_string(method));
	if (parameters)
		json_object_set_new(call, "parameters", parameters);
	if (more)
		json_object_set_new(call, "more", json_true());
	message = json_dumps(call, JSON_COMPACT);
	json_decref(call);
	for (text = first_reply(message); text && goes_on; text = receive(NEVER)) {
		json_error_t why;
		json_t *error;

		reply = json_loads(text, 0, &why);
		if (!reply)
			die(FAILED, "domain %d: a reply is invalid JSON: %s", domain, why.text);
		error = json_object_get(reply, "error");
		if (error)
			name = strdup(json_is_string(error) ? json_string_value(error) : "?");
		if (weigh(reply, 0) > VALUES_MAX)
			die(FAILED, "domain %d: a reply has too many values", domain);
		goes_on = json_is_true(json_object_get(reply, "continues")) && !error;
		if (goes_on && !more)
			die(FAILED, "domain %d: more than one reply, but `more` was not requested",
			    domain);
		if (visit(json_object_get(reply, "parameters"), arg))
			goes_on = 0;
		json_decref(reply);
		if (!goes_on)
			break;
	}
	if (!text && goes_on)
		die(FAILED, "domain %d has ended", domain);
	free(message);
	return name;
}
