/* SPDX-License-Identifier: ISC */
/* The control methods of mounted file systems: org.xenolith.fs1. */
#include "control/command.h"
#include "lib/file/mapped.h"
#include "lib/file/mount.h"
#include "lib/file/mounts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static void put_mount(struct json *j, const struct mount *m)
{
	struct fs_statfs f = { .type = "" };
	struct fs_stats s = { 0 };

	m->fs->ops->statfs(m->fs, &f);
	m->fs->ops->stats(m->fs, &s);
	json_open(j, NULL, '{');
	json_string(j, "name", *m->at ? m->at : "/");
	json_string(j, "source", m->source);
	json_string(j, "type", f.type);
	json_bool(j, "writable", !f.read_only);
	json_string(j, "why", s.reason);
	json_number(j, "size_bytes", f.blocks * f.block_size);
	json_number(j, "free_bytes", f.available * f.block_size);
	json_number(j, "inodes", f.inodes);
	json_number(j, "inodes_free", f.inodes_free);
	json_number(j, "cache_bytes", s.cache_bytes);
	json_number(j, "dirty_bytes", s.dirty_bytes);
	json_number(j, "commits", s.commits);
	json_number(j, "commit_waits", s.commit_waits);
	json_number(j, "checkpoints", s.checkpoints);
	json_number(j, "flushes", s.flushes);
	json_number(j, "read_bytes", s.read_bytes);
	json_number(j, "written_bytes", s.written_bytes);
	json_number(j, "hits", s.hits);
	json_number(j, "misses", s.misses);
	json_number(j, "errors", s.errors);
	json_close(j, '}');
}

/* Those on the command line come first. */
static void put_before(struct json *j, const struct mount *m)
{
	if (!m)
		return;
	put_before(j, m->next);
	if (m->fs)
		put_mount(j, m);
}

static void stats(struct json *j, const char *key)
{
	json_open(j, key, '[');
	put_before(j, mounts);
	json_close(j, ']');
}

/* The mount at this path, or an error of the method. */
static int find(struct command *c, struct mount **found)
{
	char path[256];
	const char *at;
	int rc = command_string(c, "path", path, sizeof(path));

	if (rc <= 0)
		return command_wrong(c, "path");
	at = strcmp(path, "/") ? path : "";
	for (struct mount *m = mounts; m; m = m->next)
		if (m->fs && strcmp(m->at, at) == 0) {
			*found = m;
			return 0;
		}
	return command_error(c, NULL, "nothing is mounted at this path");
}

static int freeze(struct command *c)
{
	struct mount *m;
	int rc = find(c, &m);

	if (rc)
		return rc;
	m->users++;		/* it stays mounted meanwhile */
	rc = mapped_collect_all(m->fs);
	if (!rc)
		rc = m->fs->ops->freeze(m->fs);
	m->users--;
	return !rc ? 0 : command_error(c, NULL, rc == -EBUSY ? "it is frozen already" :
				       rc == -EROFS ? "it is read-only" :
				       "it cannot be written; the log says why");
}

static int thaw(struct command *c)
{
	struct mount *m;
	int rc = find(c, &m);

	if (rc)
		return rc;
	m->users++;
	rc = m->fs->ops->thaw(m->fs);
	m->users--;
	return !rc ? 0 : command_error(c, NULL, rc == -EINVAL ? "it is not frozen" :
				       "it cannot be written; the log says why");
}

static const struct method methods[] = {
	{ "Freeze", COMMAND_DANGEROUS, freeze },
	{ "Thaw", COMMAND_WRITES, thaw },
	{ NULL, 0, NULL },
};

void mounts_methods_add(void)
{
	static struct interface fs = {
		.name = "org.xenolith.fs1",
		.description =
		"# Mounted file systems; `name` is the path.  `why`: the error that made it\n"
		"# read-only.  `cache_bytes` and `dirty_bytes` are of all disks together; `hits` and\n"
		"# `misses`: pages that a read found in the cache, or not; `commit_waits`: callers of\n"
		"# fsync() that shared a commit of the journal.  Freeze: everything is in its place on\n"
		"# the disk, and changes wait, until Thaw.\n"
		"interface org.xenolith.fs1\n"
		"type Mount (name: string, source: string, type: string, writable: bool,\n"
		"  why: string, size_bytes: int, free_bytes: int, inodes: int, inodes_free: int,\n"
		"  cache_bytes: int, dirty_bytes: int, commits: int, commit_waits: int,\n"
		"  checkpoints: int, flushes: int, read_bytes: int, written_bytes: int, hits: int,\n"
		"  misses: int, errors: int)\n"
		"method Get() -> (fs: []Mount)\n"
		"method Freeze(path: string) -> ()\n"
		"method Thaw(path: string) -> ()\n",
		.methods = methods, .key = "fs", .stats = stats,
	};
	static bool done;

	if (!done)
		command_add(&fs);
	done = true;
}
