/* SPDX-License-Identifier: ISC */
/*
 * Descriptors in transit through a socketpair() (SCM_RIGHTS of unix(7)).
 *
 * Files in transit have a reference. A local socket may itself be sent, but not if only
 * its own unread data would then refer to it: there is no garbage collector for such
 * cycles, so a call that would make one is refused. Kernel code.
 */
#ifndef LIB_FILE_RIGHTS_H
#define LIB_FILE_RIGHTS_H

#include "lib/file/file.h"

#include <stdint.h>

#define RIGHTS_MAX 253			/* per message: Linux's SCM_MAX_FD */

struct rights {
	struct rights *next;
	uint64_t begin, end;	/* offsets in the stream of the bytes they were sent with */
	size_t count;
	struct file *files[RIGHTS_MAX];
};

/*
 * Adds the files of these descriptors. Returns 0 or -errno (EBADF, EINVAL: too many,
 * ENOMEM).
 */
int rights_add(struct rights **r, const int *fds, size_t count);

/* Returns a copy of the list; NULL: no memory. */
struct rights *rights_copy(const struct rights *r);

/* Assigns new descriptors to at most `room` of them. Returns how many. */
size_t rights_install(struct rights *r, int *fds, size_t room);

/* Releases all files in the list. May sleep. */
void rights_put(struct rights *list);

#endif
