/* SPDX-License-Identifier: ISC */
/*
 * Pools: guests that were created ahead, and are paused before their first instruction.
 *
 * The folder of a pool has:
 *
 *	image, options, line	what its guests are made of; options: words of `run`, each with a NUL
 *	lock			held by the process that fills or stops the pool
 *	creating		the UUID of the guest that is being created
 *	new			a file that is being written; not in ready/, where each file is a guest
 *	ready/UUID		a guest; who renames the file owns the guest
 *	taken/UUID		its owner, who has not started it yet, holds a lock of this file
 *
 * So what a process that was killed leaves behind is found by the next one that fills the pool.
 */
#include "domain.h"
#include "endpoint.h"
#include "guests.h"
#include "quote.h"
#include "usage.h"
#include "warm.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POOLS GUESTS "/../pools"
#define MOST_GUESTS 1000
#define REFILL_DELAY 1			/* seconds: the guest that was taken starts first */
#define TAKE_STEP 20000000		/* nanoseconds between two tries to take a guest */
#define XL_STEP 50000			/* microseconds between two looks whether it still runs */
#define IMAGE_MOST (1l << 30)

struct pool {
	char name[64];
	int size;
	struct run_options options;
};

static int taken_lock = -1;		/* of the guest that this process owns */

static char *path_of(const char *name, const char *folder, const char *file)
{
	char *path;

	if (asprintf(&path, POOLS "/%s/%s%s", name, folder, file) < 0)
		die(FAILED, "out of memory");
	return path;
}

/* Returns the contents, followed by a NUL, to be freed, or NULL. */
static char *read_all(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;
	char *text = NULL;

	if (f && !fstat(fileno(f), &st) && st.st_size < IMAGE_MOST)
		text = malloc(st.st_size + 1);
	*size = text ? fread(text, 1, st.st_size, f) : 0;
	if (text)
		text[*size] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* Only the process that has the lock writes, so one temporary name is enough. */
static void write_all(const char *pool, const char *folder, const char *file, const char *text, size_t size)
{
	char *new = path_of(pool, "", "new"), *path = path_of(pool, folder, file);
	FILE *f = fopen(new, "wbe");

	if (!f || fwrite(text, 1, size, f) != size || fclose(f) || rename(new, path))
		die(FAILED, "%s: %s", path, strerror(errno));
	free(new);
	free(path);
}

static int is_there(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

/* Returns a descriptor, or -1.  The file may be removed, or be another one, after a wait. */
static int lock_file(const char *path, int how)
{
	struct stat locked, there;
	int fd;

	while ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0) {
		if (flock(fd, how)) {
			close(fd);
			return -1;
		}
		if (!fstat(fd, &locked) && !stat(path, &there) && locked.st_dev == there.st_dev &&
		    locked.st_ino == there.st_ino)
			break;
		close(fd);
	}
	return fd;
}

static int is_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

/* Returns 0, or -1 if there is no such pool. */
static int load(const char *name, struct pool *p)
{
	size_t size, line_size;
	char *options = read_all(path_of(name, "", "options"), &size), *line, **words;
	int n = 0;

	if (!options || !size)
		return -1;
	words = calloc(4 * MOST, sizeof(*words));	/* they stay: options.args points to the last */
	if (!words)
		die(FAILED, "out of memory");
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->size = atoi(options);
	for (char *w = options + strlen(options) + 1; w < options + size && n < 4 * MOST - 2;
	     w += strlen(w) + 1)
		words[n++] = w;
	words[n++] = path_of(name, "", "image");
	words[n] = NULL;
	run_parse(&p->options, words);
	line = read_all(path_of(name, "", "line"), &line_size);
	p->options.cmdline = line ? line : "";
	return 0;
}

static _Noreturn void no_pool(const char *name)
{
	die(FAILED, "there is no pool %s; type: xenolith pool IMAGE -n 8", name);
}

static void load_or_die(const char *name, struct pool *p)
{
	if (!is_name(name) || load(name, p))
		no_pool(name);
}

/* Calls visit() for each guest in a folder of the pool: a file, named by its UUID. */
static int each(const char *name, const char *folder, void (*visit)(const char *path, const char *id))
{
	DIR *d = opendir(path_of(name, folder, ""));
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (*e->d_name != '.') {
			n++;
			if (visit)
				visit(path_of(name, folder, e->d_name), e->d_name);
		}
	if (d)
		closedir(d);
	return n;
}

/* The domain with this UUID, which has not run yet, or -1. */
static int waiting_domain(const char *id)
{
	uint8_t uuid[UUID_SIZE];
	xc_domaininfo_t info;
	int domid, n = 0;

	for (const char *p = id; *p && n < UUID_SIZE; p += *p == '-' ? 1 : 2)
		if (*p != '-' && sscanf(p, "%2hhx", &uuid[n++]) != 1)
			return -1;
	domid = n == UUID_SIZE ? domain_of_uuid(uuid) : -1;
	if (domid < 0 || xc_domain_getinfolist(xen(), domid, 1, &info) != 1 ||
	    (int)info.domain != domid || !(info.flags & XEN_DOMINF_paused) || info.cpu_time ||
	    info.flags & XEN_DOMINF_dying)
		return -1;
	return domid;
}

static void destroy(const char *id)
{
	int domid = waiting_domain(id);

	if (domid >= 0)
		domain_destroy(domid);
}

/* ---- filling */

static void forget_if_gone(const char *path, const char *id)
{
	if (waiting_domain(id) < 0)
		unlink(path);
}

static void end_if_abandoned(const char *path, const char *id)
{
	int fd = lock_file(path, LOCK_EX | LOCK_NB);

	if (fd < 0)
		return;			/* its owner is about to start it */
	destroy(id);
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
static void settle(const char *name)
{
	char *path = path_of(name, "", "creating"), *id;
	size_t size;

	id = read_all(path, &size);
	if (id) {
		while (is_being_created(id))
			usleep(XL_STEP);
		destroy(id);
		unlink(path);
	}
	each(name, "taken/", end_if_abandoned);
	each(name, "ready/", forget_if_gone);
}

static void make_id(char id[37])
{
	int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, id, 36) != 36)
		die(FAILED, "/proc/sys/kernel/random/uuid: %s", strerror(errno));
	id[36] = '\0';
	close(fd);
}

