/* SPDX-License-Identifier: ISC */
/* The locks of streams that a cancelled thread holds. newlib's streams are listed in __sglue. */
#include "lib/libc/locks.h"

#include <reent.h>
#include <stdio.h>
#include <sys/lock.h>

extern struct _glue __sglue __attribute__((weak));	/* if streams are linked */

/* A thread that does not hold the lock cannot release it, and locks count how often they are. */
static void release(FILE *file)
{
	_LOCK_T lock = file->_lock;

	while (lock && lock_held(lock))
		__lock_release_recursive(lock);
}

void locks_release_all(void)
{
	for (struct _glue *g = &__sglue; g; g = g->_next)
		for (int i = 0; i < g->_niobs; i++)
			if (g->_iobs[i]._flags)
				release(&g->_iobs[i]);
}
