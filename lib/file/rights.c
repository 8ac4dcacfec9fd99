/* SPDX-License-Identifier: ISC */
#include "lib/file/rights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int rights_add(struct rights **to, const int *fds, size_t count)
{
	struct rights *r = *to;

	if (!r) {
		r = *to = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
	}
	if (count > RIGHTS_MAX - r->count)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		int fd;
		struct file *f;

		memcpy(&fd, &fds[i], sizeof(fd));
		f = file_get(fd);
		if (!f)
			return -EBADF;
		r->files[r->count++] = f;
	}
	return 0;
}

struct rights *rights_copy(const struct rights *from)
{
	struct rights *r = malloc(sizeof(*r));

	if (!r)
		return NULL;
	*r = *from;
	r->next = NULL;
	for (size_t i = 0; i < r->count; i++)
		r->files[i]->refs++;
	return r;
}

size_t rights_install(struct rights *r, int *fds, size_t room)
{
	size_t n = 0;

	for (; n < r->count && n < room; n++) {
		fds[n] = file_install(r->files[n]);
		if (fds[n] < 0)
			break;
	}
	return n;
}

/*
 * A released file may be a local socket with more files in its queue, and so on. They are
 * put on a list, since recursion could overflow the stack.
 */
void rights_put(struct rights *list)
{
	static struct rights *waiting;
	static bool busy;
	struct rights *r;

	while ((r = list)) {
		list = r->next;
		r->next = waiting;
		waiting = r;
	}
	if (busy)
		return;
	busy = true;
	while ((r = waiting)) {
		waiting = r->next;
		for (size_t i = 0; i < r->count; i++)
			file_put(r->files[i]);
		free(r);
	}
	busy = false;
}
