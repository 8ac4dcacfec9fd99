/* SPDX-License-Identifier: ISC */
/*
 * Descriptors under way from one end of a socketpair() to the other (SCM_RIGHTS of unix(7)).
 *
 * The files are held while they are under way.  A local socket may itself be sent, but never
 * so that it would be held only by what waits to be read from it: there is no collector of
 * such cycles here, so the call that would make one is refused.  Kernel code.
 */
#ifndef LIB_FILE_RIGHTS_H
#define LIB_FILE_RIGHTS_H

#include "lib/file/file.h"

#include <stdint.h>

#define RIGHTS_MAX 253			/* in one message: Linux's SCM_MAX_FD */

struct rights {
	struct rights *next;
	uint64_t begin, end;		/* of the bytes they came with, in the stream */
	size_t count;
	struct file *files[RIGHTS_MAX];
};

/* The files of these descriptors, too: 0 or -errno (EBADF, EINVAL: too many, ENOMEM). */
int rights_add(struct rights **r, const int *fds, size_t count);

/* The same files once more; NULL: no memory. */
struct rights *rights_copy(const struct rights *r);

/* New descriptors for at most `room` of them; how many there are now. */
size_t rights_install(struct rights *r, int *fds, size_t room);

/* Let go of all in the list.  May sleep. */
void rights_put(struct rights *list);

#endif