static void ending_signals(sigset_t *set)
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
	char id[37], name[80], line[64], cmdline[80], *creating = path_of(p->name, "", "creating");
	sigset_t ends, before;

	if (o.nlines == MOST)
		die(USAGE, "too many lines of --config");
	ending_signals(&ends);
	sigprocmask(SIG_BLOCK, &ends, &before);
	make_id(id);
	write_all(p->name, "", "creating", id, strlen(id));
	snprintf(name, sizeof(name), "%.50s-%.6s", p->name, id);
	snprintf(line, sizeof(line), "uuid = \"%s\"", id);
	snprintf(cmdline, sizeof(cmdline), "pool=%s", p->name);
	o.name = name;
	o.cmdline = cmdline;
	o.lines[o.nlines++] = line;
	run_create(&o);
	write_all(p->name, "ready/", id, name, strlen(name));
	unlink(creating);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/*
 * Creates guests until the pool is full, at most `most`.  Another process may stop the pool meanwhile,
 * or have its lock: with LOCK_NB in `how`, it is not waited for.
 */
static void fill(const char *name, int most, int how)
{
	char *options = path_of(name, "", "options");
	struct pool p;
	int lock = !is_there(options) ? -1 : lock_file(path_of(name, "", "lock"), LOCK_EX | how);

	if (lock < 0)
		return;
	if (load(name, &p)) {
		close(lock);
		return;
	}
	settle(name);
	for (; most && is_there(options) && each(name, "ready/", NULL) < p.size; most--)
		create_one(&p);
	close(lock);
}

static void fill_in_background(const char *name)
{
	sigset_t none;
	int null;

	fflush(NULL);
	if (fork())
		return;
	if (taken_lock >= 0)
		close(taken_lock);	/* else the guest has an owner when this program is killed */
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
	fill(name, MOST_GUESTS, 0);
	_exit(0);
}

/* ---- starting a guest */

static char *taken;			/* the file of the guest that this process owns */
static const char *taking;		/* the pool */
static int taken_domain = -1;
static char taken_name[80];

static void try_to_take(const char *path, const char *id)
{
	char *to = path_of(taking, "taken/", id), *name;
	int fd, domid;
	size_t size;

	if (taken_domain >= 0)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || rename(path, to)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	name = read_all(to, &size);
	domid = waiting_domain(id);
	if (domid < 0 || !name || size >= sizeof(taken_name)) {
		unlink(to);		/* it was destroyed, or somebody has started it */
		close(fd);
		return;
	}
	strcpy(taken_name, name);
	taken = to;
	taken_lock = fd;
	taken_domain = domid;
}

