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
#ifndef XENOLITH_POOL_H
#define XENOLITH_POOL_H

#include "guests.h"
#include "run.h"

#include <signal.h>

#define POOLS GUESTS "/../pools"
#define MOST_GUESTS 1000

struct pool {
	char name[64];
	int size;
	struct run_options options;
};

/* ---- pool_files.c */

/* The path of a file; folder: "", or one of the pool's, with a slash.  The result is to be freed. */
char *pool_path(const char *name, const char *folder, const char *file);

/* Returns the contents, followed by a NUL, to be freed, or NULL. */
char *pool_read(const char *path, size_t *size);

/* For the process that has the lock.  An error ends the program. */
void pool_write(const char *pool, const char *folder, const char *file, const char *text, size_t size);

int pool_has(const char *path);		/* whether there is such a file */

/* Returns a descriptor, or -1.  how: that of flock(2). */
int pool_lock(const char *path, int how);

int pool_is_name(const char *name);	/* whether a pool may have this name */

/* Returns 0, or -1 if there is no such pool. */
int pool_load(const char *name, struct pool *p);
void pool_load_or_die(const char *name, struct pool *p);
_Noreturn void pool_missing(const char *name);	/* ends the program: there is no such pool */

/* Calls visit(), or NULL, for each guest in a folder of the pool.  Returns their number. */
int pool_each(const char *name, const char *folder, void (*visit)(const char *path, const char *id));

/* The domain with this UUID, which has not run yet, or -1. */
int pool_domain(const char *id);

/* ---- pool_fill.c */

void pool_signals(sigset_t *set);	/* the signals that end this program */

/* Creates guests until the pool is full, at most `most`.  With LOCK_NB: not beside another process. */
void pool_fill(const char *name, int most, int how);

/* Does so in a process of its own, which does not have this descriptor. */
void pool_fill_in_background(const char *name, int lock);

/* Destroys what processes that were killed have left.  For the process that has the lock. */
void pool_settle(const char *name);

/* Destroys a guest that has not run yet. */
void pool_destroy(const char *id);

/* Visitors: forget a guest that has run, or is gone; destroy one whose owner was killed. */
void pool_forget_if_gone(const char *path, const char *id);
void pool_end_if_abandoned(const char *path, const char *id);

#endif
