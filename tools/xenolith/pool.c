/* SPDX-License-Identifier: ISC */
/* `xenolith pool`: makes, lists and stops pools (pool.h). */
#include "pool.h"
#include "endpoint.h"
#include "usage.h"
#include "warm.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STARTING_STEP 50000		/* microseconds between two looks whether a guest has started */

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
	pool_write(name, "", "options", text, length);
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
	do {				/* while the lock was waited for, the pool may have been stopped */
		if (mkdir(pool_path(name, "", ""), 0700) && errno != EEXIST)
			die(NO_PERMISSION, "pool: %s: %s", pool_path(name, "", ""), strerror(errno));
		lock = pool_lock(pool_path(name, "", "lock"), LOCK_EX);
	} while (lock < 0 && errno == ENOENT);
	if (lock < 0)
		die(NO_PERMISSION, "pool: %s: %s", pool_path(name, "", "lock"), strerror(errno));
	if (pool_has(pool_path(name, "", "options")))
		die(FAILED, "there is a pool %s; type: xenolith pool stop %s", name, name);
	mkdir(pool_path(name, "ready", ""), 0700);
	mkdir(pool_path(name, "taken", ""), 0700);
	image = pool_read(o.image, &length);
	if (!image)
		die(FAILED, "image %s: %s", o.image, strerror(errno));
	pool_write(name, "", "image", image, length);
	line = run_line(&o, LINE_MOST);
	pool_write(name, "", "line", line, strlen(line));
	write_options(name, size, &o);
	close(lock);
	pool_fill(name, MOST_GUESTS, 0);
	printf("pool %s: %d of %d guests are ready; xenolith run --pool %s starts one\n", name,
	       pool_each(name, "ready/", NULL), size, o.image);
}

static void list(void)
{
	DIR *d = opendir(POOLS);
	struct dirent *e;
	int any = 0;

	while (d && (e = readdir(d))) {
		struct pool p;

		if (*e->d_name == '.' || pool_load(e->d_name, &p))
			continue;
		if (!any++)
			printf("%-24s %-4s %8s %s\n", "POOL", "TYPE", "MEMORY", "READY");
		pool_each(e->d_name, "ready/", pool_forget_if_gone);
		printf("%-24s %-4s %5s MB %d of %d\n", p.name, p.options.type, p.options.memory,
		       pool_each(e->d_name, "ready/", NULL), p.size);
	}
	if (d)
		closedir(d);
	if (!any)
		puts("no pools");
}

static void end_one(const char *path, const char *id)
{
	pool_destroy(id);
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

	if (!pool_is_name(name) || !pool_has(pool_path(name, "", "")))
		pool_missing(name);
	unlink(pool_path(name, "", "options"));
	lock = pool_lock(pool_path(name, "", "lock"), LOCK_EX);
	if (lock < 0)
		die(NO_PERMISSION, "pool: %s: %s", pool_path(name, "", "lock"), strerror(errno));
	pool_settle(name);
	pool_each(name, "ready/", end_one);
	while (pool_each(name, "taken/", pool_end_if_abandoned))
		usleep(STARTING_STEP);	/* a guest is being started */
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (remove(pool_path(name, files[i], "")) && errno != ENOENT)
			die(FAILED, "pool: %s: %s", pool_path(name, files[i], ""), strerror(errno));
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
