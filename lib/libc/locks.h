/* SPDX-License-Identifier: ISC */
/* The part of newlib's locks that other files use. */
#ifndef LIB_LIBC_LOCKS_H
#define LIB_LIBC_LOCKS_H

/* From now on no thread waits long for a lock: the guest is ending. */
void locks_limit_wait(void);

#endif
