/* SPDX-License-Identifier: ISC */
/* Discovery: the devices that xenstore lists; reports; closing them when the guest ends. */
#include "drivers/xenbus/frontend_internal.h"
#include "kernel/dump.h"
#include "kernel/gnttab.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct frontend_kind *frontend_kinds;

static struct frontend *get_device(struct frontend_kind *k, uint64_t id)
{
	struct frontend *fe;

	for (fe = k->devices; fe && fe->id != id; fe = fe->next)
		;
	return fe;
}

/* Parses the name of a device, which is a number. */
static bool parse_id(const char *name, size_t len, uint64_t *id)
{
	*id = 0;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9' || *id > UINT32_MAX / 10)
			return false;
		*id = *id * 10 + (name[i] - '0');
	}
	return len && *id <= UINT32_MAX;
}

/* Returns false without memory. */
static bool add_device(struct frontend_kind *k, unsigned id)
{
	struct frontend *fe = calloc(1, k->driver->size), **p = &k->devices;
	char name[16];

	if (!fe)
		return false;
	fe->driver = k->driver;
	fe->id = id;
	fe->error = -EAGAIN;
	fe->present = true;
	fe->generation = 1;
	format(fe->node, sizeof(fe->node), "%s/%u", k->directory, id);
	format(name, sizeof(name), "%s-%u", k->driver->kind, id);
	if (!thread_start(name, THREAD_KERNEL, STACK_KERNEL, frontend_thread, fe, NULL)) {
		free(fe);
		return false;
	}
	while (*p && (*p)->id < id)
		p = &(*p)->next;
	fe->next = *p;
	*p = fe;
	return true;
}

/* Returns 1, 0, or -ENOMEM if it cannot be read. */
static int has_backend(struct frontend_kind *k, unsigned id)
{
	char path[40], *value;
	ssize_t len;

	format(path, sizeof(path), "%s/%u/backend", k->directory, id);
	len = xs_read(NULL, path, &value);
	if (len < 0)
		return len == -ENOMEM ? len : 0;
	free(value);
	return len > 0;
}

static bool listed(char **names, int n, unsigned id)
{
	uint64_t found;

	for (int i = 0; i < n; i++)
		if (parse_id(names[i], strlen(names[i]), &found) && found == id)
			return true;
	return false;
}

static void set_present(struct frontend *fe, bool present)
{
	if (fe->present == present)
		return;
	fe->present = present;
	fe->generation += present;
	fe->lasts = false;
	/* Callers wait for it; its thread has not run yet. */
	fe->error = present ? -EAGAIN : -ENODEV;
	wake(&fe->changed);
}

/* Lists the devices.  Returns false if memory was not sufficient for all of them. */
static bool list_devices(struct frontend_kind *k)
{
	char **names = NULL;
	int n = xs_list(NULL, k->directory, &names), has;
	bool all = true;
	uint64_t id;

	if (n < 0 && n != -ENOENT)
		return n != -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (!parse_id(names[i], strlen(names[i]), &id) || get_device(k, id))
			continue;
		has = has_backend(k, id);
		all &= has >= 0 && (!has || add_device(k, id));
	}
	for (struct frontend *fe = k->devices; fe; fe = fe->next) {
		has = listed(names, n, fe->id) ? has_backend(k, fe->id) : 0;
		all &= has >= 0;
		if (has >= 0)
			set_present(fe, has);
	}
	free(names);
	return all;
}

/*
 * Whether an event at this path can mean another list of devices.  Below a known device
 * the guest itself writes.
 */
static bool may_change_devices(struct frontend_kind *k, const char *path)
{
	size_t skip = strlen(k->directory) + 1, len;
	struct frontend *fe;
	uint64_t id;

	if (strlen(path) <= skip)
		return true;
	len = strcspn(path + skip, "/");
	if (!parse_id(path + skip, len, &id))
		return false;
	fe = get_device(k, id);
	return path[skip + len] == '\0' || !fe || !fe->present;
}

/*
 * Sleeps until devices may have changed, or the deadline.  Returns 0, or -EIO if xenstore
 * is lost.
 */
static int wait_for_change(struct frontend_kind *k, uint64_t deadline)
{
	bool any = false;
	char *path;
	int rc = 0;

	while (!any && !(rc = xs_watch_wait(&k->watch, deadline, &path))) {
		any = may_change_devices(k, path);
		free(path);
	}
	if (rc == -ENOMEM)		/* the event stays in the queue */
		thread_sleep(clock_now() + PAUSE);
	return rc == -EIO ? rc : 0;
}

