/* SPDX-License-Identifier: ISC */
/* The suspends of this guest, for threads that wait for one. */
#ifndef LIB_XENOLITH_RESUMES_H
#define LIB_XENOLITH_RESUMES_H

#include <stdbool.h>

struct resumes {
	unsigned all, restored;
};

extern struct resumes resumes;		/* that there were */

/*
 * Sleeps until there was another one than *seen, which is updated.  Returns whether the guest was
 * restored by it.  Kernel code.
 */
bool resumes_wait(struct resumes *seen);

#endif
