/* SPDX-License-Identifier: ISC */
/*
 * The control socket: other programs on this machine ask for xenstore and for vchans of the guest,
 * as programs in dom0 do.  A client sends one line, and gets one line:
 *
 *	read PATH		ok LENGTH, and the value
 *	list PATH		ok LENGTH, and the names, each with a NUL
 *	write PATH VALUE	ok 0: for the keys by which a toolstack asks a guest, control/...
 *	vchan PATH		ok 0: from now on, the connection is the channel
 *				error ERRNO
 *
 * The end of the tender, or of the channel, closes the connection.
 */
#include "devices/xenbus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/io/libxenvchan.h>

#define LINE 1024
#define CLIENTS 32
#define PAGES_MAX 64u /* of a ring */
#define BUFFER 65536

struct stream {
	uint8_t *data;
	uint32_t size;
	uint32_t *prod, *cons; /* in the shared page */
	uint32_t at;	       /* the private index */
	grant_ref_t refs[PAGES_MAX];
	unsigned pages; /* of its own; 0: in the first page */
};

struct client {
	struct source source;
	bool used, channel, no_more;
	char line[LINE];
	size_t n;
	/* The channel, of which this is the client. */
	unsigned port;
	grant_ref_t ref;
	struct vchan_interface *page;
	struct stream out, in;	 /* to the guest, from it */
	uint8_t pending[BUFFER]; /* for the program */
	size_t npending;
};

static struct client clients[CLIENTS];
static struct source listener = { .fd = -1 };
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

/* ---- channels */

static void end_channel(struct client *c)
{
	if (!c->channel)
		return;
	c->channel = false;
	__atomic_store_n(&c->page->cli_live, 0, __ATOMIC_SEQ_CST);
	port_notify(c->port);
	port_unbind(c->port);
	if (c->out.pages)
		unmap_grants(c->out.data, c->out.refs, c->out.pages);
	if (c->in.pages)
		unmap_grants(c->in.data, c->in.refs, c->in.pages);
	unmap_grants(c->page, &c->ref, 1);
}

static void drop(struct client *c)
{
	end_channel(c);
	close(c->source.fd);
	source_remove(&c->source);
	c->used = false;
}

/* A ring of this order: in the first page, or in pages of its own, whose grants are at *refs. */
static bool open_stream(struct client *c, struct stream *s, unsigned order,
			uint32_t **refs)
{
	uint8_t *page = (uint8_t *)c->page;

	s->size = 1u << order;
	s->pages = 0;
	if (order == 10 || order == 11) {
		s->data = page + (order == 10 ? 1024 : 2048);
		return true;
	}
	if (order < 12 || order > 12 + 6)
		return false;
	s->pages = s->size / PAGE;
	for (unsigned i = 0; i < s->pages; i++, (*refs)++) {
		if ((uint8_t *)(*refs + 1) > page + 1024)
			return false;
		s->refs[i] = **refs;
	}
	s->data = map_grants(s->refs, s->pages);
	if (!s->data)
		s->pages = 0;
	return s->data;
}

static void serve_channel(void *arg);

static int open_channel(struct client *c, const char *path)
{
	long port = store_number(path, "event-channel", -1),
	     ref = store_number(path, "ring-ref", -1);
	uint32_t *refs;

	if (port < 0 || ref < 0)
		return ENOENT;
	if (!port_bind(port, serve_channel, c))
		return EBUSY;
	c->port = port;
	c->ref = ref;
	c->page = map_grants(&c->ref, 1);
	if (!c->page) {
		port_unbind(port);
		return EPROTO;
	}
	refs = c->page->grants;
	c->out.pages = c->in.pages = 0;
	c->npending = 0;
	c->channel = true;
	if (!open_stream(c, &c->out, c->page->left_order, &refs) ||
	    !open_stream(c, &c->in, c->page->right_order, &refs)) {
		end_channel(c);
		return EPROTO;
	}
	c->out.prod = &c->page->left.prod;
	c->out.cons = &c->page->left.cons;
	c->in.prod = &c->page->right.prod;
	c->in.cons = &c->page->right.cons;
	c->out.at = *c->out.prod;
	c->in.at = *c->in.cons;
	__atomic_store_n(&c->page->cli_live, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->page->srv_notify, VCHAN_NOTIFY_WRITE | VCHAN_NOTIFY_READ,
			 __ATOMIC_SEQ_CST);
	port_notify(c->port);
	return 0;
}

static uint32_t room(const struct client *c)
{
	uint32_t used = c->out.at - __atomic_load_n(c->out.cons, __ATOMIC_SEQ_CST);

	return used > c->out.size ? 0 : c->out.size - used;
}

