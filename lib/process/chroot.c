/* SPDX-License-Identifier: ISC */
/*
 * chroot() of 4.2BSD and Linux: absolute names begin at another directory, also those of symbolic
 * links, and ".." does not lead above it. The current directory stays, and files that are open.
 */
#include "kernel/sched.h"
#include "lib/file/path.h"
#include "lib/process/ids.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int change(const char *name)
{
	struct place at, before;
	int rc = place_resolve(&at, AT_FDCWD, name, 0);

	if (!rc && !place_is_directory(&at)) {
		place_put(&at);
		rc = -ENOTDIR;
	}
	if (rc)
		return rc;
	/* Without a chdir() until now, the current directory is the root that was. */
	if (!place_is(&path_cwd) && (rc = place_resolve(&path_cwd, AT_FDCWD, "/", 0))) {
		place_put(&at);
		return rc;
	}
	before = path_root;
	path_root = at;
	if (place_is(&before))
		place_put(&before);
	return 0;
}

int chroot(const char *name)
{
	int rc = -EPERM;

	kernel_enter();
	if (ids_privileged())
		rc = change(name);
	kernel_leave();
	return result(rc);
}
