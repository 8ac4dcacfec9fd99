/* SPDX-License-Identifier: ISC */
/*
 * Replaces Xen's libraries for tools/xenolith on a machine without Xen.  A vchan is a
 * connection to the socket FAKE_GUEST; time runs FAKE_SPEED times as fast.
 */
#include "fake/libxenvchan.h"
#include "fake/xenstore.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int speed(void)
{
	const char *s = getenv("FAKE_SPEED");

	return s ? atoi(s) : 1;
}

int fake_clock(clockid_t id, struct timespec *t)
{
	int64_t ns;

	clock_gettime(id, t);
	ns = (t->tv_sec * 1000000000ll + t->tv_nsec) * speed();
	*t = (struct timespec){ ns / 1000000000, ns % 1000000000 };
	return 0;
}

int fake_poll(struct pollfd *p, nfds_t n, int timeout)
{
	return poll(p, n, timeout / speed());
}

int fake_access(const char *path, int mode)
{
	(void)path;
	(void)mode;
	return 0;
}

struct libxenvchan *libxenvchan_client_init(void *logger, int domain, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct libxenvchan *c = calloc(1, sizeof(*c));

	(void)logger;
	(void)domain;
	(void)path;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", getenv("FAKE_GUEST"));
	c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof(a))) {
		libxenvchan_close(c);
		return NULL;
	}
	return c;
}

struct libxenvchan *libxenvchan_server_init(void *logger, int domain, const char *path,
					    size_t read_min, size_t write_min)
{
	(void)read_min;
	(void)write_min;
	return libxenvchan_client_init(logger, domain, path);
}

static int result(ssize_t n)
{
	return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
}

int libxenvchan_read(struct libxenvchan *c, void *data, size_t size)
{
	return result(recv(c->fd, data, size, MSG_DONTWAIT));
}

int libxenvchan_write(struct libxenvchan *c, const void *data, size_t size)
{
	return result(send(c->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int libxenvchan_wait(struct libxenvchan *c)
{
	(void)c;
	return 0;
}

int libxenvchan_is_open(struct libxenvchan *c)
{
	(void)c;
	return 1;
}

int libxenvchan_fd_for_select(struct libxenvchan *c)
{
	return c->fd;
}

void libxenvchan_close(struct libxenvchan *c)
{
	close(c->fd);
	free(c);
}

struct xs_handle *xs_open(unsigned long flags)
{
	static int it;

	(void)flags;
	return (struct xs_handle *)&it;
}

void *xs_read(struct xs_handle *h, unsigned t, const char *path, unsigned *len)
{
	(void)h;
	(void)t;
	*len = 3;
	return strdup(strstr(path, "/name") ? "web" : "5");
}

char **xs_directory(struct xs_handle *h, unsigned t, const char *path, unsigned *n)
{
	static char *ids[] = { "5" };

	(void)h;
	(void)t;
	(void)path;
	*n = 1;
	return ids;
}

int xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	(void)path;
	(void)token;
	return 1;
}

char **xs_read_watch(struct xs_handle *h, unsigned *n)
{
	(void)h;
	(void)n;
	return NULL;
}
