/* SPDX-License-Identifier: ISC */
/* The part of newlib's locks that other files use. */
#ifndef LIB_LIBC_LOCKS_H
#define LIB_LIBC_LOCKS_H

#include <stdbool.h>

struct __lock;

/* From now on no thread waits long for a lock: the guest is ending. */
void locks_limit_wait(void);

/* Releases the locks of streams that the current thread holds: it was cancelled. */
void locks_release_all(void);

/* Whether the current thread has locked it. */
bool lock_held(const struct __lock *lock);

#endif
