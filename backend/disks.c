/* SPDX-License-Identifier: ISC */
/*
 * The server of disks (lib/include/xenolith/disk.h): finds the disks that the toolstack wants in
 * backend/vbd/DOMID/VDEV of this domain's folder, and runs a blkback in a thread for each.
 */
#include "backend/blkback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenolith/disk.h>

#define FOLDER "backend/vbd"

struct attached {
	struct attached *next;
	bool refused;			/* not ours, until the toolstack has removed it */
	bool seen;			/* in the current listing */
	bool ended;
	struct blkback b;
};

static struct {
	struct attached *first;
	struct domain_watch *watch;
	struct domain_queue changed;	/* a disk has ended */
	bool stopping;
	int (*open)(const struct disk_request *w, struct disk_store **store, void *arg);
	void *arg;
} server;

/*
 * Reads a key of a folder: 0 and a copy to be freed, or -errno and NULL.  Without permission for what is
 * gone, xenstore does not say that it is gone: -ENOENT, too.
 */
static int get_key(const char *folder, const char *key, char **value)
{
	char path[200];
	int rc;

	*value = NULL;
	snprintf(path, sizeof(path), "%s/%s", folder, key);
	rc = domain_read(path, value);
	return rc == -EACCES ? -ENOENT : rc;
}

static char *read_key(const char *folder, const char *key)
{
	char *value;

	get_key(folder, key, &value);
	return value;
}

/* ---- one disk */

/* Opens the store.  Returns 0, or -errno: -ENOENT if the application does not have it. */
static int open_store(struct attached *a, const char *target, bool readonly)
{
	struct disk_request request = {
		.target = target, .domid = a->b.stats.domid, .vdev = a->b.stats.vdev,
		.readonly = readonly,
	};
	int rc;

	domain_leave();
	rc = server.open(&request, &a->b.store, server.arg);
	domain_enter();
	if (!rc)
		a->b.readonly = readonly || a->b.store->readonly;
	return rc;
}

static int start(struct attached *a)
{
	char *target = read_key(a->b.path, "params"), *mode = read_key(a->b.path, "mode");
	char *front = read_key(a->b.path, "frontend");
	int rc = -ENOENT;

	if (target && mode && front && strlen(front) < sizeof(a->b.front)) {
		strcpy(a->b.front, front);
		rc = open_store(a, target, mode[0] == 'r');
	}
	if (!rc)
		domain_answer(a->b.path, NULL);
	if (rc && rc != -ENOENT) {
		domain_log("%s: cannot open %s (error %d)", a->b.path, target, rc);
		domain_answer(a->b.path, "the server cannot open this disk; its output says why");
	}
	free(target);
	free(mode);
	free(front);
	return rc;
}

static int serve(struct attached *a)
{
	struct disk_store *store = a->b.store;
	int rc;

	domain_leave();
	rc = blkback_run(&a->b);
	domain_enter();
	a->b.store = NULL;
	domain_leave();
	disk_close(store);
	domain_enter();
	return rc;
}

/* In a thread of its own, since to open a store may take long. */
static void run(void *arg)
{
	struct attached *a = arg;
	int rc;

	domain_enter();
	rc = start(a);
	if (!rc)
		rc = serve(a);
	if (!rc && !server.stopping)
		domain_linger();
	a->ended = rc == 0;
	a->refused = rc != 0;
	domain_wake(&server.changed);
	if (server.watch)
		domain_watch_kick(server.watch);
	domain_leave();
}

static struct attached *find(unsigned domid, unsigned vdev)
{
	struct attached *a = server.first;

	while (a && (a->ended || a->b.stats.domid != domid || a->b.stats.vdev != vdev))
		a = a->next;
	return a;
}

/*
 * Returns 0 for a disk that is to be served, -ENOENT for one that is being detached, whose folder still
 * exists, or another error, such as -ENOMEM: it is not known.
 */
static int wanted(const char *path)
{
	char *online, *front, *state = NULL;
	int rc = get_key(path, "online", &online);
	int rc2 = get_key(path, "frontend", &front);

	if (!rc)
		rc = rc2;
	if (!rc && !strcmp(online, "0"))
		rc = -ENOENT;
	if (!rc)
		rc = get_key(front, "state", &state);
	free(state);
	free(front);
	free(online);
	return rc;
}

