/* SPDX-License-Identifier: ISC */
#include "control/toolstack.h"
#include "control/control_internal.h"
#include "control/suspend.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/dump.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

/*
 * How long the shutdown waits for xenstored at each of its keys, since dom0 may be busy.
 */
#define PATIENCE (4 * NSEC_PER_SEC)
#define LAST_PATIENCE (1 * NSEC_PER_SEC)

static struct waitq changed;
static struct xs_watch shutdown_watch, sysrq_watch;

/*
 * "1": supported; "0": the toolstack need not wait.  The guest may lack the permission to
 * write.
 */
static void write_features(void)
{
	static const char *const features[][2] = {
		{ "control/feature-poweroff", "1" },
		{ "control/feature-reboot", "1" },
		{ "control/feature-halt", "1" },
		{ "control/feature-suspend", "1" },
		{ "control/feature-sysrq", "1" },
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		int rc = xs_write(NULL, features[i][0], features[i][1]);

		if (rc && rc != -EACCES)
			log_warning("control: cannot write %s (error %d)", features[i][0], rc);
		else if (rc)
			log_debug("control: no permission to write %s", features[i][0]);
	}
}

struct taking {
	const char *path;
	char *value;
};

/*
 * In a transaction, as in Linux, so that only the request that was read is overwritten.
 */
static int take_body(const struct xs_tx *tx, void *arg)
{
	struct taking *t = arg;
	ssize_t len;

	free(t->value);
	t->value = NULL;
	len = xs_read(tx, t->path, &t->value);
	if (len <= 0)
		return len;
	return xs_write(tx, t->path, "");
}

/*
 * Takes a request: returns the value of path, which is "" from now on, to be freed, or
 * NULL. A request is executed even if it cannot be acknowledged.
 */
static char *take(const char *path)
{
	struct taking t = { .path = path };
	ssize_t rc = xs_read(NULL, path, &t.value);

	if (rc > 0)
		rc = xs_transaction(NEVER, take_body, &t);
	if (rc < 0 && rc != -ENOENT)
		log_warning("control: cannot acknowledge %s (error %d)", path, (int)rc);
	if (t.value && *t.value)
		return t.value;
	free(t.value);
	return NULL;
}

/*
 * Memory that a suspend released is taken from Xen again when it is needed, and all of it some time
 * afterwards, so that no other domain gets it.
 */
#define PAUSE (1 * NSEC_PER_SEC)
static bool memory_missing;

/* A restored domain has none of the features. */
static void on_suspend(void)
{
	int rc;

	log_info("control: the toolstack suspends the guest");
	rc = guest_suspend();
	if (rc < 0)
		log_error("control: the guest is not suspended (error %d)", rc);
	else
		log_info("control: %s", rc ? "the suspend was cancelled" : "restored");
	if (rc == 0)
		write_features();
	memory_missing = true;
}

static void on_shutdown(void)
{
	static const struct {
		const char *word;
		unsigned reason;
	} requests[] = {
		{ "poweroff", SHUTDOWN_poweroff },
		{ "halt", SHUTDOWN_poweroff },	/* not just the CPU */
		{ "reboot", SHUTDOWN_reboot },
	};
	const size_t n = sizeof(requests) / sizeof(requests[0]);
	char *word = take(shutdown_watch.path);
	size_t i;

	if (!word)
		return;
	if (strcmp(word, "suspend") == 0) {
		free(word);
		on_suspend();
		return;
	}
	for (i = 0; i < n && strcmp(word, requests[i].word) != 0; i++)
		;
	if (i == n)
		log_warning("control: unsupported request %s", word);
	free(word);
	if (i < n)
		shutdown_request(requests[i].reason, "requested by control/shutdown");
}

static void help(void)
{
	print("sysrq: h help, t threads and ports, m memory, s sync, b reboot, "
	      "o power off, c crash\n");
}

static void on_sysrq(void)
{
	char *keys = take(sysrq_watch.path), key;

	if (!keys)
		return;
	key = *keys;
	free(keys);
	switch (key) {
	case 't':
		dump_state();
		break;
	case 'm':
		dump_memory();
		break;
	case 's':
		shutdown_sync();
		break;
	case 'b':
		shutdown_guest(SHUTDOWN_reboot, STATUS_ASKED, "sysrq b");
	case 'o':
		shutdown_guest(SHUTDOWN_poweroff, STATUS_ASKED, "sysrq o");
	case 'c':
		panic("sysrq c");
	default:
		help();
	}
}

static void report(const struct shutdown_order *order)
{
	int rc = xs_init();
	struct xs_tx soon = { .deadline = clock_now() + PATIENCE };

	if (soon.deadline > order->deadline)
		soon.deadline = order->deadline;
	if (rc == 0)
		rc = xs_write(&soon, "data/exit-reason", order->why);
	if (rc == 0)
		rc = xs_printf(&soon, "data/exit-status", "%d", order->status);
	if (rc)
		log_warning("control: cannot write the exit status to xenstore (error %d)", rc);
}

static void report_last(const struct shutdown_order *order)
{
	char status[8];

	format(status, sizeof(status), "%d", order->status);
	xs_last_words("data/exit-status", status, LAST_PATIENCE);
}

static void watch(struct xs_watch *w, const char *path)
{
	int rc = xs_watch(w, path, &changed);

	if (rc)
		log_warning("control: cannot watch %s (error %d)", path, rc);
}

void toolstack_run(void)
{
	int rc = xs_init(), shutdown_rc, sysrq_rc;

	if (rc) {
		log_warning("control: cannot use xenstore (error %d)", rc);
		return;
	}
	watch(&shutdown_watch, "control/shutdown");
	watch(&sysrq_watch, "control/sysrq");
	write_features();
	control_endpoint_start();
	do {
		while (!wait_until_deadline(&changed, memory_missing ? clock_now() + PAUSE : NEVER,
					    xs_watch_pending(&shutdown_watch) ||
						    xs_watch_pending(&sysrq_watch)))
			while ((memory_missing = page_take_from_xen()))
				thread_yield();
		shutdown_rc = xs_watch_wait(&shutdown_watch, 0, NULL);
		if (shutdown_rc == 0)
			on_shutdown();
		sysrq_rc = xs_watch_wait(&sysrq_watch, 0, NULL);
		if (sysrq_rc == 0)
			on_sysrq();
	} while (shutdown_rc != -EIO && sysrq_rc != -EIO);	/* else xenstore is lost */
}

int toolstack_init(void)
{
	static struct shutdown_hook hook = {
		.name = "control", .run = report, .last = report_last,
	};
	int rc = xs_open();

	control_methods_add();
	if (rc)
		return rc;
	shutdown_hook(&hook);
	return 0;
}
