/* SPDX-License-Identifier: ISC */
/*
 * Local sockets with names (unix(7)): they are bound to a path or to an abstract name of Linux,
 * listen and connect.
 *
 * A path is a file of type socket in a file system that can be written.  The program itself is at
 * both ends, so a name leads to the bound socket by the list `bound`.
 */
#include "lib/socket/local.h"
#include "kernel/log.h"
#include "lib/file/rights.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT offsetof(struct sockaddr_un, sun_path)
#define AUTOMATIC 0x100000		/* names that bind() chooses, as on Linux */

/* In images that use files. */
int mknod(const char *path, mode_t mode, dev_t device) __attribute__((weak));
int stat(const char *restrict path, struct stat *restrict to) __attribute__((weak));
int unlink(const char *path) __attribute__((weak));

/* <sys/un.h> refers to it. */
extern const char __local_socket_names;
const char __local_socket_names = 0;

static struct local *bound;
static struct waitq room;		/* wakes when a connection was accepted, or a socket closed */
static const struct socket_ops unconnected_ops;

static struct local *local_of(struct socket *s)
{
	return (struct local *)s;
}

struct socket *local_socket_new(int type)
{
	struct local *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	socket_init(&l->s, &unconnected_ops, AF_UNIX, type, 0);
	l->s.o.rcvbuf = l->s.o.sndbuf = PIPE_SIZE;
	if (type == SOCK_DGRAM)
		local_message_start(l);
	return &l->s;
}

/* ---- Names. */

static int read_name(const struct sockaddr *from, socklen_t len, struct local_name *to)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)from;

	if (!from || len < TEXT || len > sizeof(*un) || from->sa_family != AF_UNIX)
		return from && len >= TEXT && from->sa_family != AF_UNIX ? -EAFNOSUPPORT : -EINVAL;
	*to = (struct local_name){ .len = len - TEXT };
	memcpy(to->text, un->sun_path, to->len);
	if (to->len && to->text[0])
		to->len = strnlen(to->text, to->len);
	return 0;
}

void local_name_write(const struct local_name *from, struct sockaddr *to, socklen_t *len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t size = TEXT + from->len + (from->len && from->text[0] &&
					     from->len < sizeof(un.sun_path));

	memcpy(un.sun_path, from->text, from->len);
	memcpy(to, &un, *len < size ? *len : size);
	*len = size;
}

/* The path of a name, with a NUL. */
static void path_of(const struct local_name *name, char path[sizeof(name->text) + 1])
{
	memcpy(path, name->text, name->len);
	path[name->len] = '\0';
}

/* Each type has abstract names of its own. */
static struct local *find_abstract(const struct local_name *name, int type)
{
	for (struct local *l = bound; l; l = l->next_bound)
		if (l->s.type == type && l->name.len == name->len && !memcmp(l->name.text, name->text, name->len))
			return l;
	return NULL;
}

static int find(const struct local_name *name, int type, struct local **to)
{
	char path[sizeof(name->text) + 1];
	struct stat st;

	*to = NULL;
	if (!name->text[0]) {
		*to = find_abstract(name, type);
		return *to ? 0 : -ECONNREFUSED;
	}
	path_of(name, path);
	if (!stat || stat(path, &st))
		return stat ? -errno : -ENOENT;
	for (struct local *l = bound; S_ISSOCK(st.st_mode) && l && !*to; l = l->next_bound)
		if (l->ino == st.st_ino && l->dev == st.st_dev && l->name.text[0])
			*to = l;
	return !*to ? -ECONNREFUSED : (*to)->s.type != type ? -EPROTOTYPE : 0;
}

int local_socket_find(const struct sockaddr *name, socklen_t len, int type, struct local **to)
{
	struct local_name n;
	int rc = read_name(name, len, &n);

	return rc ? rc : n.len ? find(&n, type, to) : -EINVAL;
}

