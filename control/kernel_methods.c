/* SPDX-License-Identifier: ISC */
/* The interfaces that every image has, for the state of the kernel. */
#include "control/command.h"
#include "control/control_internal.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"
#include "kernel/hold.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "kernel/symbols.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define LIST_BYTES (COMMAND_MAX - 2048)	/* a longer list is sent in several replies */

/* ---- info */

static int info_get(struct command *c)
{
	unsigned major = 0, minor = 0;
	char extra[16] = "", version[48];
	int self = xs_domid();

	xen_version(&major, &minor, extra);
	format(version, sizeof(version), "%u.%u%s", major, minor, extra);
	json_string(c->reply, "application", image_name);
	json_string(c->reply, "build", image_build);
	json_string(c->reply, "name", "Xenolith");
	json_string(c->reply, "version", XENOLITH_VERSION);
	json_string(c->reply, "xen", version);
	if (self >= 0)
		json_number(c->reply, "domain", self);
	json_number(c->reply, "uptime", clock_now() / NSEC_PER_MSEC);
	json_number(c->reply, "time", clock_wall() / NSEC_PER_MSEC);
	json_open(c->reply, "arguments", '[');
	for (unsigned i = 0; i < param_argc(); i++)
		json_string(c->reply, NULL, param_argv()[i]);
	json_close(c->reply, ']');
	return 0;
}

static const struct method info_methods[] = {
	{ "Get", COMMAND_READS, info_get },
	{ NULL, 0, NULL },
};

static struct interface info = {
	.name = "org.xenolith.info1",
	.description =
	"# The image, its domain, and times in ms: uptime, and the time since 1970.\n"
	"interface org.xenolith.info1\n"
	"# The build is a digest of the image; the version is that of the kernel, named Xenolith.\n"
	"method Get() -> (application: string, build: string, name: string, version: string,\n"
	"  xen: string, domain: ?int, uptime: int, time: int, arguments: []string)\n",
	.methods = info_methods,
};

/* ---- memory */

static void memory_stats(struct json *j, const char *key)
{
	struct page_stats p;

	page_stats(&p);
	json_open(j, key, '{');
	json_number(j, "total", p.total * KIB_PER_PAGE);
	json_number(j, "heap", p.heap * KIB_PER_PAGE);
	json_number(j, "pages", p.used * KIB_PER_PAGE);
	json_number(j, "free", p.free * KIB_PER_PAGE);
	json_close(j, '}');
}

static struct interface memory = {
	.name = "org.xenolith.memory1",
	.description =
	"# Memory in KiB: of the heap, of pages (stacks, rings), free.\n"
	"interface org.xenolith.memory1\n"
	"type Memory (total: int, heap: int, pages: int, free: int)\n"
	"method Get() -> (memory: Memory)\n",
	.key = "memory", .stats = memory_stats,
};

/* ---- threads */

static const char *state_of(const struct thread *t)
{
	if (t == current)
		return "running";
	if (t->runnable)
		return t->depth ? "ready" : "preempted";
	return "waiting";
}

static void put_thread(struct json *j, const struct thread *t)
{
	uint64_t now = clock_now();
	size_t size = 0, used = 0;

	arch_context_stack(t->context, &size, &used);
	json_open(j, NULL, '{');
	json_number(j, "id", t->id);
	json_string(j, "name", t->name);
	json_string(j, "kind", t->kind == THREAD_KERNEL ? "kernel" : "app");
	json_string(j, "state", state_of(t));
	if (t->waits)
		json_string(j, "waits", t->waits);
	if (t->waits && t->deadline != NEVER)
		json_number(j, "left", t->deadline > now ?
			    (t->deadline - now) / NSEC_PER_MSEC : 0);
	json_number(j, "cpu", t->cpu_time / 1000);
	json_number(j, "stack", size);
	json_number(j, "stack_used", used);
	json_close(j, '}');
}

struct listing {
	struct json *j;
	size_t limit;			/* of j->len */
	int64_t from, next;		/* ids */
};

