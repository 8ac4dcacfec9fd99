/* SPDX-License-Identifier: ISC */
/*
 * Removes what is left of a guest, for the persistent lab (server.py):
 *
 *   lab-remove UUID NAME [forget]
 *
 * Destroys the domain with this UUID, and returns when it is gone, and with it all processes
 * that have the UUID in a word: an xl that still creates the domain, and the process that waits for
 * its end in the background.  Then removes its files.  forget: also its record.  A domain of
 * the same name that somebody has created by hand has another UUID, and is left alone.
 *
 * The exit status is 1 if something is still there after PATIENCE.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenstore.h>

#define CREATE_PATIENCE 60	/* seconds until an xl of the guest is killed */
#define PATIENCE 120		/* seconds until this program gives up */
#define STEP 20000		/* microseconds */
#define DOMAINS 1024
#ifndef GUESTS
#define GUESTS "/var/lib/xenolith/guests" /* tools/xenolith/guests.h */
#endif

static xc_interface *xc;
static char uuid[64];		/* with dashes, in small letters */
static char digits[33];		/* without */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void take_uuid(const char *text)
{
	size_t n = 0;

	snprintf(uuid, sizeof(uuid), "%s", text);
	for (char *c = uuid; *c; c++) {
		*c = tolower((unsigned char)*c);
		if (isxdigit((unsigned char)*c) && n < 32)
			digits[n++] = *c;
	}
	if (n != 32) {
		fprintf(stderr, "lab-remove: not a UUID: %s\n", text);
		exit(2);
	}
}

/* Returns the number of the guest's domain, or -1. */
static int domain(void)
{
	static xc_domaininfo_t all[DOMAINS];
	int n = xc_domain_getinfolist(xc, 1, DOMAINS, all);

	if (n < 0) {
		perror("lab-remove: list domains");
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		char text[33];

		for (int b = 0; b < 16; b++)
			sprintf(text + 2 * b, "%02x", all[i].handle[b]);
		if (!strcmp(text, digits))
			return all[i].domain;
	}
	return -1;
}

/* Reads a file of /proc/PID.  Returns the number of bytes, which a NUL follows. */
static size_t read_proc(const char *pid, const char *file, char *to, size_t size)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.10s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, to, size - 1);
		close(fd);
	}
	n = n < 0 ? 0 : n;
	to[n] = '\0';
	return n;
}

/* Returns a process with the UUID in a word, other than this one, or 0.  Sets *is_xl. */
static pid_t process(bool *is_xl)
{
	static char words[128 * 1024];
	DIR *d = opendir("/proc");
	struct dirent *e;
	char name[32];
	pid_t found = 0;

	*is_xl = false;
	while (d && !*is_xl && (e = readdir(d))) {
		size_t n;

		if (!isdigit((unsigned char)*e->d_name) || atoi(e->d_name) == getpid())
			continue;
		n = read_proc(e->d_name, "cmdline", words, sizeof(words));
		for (size_t i = 0; i < n; i++)
			words[i] = tolower((unsigned char)words[i]);
		if (!memmem(words, n, uuid, strlen(uuid)))
			continue;
		found = atoi(e->d_name);
		read_proc(e->d_name, "comm", name, sizeof(name));
		*is_xl = !strcmp(name, "xl\n");
	}
	if (d)
		closedir(d);
	return found;
}

static void destroy(int domid)
{
	char id[16];
	pid_t child;

	snprintf(id, sizeof(id), "%d", domid);
	child = fork();
	if (child == 0) {
		execlp("xl", "xl", "destroy", id, NULL);
		perror("lab-remove: xl");
		_exit(127);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Whether a domain has this name.  One that was created by hand may have it. */
static bool name_exists(const char *name)
{
	struct xs_handle *xs = xs_open(0);
	unsigned n = 0, length;
	char **ids = xs ? xs_directory(xs, XBT_NULL, "/local/domain", &n) : NULL;
	bool found = !ids;

	while (n-- && !found) {
		char path[64], *its;

		snprintf(path, sizeof(path), "/local/domain/%.10s/name", ids[n]);
		its = xs_read(xs, XBT_NULL, path, &length);
		found = its && !strcmp(its, name);
		free(its);
	}
	free(ids);
	return found;
}

/* Removes the record of a guest in the background, if it is this guest's. */
static void forget(const char *name)
{
	static const char *const files[] = { "state", "state.new", "console", "keeper", "" };
	char path[384], text[4096], line[48];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), GUESTS "/%s/state", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	snprintf(line, sizeof(line), "uuid=%s\n", digits);
	for (int i = 0; strstr(text, line) && i < 5; i++) {
		snprintf(path, sizeof(path), GUESTS "/%s/%s", name, files[i]);
		remove(path);
	}
}

int main(int argc, char **argv)
{
	double start = now();
	int domid, last = -1;
	bool is_xl;
	pid_t pid;
	char path[384];

	if (argc < 3)
		return 2;
	take_uuid(argv[1]);
	xc = xc_interface_open(NULL, NULL, 0);
	if (!xc) {
		perror("lab-remove: open Xen's interface");
		return 1;
	}
	for (;;) {
		pid = process(&is_xl);	/* first: it may be about to create the domain */
		domid = domain();
		if (domid >= 0)
			last = domid;
		if (!pid && domid < 0)
			break;
		if (now() > start + PATIENCE) {
			fprintf(stderr, "lab-remove: domain %d and process %d are still there\n",
				domid, (int)pid);
			return 1;
		}
		if (is_xl && now() > start + CREATE_PATIENCE)
			kill(pid, SIGKILL);
		if (domid >= 0 && !is_xl)
			destroy(domid);
		usleep(STEP);
	}
	snprintf(path, sizeof(path), "/tmp/xenolith-%s", uuid);
	unlink(path);
	snprintf(path, sizeof(path), "/var/lock/xenconsole.%d", last);
	unlink(path);
	if (argc > 3)
		forget(argv[2]);
	snprintf(path, sizeof(path), "/var/log/xen/console/guest-%s.log", argv[2]);
	if (!access(path, F_OK) && !name_exists(argv[2]))
		unlink(path);
	return 0;
}