/* Makes the file of a name.  Sleeps. */
static int bind_path(const struct local_name *name, struct stat *st)
{
	char path[sizeof(name->text) + 1];

	path_of(name, path);
	if (!mknod || !stat)
		return -EROFS;
	if (mknod(path, S_IFSOCK | 0777, 0) || stat(path, st))
		return errno == EEXIST ? -EADDRINUSE : -errno;
	return 0;
}

/* Removes it, unless another thread has replaced it. */
static void unbind_path(const struct local_name *name, const struct stat *st)
{
	char path[sizeof(name->text) + 1];
	struct stat now;

	path_of(name, path);
	if (unlink && !stat(path, &now) && now.st_ino == st->st_ino && now.st_dev == st->st_dev)
		unlink(path);
}

static void choose(struct local_name *name, int type)
{
	static unsigned next;

	do {
		*name = (struct local_name){ .len = 6 };
		format(name->text + 1, sizeof(name->text) - 1, "%05x", next++ % AUTOMATIC);
	} while (find_abstract(name, type));
}

int local_socket_bind(struct socket *s, const struct sockaddr *from, socklen_t len)
{
	struct local *l = local_of(s);
	struct local_name name;
	struct stat st = { 0 };
	int rc = read_name(from, len, &name);

	if (rc || l->name.len)
		return rc ? rc : -EINVAL;
	if (!name.len)
		choose(&name, s->type);
	else if (!name.text[0])
		rc = find_abstract(&name, s->type) ? -EADDRINUSE : 0;
	else
		rc = bind_path(&name, &st);
	if (!rc && l->name.len) {	/* another thread was faster */
		unbind_path(&name, &st);
		rc = -EINVAL;
	}
	if (rc)
		return rc;
	l->name = name;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->next_bound = bound;
	bound = l;
	return 0;
}

void local_socket_unbind(struct local *l)
{
	for (struct local **p = &bound; *p; p = &(*p)->next_bound)
		if (*p == l) {
			*p = l->next_bound;
			return;
		}
}

int local_socket_name(struct socket *s, bool peer, struct sockaddr *to, socklen_t *len)
{
	const struct local *l = local_of(s);

	if (peer && !l->connected)
		return -ENOTCONN;
	local_name_write(peer ? &l->peer : &l->name, to, len);
	return 0;
}

/* ---- Listening and connecting. */

static int local_listen(struct socket *s, unsigned backlog)
{
	struct local *l = local_of(s);

	if (!l->name.len)
		return -EINVAL;
	l->backlog = (backlog < SOMAXCONN ? backlog : SOMAXCONN) + 1;	/* as on Linux */
	return 0;
}

static int local_accept(struct socket *s, bool may_sleep, struct socket **connection)
{
	struct local *l = local_of(s), *c;
	uint64_t deadline = socket_deadline(s->o.rcv_timeout);
	int rc;

	if (!l->backlog)
		return -EINVAL;
	rc = l->first ? 1 : !may_sleep ? 0 :
	     wait_or_signal(&s->readers, deadline, signal_way(deadline), l->first || l->shut_rd);
	if (!l->first && l->shut_rd)
		return -EINVAL;
	if (rc <= 0)
		return rc ? rc : -EAGAIN;
	c = l->first;
	l->first = c->next;
	c->next = NULL;
	l->queued--;
	wake(&room);
	*connection = &c->s;
	return 0;
}

static bool is_bound(const struct local *what)
{
	for (const struct local *l = bound; l; l = l->next_bound)
		if (l == what)
			return true;
	return false;
}

/* Waits until the listener may have room for a connection, or is closed. */
static int wait_room(struct local *to, uint64_t deadline, bool may_sleep)
{
	int rc;

	if (!may_sleep)
		return -EAGAIN;
	rc = wait_or_signal(&room, deadline, signal_way(deadline),
			    !is_bound(to) || to->shut_rd || to->queued < to->backlog);
	return rc > 0 ? 0 : rc ? rc : -EAGAIN;
}

