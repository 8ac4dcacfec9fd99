/* SPDX-License-Identifier: ISC */
/* Mount and unmount, freeze and thaw. */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"
#include "fs/ext4/ops.h"
#include "fs/ext4/super.h"

#include <stddef.h>

struct fs *fs_mounted;

static const struct fs_ops ops;

/* The first page of the disk: to is one. */
static int read_first(struct block *b, void *to)
{
	struct block_vec v = { to, OS_PAGE };

	return b->size < 2 * OS_PAGE ? -EINVAL : b->read(b, &v, 1, 0);
}

int ext4_probe(struct block *b, char label[17], uint8_t uuid[16])
{
	uint8_t *page = cache_page_alloc();
	const struct ext4_super *s = (const void *)(page + 1024);
	int rc = page ? read_first(b, page) : -ENOMEM;

	if (!rc && (le16(s->magic) != EXT4_MAGIC || le32(s->incompat) & IN_JOURNAL_DEV))
		rc = -EINVAL;
	if (!rc) {
		memcpy(label, s->volume_name, 16);
		label[16] = 0;
		memcpy(uuid, s->uuid, 16);
	}
	cache_page_free(page);
	return rc;
}

/* ---- The state in the super block. */

static void set_flags(const struct ext4 *e, struct ext4_super *s, bool in_use)
{
	if (in_use && has_compat(e, COMPAT_HAS_JOURNAL))
		s->incompat |= le32(IN_RECOVER);
	else if (in_use)
		s->state &= ~le16(EXT4_VALID);
	else
		s->incompat &= ~le32(IN_RECOVER), s->state |= le16(EXT4_VALID);
	if (in_use && has_compat(e, COMPAT_ORPHAN_FILE))
		s->ro_compat |= le32(RO_ORPHAN_PRESENT);
	else if (!e->orphan_count)
		s->ro_compat &= ~le32(RO_ORPHAN_PRESENT);
}

/* In place: the log is empty, so recovery could not repair a write that a crash has torn.  But of
   its two sectors the first alone changes. */
static int write_flags(struct ext4 *e, bool in_use)
{
	int rc;

	set_flags(e, e->super, in_use);
	if (e->metadata_csum)
		super_keep_sum(e->super);
	memcpy(e->super_copy, e->super_buf->data, e->block_size);
	rc = store_write(&e->store, e->super_copy, e->super_buf->nr, 1);
	return rc ? rc : store_flush(&e->store);
}

void ext4_record_error(struct ext4 *e)
{
	struct journal *j = &e->journal;
	int rc;

	if (!e->unrecorded)
		return;
	e->unrecorded = false;
	/* No thread begins to write any more; wait for those that have begun. */
	lock_write(&j->checkpointing);
	while (j->committing)
		os_wait(&j->changed);
	if (j->log_blocks) {
		rc = journal_write_error(j);
		if (!rc)
			rc = store_flush(&e->store);
	} else {
		e->super->state |= le16(EXT4_ERRORS);
		rc = write_flags(e, true);
	}
	unlock_write(&j->checkpointing);
	if (rc)
		os_log(OS_WARNING, "%s: the error cannot be recorded on the disk; run e2fsck -f",
		       e->store.dev->name);
}

/* Everything is in its place, the log is empty, and no operation begins. */
static int go_clean(struct ext4 *e)
{
	int rc;

	lock_write(&e->names);
	lock_write(&e->writing);
	e->journal.frozen = true;
	unlock_write(&e->names);
	rc = journal_freeze(&e->journal);
	if (rc)
		return rc;
	e->clean = true;
	rc = journal_mark_empty(&e->journal);
	return rc ? rc : write_flags(e, false);
}

/* After go_clean(), also if that failed: then the log may have what is not in its place yet, so it
   stays as it is.  A log that is not marked as in use is not written to: recovery ignores it. */
static int use_log(struct ext4 *e)
{
	int rc;

	if (!e->clean)
		return 0;
	rc = write_flags(e, true);
	if (!rc)
		rc = journal_resume(&e->journal);
	if (rc)
		journal_abort(&e->journal, rc);
	e->clean = false;
	return rc;
}

static void wake(struct ext4 *e)
{
	journal_thaw(&e->journal);
	unlock_write(&e->writing);
}

static int go_on(struct ext4 *e)
{
	int rc = use_log(e);

	wake(e);
	return rc;
}

/* ---- Mount. */

static void dismantle(struct ext4 *e)
{
	orphan_close(e);
	if (e->fs.root)
		inode_put(e->fs.root);
	ext4_inodes_free(e);
	journal_close(&e->journal);
	if (e->super_buf) {
		buf_put(e->super_buf);
		store_end(&e->store);
	}
	groups_free(e);
	cache_page_free(e->super_copy);
	os_free(e);
	cache_unmounted();
}