static void list_thread(const struct thread *t, void *arg)
{
	struct listing *l = arg;

	if (t->id < l->from || l->next >= 0)
		return;
	if (l->j->len > l->limit)
		l->next = t->id;
	else
		put_thread(l->j, t);
}

static int threads_list(struct command *c)
{
	struct listing l = { .j = c->reply, .limit = LIST_BYTES, .next = -1 };

	if (command_integer(c, "from", 0, UINT32_MAX, &l.from) < 0)
		return -EINVAL;
	json_open(c->reply, "threads", '[');
	thread_list(list_thread, &l);
	json_close(c->reply, ']');
	json_number(c->reply, "total", thread_count());
	if (l.next >= 0)
		json_number(c->reply, "next", l.next);
	return 0;
}

static void threads_stats(struct json *j, const char *key)
{
	struct listing l = { .j = j, .limit = j->len + LIST_BYTES / 2, .next = -1 };

	json_open(j, key, '[');
	thread_list(list_thread, &l);
	json_close(j, ']');
}

static const struct method threads_methods[] = {
	{ "List", COMMAND_READS, threads_list },
	{ NULL, 0, NULL },
};

static struct interface threads = {
	.name = "org.xenolith.threads1",
	.description =
	"# Threads: `waits` is the function in which it sleeps, `left` the maximum in ms; `cpu`\n"
	"# is in us, `stack` in bytes, `stack_used` the maximum so far.  If the list is too long\n"
	"# for a reply, `next` is the value of `from` for the next call.\n"
	"interface org.xenolith.threads1\n"
	"type Thread (id: int, name: string, kind: (kernel, app),\n"
	"  state: (running, ready, preempted, waiting), waits: ?string, left: ?int,\n"
	"  cpu: int, stack: int, stack_used: int)\n"
	"method List(from: ?int) -> (threads: []Thread, total: int, next: ?int)\n",
	.methods = threads_methods, .key = "threads", .stats = threads_stats,
};

/* ---- events and grants */

static void put_port(const struct evtchn *e, void *arg)
{
	struct json *j = arg;

	json_open(j, NULL, '{');
	json_number(j, "port", e->port);
	json_string(j, "name", e->name);
	json_number(j, "count", e->count);
	json_close(j, '}');
}

static void put_hold(struct json *j)
{
	uintptr_t start;

	json_open(j, "hold", '{');
	json_number(j, "longest", hold_longest.ns / 1000);
	json_open(j, "in", '[');
	for (unsigned i = 1; i < HOLDERS && hold_longest.pcs[i]; i++)
		json_string(j, NULL, symbol_lookup(hold_longest.pcs[i] - 1, &start));
	json_close(j, ']');
	json_close(j, '}');
}

static void xen_stats(struct json *j, const char *key)
{
	struct gnttab_stats g;

	gnttab_stats(&g);
	json_open(j, key, '{');
	json_number(j, "switches", sched_stats.switches);
	json_number(j, "preemptions", sched_stats.preemptions);
	json_number(j, "upcalls", sched_stats.upcalls);
	json_number(j, "idles", sched_stats.idles);
	json_open(j, "grants", '{');
	json_number(j, "used", g.used);
	json_number(j, "free", g.free);
	json_number(j, "quarantined", g.quarantined);
	json_number(j, "mapped", g.mapped);
	json_close(j, '}');
	put_hold(j);
	json_open(j, "ports", '[');
	evtchn_list(put_port, j);
	json_close(j, ']');
	json_close(j, '}');
}

static struct interface xen = {
	.name = "org.xenolith.xen1",
	.description =
	"# Counts of events, switches and grants; hold: longest time with events masked, in us,\n"
	"# and where it ended.\n"
	"interface org.xenolith.xen1\n"
	"type Port (port: int, name: string, count: int)\n"
	"type Grants (used: int, free: int, quarantined: int, mapped: int)\n"
	"type Hold (longest: int, in: []string)\n"
	"type Xen (switches: int, preemptions: int, upcalls: int, idles: int, grants: Grants,\n"
	"  hold: Hold, ports: []Port)\n"
	"method Get() -> (xen: Xen)\n",
	.key = "xen", .stats = xen_stats,
};