static void found(unsigned domid, unsigned vdev)
{
	struct attached *a = find(domid, vdev);
	char path[sizeof(a->b.path)];
	int rc;

	snprintf(path, sizeof(path), FOLDER "/%u/%u", domid, vdev);
	if (a) {
		a->seen = true;
		return;
	}
	rc = wanted(path);
	if (rc == -ENOENT)		/* its disk has ended, or was detached while no server ran */
		domain_release(path);
	if (rc || !domain_may_serve(path))
		return;
	a = calloc(1, sizeof(*a));
	if (!a)
		return;
	a->b.stats.domid = domid;
	a->b.stats.vdev = vdev;
	a->seen = true;
	strcpy(a->b.path, path);
	a->next = server.first;
	server.first = a;
	a->refused = domain_thread(run, a) != 0;
}

/* ---- all disks */

static bool is_number(const char *text, unsigned *n)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*n = value;
	return *text >= '0' && *text <= '9' && !*end && value <= UINT32_MAX;
}

static void look(void)
{
	char **domains, **devices, path[40];
	int ndomains = domain_list(FOLDER, &domains), ndevices;
	unsigned domid, vdev;

	for (struct attached *a = server.first; a; a = a->next)
		a->seen = false;
	for (int i = 0; i < ndomains; i++) {
		if (!is_number(domains[i], &domid))
			continue;
		snprintf(path, sizeof(path), FOLDER "/%u", domid);
		ndevices = domain_list(path, &devices);
		for (int k = 0; k < ndevices; k++)
			if (is_number(devices[k], &vdev))
				found(domid, vdev);
		if (ndevices >= 0)
			free(devices);
	}
	if (ndomains >= 0)
		free(domains);
}

/* Removes disks that have ended, and refused ones that the toolstack has removed. */
static void forget(void)
{
	for (struct attached **p = &server.first, *a; (a = *p);) {
		if (a->ended || (a->refused && !a->seen)) {
			*p = a->next;
			free(a);
		} else {
			p = &a->next;
		}
	}
}

static bool any_runs(void)
{
	for (struct attached *a = server.first; a; a = a->next)
		if (!a->refused && !a->ended)
			return true;
	return false;
}

static void end_all(void)
{
	for (struct attached *a = server.first; a; a = a->next)
		if (!a->refused && !a->ended)
			blkback_end(&a->b);
	while (any_runs())
		domain_sleep(&server.changed, DOMAIN_NEVER);
	while (server.first) {
		struct attached *a = server.first;

		server.first = a->next;
		free(a);
	}
}

int disks_serve(int (*open)(const struct disk_request *w, struct disk_store **store, void *arg),
		void *arg)
{
	int rc = -ENOMEM;

	domain_enter();
	server.open = open;
	server.arg = arg;
	server.watch = domain_watch_new();
	if (server.watch)
		rc = domain_watch_add(server.watch, FOLDER);
	while (!rc && !server.stopping) {
		look();
		forget();
		rc = domain_watch_wait(server.watch);
	}
	end_all();
	if (server.watch)
		domain_watch_free(server.watch);
	server.watch = NULL;
	server.stopping = false;
	domain_leave();
	return rc;
}

void disks_stop(void)
{
	domain_enter();
	server.stopping = true;
	if (server.watch)
		domain_watch_kick(server.watch);
	domain_leave();
}

void disks_changed(void)
{
	domain_enter();
	for (struct attached *a = server.first; a; a = a->next) {
		a->b.resized = true;
		if (a->b.watch)
			domain_watch_kick(a->b.watch);
	}
	domain_leave();
}

unsigned disks_stats(struct disk_stats *to, unsigned most)
{
	unsigned n = 0;

	domain_enter();
	for (struct attached *a = server.first; a; a = a->next) {
		if (!a->b.store)
			continue;
		if (n < most)
			to[n] = a->b.stats;
		n++;
	}
	domain_leave();
	return n;
}

void disk_close(struct disk_store *store)
{
	if (store && store->close)
		store->close(store);
}
