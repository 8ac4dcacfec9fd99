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
#define RETRY (10 * NSEC_PER_MSEC)
#define RESERVE NSEC_PER_SEC		/* for the hooks that come later */

static struct waitq ended;
static bool runs;			/* the application: its files stay open */

/* As at the end of a process: so files without a name are removed from the disk. */
static void close_files(const struct fs *fs)
{
	for (int fd = 0; fd < file_limit(); fd++) {
		struct file *f = file_get(fd);
		struct fs_open *o = f ? file_fs_open(f) : NULL;
		bool is_here = o && o->inode->fs == fs;

		if (f)
			file_put(f);
		if (is_here)
			file_close(fd);
	}
}

/* An operator may have frozen it, or is doing so. */
static int freeze(struct fs *fs)
{
	int rc;

	while ((rc = fs->ops->freeze(fs)) == -EBUSY)
		if (fs->ops->thaw(fs) == -EINVAL)
			thread_sleep(clock_now() + RETRY);
	return rc;
}

static void end_one(void *arg)
{
	struct mount *m = arg;
	int rc;

	m->fs->ops->thaw(m->fs);	/* changes would wait for it */
	if (!runs)
		close_files(m->fs);
	rc = mapped_collect_all(m->fs);
	if (rc)
		log_error("%s: data written through mmap() was lost: error %d",
			  m->source, -rc);
	rc = freeze(m->fs);
	if (rc && rc != -EROFS)
		log_error("%s: not written completely: error %d; its journal is used at the next "
			  "mount", m->source, -rc);
	m->ending = false;
	m->users--;
	wake(&ended);
}

/* The latest mount that is being written; NULL: all are. */
static const struct mount *unfinished(void)
{
	const struct mount *m = mounts;

	while (m && !m->ending)
		m = m->next;
	return m;
}

/* In a thread for each, since a lost backend may take longer than there is time. */
static void end(const struct shutdown_order *order)
{
	uint64_t now = clock_now(), end = order->deadline;

	if (end > now + RESERVE)
		end -= RESERVE;
	runs = order->runs;
	for (struct mount *m = mounts; m; m = m->next) {
		if (!m->fs)
			continue;
		m->ending = true;
		m->users++;
		if (!thread_start("unmount", THREAD_KERNEL, STACK, end_one, m, NULL))
			end_one(m);
	}
	wait_until_deadline(&ended, end, !unfinished());
	for (const struct mount *m = unfinished(); m; m = m->next)
		if (m->ending)
			log_error("%s: not written completely: the disk does not answer; its journal "
				  "is used at the next mount", m->source);
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

/* The caller may be the thread that will thaw, so this does not wait for a thaw. */
static void sync(const struct mount *m)
{
	if (m->fs->frozen)
		log_warning("%s: not synchronised: it is frozen", m->source);
	else
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