static void queue(struct local *listener, struct local *c)
{
	struct local **p = &listener->first;

	while (*p)
		p = &(*p)->next;
	*p = c;
	listener->queued++;
	socket_readable(&listener->s);
}

/* Does not sleep, so the listener is still the one that was found. */
static int connect_to(struct local *l, struct local *listener)
{
	struct socket *s = local_socket_new(l->s.type);
	struct local *c = s ? local_of(s) : NULL;

	if (!c)
		return -ENOMEM;
	if (l->s.type == SOCK_SEQPACKET) {
		local_message_join(l, c);
	} else if (local_join(l, c)) {
		free(c);
		return -ENOMEM;
	}
	c->name = l->peer = listener->name;
	c->peer = l->name;
	queue(listener, c);
	socket_writable(&l->s);
	return 0;
}

/* Sets the default destination; no other socket can then send to this one. */
static int connect_datagrams(struct local *l, const struct sockaddr *name, socklen_t len)
{
	struct local *to;
	int rc = local_socket_find(name, len, SOCK_DGRAM, &to);

	if (!rc)
		rc = local_may_send(l, to);
	if (rc)
		return rc;
	l->to = to;
	l->peer = to->name;
	l->connected = true;
	return 0;
}

static int may_connect(const struct local *l)
{
	return l->connected ? -EISCONN : l->backlog ? -EINVAL : 0;
}

/* As on Linux, the name is looked up again after each wait: another socket may have it now. */
int local_socket_connect(struct socket *s, const struct sockaddr *name, socklen_t len, bool may_sleep)
{
	struct local *l = local_of(s), *listener;
	uint64_t deadline = socket_deadline(s->o.snd_timeout);
	int rc;

	if (s->type == SOCK_DGRAM)
		return connect_datagrams(l, name, len);
	for (;;) {
		rc = may_connect(l);
		if (!rc)
			rc = local_socket_find(name, len, s->type, &listener);
		if (!rc)
			rc = may_connect(l);	/* another thread may have been faster */
		if (!rc && (!listener->backlog || listener->shut_rd))
			rc = -ECONNREFUSED;
		if (!rc && listener->queued < listener->backlog)
			return connect_to(l, listener);
		if (!rc)
			rc = wait_room(listener, deadline, may_sleep);
		if (rc)
			return rc;
	}
}

/* ---- A socket that is not connected. */

static ssize_t local_transfer(struct socket *s, struct message *m)
{
	(void)s, (void)m;
	return -ENOTCONN;
}

/* As on Linux, where programs end accept() this way. */
static int local_shutdown(struct socket *s, int how)
{
	struct local *l = local_of(s);

	if (!l->backlog)
		return -ENOTCONN;
	if (how != SHUT_WR) {
		l->shut_rd = true;
		wake(&room);
		socket_readable(s);
	}
	return 0;
}

static int local_getopt(struct socket *s, int level, int option, int *value)
{
	*value = local_of(s)->backlog > 0;
	return level == SOL_SOCKET && option == SO_ACCEPTCONN ? 0 : -ENOPROTOOPT;
}

static unsigned local_ready(struct socket *s)
{
	const struct local *l = local_of(s);

	return !l->backlog ? POLLOUT | POLLHUP : l->first || l->shut_rd ? POLLIN | POLLRDNORM : 0;
}

static void local_close(struct socket *s)
{
	struct local *l = local_of(s), *c;

	local_socket_unbind(l);
	wake(&room);
	while ((c = l->first)) {
		struct local *peer = c->in ? (struct local *)c->in->writer : c->to;

		if (peer)
			peer->s.error = ECONNRESET;
		l->first = c->next;
		c->s.file.refs = 1;
		file_put(&c->s.file);
	}
	free(l);
}

static const struct socket_ops unconnected_ops = {
	.listen = local_listen, .accept = local_accept, .send = local_transfer,
	.recv = local_transfer, .shutdown = local_shutdown, .getopt = local_getopt,
	.ready = local_ready, .close = local_close,
};