static int read_super(struct ext4 *e, struct block *b, struct fs_options *o, bool *ro)
{
	int rc;

	e->super_copy = cache_page_alloc();
	rc = e->super_copy ? read_first(b, e->super_copy) : -ENOMEM;
	if (rc)
		super_refuse(o, rc, "the disk cannot be read, or is too small");
	if (!rc)
		rc = super_take(e, (const void *)(e->super_copy + 1024), o, b, ro);
	if (rc)
		return rc;
	store_init(&e->store, b, e->block_size);
	e->store.blocks = e->blocks_count;
	rc = buf_get(&e->store, e->first_data, &e->super_buf);
	if (rc)
		return rc;
	e->super_buf->kind = BUF_TABLE;
	e->super = (struct ext4_super *)(e->super_buf->data + (e->block_size == 1024 ? 0 : 1024));
	e->groups = os_alloc((size_t)e->groups_count * sizeof(*e->groups));
	return e->groups ? 0 : -ENOMEM;
}

static int count_mount(struct ext4 *e)
{
	struct handle h;
	int rc = ext4_begin(e, &h, 2, 0);

	if (rc)
		return rc;
	rc = journal_access(&h, e->super_buf);
	if (!rc) {
		e->super->mnt_count = le16(le16(e->super->mnt_count) + 1);
		e->super->mtime = le32(os_time() / 1000000000);
	}
	return ext4_end(e, &h, rc);
}

static int start(struct ext4 *e)
{
	int rc;

	/* journal_start() clears it in the log. */
	if (journal_has_error(&e->journal))
		e->super->state |= le16(EXT4_ERRORS);
	rc = write_flags(e, true);
	if (!rc)
		rc = journal_start(&e->journal, e->wide, e->metadata_csum);
	e->journal.read_only = rc != 0;
	if (!rc)
		rc = count_mount(e);
	if (!rc)
		rc = orphan_cleanup(e);
	return rc;
}

static int mount_once(struct block *b, struct fs_options *o, struct fs **to, bool replayed)
{
	struct ext4 *e = os_alloc(sizeof(*e));
	struct ext4_inode *root;
	bool ro = false;
	int rc;

	if (!e)
		return -ENOMEM;
	cache_mounted();
	e->fs.ops = &ops;
	e->fs.options = *o;
	e->dirty_end = &e->dirty;
	rc = read_super(e, b, o, &ro);
	if (!rc)
		rc = groups_read(e, o->reason, sizeof(o->reason));
	if (!rc)
		rc = ext4_open_journal(e, b, o);
	if (rc == 1 && replayed)
		rc = -EIO;
	if (!rc && e->metadata_csum && super_sum(e->super) != le32(e->super->checksum))
		rc = super_refuse(o, -EUCLEAN, "the super block's checksum is wrong; run e2fsck");
	e->fs.read_only = o->read_only || b->read_only || ro;
	if (!rc && (le16(e->super->state) & EXT4_ERRORS || journal_has_error(&e->journal)))
		os_log(OS_WARNING, "%s: the super block records earlier errors; run e2fsck",
		       b->name);
	if (!rc)
		rc = ext4_iget(e, EXT4_ROOT, false, &root);
	if (!rc) {
		e->fs.root = &root->i;
		if (!is_dir(root))
			rc = -EUCLEAN;
	}
	if (!rc)
		rc = orphan_open(e, o->reason, sizeof(o->reason));
	if (!rc && !e->fs.read_only)
		rc = start(e);
	if (rc) {
		if (rc < 0)
			super_refuse(o, rc, rc == -EIO	     ? "an error of the disk"
				    : rc == -ENOMEM  ? "there is not enough memory"
				    : rc == -EUCLEAN ? "the disk's contents are invalid; run e2fsck"
						     : "it cannot be used");
		e->fs.read_only = true;		/* nothing more is written */
		dismantle(e);
		return rc;
	}
	if (b->no_flush && !e->fs.read_only)
		os_log(OS_WARNING, "%s: the disk offers no flush, so what was written may be lost "
		       "when the host fails, even after fsync()", b->name);
	e->fs.next = fs_mounted;
	fs_mounted = &e->fs;
	*to = &e->fs;
	return 0;
}

int ext4_mount(struct block *b, struct fs_options *o, struct fs **to)
{
	int rc;

	o->reason[0] = 0;
	rc = mount_once(b, o, to, false);
	return rc == 1 ? mount_once(b, o, to, true) : rc;
}

static bool in_use(const struct ext4 *e)
{
	if (e->deleting)
		return true;
	for (unsigned k = 0; k < INODE_HASH; k++)
		for (const struct ext4_inode *i = e->hash[k]; i; i = i->next)
			if (i->i.refs > (&i->i == e->fs.root || i == e->orphan_file))
				return true;
	return false;
}

