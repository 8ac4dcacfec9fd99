/* SPDX-License-Identifier: ISC */
/* newlib's locks, as far as others need to know of them. */
#ifndef LIB_LIBC_LOCKS_H
#define LIB_LIBC_LOCKS_H

/* From now on nobody waits for long: the guest ends, whoever holds what. */
void locks_hurry(void);

#endif
