/* SPDX-License-Identifier: ISC */
#define XC_WANT_COMPAT_MAP_FOREIGN_API
#include "domain.h"
#include "endpoint.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

#define DOMAINS 1024
#define QUERY_TRIES 100		/* 50 ms apart */
#define DESTROY_TRIES 5		/* 200 ms apart */

static struct xs_handle *xs;
static xc_interface *xc;

struct xs_handle *store(void)
{
	if (!xs)
		xs = xs_open(0);
	if (!xs)
		die(NO_PERMISSION, "cannot connect to xenstore: %s; run this command as root in"
		    " dom0", strerror(errno));
	return xs;
}

xc_interface *xen(void)
{
	if (!xc)
		xc = xc_interface_open(NULL, NULL, 0);
	if (!xc)
		die(NO_PERMISSION, "cannot connect to Xen: %s; run this command as root in dom0",
		    strerror(errno));
	return xc;
}

void domain_forked(void)
{
	xs = NULL;
	xc = NULL;
}

char *store_read(const char *fmt, ...)
{
	char path[256];
	unsigned length;
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return xs_read(store(), XBT_NULL, path, &length);
}

void domain_note(int domid, const char *key, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "/local/domain/%d/xenolith/%s", domid, key);
	xs_write(store(), XBT_NULL, path, value, strlen(value));
}

void store_write(const char *path, const char *value)
{
	xs_write(store(), XBT_NULL, path, value, strlen(value));
}

