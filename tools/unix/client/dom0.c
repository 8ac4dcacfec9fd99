/* SPDX-License-Identifier: ISC */
/*
 * The functions of Xen's libraries that tools/xenolith uses, for one guest that is a process: over
 * the control socket of its tender (tools/unix/control.c), whose path is in XENOLITH_SOCKET.  The
 * guest is domain 1.
 */
#include <errno.h>
#include <libxenvchan.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenstore.h>

#define BUSY_PATIENCE 10 /* s, while another client is connected */

static int dial(void)
{
	const char *path = getenv("XENOLITH_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!path || strlen(path) >= sizeof(a.sun_path) || fd < 0) {
		errno = ENOENT;
		return -1;
	}
	strcpy(a.sun_path, path);
	if (!connect(fd, (void *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}

static bool read_all(int fd, char *to, size_t len)
{
	while (len) {
		ssize_t n = read(fd, to, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = EPIPE;
			return false;
		}
		to += n;
		len -= n;
	}
	return true;
}

/* Sends a line; returns the length in its reply, or -1. */
static long ask(int fd, const char *line)
{
	char head[64];
	size_t n = 0;
	long value;

	if (fd < 0 || send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return -1;
	do {
		if (n == sizeof(head) - 1 || !read_all(fd, head + n, 1))
			return -1;
	} while (head[n++] != '\n');
	head[n] = 0;
	if (sscanf(head, "ok %ld", &value) == 1 && value >= 0 && value < 1 << 24)
		return value;
	errno = sscanf(head, "error %ld", &value) == 1 ? value : EPROTO;
	return -1;
}

/* ---- xenstore: a connection for each request, so that nothing is kept open */

struct xs_handle {
	int fd;
};

static struct xs_handle handle = { .fd = -1 };

struct xs_handle *xs_open(unsigned long flags)
{
	int fd = dial();

	(void)flags;
	if (fd < 0)
		return NULL;
	close(fd);
	return &handle;
}

static char *request(const char *verb, const char *path, unsigned *len)
{
	char line[1024], *data;
	int fd = dial();
	long n;

	snprintf(line, sizeof(line), "%s %s\n", verb, path);
	n = ask(fd, line);
	data = n < 0 ? NULL : malloc(n + 1);
	if (data && !read_all(fd, data, n)) {
		free(data);
		data = NULL;
	}
	if (fd >= 0)
		close(fd);
	if (data)
		data[n] = 0;
	*len = n > 0 ? n : 0;
	return data;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len)
{
	(void)h, (void)t;
	return request("read", path, len);
}

/* The pointers and the names are one block, as in libxenstore. */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
		    unsigned *n)
{
	unsigned len, count = 0;
	char *names = request("list", path, &len), **all, *at;

	(void)h, (void)t;
	*n = 0;
	if (!names)
		return NULL;
	for (unsigned i = 0; i < len; i++)
		count += !names[i];
	all = malloc((count + 1) * sizeof(*all) + len + 1);
	if (all) {
		at = memcpy(all + count + 1, names, len + 1);
		for (unsigned i = 0; i < count; i++, at += strlen(at) + 1)
			all[i] = at;
		*n = count;
	}
	free(names);
	return all;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	      unsigned len)
{
	char all[1024], *reply;
	unsigned got;

	(void)h, (void)t;
	snprintf(all, sizeof(all), "%s %.*s", path, (int)len, (const char *)data);
	reply = request("write", all, &got);
	free(reply);
	return reply;
}

/* Only the end of domains is watched: the tender closes the connection then. */
bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)path, (void)token;
	h->fd = dial();
	return h->fd >= 0;
}

char **xs_read_watch(struct xs_handle *h, unsigned *n)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	h->fd = -1; /* poll() of it sleeps from now on */
	*n = 0;
	return calloc(3, sizeof(char *));
}

/* ---- Xen */

xc_interface *xc_interface_open(xentoollog_logger *a, xentoollog_logger *b,
				unsigned flags)
{
	static int any;

	(void)a, (void)b, (void)flags;
	return (xc_interface *)&any;
}