static int ext4_unmount(struct fs *fs)
{
	struct ext4 *e = ext4_of(fs);
	struct fs **link = &fs_mounted;
	int rc = 0;

	while (e->in_background && !e->fs.frozen)
		os_wait(&e->background_ended);
	if (e->freezing || in_use(e))
		return -EBUSY;
	if (e->fs.frozen)
		fs->ops->thaw(fs);
	while (e->in_background)
		os_wait(&e->background_ended);
	while (*link != fs)
		link = &(*link)->next;
	*link = fs->next;
	if (!fs->read_only) {
		rc = ext4_sync_all(e);
		if (!rc)
			rc = go_clean(e);
	} else if (e->damaged || e->journal.error) {
		rc = -EIO;
	}
	ext4_record_error(e);
	fs->read_only = true;
	dismantle(e);
	return rc;
}

/* Everything is written, and in its place; or writing goes on.  `freezing` keeps freezes, remounts
   and the unmount apart. */
static int stop_writing(struct ext4 *e)
{
	int rc;

	e->freezing = true;
	rc = ext4_sync_all(e);
	if (!rc) {
		rc = go_clean(e);
		if (rc)
			go_on(e);
	}
	e->freezing = false;
	/* The background thread was not to write meanwhile. */
	if (rc)
		os_background_at(os_clock());
	return rc;
}

static int ext4_freeze(struct fs *fs)
{
	struct ext4 *e = ext4_of(fs);
	int rc;

	if (e->freezing || e->fs.frozen)
		return -EBUSY;
	if (fs->read_only)
		return -EROFS;
	rc = stop_writing(e);
	e->fs.frozen = !rc;
	return rc;
}

static int ext4_thaw(struct fs *fs)
{
	struct ext4 *e = ext4_of(fs);

	if (!e->fs.frozen)
		return -EINVAL;
	e->fs.frozen = false;
	if (e->dirty)
		os_background_at(os_clock());
	return go_on(e);
}

static int ext4_remount(struct fs *fs, struct fs_options *o)
{
	struct ext4 *e = ext4_of(fs);
	int rc;

	o->reason[0] = 0;
	if (e->freezing || e->fs.frozen)
		return super_refuse(o, -EBUSY, "it is frozen");
	fs->options.sync = o->sync;
	if (o->read_only == fs->read_only)
		return 0;
	if (!o->read_only) {
		if (e->store.dev->read_only || e->journal.error ||
		    le32(e->super->ro_compat) & ~RO_SUPPORTED)
			return super_refuse(o, -EROFS, "it cannot be written");
		rc = use_log(e);
		fs->read_only = rc != 0;
		if (!rc && e->journal.stage[0])
			e->journal.read_only = false;
		else if (!rc)
			rc = start(e);
		if (rc)
			journal_abort(&e->journal, rc);
		fs->read_only = rc != 0;
		return rc;
	}
	rc = stop_writing(e);
	if (!rc && e->dirty) {
		rc = super_refuse(o, -EBUSY, "a file is being written");
		go_on(e);
		os_background_at(os_clock());
	}
	if (rc)
		return rc;
	/* Operations that wait for the journal fail. */
	fs->read_only = e->journal.read_only = true;
	wake(e);
	return 0;
}

static int ext4_inode(struct fs *fs, uint64_t ino, struct inode **to)
{
	struct ext4 *e = ext4_of(fs);
	struct ext4_inode *i;
	int rc = -ESTALE;

	if (ino <= e->inodes_count && (ino >= e->first_ino || ino == EXT4_ROOT))
		rc = ext4_iget(e, ino, false, &i);
	if (!rc)
		*to = &i->i;
	return rc;
}

static const struct fs_ops ops = {
	.unmount = ext4_unmount,
	.syncfs = ext4_syncfs,
	.statfs = ext4_statfs,
	.stats = ext4_stats,
	.freeze = ext4_freeze,
	.thaw = ext4_thaw,
	.remount = ext4_remount,
	.inode = ext4_inode,
	.release = ext4_release,
	.stat = ext4_stat,
	.setattr = ext4_setattr,
	.lookup = ext4_lookup,
	.create = ext4_create,
	.mkdir = ext4_mkdir,
	.symlink = ext4_symlink,
	.tmpfile = ext4_tmpfile,
	.link = ext4_link,
	.unlink = ext4_unlink,
	.rmdir = ext4_rmdir,
	.rename = ext4_rename,
	.readlink = ext4_readlink,
	.readdir = ext4_readdir,
	.read = ext4_read,
	.write = ext4_write,
	.truncate = ext4_truncate,
	.fallocate = ext4_fallocate,
	.seek = ext4_seek,
	.sync = ext4_sync,
	.write_range = ext4_write_range,
	.will_need = ext4_will_need,
	.dont_need = ext4_dont_need,
	.page = ext4_page,
	.page_put = ext4_page_put,
	.page_dirty = ext4_page_changed,
	.xattr_get = ext4_xattr_get,
	.xattr_set = ext4_xattr_set,
	.xattr_list = ext4_xattr_list,
};
