/* SPDX-License-Identifier: ISC */
/* Records of guests. */
#include "guests.h"
#include "xenolith.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

#define CONSOLE_MAX (4 << 20)	/* of the console, the last bytes are kept */

void guest_path(char *path, size_t size, const char *name, const char *file)
{
	snprintf(path, size, GUESTS "/%s/%s", name, file);
}

static int is_name(const char *name)
{
	return *name && *name != '.' && strlen(name) < 64 && !strchr(name, '/');
}

/* Copies the value of KEY= in text. */
static void value_of(const char *text, const char *key, char *to, size_t size)
{
	size_t n = strlen(key);

	*to = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, n) && line[n] == '=') {
			snprintf(to, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
			return;
		}
	}
}

static long number_of(const char *text, const char *key)
{
	char word[32];

	value_of(text, key, word, sizeof(word));
	return atol(word);
}

int guest_load(const char *name, struct guest *g)
{
	char path[384], text[4096];
	ssize_t n;
	int fd;

	memset(g, 0, sizeof(*g));
	if (!is_name(name))
		return -1;
	guest_path(path, sizeof(path), name, "state");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	snprintf(g->name, sizeof(g->name), "%s", name);
	value_of(text, "image", g->image, sizeof(g->image));
	value_of(text, "type", g->type, sizeof(g->type));
	value_of(text, "uuid", g->uuid, sizeof(g->uuid));
	value_of(text, "log", g->log, sizeof(g->log));
	value_of(text, "reason", g->reason, sizeof(g->reason));
	g->log_start = number_of(text, "log_start");
	g->started = number_of(text, "started");
	g->ended = number_of(text, "ended");
	g->status = number_of(text, "status");
	return 0;
}

void guest_save(const struct guest *g)
{
	char path[384], new[400];
	FILE *f;

	mkdir("/var/lib/xenolith", 0755);
	mkdir(GUESTS, 0755);
	guest_path(path, sizeof(path), g->name, "");
	mkdir(path, 0755);
	guest_path(path, sizeof(path), g->name, "state");
	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "w");
	if (!f)
		die(NO_PERMISSION, "%s: %s", new, strerror(errno));
	fprintf(f, "image=%s\ntype=%s\nuuid=%s\nlog_start=%ld\nstarted=%lld\n", g->image, g->type,
		g->uuid, g->log_start, (long long)g->started);
	if (*g->log)
		fprintf(f, "log=%s\n", g->log);
	if (g->ended)
		fprintf(f, "ended=%lld\nreason=%s\nstatus=%d\n", (long long)g->ended, g->reason,
			g->status);
	if (fclose(f) || rename(new, path))
		die(FAILED, "%s: %s", path, strerror(errno));
}

void guest_remove(const char *name)
{
	static const char *const files[] = { "state", "state.new", "console", "keeper", "" };
	char path[384];

	for (int i = 0; i < 5; i++) {
		guest_path(path, sizeof(path), name, files[i]);
		remove(path);
	}
}

long guest_console_log(const char *name, char *path, size_t size)
{
	struct stat st;

	snprintf(path, size, "/var/log/xen/console/guest-%s.log", name);
	return stat(path, &st) ? -1 : st.st_size;
}

/* Saves the console's log of this guest. */
static void save_console(const struct guest *g)
{
	char from[384], to[384], data[65536];
	long size = guest_console_log(*g->log ? g->log : g->name, from, sizeof(from)), at = g->log_start;
	int in, out;
	ssize_t n;

	guest_path(to, sizeof(to), g->name, "console");
	in = size < 0 ? -1 : open(from, O_RDONLY | O_CLOEXEC);
	out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (at > size)			/* the log was rotated */
		at = 0;
	lseek(in, size - at > CONSOLE_MAX ? size - CONSOLE_MAX : at, SEEK_SET);
	while (out >= 0 && (n = read(in, data, sizeof(data))) > 0)
		if (write(out, data, n) != n)
			break;
	close(in);
	close(out);
}

/* The lock that the keeper of a guest holds while it lives. */
static int keeper_lock(const struct guest *g, int wait)
{
	char path[384];
	int fd;

	guest_path(path, sizeof(path), g->name, "keeper");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void take_end(struct guest *g, int domid, const char *reason)
{
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	g->status = domain_status(domid, reason);
	g->ended = time(NULL);
	save_console(g);
	guest_save(g);
	if (domid >= 0 && strcmp(reason, "gone"))
		domain_destroy(domid);
}

static int domain_of(const struct guest *g)
{
	uint8_t uuid[UUID_SIZE];

	for (int i = 0; i < UUID_SIZE; i++)
		if (sscanf(g->uuid + 2 * i, "%2hhx", &uuid[i]) != 1)
			return -1;
	return domain_of_uuid(uuid);
}

/* Takes the end of a guest whose keeper does not live any more. */
void guest_settle(struct guest *g)
{
	int lock, domid;
	const char *reason;

	if (g->ended || (lock = keeper_lock(g, 0)) < 0)
		return;
	domid = domain_of(g);
	reason = domid < 0 ? "gone" : domain_end(domid);
	if (reason)
		take_end(g, domid, reason);
	close(lock);
}

void guest_keep(struct guest *g, int domid)
{
	int ready[2], lock;
	char byte = 0;
	const char *reason;

	guest_save(g);
	if (pipe(ready))
		die(FAILED, "%s", strerror(errno));
	fflush(NULL);
	if (fork() == 0) {
		int null = open("/dev/null", O_RDWR);

		setsid();
		signal(SIGHUP, SIG_IGN);
		domain_forked();
		for (int i = 0; i < 3; i++)
			dup2(null, i);
		lock = keeper_lock(g, 1);
		domain_watch();
		if (lock < 0 || xc_domain_unpause(xen(), domid))
			_exit(1);
		(void)!write(ready[1], "", 1);
		close(ready[0]);
		close(ready[1]);
		while (!(reason = domain_end(domid)))
			domain_poll(NULL, 0, -1);
		usleep(200 * 1000);	/* for the last lines of the console */
		take_end(g, domid, reason);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		domain_destroy(domid);
		guest_remove(g->name);
		die(FAILED, "cannot start domain %d", domid);
	}
	close(ready[0]);
}
