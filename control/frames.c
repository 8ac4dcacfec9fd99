/* SPDX-License-Identifier: ISC */
/* A stream of bytes as messages, each with a NUL behind it (control_internal.h). */
#include "control/control_internal.h"

#include <string.h>

bool frames_received(struct frames *f, size_t n, take_frame *take)
{
	char *start = f->buf, *end = f->buf + f->len + n, *nul;
	bool there = true;

	while (there && (nul = memchr(start, '\0', end - start))) {
		there = take(start, nul - start, f->too_long);
		f->too_long = false;
		start = nul + 1;
	}
	f->len = end - start;
	memmove(f->buf, start, f->len);
	if (f->len == f->size) {
		f->too_long = true;
		f->len = 0;
	}
	return there;
}
