/* SPDX-License-Identifier: ISC */
/* Creates the guests of a pool, and destroys what processes that were killed have left. */
#include "pool.h"
#include "endpoint.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFILL_DELAY 1			/* seconds: the guest that was taken starts first */
#define XL_STEP 50000			/* microseconds between two looks whether it still runs */

void pool_destroy(const char *id)
{
	int domid = pool_domain(id);

	if (domid >= 0)
		domain_destroy(domid);
}

void pool_forget_if_gone(const char *path, const char *id)
{
	if (pool_domain(id) < 0)
		unlink(path);
}

void pool_end_if_abandoned(const char *path, const char *id)
{
	int fd = pool_lock(path, LOCK_EX | LOCK_NB);

	if (fd < 0) {			/* its owner is about to start it, or has done so */
		pool_forget_if_gone(path, id);
		return;
	}
	pool_destroy(id);
	unlink(path);
	close(fd);
}

/* Whether a process of this user has the text in its words. */
static int has_words(const char *pid, const char *text)
{
	char path[32], words[4096];
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.10s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = fstat(fd, &st) || st.st_uid != geteuid() ? 0 : read(fd, words, sizeof(words));
	close(fd);
	return n > 0 && memmem(words, n, text, strlen(text));
}

/* Whether an xl creates this guest: it has a file whose name has the UUID (run.c). */
static int is_being_created(const char *id)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int found = 0;

	while (d && !found && (e = readdir(d)))
		found = isdigit((unsigned char)*e->d_name) && has_words(e->d_name, id);
	if (d)
		closedir(d);
	return found;
}

/* What processes that were killed have left.  Their xl goes on. */
void pool_settle(const char *name)
{
	char *path = pool_path(name, "", "creating"), *id;
	size_t size;

	id = pool_read(path, &size);
	if (id) {
		while (*id && is_being_created(id))
			usleep(XL_STEP);
		pool_destroy(id);
		unlink(path);
	}
	pool_each(name, "taken/", pool_end_if_abandoned);
	pool_each(name, "ready/", pool_forget_if_gone);
}

static void make_id(char id[37])
{
	int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, id, 36) != 36)
		die(FAILED, "/proc/sys/kernel/random/uuid: %s", strerror(errno));
	id[36] = '\0';
	close(fd);
}

void pool_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/* Signals wait until the guest is complete. */
static void create_one(const struct pool *p)
{
	struct run_options o = p->options;
	char id[37], name[80], line[64], cmdline[80], *creating = pool_path(p->name, "", "creating");
	sigset_t ends, before;

	if (o.nlines == MOST)
		die(USAGE, "too many lines of --config");
	pool_signals(&ends);
	sigprocmask(SIG_BLOCK, &ends, &before);
	make_id(id);
	pool_write(p->name, "", "creating", id, strlen(id));
	snprintf(name, sizeof(name), "%.50s-%.6s", p->name, id);
	snprintf(line, sizeof(line), "uuid = \"%s\"", id);
	snprintf(cmdline, sizeof(cmdline), "pool=%s", p->name);
	o.name = name;
	o.cmdline = cmdline;
	o.lines[o.nlines++] = line;
	run_create(&o);
	pool_write(p->name, "ready/", id, name, strlen(name));
	unlink(creating);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/*
 * Creates guests until the pool is full, at most `most`.  Another process may stop the pool meanwhile,
 * or have its lock: with LOCK_NB in `how`, it is not waited for.
 */
void pool_fill(const char *name, int most, int how)
{
	char *options = pool_path(name, "", "options");
	struct pool p;
	int lock = !pool_has(options) ? -1 : pool_lock(pool_path(name, "", "lock"), LOCK_EX | how);

	if (lock < 0)
		return;
	if (pool_load(name, &p)) {
		close(lock);
		return;
	}
	pool_settle(name);
	for (; most && pool_has(options) && pool_each(name, "ready/", NULL) < p.size; most--)
		create_one(&p);
	close(lock);
}

void pool_fill_in_background(const char *name, int lock)
{
	sigset_t none;
	int null;

	fflush(NULL);
	if (fork())
		return;
	close(lock);			/* else the guest has an owner when this program is killed */
	null = open("/dev/null", O_RDWR);
	setsid();
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGHUP, SIG_IGN);
	(void)!nice(19);
	domain_forked();
	sleep(REFILL_DELAY);
	pool_fill(name, MOST_GUESTS, 0);
	_exit(0);
}