/* ---- all statistics */

#define SHORTEST 100			/* ms between two replies */

static int stats_get(struct command *c)
{
	int64_t every = 0;
	int rc = command_integer(c, "every", SHORTEST, 3600000, &every);

	if (rc < 0)
		return rc;
	if (rc && !c->more)
		return -EDOM;
	for (;;) {
		uint64_t next = clock_now() + every * NSEC_PER_MSEC;

		command_stats(c->reply, "stats");
		if (!every || !command_next(c) || !command_wait(c, next))
			return 0;
	}
}

static const struct method stats_methods[] = {
	{ "Get", COMMAND_READS, stats_get },
	{ NULL, 0, NULL },
};

static struct interface stats = {
	.name = "org.xenolith.stats1",
	.description =
	"# The statistics of all interfaces in one reply: uptime (ms), memory, threads, xen,\n"
	"# net, block, ...; with `more`, a reply `every` so many ms.\n"
	"interface org.xenolith.stats1\n"
	"method Get(every: ?int) -> (stats: object)\n",
	.methods = stats_methods,
};

/* ---- power */

static int power_off(struct command *c)
{
	char mode[16] = "poweroff";
	unsigned reason = SHUTDOWN_poweroff;

	if (command_string(c, "mode", mode, sizeof(mode)) < 0)
		return -EINVAL;
	if (!strcmp(mode, "reboot")) {
		reason = SHUTDOWN_reboot;
	} else if (!strcmp(mode, "crash")) {
		command_finish(c);
		panic("requested by the operator");
	} else if (strcmp(mode, "poweroff")) {
		return command_wrong(c, "mode");
	}
	command_finish(c);
	shutdown_request(reason, "requested by the operator");
	return 0;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "TERM", SIGTERM },
	{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "WINCH", SIGWINCH },
};

static int power_signal(struct command *c)
{
	char name[8], why[80];
	size_t i, n = sizeof(signals) / sizeof(signals[0]);

	if (command_string(c, "signal", name, sizeof(name)) <= 0)
		return command_wrong(c, "signal");
	for (i = 0; i < n && strcmp(name, signals[i].name); i++)
		;
	if (i == n)
		return command_wrong(c, "signal");
	if (shutdown_signal && shutdown_signal(signals[i].number) == 0)
		return 0;
	format(why, sizeof(why), "the application does not handle SIG%s", name);
	return command_error(c, NULL, why);
}

static int power_sync(struct command *c)
{
	(void)c;
	shutdown_sync();
	return 0;
}

static const struct method power_methods[] = {
	{ "Shutdown", COMMAND_DANGEROUS, power_off },
	{ "Signal", COMMAND_DANGEROUS, power_signal },
	{ "Sync", COMMAND_WRITES, power_sync },
	{ NULL, 0, NULL },
};

static struct interface power = {
	.name = "org.xenolith.power1",
	.description =
	"# Shutdown ends the guest, after the reply (dangerous). An application that handles\n"
	"# SIGTERM gets it first, except for `crash`. Signal sends the application a signal; an\n"
	"# error if it has no handler (dangerous). Sync writes data in memory to the disks\n"
	"# (writes).\n"
	"interface org.xenolith.power1\n"
	"method Shutdown(mode: ?(poweroff, reboot, crash)) -> ()\n"
	"method Signal(signal: (HUP, INT, QUIT, TERM, USR1, USR2, WINCH)) -> ()\n"
	"method Sync() -> ()\n",
	.methods = power_methods,
};

/* ---- common errors */

static struct interface control = {
	.name = "org.xenolith.control1",
	.description =
	"# Errors of any method, besides org.varlink.service's: an invalid message, and a\n"
	"# failure in the guest.\n"
	"interface org.xenolith.control1\n"
	"error BadMessage (reason: string)\n"
	"error Failed (reason: string)\n",
};

void control_methods_add(void)
{
	static struct interface *const all[] = {
		&info, &memory, &threads, &xen, &stats, &log_interface, &config_interface,
		&power, &control,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		command_add(all[i]);
	profile_methods_add();
}