int xc_domain_getinfolist(xc_interface *x, uint32_t first, unsigned most,
			  xc_domaininfo_t *info)
{
	int fd = dial();

	(void)x;
	if (fd < 0 || first > 1 || !most)
		return 0;
	close(fd);
	memset(info, 0, sizeof(*info));
	info->domain = 1;
	info->flags = XEN_DOMINF_running;
	return 1;
}

static int refuse(void)
{
	errno = ENOSYS;
	return -1;
}

int xc_domain_unpause(xc_interface *x, uint32_t domid)
{
	(void)x, (void)domid;
	return refuse();
}

void *xc_map_foreign_range(xc_interface *x, uint32_t domid, int size, int prot,
			   unsigned long frame)
{
	(void)x, (void)domid, (void)size, (void)prot, (void)frame;
	refuse();
	return NULL;
}

int xc_physinfo(xc_interface *x, xc_physinfo_t *info)
{
	(void)x, (void)info;
	return refuse();
}

/* A backend for other guests, of which a process has none. */
void disk_serve(int argc, char **argv);
void disk_serve(int argc, char **argv)
{
	(void)argc, (void)argv;
	fputs("xenolith: disks are served to guests of Xen only\n", stderr);
	exit(2);
}

/* ---- vchan */

struct channel {
	struct libxenvchan vchan; /* what the program sees: .blocking is not used */
	int fd;
	bool full; /* the last write was short: wait for room, too */
};

static int fd_of(struct libxenvchan *v)
{
	return ((struct channel *)v)->fd;
}

struct libxenvchan *libxenvchan_client_init(struct xentoollog_logger *log, int domid,
					    const char *path)
{
	struct timespec pause = { 0, 20000000 };
	time_t end = time(NULL) + BUSY_PATIENCE;
	struct channel *c = calloc(1, sizeof(*c));
	char line[1024];

	(void)log, (void)domid;
	snprintf(line, sizeof(line), "vchan %s\n", path);
	while (c) {
		c->fd = dial();
		if (ask(c->fd, line) >= 0)
			return &c->vchan;
		if (c->fd >= 0)
			close(c->fd);
		if (errno != EBUSY || time(NULL) >= end) {
			free(c);
			return NULL;
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

struct libxenvchan *libxenvchan_server_init(struct xentoollog_logger *log, int domid,
					    const char *path, size_t left, size_t right)
{
	(void)log, (void)domid, (void)path, (void)left, (void)right;
	refuse();
	return NULL;
}

int libxenvchan_fd_for_select(struct libxenvchan *v)
{
	return fd_of(v);
}

int libxenvchan_read(struct libxenvchan *v, void *data, size_t size)
{
	ssize_t n = recv(fd_of(v), data, size, v->blocking ? 0 : MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n ? n : -1;
}

int libxenvchan_write(struct libxenvchan *v, const void *data, size_t size)
{
	ssize_t n = send(fd_of(v), data, size,
			 MSG_NOSIGNAL | (v->blocking ? 0 : MSG_DONTWAIT));

	((struct channel *)v)->full = n < (ssize_t)size;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n;
}

/* The packet functions: all or nothing, and the size. */
int libxenvchan_send(struct libxenvchan *v, const void *data, size_t size)
{
	return send(fd_of(v), data, size, MSG_NOSIGNAL) == (ssize_t)size ? (int)size : -1;
}

int libxenvchan_recv(struct libxenvchan *v, void *data, size_t size)
{
	return read_all(fd_of(v), data, size) ? (int)size : -1;
}

int libxenvchan_data_ready(struct libxenvchan *v)
{
	int n = 0;

	return ioctl(fd_of(v), FIONREAD, &n) ? 0 : n;
}

int libxenvchan_is_open(struct libxenvchan *v)
{
	char byte;

	return recv(fd_of(v), &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

int libxenvchan_wait(struct libxenvchan *v)
{
	bool full = ((struct channel *)v)->full;
	struct pollfd p = { .fd = fd_of(v), .events = POLLIN | (full ? POLLOUT : 0) };

	return poll(&p, 1, 1000) < 0 && errno != EINTR ? -1 : 0;
}

void libxenvchan_close(struct libxenvchan *v)
{
	if (!v)
		return;
	close(fd_of(v));
	free(v);
}
