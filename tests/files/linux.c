/* SPDX-License-Identifier: ISC */
/* Linux's file calls in a root of its own, for comparison (op.h). */
#include "tests/files/op.h"
#include "tests/files/outside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char long_path[PATH_MAX];

#include "tests/files/op_do.h"

/* newlib's numbers of errors, where they differ. */
static long translated(long error)
{
	switch (error) {
	case -ENOTEMPTY:
		return -90;
	case -ENAMETOOLONG:
		return -91;
	case -ELOOP:
		return -92;
	default:
		return error;
	}
}

static char root[64];
static int outside_root = -1;

/* The root is on a tmpfs, if there is one: another file system may have rules of its own. */
int linux_begin(void)
{
	strcpy(root, "/dev/shm/files-XXXXXX");
	if (!mkdtemp(root)) {
		strcpy(root, "/tmp/files-XXXXXX");
		if (!mkdtemp(root))
			return -1;
	}
	if (outside_root < 0)
		outside_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	umask(022);
	if (outside_root >= 0 && !chmod(root, 0755) && !chdir(root) &&
	    (!chroot(".") || (!unshare(CLONE_NEWUSER) && !chroot("."))))
		return 0;
	rmdir(root);
	return -1;
}

void linux_do(const struct op *op, struct answer *to)
{
	do_call(op, to);
	if (to->result < 0)
		to->result = translated(to->result);
}

void linux_end(void)
{
	char command[128];

	for (int i = 0; i < SLOTS; i++) {
		close(slots[i]);
		slots[i] = -1;
	}
	if (fchdir(outside_root) || chroot("."))
		die("leaving the root");
	snprintf(command, sizeof(command), "rm -rf %s", root);
	if (system(command))
		die("%s", command);
}
