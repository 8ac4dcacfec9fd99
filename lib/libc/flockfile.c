/* SPDX-License-Identifier: ISC */
/*
 * flockfile() (POSIX.1-2017): takes the lock that each call on the stream takes,
 * recursively.
 */
#include <stdio.h>
#include <sys/lock.h>

void flockfile(FILE *file)
{
	__lock_acquire_recursive(file->_lock);
}

int ftrylockfile(FILE *file)
{
	return __lock_try_acquire_recursive(file->_lock) ? 0 : -1;
}

void funlockfile(FILE *file)
{
	__lock_release_recursive(file->_lock);
}
