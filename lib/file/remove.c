/* SPDX-License-Identifier: ISC */
/* remove (POSIX.1-2017): also of folders, unlike newlib's. It may sleep. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int remove(const char *name)
{
	int rc = unlink(name);

	return rc && errno == EISDIR ? rmdir(name) : rc;
}

/* newlib's tmpfile() calls it. */
int _remove_r(struct _reent *reent, const char *name)
{
	(void)reent;
	return remove(name);
}