/* From the program to the guest.  Returns false at the end of the program's data. */
static bool move_out(struct client *c)
{
	uint32_t n = room(c), offset = c->out.at & (c->out.size - 1);
	ssize_t got;

	if (n > c->out.size - offset)
		n = c->out.size - offset;
	if (!n)
		return true;
	got = recv(c->source.fd, c->out.data + offset, n, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	c->out.at += got;
	__atomic_store_n(c->out.prod, c->out.at, __ATOMIC_SEQ_CST);
	port_notify(c->port);
	return true;
}

/* What the guest has written and is not yet taken. */
static uint32_t written(const struct client *c)
{
	uint32_t have = __atomic_load_n(c->in.prod, __ATOMIC_SEQ_CST) - c->in.at;

	return have > c->in.size ? 0 : have;
}

/* Takes what the guest has written, as far as there is room for it. */
static void take(struct client *c)
{
	uint32_t have = written(c), before = c->in.at, offset, n;

	while (have && c->npending < BUFFER) {
		offset = c->in.at & (c->in.size - 1);
		n = have < c->in.size - offset ? have : c->in.size - offset;
		n = n < BUFFER - c->npending ? n : BUFFER - c->npending;
		memcpy(c->pending + c->npending, c->in.data + offset, n);
		c->npending += n;
		c->in.at += n;
		have -= n;
	}
	if (c->in.at == before)
		return;
	__atomic_store_n(c->in.cons, c->in.at, __ATOMIC_SEQ_CST);
	port_notify(c->port);
}

/*
 * From the guest to the program, as far as the program reads it, and not without end.  Returns
 * false if the program has gone.
 */
static bool move_in(struct client *c)
{
	for (int i = 0; i < AT_ONCE / 16; i++) {
		ssize_t sent;

		take(c);
		if (!c->npending)
			return true;
		sent = send(c->source.fd, c->pending, c->npending,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		memmove(c->pending, c->pending + sent, c->npending - sent);
		c->npending -= sent;
	}
	port_again(c->port);
	return true;
}

static void serve_channel(void *arg)
{
	struct client *c = arg;
	bool open;

	if (!c->channel)
		return;
	open = __atomic_load_n(&c->page->srv_live, __ATOMIC_SEQ_CST) &&
	       port_open(c->port);
	__atomic_store_n(&c->page->srv_notify, VCHAN_NOTIFY_WRITE | VCHAN_NOTIFY_READ,
			 __ATOMIC_SEQ_CST);
	if (!move_in(c) || (!open && !c->npending && !written(c)))
		drop(c);
}

/* ---- requests */

static void answer(struct client *c, int error, const char *data, size_t len)
{
	char head[32];
	int n = error ? snprintf(head, sizeof(head), "error %d\n", error) :
			snprintf(head, sizeof(head), "ok %zu\n", len);

	/* A client that does not read its answers is left. */
	if (send(c->source.fd, head, n, MSG_NOSIGNAL | MSG_DONTWAIT) != n ||
	    (!error && len &&
	     send(c->source.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len))
		c->no_more = true;
}

static void request(struct client *c)
{
	char *path = strchr(c->line, ' '), *value;
	const char *text;
	size_t len;

	if (!path) {
		answer(c, EINVAL, NULL, 0);
		return;
	}
	*path++ = 0;
	if (!strcmp(c->line, "vchan")) {
		int error = open_channel(c, path);

		answer(c, error, NULL, 0);
		c->no_more |= error != 0;
	} else if (!strcmp(c->line, "read")) {
		text = store_get("%s", path);
		answer(c, text ? 0 : ENOENT, text, text ? strlen(text) : 0);
	} else if (!strcmp(c->line, "list")) {
		char *names = store_list(path, &len);

		answer(c, names ? 0 : ENOENT, names, len);
		free(names);
	} else if (!strcmp(c->line, "write") && (value = strchr(path, ' '))) {
		*value++ = 0;
		if (strncmp(path, HOME "/control/", sizeof(HOME "/control/") - 1)) {
			answer(c, EACCES, NULL, 0);
			return;
		}
		store_set(path, "%s", value);
		answer(c, 0, NULL, 0);
	} else {
		answer(c, EINVAL, NULL, 0);
	}
}

/* Reads byte by byte: what follows the line of a vchan is the channel's. */
static bool read_line(struct client *c)
{
	while (c->n < LINE - 1) {
		ssize_t n = recv(c->source.fd, c->line + c->n, 1, MSG_DONTWAIT);

		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		if (c->line[c->n] == '\n') {
			c->line[c->n] = 0;
			c->n = 0;
			request(c);
			return !c->no_more;
		}
		c->n++;
	}
	return false;
}

static void ready(struct source *s)
{
	struct client *c = s->arg;

	if (!c->channel) {
		if (!read_line(c))
			drop(c);
	} else if (!move_out(c)) {
		drop(c);
	} else {
		serve_channel(c);
	}
}

static void prepare(struct source *s)
{
	struct client *c = s->arg;

	s->events = !c->channel || room(c) ? POLLIN : 0;
	if (c->channel && c->npending)
		s->events |= POLLOUT;
}

static void accept_client(struct source *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	unsigned i = 0;

	if (fd < 0 && errno != EAGAIN) { /* no descriptor is left: again in a while */
		s->events = 0;
		s->at = now_ns() + 100000000;
	}
	if (fd < 0)
		return;
	while (i < CLIENTS && clients[i].used)
		i++;
	if (i == CLIENTS) {
		close(fd);
		return;
	}
	memset(&clients[i], 0, offsetof(struct client, pending));
	clients[i].used = true;
	clients[i].source = (struct source){
		.fd = fd,
		.ready = ready,
		.prepare = prepare,
		.arg = &clients[i],
	};
	source_add(&clients[i].source);
}

static void accept_again(struct source *s)
{
	s->events = POLLIN;
}

void control_start(const char *path)
{
	struct stat st;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask = umask(077);

	if (strlen(path) >= sizeof(a.sun_path))
		die(2, "--control %s: the path is too long", path);
	strcpy(a.sun_path, path);
	listener = (struct source){
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.events = POLLIN,
		.ready = accept_client,
		.due = accept_again,
	};
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path); /* of a tender that was killed */
	if (listener.fd < 0 || bind(listener.fd, (void *)&a, sizeof(a)) ||
	    listen(listener.fd, 16))
		die(1, "--control %s: %s", path, strerror(errno));
	umask(mask);
	strcpy(socket_path, path);
	source_add(&listener);
}

void control_end(void)
{
	if (*socket_path)
		unlink(socket_path);
	*socket_path = 0;
}
