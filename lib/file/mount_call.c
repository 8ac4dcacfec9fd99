/* SPDX-License-Identifier: ISC */
/* mount(), umount() and umount2(). */
#include "kernel/log.h"
#include "kernel/sched.h"
#include "lib/file/mapped.h"
#include "lib/file/mounts.h"
#include "lib/file/path.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>

#define IGNORED (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_SILENT | \
		 MS_RELATIME | MS_STRICTATIME | MS_LAZYTIME)

static int remount(const char *target, struct fs_options *o)
{
	struct place p;
	int rc = place_resolve(&p, AT_FDCWD, target, 0);

	if (rc)
		return rc;
	if (!p.inode || p.inode != p.mount->fs->root)
		rc = -EINVAL;
	else if (o->read_only && mapped_collect_all(p.mount->fs))
		rc = -EBUSY;
	else
		rc = p.mount->fs->ops->remount(p.mount->fs, o);
	if (rc && o->reason[0])
		log_warning("mount %s: %s", target, o->reason);
	place_put(&p);
	return rc;
}

static int add(const char *source, const char *target, const char *type,
	       const struct fs_options *o)
{
	char *name = malloc(PATH_BYTES), why[MOUNTS_WHY];
	struct place p;
	int rc;

	if (!name)
		return -ENOMEM;
	rc = place_resolve(&p, AT_FDCWD, target, 0);
	if (!rc) {
		rc = place_name(&p, name);
		place_put(&p);
	}
	if (!rc) {
		rc = mounts_add(source, name, type, o, why);
		if (rc)
			log_warning("mount %s: %s", target, why);
	}
	free(name);
	return rc;
}

int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data)
{
	struct fs_options o = {
		.read_only = flags & MS_RDONLY, .sync = flags & MS_SYNCHRONOUS,
	};
	int rc;

	if (!target || (!(flags & MS_REMOUNT) && (!type || !source)))
		return result(-EFAULT);
	if (flags & ~(unsigned long)(MS_RDONLY | MS_SYNCHRONOUS | MS_REMOUNT | IGNORED) ||
	    (data && mounts_options(data, &o)))
		return result(-EINVAL);
	kernel_enter();
	rc = flags & MS_REMOUNT ? remount(target, &o) : add(source, target, type, &o);
	kernel_leave();
	return result(rc);
}

int umount2(const char *target, int flags)
{
	int rc;

	if (!target)
		return result(-EFAULT);
	if (flags)
		return result(-EINVAL);
	kernel_enter();
	rc = mounts_remove(target);
	kernel_leave();
	return result(rc);
}

int umount(const char *target)
{
	return umount2(target, 0);
}
