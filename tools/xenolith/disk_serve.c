/* SPDX-License-Identifier: ISC */
/* `xenolith disk serve`: a disk for any domain of this host, served by this process. */
#include "xenolith.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <xenolith/disk.h>

static const char *const help =
	"usage: xenolith disk serve NAME --store STORE [OPTION...]\n"
	"  --store memory:SIZE         in memory of this process, such as memory:64M\n"
	"          FILE                a file or a block device\n"
	"          overlay:BASE:TOP    BASE, and what changes in TOP: a file that is made if\n"
	"                              it does not exist, or memory\n"
	"  --ro                        read-only\n"
	"  --rates                     print requests and bytes of each second\n"
	"Faults (docs/storage.md):\n"
	"  --fault RULE                such as 'write 5000..6000 EIO after 10s'; may be repeated\n"
	"  --latency TIME              of each request, such as 5ms\n"
	"  --write-cache               writes are lost before a flush ...\n"
	"  --lose-cache-on-destroy[=some]  ... when the domain is destroyed\n"
	"  --out-of-order              responses overtake each other\n"
	"  --seed N                    of rates and of lost sectors\n"
	"Attach it: xl block-attach DOMAIN vdev=xvdb,script=block-xenolith,target=NAME\n";

static struct {
	const char *name;
	struct disk_store *store;
	struct disk_store *durable;	/* below the faults */
	void (*close)(struct disk_store *s);
	pthread_mutex_t lock;
	bool attached, readonly, rates;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- the store */

static uint64_t size_of(const char *text)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (*text < '0' || *text > '9' || !unit || end[1] || !n || n >> 20)
		die(USAGE, "--store memory:%s: a size is a number with K, M, G or T", text);
	return n << 10 * (unit - units + 1);
}

static void check(int rc, const char *what)
{
	if (rc)
		die(FAILED, "--store %s: %s", what, strerror(-rc));
}

static struct disk_store *open_file(const char *path, bool readonly)
{
	struct disk_store *s = NULL;

	check(disk_file(path, readonly, 0, 0, &s), path);
	return s;
}

static void make_file(const char *path, uint64_t size)
{
	FILE *f = fopen(path, "wx");

	if (!f || ftruncate(fileno(f), size))
		die(FAILED, "%s: %s", path, strerror(errno));
	fclose(f);
}

/* A new file has the size of the base. */
static struct disk_store *open_top(const char *path, uint64_t size)
{
	struct disk_store *s = NULL;
	int rc;

	if (!strcmp(path, "memory"))
		rc = disk_memory(size, &s);
	else
		rc = disk_file(path, false, 0, 0, &s);
	if (rc == -ENOENT) {
		make_file(path, size);
		rc = disk_file(path, false, 0, 0, &s);
	}
	check(rc, path);
	return s;
}

static struct disk_store *open_store(char *text)
{
	struct disk_store *s = NULL, *base;
	char *colon;

	if (!strncmp(text, "memory:", 7)) {
		check(disk_memory(size_of(text + 7), &s), text);
		return s;
	}
	if (strncmp(text, "overlay:", 8))
		return open_file(text, disk.readonly);
	colon = strchr(text + 8, ':');
	if (!colon)
		die(USAGE, "--store %s: expected overlay:BASE:TOP", text);
	*colon = '\0';
	base = open_file(text + 8, true);
	check(disk_overlay(base, open_top(colon + 1, base->size), &s), text);
	return s;
}

static void add_rule(const char *rule)
{
	const char *why;

	if (disk_faults_add(disk.store, rule, &why))
		die(USAGE, "fault %s: %s", rule, why);
}

/* ---- the server */

/* The disk stays when it is detached, with its data in memory. */
static void detached(struct disk_store *s)
{
	(void)s;
	pthread_mutex_lock(&disk.lock);
	disk.attached = false;
	pthread_mutex_unlock(&disk.lock);
	printf("%s: detached\n", disk.name);
	fflush(stdout);
}

static int take(void)
{
	int rc;

	pthread_mutex_lock(&disk.lock);
	rc = disk.attached ? -EBUSY : 0;
	disk.attached = true;
	pthread_mutex_unlock(&disk.lock);
	return rc;
}

static int open_disk(const struct disk_request *w, struct disk_store **store, void *arg)
{
	int rc;

	(void)arg;
	if (strcmp(w->target, disk.name))
		return -ENOENT;
	/* The domain may be restarting, and the end of the old one not yet complete. */
	for (int i = 0; (rc = take()) && i < 500; i++)
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	if (rc) {
		fprintf(stderr, "%s: request of domain %u refused: attached to another domain\n",
			disk.name, w->domid);
		return rc;
	}
	*store = disk.store;
	printf("%s: attached to domain %u\n", disk.name, w->domid);
	fflush(stdout);
	return 0;
}