/* Tells the threads of all devices to close them. */
static void shut_down_devices(struct frontend_kind *k)
{
	for (struct frontend *fe = k->devices; fe; fe = fe->next) {
		fe->shutting_down = true;
		wake(&fe->changed);
	}
}

static void discover(void *arg)
{
	struct frontend_kind *k = arg;
	int rc = gnttab_init();

	if (!rc)
		rc = xs_init();
	if (!rc)
		rc = xs_watch(&k->watch, k->directory, NULL);
	while (!rc) {
		bool all = list_devices(k);

		k->listed = true;
		k->scans++;
		wake(&k->changed);
		rc = wait_for_change(k, all ? NEVER : clock_now() + PAUSE);
	}
	log_warning("%s: cannot use xenstore or grants (error %d)", k->directory, rc);
	shut_down_devices(k);
	k->listed = true;
	wake(&k->changed);
}

/* ---- reports */

void frontend_each(const struct frontend_driver *driver,
		   void (*visit)(const struct frontend *fe, void *arg), void *arg)
{
	for (struct frontend_kind *k = frontend_kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next)
			if (!driver || driver == k->driver)
				visit(fe, arg);
}

/* ---- the end of the guest */

static void flush_all(void)
{
	for (struct frontend_kind *k = frontend_kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next)
			if (!fe->error && k->driver->flush)
				k->driver->flush(fe);
}

/*
 * Each device is closed by its own thread, so that one that hangs does not delay the
 * others.  A quarter of the time is left for the hooks that follow.
 */
static void close_all(const struct shutdown_order *order)
{
	uint64_t now = clock_now();
	uint64_t deadline = now < order->deadline ? now + (order->deadline - now) / 4 * 3 : now;

	for (struct frontend_kind *k = frontend_kinds; k; k = k->next)
		shut_down_devices(k);
	for (struct frontend_kind *k = frontend_kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next)
			wait_until_deadline(&fe->changed, deadline, fe->thread_ended);
}

/* ---- */

static void report_ring(const char *key, const struct ring *r, void *arg)
{
	(void)arg;
	print("  %s: ", key);
	ring_report(r);
}

/* Prints each device and its rings. */
static void report_device(const struct frontend *fe, void *arg)
{
	(void)arg;
	print("%s: ", fe->node);
	if (fe->log.left_out)
		print("%u lines left out of the log; ", fe->log.left_out);
	if (fe->error)
		print("not connected (%d)%s%s\n", fe->error, fe->broken ? ", disabled: " : "",
		      fe->broken ? fe->broken : "");
	else
		print("connected to %s\n", fe->backend);
	frontend_rings(fe, report_ring, NULL);
}

static void report(void)
{
	frontend_each(NULL, report_device, NULL);
}

static struct frontend_kind *get_kind(const struct frontend_driver *driver)
{
	static struct shutdown_hook hook = {
		.name = "devices", .run = close_all, .sync = flush_all,
	};
	static struct dump dump = { .report = report };
	struct frontend_kind *k;

	for (k = frontend_kinds; k && k->driver != driver; k = k->next)
		;
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->driver = driver;
	format(k->directory, sizeof(k->directory), "device/%s", driver->kind);
	if (!thread_start(k->directory, THREAD_KERNEL, STACK_KERNEL, discover, k, NULL)) {
		free(k);
		return NULL;
	}
	if (!frontend_kinds) {
		shutdown_hook(&hook);
		dump_add(&dump);
		frontend_methods_add();
	}
	if (driver->methods_add)
		driver->methods_add();
	k->next = frontend_kinds;
	frontend_kinds = k;
	return k;
}

struct frontend *frontend_get(const struct frontend_driver *driver, unsigned id)
{
	struct frontend *fe = frontend_next(driver, id);

	return fe && fe->id == id ? fe : NULL;
}

struct frontend *frontend_next(const struct frontend_driver *driver, unsigned id)
{
	struct frontend_kind *k = get_kind(driver);
	struct frontend *fe;

	if (!k)
		return NULL;
	wait_until(&k->changed, k->listed);
	for (fe = k->devices; fe && (fe->id < id || !fe->present); fe = fe->next)
		;
	return fe;
}

void frontend_wait_change(const struct frontend_driver *driver, unsigned *seen)
{
	struct frontend_kind *k = get_kind(driver);

	if (!k)
		thread_sleep(clock_now() + PAUSE);
	else
		wait_until(&k->changed, k->scans != *seen);
	*seen = k ? k->scans : *seen;
}

int frontend_wait(struct frontend *fe, uint64_t deadline)
{
	if (!wait_until_deadline(&fe->changed, deadline, !frontend_held && fe->error != -EAGAIN))
		return -ETIMEDOUT;
	return fe->error;
}
