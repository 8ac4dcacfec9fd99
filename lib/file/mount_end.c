/* SPDX-License-Identifier: ISC */
/*
 * The end of the guest: every mounted disk becomes a clean file system.
 *
 * Other threads may still write, so the file systems are frozen, not unmounted.  That makes
 * everything durable in its place; later writes wait until the guest is gone.  After a panic
 * nothing is written: recovery by the journal is safer.
 */
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "lib/file/mapped.h"
#include "lib/file/mount.h"
#include "lib/file/mounts.h"
#include "lib/file/path.h"

#include <errno.h>

#define STACK (32 * 1024)
#define RESERVE NSEC_PER_SEC		/* for the hooks that come later */

static struct waitq frozen;
static const char *freezing;		/* the source that is being written; NULL: all are */

/* -EROFS: nothing is to be written.  -EBUSY: it was frozen before. */
static void freeze(const struct mount *m)
{
	int rc;

	freezing = m->source;
	mapped_collect_all(m->fs);
	rc = m->fs->ops->freeze(m->fs);
	if (rc && rc != -EROFS && rc != -EBUSY)
		log_error("%s: not written completely: error %d; its journal is used at the next "
			  "mount", m->source, -rc);
}

/* Calls visit(), which may sleep, for each file system: it stays mounted meanwhile. */
static void each(void (*visit)(const struct mount *m))
{
	for (struct mount *m = mounts; m; m = m->next)
		if (m->fs) {
			m->users++;
			visit(m);
			m->users--;
		}
}

/* As at the end of a process: so files without a name are removed from the disk. */
static void close_files(void)
{
	for (int fd = 0; fd < file_limit(); fd++) {
		struct file *f = file_get(fd);
		bool on_disk = f && file_fs_open(f);

		if (f)
			file_put(f);
		if (on_disk)
			file_close(fd);
	}
}

static void freeze_all(void *arg)
{
	const struct shutdown_order *order = arg;

	if (!order->runs)
		close_files();
	each(freeze);
	freezing = NULL;
	wake(&frozen);
}

/* In a thread, since a lost backend may take longer than there is time. */
static void end(const struct shutdown_order *order)
{
	uint64_t now = clock_now(), end = order->deadline;

	if (end > now + RESERVE)
		end -= RESERVE;
	freezing = "files";
	if (!thread_start("unmount", THREAD_KERNEL, STACK, freeze_all, (void *)order, NULL)) {
		freeze_all((void *)order);
		return;
	}
	if (!wait_until_deadline(&frozen, end, !freezing))
		log_error("%s: not written completely: the disk does not answer; its journal is "
			  "used at the next mount", freezing);
}

static void sync(const struct mount *m)
{
	m->fs->ops->syncfs(m->fs);
}

static void sync_all(void)
{
	each(sync);
}

void mounts_end_in_order(void)
{
	static struct shutdown_hook hook = { .name = "files", .run = end, .sync = sync_all };
	static bool done;

	if (!done)
		shutdown_hook(&hook);
	done = true;
}
