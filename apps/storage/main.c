/* SPDX-License-Identifier: ISC */
/*
 * A driver domain: a guest that serves disks to other guests (docs/storage.md).
 *
 *	storage [--table DISK] [--files FOLDER] [--fault RULE]... [NAME=STORE]...
 *
 *	NAME=memory:SIZE	in memory; its data stays while this guest runs
 *	NAME=cow:FILE		a copy of a golden image, for each guest that attaches it
 *	NAME=FILE		a file, or a disk of this guest
 *	--table DISK		each partition of a GPT, by its name
 *	--files FOLDER		each file of a folder, by its name
 *
 * Another guest's xl.cfg has disk=["backend=storage,vdev=xvda,target=NAME"].
 */
#include "gpt.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenolith/disk.h>

#define RULES 16
#define PATIENCE 500			/* times 10 ms: until a guest that restarts has closed its disk */

struct export {
	struct export *next;
	char *name;
	char *from;			/* the text behind NAME=; NULL: found when it was wanted */
	struct disk_store *store;	/* in use by a guest, or memory that is kept */
	void (*close)(struct disk_store *s);
	bool busy;
};

static struct export *exports;
static const char *table, *folder, *rules[RULES];
static unsigned nrules;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- where disks come from */

static uint64_t size_of(const char *text)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	return unit && !end[1] && n < 1 << 20 ? (uint64_t)n << 10 * (unit - units + 1) : 0;
}

/* The changes are in memory, and end with the guest that made them. */
static int open_cow(const char *path, struct disk_store **store)
{
	struct disk_store *base, *top;
	int rc = disk_file(path, true, 0, 0, &base);

	if (rc)
		return rc;
	rc = disk_memory(base->size, &top);
	if (!rc) {
		rc = disk_overlay(base, top, store);
		if (rc)
			disk_close(top);
	}
	if (rc)
		disk_close(base);
	return rc;
}

static bool is_file_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static int open_found(const char *name, bool readonly, struct disk_store **store)
{
	char path[300];
	uint64_t start, len;
	int rc = table ? gpt_find(table, name, &start, &len) : -ENOENT;

	if (!rc)
		return disk_file(table, readonly, start, len, store);
	if (rc != -ENOENT || !folder || !is_file_name(name) ||
	    snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return rc;
	return disk_file(path, readonly, 0, 0, store);
}

static int add_faults(struct disk_store **store)
{
	struct disk_store *below = *store;
	const char *why;
	int rc = nrules ? disk_faults(below, time(NULL), store) : 0;

	for (unsigned i = 0; !rc && i < nrules; i++) {
		rc = disk_faults_add(*store, rules[i], &why);
		if (rc)
			printf("storage: fault %s: %s\n", rules[i], why);
	}
	if (rc)
		disk_close(*store);
	return rc;
}

static int open_store(const struct export *e, bool readonly, struct disk_store **store)
{
	int rc;

	if (!e->from)
		rc = open_found(e->name, readonly, store);
	else if (!strncmp(e->from, "memory:", 7))
		rc = disk_memory(size_of(e->from + 7), store);
	else if (!strncmp(e->from, "cow:", 4))
		rc = open_cow(e->from + 4, store);
	else
		rc = disk_file(e->from, readonly, 0, 0, store);
	return rc ? rc : add_faults(store);
}

/* ---- who uses them */

static bool is(const struct export *e, const char *kind)
{
	return e->from && !strncmp(e->from, kind, strlen(kind));
}

static struct export *find(const char *name)
{
	struct export *e = exports;

	while (e && strcmp(e->name, name))
		e = e->next;
	return e;
}

static struct export *add(const char *name, const char *from)
{
	struct export *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->name = strdup(name);
	e->from = from ? strdup(from) : NULL;
	e->next = exports;
	exports = e;
	return e;
}

static void closed(struct disk_store *s)
{
	struct export *e;
	void (*close)(struct disk_store *s) = NULL;

	pthread_mutex_lock(&lock);
	for (e = exports; e && e->store != s; e = e->next)
		;
	if (e && !is(e, "memory:")) {
		close = e->close;
		e->store = NULL;
	}
	pthread_mutex_unlock(&lock);
	if (close)
		close(s);
	printf("storage: %s is detached\n", e ? e->name : "?");
	pthread_mutex_lock(&lock);
	if (e)
		e->busy = false;
	pthread_mutex_unlock(&lock);
}

/* Takes an export for one guest. */
static int take(struct export *e)
{
	bool busy = true;

	for (int i = 0; busy && i < PATIENCE; i++) {
		if (i)
			usleep(10000);
		pthread_mutex_lock(&lock);
		busy = e->busy;
		e->busy = true;
		pthread_mutex_unlock(&lock);
	}
	return busy ? -EBUSY : 0;
}

static int open_exclusive(struct export *e, bool readonly, struct disk_store **store)
{
	int rc = take(e);

	if (rc)
		return rc;
	rc = e->store ? 0 : open_store(e, readonly, &e->store);
	if (rc) {
		e->store = NULL;	/* add_faults() may have closed it */
		e->busy = false;
		return rc;
	}
	if (e->store->close != closed)
		e->close = e->store->close;
	e->store->close = closed;
	*store = e->store;
	return 0;
}

static int open_disk(const struct disk_request *w, struct disk_store **store, void *arg)
{
	struct export *e;
	int rc = -ENOMEM;

	(void)arg;
	pthread_mutex_lock(&lock);
	e = find(w->target);
	if (!e && (table || folder))
		e = add(w->target, NULL);
	pthread_mutex_unlock(&lock);
	if (!e)
		rc = -ENOENT;
	else if (is(e, "cow:") || (w->readonly && !is(e, "memory:")))
		rc = open_store(e, w->readonly, store);		/* any number of guests */
	else
		rc = open_exclusive(e, w->readonly, store);
	printf("storage: domain %u, disk %s: %s\n", w->domid, w->target,
	       rc ? strerror(-rc) : "attached");
	return rc;
}

static bool parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');
		const char **value = !strcmp(argv[i], "--table") ? &table :
				     !strcmp(argv[i], "--files") ? &folder :
				     !strcmp(argv[i], "--fault") && nrules < RULES ? &rules[nrules++] : NULL;

		if (value && i + 1 < argc) {
			*value = argv[++i];
		} else if (!value && equals && equals != argv[i]) {
			*equals = '\0';
			if (!add(argv[i], equals + 1))
				return false;
		} else {
			printf("storage: %s: not an option, and not NAME=STORE\n", argv[i]);
			return false;
		}
	}
	return exports || table || folder;
}

int main(int argc, char **argv)
{
	int rc;

	if (!parse(argc, argv)) {
		puts("usage: storage [--table DISK] [--files FOLDER] [--fault RULE]... [NAME=STORE]...");
		return 2;
	}
	puts("storage: ready");
	rc = disks_serve(open_disk, NULL);
	printf("storage: %s\n", strerror(-rc));
	return 1;
}
