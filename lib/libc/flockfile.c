/* SPDX-License-Identifier: ISC */
/* A stream kept over several calls (POSIX.1-2017): the lock that each call takes, once more. */
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