void pool_taken(void)
{
	if (taken_lock < 0)
		return;
	unlink(taken);
	close(taken_lock);
	taken_lock = -1;
}

/* Sleeps; a signal, which `run` has blocked, ends the program. */
static void pause_or_end(void)
{
	struct timespec t = { .tv_nsec = TAKE_STEP };
	sigset_t ends;
	int signal;

	ending_signals(&ends);
	signal = sigtimedwait(&ends, NULL, &t);
	if (signal > 0)
		exit(128 + signal);
}

/*
 * Creates a guest, and takes it, or one of the process that fills the pool.  Another process may be
 * faster, so this is repeated.
 */
static void wait_for_guest(void)
{
	fprintf(stderr, "xenolith: no guest of the pool %s is ready; one is created\n", taking);
	for (;;) {
		fill(taking, 1, LOCK_NB);
		if (!is_there(path_of(taking, "", "options")))
			no_pool(taking);
		each(taking, "ready/", try_to_take);
		if (taken_domain >= 0)
			return;
		pause_or_end();
	}
}

/* The image may have been built again, with the same name. */
static void check_image(const struct pool *p, const char *image)
{
	size_t size, other;
	char *in_pool = read_all(p->options.image, &size), *now = read_all(image, &other);

	if (!in_pool || !now || size != other || memcmp(in_pool, now, size))
		die(FAILED, "run: %s is not the image of the pool %s; type: xenolith pool stop %s, and make"
		    " the pool again", image, p->name, p->name);
}

int pool_take(struct run_options *o)
{
	struct pool p;
	char *line, *cmdline;

	taking = *o->pool ? o->pool : run_name_of(o->image);
	load_or_die(taking, &p);
	check_image(&p, o->image);
	if (asprintf(&cmdline, "%s%s%s", p.options.cmdline, *o->cmdline ? " " : "", o->cmdline) < 0)
		die(FAILED, "out of memory");
	o->cmdline = cmdline;
	line = run_line(o, LINE_MOST);
	if (o->named)
		domain_check_name(o->name);	/* before a guest is taken, which would be lost */
	each(taking, "ready/", try_to_take);
	if (taken_domain < 0)
		wait_for_guest();
	domain_note(taken_domain, "line", line);
	if (o->named)
		domain_rename(taken_domain, o->name);
	else
		o->name = taken_name;
	o->log = taken_name;
	o->type = p.options.type;
	fill_in_background(taking);
	return taken_domain;
}

/* ---- the command */

static void check_options(const struct run_options *o)
{
	if (!strcmp(o->type, "hvm"))
		die(USAGE, "pool: a disk of an HVM guest contains its command line; use --type pvh");
	if (*o->args)
		die(USAGE, "pool: xenolith run --pool gives each guest its arguments");
	if (o->pool || o->from || o->background || o->timeout || o->show || o->quiet)
		die(USAGE, "pool: only options that create a domain, and --cmdline");
	for (int i = 0; i < o->ndisks; i++)
		if (!strstr(o->disks[i], ",ro"))
			die(USAGE, "pool: --disk %s: several guests would write to it; add ,ro", o->disks[i]);
}

/* Removes `-n N` from the words; returns N. */
static int take_size(char **argv)
{
	int size = 0, to = 0;

	for (int i = 0; argv[i]; i++)
		if (!strcmp(argv[i], "-n") && argv[i + 1])
			size = atoi(argv[++i]);
		else
			argv[to++] = argv[i];
	argv[to] = NULL;
	if (size < 1 || size > MOST_GUESTS)
		die(USAGE, "pool: -n is the number of guests, from 1 to %d\n%s", MOST_GUESTS, USAGE_POOL);
	return size;
}

/* Writes the word FILE, or FILE:/PATH,ro, with the whole name of FILE: guests are created in any folder. */
static void put_file(FILE *f, const char *option, const char *word)
{
	char *here = *word == '/' ? "" : get_current_dir_name();

	if (!here || strchr(here, ',') || strstr(here, ":/"))
		die(FAILED, "pool: %s %s: write its whole name, which may have neither , nor :/", option, word);
	fprintf(f, "%s=%s%s%s%c", option, here, *here ? "/" : "", word, 0);
}