void domain_seed(int domid)
{
	unsigned char b[32];
	char text[2 * sizeof(b) + 1];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		die(FAILED, "getrandom: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(b); i++)
		sprintf(text + 2 * i, "%02x", b[i]);
	domain_note(domid, "seed", text);
}

char *domain_noted(int domid, const char *key)
{
	return store_read("/local/domain/%d/xenolith/%s", domid, key);
}

/*
 * A connection and a thread of its own wait for events, and write a byte to the pipe for
 * each.  Debian's static libxenstore has no thread that reads: there, a request takes an
 * event for its reply, and xs_fileno() is never ready.
 */
static int ended[2] = { -1, -1 };

static void *read_events(void *watch)
{
	char **event;
	unsigned n;

	while ((event = xs_read_watch(watch, &n))) {
		free(event);
		if (write(ended[1], "", 1) != 1)
			break;
	}
	close(ended[1]);
	return NULL;
}

void domain_watch(void)
{
	struct xs_handle *watch = xs_open(0);
	pthread_t reader;

	if (!watch || !xs_watch(watch, "@releaseDomain", "end"))
		die(NO_PERMISSION, "cannot watch domains: %s", strerror(errno));
	if (pipe2(ended, O_CLOEXEC) || pthread_create(&reader, NULL, read_events, watch))
		die(FAILED, "cannot watch domains: no memory");
}

int domain_poll(struct pollfd *p, int n, int ms)
{
	struct pollfd all[8] = { { .fd = ended[0], .events = POLLIN } };
	char events[64];
	int ready;

	for (int i = 0; i < n; i++)
		all[i + 1] = p[i];
	ready = poll(all, n + 1, ms);
	for (int i = 0; i < n; i++)
		p[i] = all[i + 1];
	if (ready > 0 && all[0].revents && read(ended[0], events, sizeof(events)) <= 0)
		die(FAILED, "the connection to xenstore is lost");
	return ready;
}

/* Returns the domains except dom0; the result is valid until the next call. */
static int list(xc_domaininfo_t **infos)
{
	static xc_domaininfo_t all[DOMAINS];
	int n = xc_domain_getinfolist(xen(), 1, DOMAINS, all);

	if (n < 0)
		die(NO_PERMISSION, "cannot list domains: %s", strerror(errno));
	*infos = all;
	return n;
}

int domain_of_uuid(const uint8_t uuid[UUID_SIZE])
{
	xc_domaininfo_t *all;
	int n = list(&all);

	for (int i = 0; i < n; i++)
		if (!memcmp(all[i].handle, uuid, UUID_SIZE))
			return all[i].domain;
	return -1;
}

int domain_of_name(const char *name)
{
	unsigned n = 0;
	char **ids = xs_directory(store(), XBT_NULL, "/local/domain", &n);
	int found = -1;

	for (unsigned i = 0; ids && i < n && found < 0; i++) {
		char *is = store_read("/local/domain/%s/name", ids[i]);

		if (is && !strcmp(is, name))
			found = atoi(ids[i]);
		free(is);
	}
	free(ids);
	return found;
}

void domain_check_name(const char *name)
{
	if (domain_of_name(name) >= 0)
		die(FAILED, "a guest named %s is running; choose another --name, or end it: xenolith stop"
		    " %s", name, name);
}

void domain_rename(int domid, const char *name)
{
	char path[64], *vm = store_read("/local/domain/%d/vm", domid), *of_vm;

	domain_check_name(name);
	snprintf(path, sizeof(path), "/local/domain/%d/name", domid);
	store_write(path, name);
	if (vm && asprintf(&of_vm, "%s/name", vm) > 0)
		store_write(of_vm, name);
	free(vm);
}

const char *domain_names(void)
{
	unsigned n = 0;
	char **ids = xs_directory(store(), XBT_NULL, "/local/domain", &n), *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *before = "; running: ";

	for (unsigned i = 0; ids && i < n; i++) {
		char *name = strcmp(ids[i], "0") ? store_read("/local/domain/%s/name", ids[i]) : NULL;

		if (name) {
			fputs(before, f);
			put_word(f, name);
			before = ", ";
		}
		free(name);
	}
	free(ids);
	fclose(f);
	return *text ? text : "; no guest is running";
}

/* Returns 1 if the domain exists and is not being destroyed, 0 if it does not, -1 for an error. */
static int exists(int domid, xc_domaininfo_t *info)
{
	int n = xc_domain_getinfolist(xen(), domid, 1, info);

	if (n < 0)
		return errno == ESRCH ? 0 : -1;
	return n == 1 && (int)info->domain == domid && !(info->flags & XEN_DOMINF_dying);
}

const char *domain_end(int domid)
{
	static const char *const reasons[] = { "poweroff", "reboot", "suspend", "crash", "watchdog" };
	xc_domaininfo_t info;
	unsigned reason;
	int there;

	for (int i = 0; (there = exists(domid, &info)) < 0 && i < QUERY_TRIES; i++)
		usleep(50 * 1000);
	if (there < 0)
		die(FAILED, "cannot ask Xen about domain %d: %s", domid, strerror(errno));
	if (!there)
		return "gone";
	if (!(info.flags & XEN_DOMINF_shutdown))
		return NULL;
	/* A suspended domain is being saved: it continues, or is destroyed. */
	if (((info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask) == SHUTDOWN_suspend)
		return NULL;
	reason = (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
	return reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[reason] : "crash";
}

int domain_status(int domid, const char *reason)
{
	static const struct {
		const char *reason;
		int status;
	} table[] = { { "poweroff", 0 }, { "reboot", 251 }, { "suspend", 252 }, { "gone", 253 },
		      { "watchdog", 254 }, { "timeout", 124 }, { "crash", 255 } };
	char *word = strcmp(reason, "timeout") ?
		     store_read("/local/domain/%d/data/exit-status", domid) : NULL;
	int status = word && *word ? atoi(word) & 0xff : -1;

	free(word);
	/* A 0 of a guest that crashed or hung afterwards is ignored. */
	if (status > 0 || (!status && strcmp(reason, "crash") && strcmp(reason, "watchdog")))
		return status;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(reason, table[i].reason))
			return table[i].status;
	return 255;
}

/*
 * A signal to the process group must not reach xl before it has a group of its own, since
 * xl would leave half a domain.
 */
int run_xl(char *const *words)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t all, before, none;
	int status;
	pid_t child;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		for (int i = 0; i < 3; i++) {
			signal(signals[i], SIG_IGN);	/* one that waits is discarded */
			signal(signals[i], SIG_DFL);
		}
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp("xl", words);
		fprintf(stderr, "xenolith: cannot run xl; run this command in dom0\n");
		_exit(127);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (child < 0) {
		fprintf(stderr, "xenolith: cannot run xl: %s\n", strerror(errno));
		return 126;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int domain_destroy(int domid)
{
	char id[16], *words[] = { "xl", "destroy", id, NULL };
	xc_domaininfo_t info;

	snprintf(id, sizeof(id), "%d", domid);
	for (int i = 0; i < DESTROY_TRIES; i++) {
		if (!run_xl(words) || !exists(domid, &info))
			return 0;
		usleep(200 * 1000);
	}
	fprintf(stderr, "xenolith: domain %d could not be destroyed; type: xl destroy %d\n", domid,
		domid);
	return -1;
}
