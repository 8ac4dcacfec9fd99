/* SPDX-License-Identifier: ISC */
/*
 * Locks that are held across sleeps.  Zero is unlocked.  A waiting writer goes before new
 * readers.
 */
#ifndef FS_LOCK_H
#define FS_LOCK_H

#include "fs/os.h"

struct rwlock {
	struct os_queue queue;
	unsigned readers, writers_waiting;
	bool writer;
};

static inline void lock_read(struct rwlock *l)
{
	while (l->writer || l->writers_waiting)
		os_wait(&l->queue);
	l->readers++;
}

/* false: it would sleep. */
static inline bool lock_try_read(struct rwlock *l)
{
	if (l->writer || l->writers_waiting)
		return false;
	l->readers++;
	return true;
}

static inline void unlock_read(struct rwlock *l)
{
	if (--l->readers == 0)
		os_wake(&l->queue);
}

static inline void lock_write(struct rwlock *l)
{
	l->writers_waiting++;
	while (l->writer || l->readers)
		os_wait(&l->queue);
	l->writers_waiting--;
	l->writer = true;
}

/* false: it would sleep. */
static inline bool lock_try_write(struct rwlock *l)
{
	if (l->writer || l->readers || l->writers_waiting)
		return false;
	l->writer = true;
	return true;
}

static inline void unlock_write(struct rwlock *l)
{
	l->writer = false;
	os_wake(&l->queue);
}

#endif