static void write_options(const char *name, int size, const struct run_options *o)
{
	char *text;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	fprintf(f, "%d%c--name=%s%c--type=%s%c--memory=%s%c", size, 0, name, 0, o->type, 0, o->memory, 0);
	if (o->has_net)
		fprintf(f, "--net%s%s%c", o->net ? "=" : "", o->net ? o->net : "", 0);
	if (o->ramdisk)
		put_file(f, "--ramdisk", o->ramdisk);
	for (int i = 0; i < o->ndisks; i++)
		put_file(f, "--disk", o->disks[i]);
	for (int i = 0; i < o->nlines; i++)
		fprintf(f, "--config=%s%c", o->lines[i], 0);
	fclose(f);
	write_all(name, "", "options", text, length);
}

static void create(char **argv)
{
	int size = take_size(argv), lock;
	struct run_options o;
	char *image, *line;
	const char *name;
	size_t length;

	run_parse(&o, argv);
	check_options(&o);
	name = o.name;
	mkdir("/var/lib/xenolith", 0755);
	mkdir(GUESTS, 0755);
	mkdir(POOLS, 0755);
	mkdir(path_of(name, "", ""), 0700);
	lock = lock_file(path_of(name, "", "lock"), LOCK_EX);
	if (lock < 0)
		die(NO_PERMISSION, "pool: %s: %s", path_of(name, "", "lock"), strerror(errno));
	if (is_there(path_of(name, "", "options")))
		die(FAILED, "there is a pool %s; type: xenolith pool stop %s", name, name);
	mkdir(path_of(name, "ready", ""), 0700);
	mkdir(path_of(name, "taken", ""), 0700);
	image = read_all(o.image, &length);
	if (!image)
		die(FAILED, "image %s: %s", o.image, strerror(errno));
	write_all(name, "", "image", image, length);
	line = run_line(&o, LINE_MOST);
	write_all(name, "", "line", line, strlen(line));
	write_options(name, size, &o);
	close(lock);
	fill(name, MOST_GUESTS, 0);
	printf("pool %s: %d of %d guests are ready; xenolith run --pool %s starts one\n", name,
	       each(name, "ready/", NULL), size, o.image);
}

static void list(void)
{
	DIR *d = opendir(POOLS);
	struct dirent *e;
	int any = 0;

	while (d && (e = readdir(d))) {
		struct pool p;

		if (*e->d_name == '.' || load(e->d_name, &p))
			continue;
		if (!any++)
			printf("%-24s %-4s %8s %s\n", "POOL", "TYPE", "MEMORY", "READY");
		each(e->d_name, "ready/", forget_if_gone);
		printf("%-24s %-4s %5s MB %d of %d\n", p.name, p.options.type, p.options.memory,
		       each(e->d_name, "ready/", NULL), p.size);
	}
	if (d)
		closedir(d);
	if (!any)
		puts("no pools");
}

static void end_one(const char *path, const char *id)
{
	destroy(id);
	unlink(path);
}

/*
 * Without its options no process fills the pool any more.  They are not read: they may be those of a
 * disk that is gone, or of a pool that was not complete.
 */
static void stop(const char *name)
{
	static const char *const files[] = { "creating", "new", "image", "line", "ready", "taken",
					     "lock", "" };
	int lock;

	if (!is_name(name) || !is_there(path_of(name, "", "")))
		no_pool(name);
	unlink(path_of(name, "", "options"));
	lock = lock_file(path_of(name, "", "lock"), LOCK_EX);
	if (lock < 0)
		die(NO_PERMISSION, "pool: %s: %s", path_of(name, "", "lock"), strerror(errno));
	settle(name);
	each(name, "ready/", end_one);
	while (each(name, "taken/", end_if_abandoned))
		usleep(XL_STEP);	/* a guest is being started */
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (remove(path_of(name, files[i], "")) && errno != ENOENT)
			die(FAILED, "pool: %s: %s", path_of(name, files[i], ""), strerror(errno));
	close(lock);
}

void pool(char **argv)
{
	if (!*argv || !strcmp(*argv, "--help") || !strcmp(*argv, "-h")) {
		fputs(USAGE_POOL, *argv ? stdout : stderr);
		exit(*argv ? 0 : USAGE);
	}
	if (!strcmp(*argv, "list") && !argv[1])
		list();
	else if (!strcmp(*argv, "stop") && argv[1] && !argv[2])
		stop(argv[1]);
	else
		create(argv);
}
