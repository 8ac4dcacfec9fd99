/* SPDX-License-Identifier: ISC */
/* run --pool: takes a guest of a pool. */
#include "pool.h"
#include "endpoint.h"
#include "warm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define TAKE_STEP 20000000		/* nanoseconds between two tries to take a guest */

static char *taken;			/* the file of the guest that this process owns */
static int taken_lock = -1;		/* of this file */
static const char *taking;		/* the pool */
static int taken_domain = -1;
static char taken_name[80];

static void try_to_take(const char *path, const char *id)
{
	char *to = pool_path(taking, "taken/", id), *name;
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
	name = pool_read(to, &size);
	domid = pool_domain(id);
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

	pool_signals(&ends);
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
		pool_fill(taking, 1, LOCK_NB);
		if (!pool_has(pool_path(taking, "", "options")))
			pool_missing(taking);
		pool_each(taking, "ready/", try_to_take);
		if (taken_domain >= 0)
			return;
		pause_or_end();
	}
}

/* The image may have been built again, with the same name. */
static void check_image(const struct pool *p, const char *image)
{
	size_t size, other;
	char *in_pool = pool_read(p->options.image, &size), *now = pool_read(image, &other);

	if (!in_pool || !now || size != other || memcmp(in_pool, now, size))
		die(FAILED, "run: %s is not the image of the pool %s; type: xenolith pool stop %s, and make"
		    " the pool again", image, p->name, p->name);
}

int pool_take(struct run_options *o)
{
	struct pool p;
	char *line, *cmdline;

	taking = *o->pool ? o->pool : run_name_of(o->image);
	pool_load_or_die(taking, &p);
	check_image(&p, o->image);
	if (asprintf(&cmdline, "%s%s%s", p.options.cmdline, *o->cmdline ? " " : "", o->cmdline) < 0)
		die(FAILED, "out of memory");
	o->cmdline = cmdline;
	line = run_line(o, LINE_MOST);
	if (o->named)
		domain_check_name(o->name);	/* before a guest is taken, which would be lost */
	pool_each(taking, "ready/", try_to_take);
	if (taken_domain < 0)
		wait_for_guest();
	domain_note(taken_domain, "line", line);
	if (o->named)
		domain_rename(taken_domain, o->name);
	else
		o->name = taken_name;
	o->log = taken_name;
	o->type = p.options.type;
	pool_fill_in_background(taking, taken_lock);
	return taken_domain;
}