static void report(const struct disk_stats *now, const struct disk_stats *before)
{
	if (now->reads == before->reads && now->writes == before->writes &&
	    now->flushes == before->flushes && now->discards == before->discards)
		return;
	printf("domain %u: %llu reads/s %.1f MiB/s, %llu writes/s %.1f MiB/s, %llu flushes, %llu "
	       "discards, %llu errors\n", now->domid, (unsigned long long)(now->reads - before->reads),
	       (now->read_bytes - before->read_bytes) / 1048576.0,
	       (unsigned long long)(now->writes - before->writes),
	       (now->written_bytes - before->written_bytes) / 1048576.0,
	       (unsigned long long)(now->flushes - before->flushes),
	       (unsigned long long)(now->discards - before->discards),
	       (unsigned long long)(now->errors - before->errors));
	fflush(stdout);
}

/* Obeys signals, and reports each second. */
static void *signals(void *set)
{
	struct disk_stats before[1] = { { 0 } }, now[1];
	struct timespec second = { 1, 0 };

	for (;;) {
		int sig = disk.rates ? sigtimedwait(set, NULL, &second) : sigwaitinfo(set, NULL);

		if (sig == SIGHUP)
			disks_changed();
		else if (sig > 0)
			disks_stop();
		if (!disk.rates || !disks_stats(now, 1))
			continue;
		if (now->domid != before->domid || now->reads < before->reads)
			*before = (struct disk_stats){ .domid = now->domid };
		report(now, before);
		*before = *now;
	}
	return NULL;
}

/*
 * Two servers of one disk would both serve its guest.  The name of a socket lasts as long as the
 * process, however that ends.
 */
static void reserve_name(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "xenolith-disk/%s", disk.name);

	if (n >= (int)sizeof(a.sun_path) - 1)
		die(USAGE, "%s: the name is too long", disk.name);
	if (s < 0 || bind(s, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + 1 + n))
		die(FAILED, "%s: %s", disk.name,
		    errno == EADDRINUSE ? "another server serves this name" : strerror(errno));
}

static void serve(void)
{
	static sigset_t set;
	pthread_t thread;
	int rc;

	signal(SIGPIPE, SIG_IGN);	/* its guest needs it also when nobody reads its output */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	rc = pthread_create(&thread, NULL, signals, &set);
	if (rc)
		die(FAILED, "%s", strerror(rc));
	printf("%s: %llu MiB%s; attach it: xl block-attach DOMAIN vdev=xvdb,script=block-xenolith,"
	       "target=%s\n", disk.name, (unsigned long long)disk.store->size >> 20,
	       disk.store->readonly ? ", read-only" : "", disk.name);
	fflush(stdout);
	disk.close = disk.store->close;
	disk.store->close = detached;
	rc = disks_serve(open_disk, NULL);
	if (rc)
		die(FAILED, "disk serve: %s", rc == -ENOMEM || rc == -ENOENT ?
		    "cannot connect to xenstore; is this a Xen host, and are you root?" : strerror(-rc));
	/* Without faults, since a rule could hold it for ever. */
	if (disk.durable->flush && disk.durable->flush(disk.durable))
		die(FAILED, "%s: the last writes could not be made durable", disk.name);
	disk.close(disk.store);
}

static const struct option options[] = {
	{ "store", required_argument, NULL, 's' }, { "ro", no_argument, NULL, 'r' },
	{ "rates", no_argument, NULL, 'R' }, { "fault", required_argument, NULL, 'f' },
	{ "latency", required_argument, NULL, 'l' }, { "write-cache", no_argument, NULL, 'w' },
	{ "lose-cache-on-destroy", optional_argument, NULL, 'L' },
	{ "out-of-order", no_argument, NULL, 'o' }, { "seed", required_argument, NULL, 'S' },
	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

#define RULES 32

void disk_serve(int argc, char **argv)
{
	char *store = NULL, *rules[RULES], *text;
	unsigned n = 0;
	uint64_t seed = time(NULL);
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		text = optarg;
		switch (c) {
		case 's': store = optarg; continue;
		case 'r': disk.readonly = true; continue;
		case 'R': disk.rates = true; continue;
		case 'S': seed = strtoull(optarg, NULL, 0); continue;
		case 'h': fputs(help, stdout); exit(0);
		case 'l':
			if (asprintf(&text, "any latency %s", optarg) < 0)
				die(FAILED, "%s", strerror(ENOMEM));
			break;
		case 'w': text = "write-cache"; break;
		case 'o': text = "out-of-order"; break;
		case 'L':
			if (optarg && strcmp(optarg, "some"))
				die(USAGE, "--lose-cache-on-destroy=%s: there is only =some", optarg);
			text = optarg ? "lose-cache-on-destroy some" : "lose-cache-on-destroy";
			break;
		case 'f': break;
		default: die(USAGE, "see xenolith disk serve --help");
		}
		if (n == RULES)
			die(USAGE, "at most %d faults", RULES);
		rules[n++] = text;
	}
	if (optind + 1 != argc || !store)
		die(USAGE, "usage: xenolith disk serve NAME --store STORE; see xenolith disk serve --help");
	disk.name = argv[optind];
	reserve_name();
	disk.store = disk.durable = open_store(store);
	if (n)
		check(disk_faults(disk.store, seed, &disk.store), store);
	for (unsigned i = 0; i < n; i++)
		add_rule(rules[i]);
	if (disk.readonly)
		disk.store->readonly = true;
	serve();
}
