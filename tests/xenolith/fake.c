/* SPDX-License-Identifier: ISC */
/*
 * Replaces Xen's libraries for tools/xenolith on a machine without Xen.  A vchan is a
 * connection to the socket FAKE_GUEST; time runs FAKE_SPEED times as fast.  With FAKE_XEN,
 * the domains are the folders there (fake_xl); otherwise there is domain 5, named web.
 */
#include "fake/libxenvchan.h"
#include "fake/xenctrl.h"
#include "fake/xenstore.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Reads FAKE_XEN/ID/KEY, where KEY has _ for each /; the result is to be freed, or NULL. */
static char *read_file(const char *id, const char *key)
{
	char path[512], text[256], *slash;
	FILE *f;
	size_t n, at = snprintf(path, sizeof(path), "%s/%s/", getenv("FAKE_XEN"), id);

	snprintf(path + at, sizeof(path) - at, "%s", key);
	while ((slash = strchr(path + at, '/')))
		*slash = '_';
	f = fopen(path, "r");
	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return strdup(text);
}

/* Splits /local/domain/ID/KEY.  Returns KEY, or NULL for another path. */
static const char *split(const char *path, char id[16])
{
	const char *p = path + strlen("/local/domain/");
	size_t n = strncmp(path, "/local/domain/", 14) ? 0 : strcspn(p, "/");

	if (!n || n > 15 || !p[n])
		return NULL;
	snprintf(id, 16, "%.*s", (int)n, p);
	return p + n + 1;
}

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
	/* Nothing wakes the program when a fake domain ends. */
	if (getenv("FAKE_XEN") && (timeout < 0 || timeout > 20))
		timeout = 20;
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

int libxenvchan_data_ready(struct libxenvchan *c)
{
	int n = 0;

	ioctl(c->fd, FIONREAD, &n);
	return n;
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
	char id[16];
	const char *key;

	(void)h;
	(void)t;
	*len = 3;
	if (getenv("FAKE_XEN"))
		return (key = split(path, id)) ? read_file(id, key) : NULL;
	return strdup(strstr(path, "/name") ? "web" : "5");
}

static int by_number(const void *a, const void *b)
{
	return atoi(*(char *const *)a) - atoi(*(char *const *)b);
}

char **xs_directory(struct xs_handle *h, unsigned t, const char *path, unsigned *n)
{
	char **ids = malloc(100 * (sizeof(*ids) + 16)), *text = (char *)(ids + 100);
	DIR *d = getenv("FAKE_XEN") ? opendir(getenv("FAKE_XEN")) : NULL;
	struct dirent *e;

	(void)h;
	(void)t;
	(void)path;
	*n = 0;
	while (d && *n < 100 && (e = readdir(d)))
		if (*e->d_name != '.') {
			ids[*n] = text + 16 * *n;
			snprintf(ids[(*n)++], 16, "%.15s", e->d_name);
		}
	if (d) {
		closedir(d);
		qsort(ids, *n, sizeof(*ids), by_number);	/* as Xen lists them */
		return ids;
	}
	*n = 1;
	*ids = "5";
	return ids;
}

int xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	(void)path;
	(void)token;
	return 1;
}

/* There are no events: fake_poll() wakes the program. */
char **xs_read_watch(struct xs_handle *h, unsigned *n)
{
	(void)h;
	(void)n;
	for (;;)
		pause();
}

bool xs_write(struct xs_handle *h, unsigned t, const char *path, const void *data, unsigned len)
{
	char id[16], file[512];
	const char *key = split(path, id);
	FILE *f;

	(void)h;
	(void)t;
	if (!getenv("FAKE_XEN") || !key)
		return true;
	snprintf(file, sizeof(file), "%s/%s/%s", getenv("FAKE_XEN"), id, key);
	for (char *p = file + strlen(file) - strlen(key); *p; p++)
		*p = *p == '/' ? '_' : *p;
	f = fopen(file, "w");
	if (f) {
		fwrite(data, 1, len, f);
		fclose(f);
	}
	return true;
}

xc_interface *xc_interface_open(void *logger, void *build_logger, unsigned flags)
{
	static int it;

	(void)logger;
	(void)build_logger;
	(void)flags;
	return (xc_interface *)&it;
}

int xc_domain_getinfolist(xc_interface *xc, uint32_t first, unsigned most, xc_domaininfo_t *info)
{
	unsigned ids = 0, n = 0;
	char **all, path[512];

	(void)xc;
	if (getenv("FAKE_XEN")) {
		snprintf(path, sizeof(path), "%s/.no-list", getenv("FAKE_XEN"));
		if (!access(path, F_OK)) {
			errno = ENOMEM;
			return -1;
		}
		all = xs_directory(NULL, 0, "", &ids);
		for (unsigned i = 0; i < ids && n < most; i++) {
			char *flags = read_file(all[i], "flags"), *uuid = read_file(all[i], "uuid");

			if (flags && uuid && (unsigned)atoi(all[i]) >= first) {
				info[n] = (xc_domaininfo_t){ .domain = atoi(all[i]), .flags = atoi(flags) };
				for (int b = 0; b < 16; b++)
					sscanf(uuid + 2 * b, "%2hhx", &info[n].handle[b]);
				n++;
			}
			free(flags);
			free(uuid);
		}
		free(all);
		return n;
	}
	if (first > 5 || !most)
		return 0;
	*info = (xc_domaininfo_t){ .domain = 5 };
	return 1;
}

int xc_physinfo(xc_interface *xc, xc_physinfo_t *info)
{
	char path[512];

	(void)xc;
	snprintf(path, sizeof(path), "%s/.shadow", getenv("FAKE_XEN"));
	info->capabilities = access(path, F_OK) ? 0 : XEN_SYSCTL_PHYSCAP_shadow;
	return 0;
}

int xc_domain_unpause(xc_interface *xc, uint32_t domain)
{
	char path[64];

	(void)xc;
	snprintf(path, sizeof(path), "/local/domain/%u/unpaused", domain);
	xs_write(NULL, 0, path, "", 0);
	snprintf(path, sizeof(path), "/local/domain/%u/flags", domain);
	xs_write(NULL, 0, path, "0", 1);
	return 0;
}

void *xc_map_foreign_range(xc_interface *xc, uint32_t domain, int size, int prot, unsigned long frame)
{
	(void)xc;
	(void)domain;
	(void)size;
	(void)prot;
	(void)frame;
	return NULL;
}
