/* SPDX-License-Identifier: ISC */
/* The super block: what it says is checked; operations and errors of the file system. */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"
#include "fs/ext4/super.h"

#include <stddef.h>

struct feature {
	uint32_t bit;
	const char *name;
};

static const struct feature incompat[] = {
	{ 0x1, "compression" },	  { 0x8, "journal_dev" },  { 0x100, "mmp" },
	{ 0x400, "ea_inode" },	  { 0x1000, "dirdata" },   { 0x4000, "large_dir" },
	{ 0x8000, "inline_data" }, { 0x10000, "encrypt" }, { 0x20000, "casefold" },
	{ 0, NULL },
};
static const struct feature ro_compat[] = {
	{ 0x80, "has_snapshot" }, { 0x100, "quota" },	    { RO_BIGALLOC, "bigalloc" },
	{ 0x800, "replica" },	  { 0x1000, "read-only" }, { 0x2000, "project" },
	{ 0x4000, "shared_blocks" }, { 0x8000, "verity" },  { 0, NULL },
};

/* The name of the first feature, or NULL. */
static const char *name_of(const struct feature *f, uint32_t bits)
{
	for (; f->name; f++)
		if (bits & f->bit)
			return f->name;
	return NULL;
}

uint32_t super_sum(const struct ext4_super *s)
{
	return crc32c(~0u, s, offsetof(struct ext4_super, checksum));
}

/*
 * A change of one bit in a message changes its CRC by a value that depends on the bit's place
 * only.  So 32 bits of a field can undo what other changes did to the CRC.
 */
void super_keep_sum(struct ext4_super *s)
{
	size_t behind = offsetof(struct ext4_super, checksum) -
			offsetof(struct ext4_super, snapshot_list);
	uint32_t wrong = super_sum(s) ^ le32(s->checksum);

	s->snapshot_list ^= le32(crc32c_before_zeros(wrong, behind));
}

int super_refuse(struct fs_options *o, int rc, const char *why)
{
	if (!o->reason[0])
		os_format(o->reason, sizeof(o->reason), "%s", why);
	return rc;
}

static int refuse_feature(struct fs_options *o, const char *name)
{
	if (name)
		os_format(o->reason, sizeof(o->reason),
			  "feature `%s` is not supported; tune2fs -O ^%s, or make a new file system",
			  name, name);
	else
		os_format(o->reason, sizeof(o->reason),
			  "it has an unknown feature; make a new file system");
	return -EOPNOTSUPP;
}

/* Whether all features are supported. */
static int check_features(const struct ext4_super *s, struct fs_options *o, bool *read_only)
{
	uint32_t in = le32(s->incompat) & ~IN_SUPPORTED;
	uint32_t ro = le32(s->ro_compat) & ~RO_SUPPORTED;
	const char *name;

	if (in & IN_JOURNAL_DEV)
		return super_refuse(o, -EOPNOTSUPP,
			      "this is an external journal, which is not supported");
	if (in)
		return refuse_feature(o, name_of(incompat, in));
	/* Bitmaps are of clusters then: not even reading is safe. */
	if (ro & RO_BIGALLOC)
		return refuse_feature(o, name_of(ro_compat, RO_BIGALLOC));
	if (le32(s->compat) & COMPAT_HAS_JOURNAL && !le32(s->journal_inum))
		return super_refuse(o, -EOPNOTSUPP,
			      "an external journal is not supported; tune2fs -O ^has_journal");
	*read_only = ro != 0;
	name = name_of(ro_compat, ro);
	if (name)
		os_log(OS_WARNING, "ext4: feature `%s` is not supported: mounted read-only", name);
	else if (ro)
		os_log(OS_WARNING, "ext4: it has an unknown feature: mounted read-only");
	return 0;
}

static bool power_of_2(uint32_t n)
{
	return n && !(n & (n - 1));
}

/* The sizes that everything else is computed from. */
static bool sizes_valid(const struct ext4 *e, const struct ext4_super *s)
{
	uint32_t bits = e->block_size * 8;
	uint64_t groups;

	if (!power_of_2(e->inode_size) || e->inode_size < 128 || e->inode_size > e->block_size)
		return false;
	if (!power_of_2(e->desc_size) || e->desc_size < (e->wide ? 64 : 32) ||
	    e->desc_size > 1024 || e->desc_size > e->block_size)
		return false;
	if (e->blocks_per_group < 256 || e->blocks_per_group > bits || e->blocks_per_group & 7 ||
	    !e->inodes_per_group || e->inodes_per_group > bits || e->inodes_per_group & 7 ||
	    e->inodes_per_group % (e->block_size / e->inode_size))
		return false;
	if (e->first_data != (e->block_size == 1024) || e->blocks_count <= e->first_data + 8 ||
	    e->blocks_count >> 48)
		return false;
	groups = (e->blocks_count - e->first_data + e->blocks_per_group - 1) / e->blocks_per_group;
	if (groups > UINT32_MAX / e->inodes_per_group || groups * e->inodes_per_group !=
							     le32(s->inodes_count))
		return false;
	return e->first_ino >= 11 && e->first_ino < e->inodes_per_group &&
	       le32(s->log_cluster_size) == le32(s->log_block_size) && e->flex;
}

int super_take(struct ext4 *e, const struct ext4_super *s, struct fs_options *o,
	       const struct block *b, bool *read_only)
{
	bool dynamic = le32(s->rev_level) >= 1;
	int rc;

	if (le16(s->magic) != EXT4_MAGIC)
		return super_refuse(o, -EINVAL, "there is no ext4 file system on this disk");
	rc = check_features(s, o, read_only);
	if (rc)
		return rc;
	if (le32(s->log_block_size) > 2)
		return super_refuse(o, -EOPNOTSUPP, "blocks of more than 4096 bytes are not supported");
	e->metadata_csum = le32(s->ro_compat) & RO_METADATA_CSUM;
	e->gdt_csum = le32(s->ro_compat) & (RO_GDT_CSUM | RO_METADATA_CSUM);
	if (e->metadata_csum && s->checksum_type != 1)
		return super_refuse(o, -EOPNOTSUPP, "its type of checksums is not supported");
	e->wide = le32(s->incompat) & IN_64BIT;
	e->has_extents = le32(s->incompat) & IN_EXTENTS;
	e->shift = 10 + le32(s->log_block_size);
	e->block_size = 1 << e->shift;
	e->inode_size = dynamic ? le16(s->inode_size) : 128;
	e->first_ino = dynamic ? le32(s->first_ino) : 11;
	e->desc_size = e->wide ? le16(s->desc_size) : 32;
	e->blocks_count = le32(s->blocks_count) |
			  (e->wide ? (uint64_t)le32(s->blocks_count_hi) << 32 : 0);
	e->first_data = le32(s->first_data_block);
	e->blocks_per_group = le32(s->blocks_per_group);
	e->inodes_per_group = le32(s->inodes_per_group);
	e->inodes_count = le32(s->inodes_count);
	e->flex = s->log_groups_per_flex < 32 ? 1u << s->log_groups_per_flex : 0;
	e->hash_version = s->def_hash_version <= 2 ? s->def_hash_version : 1;
	if (le32(s->flags) & EXT4_HASH_UNSIGNED)
		e->hash_version += 3;
	if (!sizes_valid(e, s))
		return super_refuse(o, -EUCLEAN, "the super block is damaged; run e2fsck");
	e->groups_count =
		(e->blocks_count - e->first_data + e->blocks_per_group - 1) / e->blocks_per_group;
	if (e->block_size < b->sector_size)
		return super_refuse(o, -EOPNOTSUPP, "its blocks are smaller than the disk's sectors");
	if (e->blocks_count > b->size >> e->shift)
		return super_refuse(o, -EUCLEAN, "the file system is larger than the disk");
	e->seed = le32(s->incompat) & IN_CSUM_SEED ? le32(s->checksum_seed)
						    : crc32c(~0u, s->uuid, 16);
	memcpy(e->fs.label, s->volume_name, 16);
	e->fs.label[16] = 0;
	memcpy(e->fs.uuid, s->uuid, 16);
	return 0;
}

/* ---- Errors. */

static void become_read_only(struct ext4 *e, const char *why)
{
	if (e->fs.read_only)
		return;
	e->fs.read_only = true;
	/* A disk that was never written to stays so. */
	e->unrecorded = e->journal.stage[0] && !e->store.dev->read_only;
	if (e->unrecorded)
		os_background_at(os_clock() + 1000000000);
	os_format(e->reason, sizeof(e->reason), "%s", why);
	os_log(OS_ERROR, "%s: the file system is read-only from now on: %s", e->store.dev->name,
	       why);
}

int ext4_damaged_text(struct ext4 *e, const char *text)
{
	e->errors++;
	if (e->errors < 20)
		os_log(OS_ERROR, "%s: %s; run e2fsck", e->store.dev->name, text);
	e->damaged = true;
	become_read_only(e, text);
	journal_abort(&e->journal, -EUCLEAN);
	return -EUCLEAN;
}

void super_journal_failed(void *owner, int error)
{
	struct ext4 *e = owner;

	e->errors++;
	become_read_only(e, error == -EUCLEAN ? "its contents are invalid"
					      : "an error of the journal");
}

int ext4_writable(const struct ext4 *e)
{
	return e->fs.read_only ? -EROFS : 0;
}

int ext4_changeable(const struct ext4_inode *i, bool adding)
{
	int rc = ext4_writable(fs_of(i));

	if (!rc && (i->flags & INODE_IMMUTABLE || (i->flags & INODE_APPEND && !adding)))
		rc = -EPERM;
	return rc;
}

/* ---- Operations. */

/*
 * An operation that runs out of memory after its first change ends the journal.  So it does not
 * begin without what it may need: blocks that it reads, and copies of those it changes.
 */
static bool has_memory(struct ext4 *e, unsigned credits)
{
	size_t bytes = (size_t)credits * (e->block_size + sizeof(struct buf)) + (64 << 10);

	if (cache_has(bytes) && cache_reserve())
		return true;
	/* Blocks in their final location can be freed. */
	if (!journal_commit_running(&e->journal))
		journal_checkpoint(&e->journal, 0, true);
	return cache_has(bytes) && cache_reserve();
}

/* Whether more is taken, also for operations under way, than there is. */
static bool overdrawn(const struct ext4 *e)
{
	return e->free_blocks < e->busy_blocks + e->delayed + e->space;
}

int ext4_begin(struct ext4 *e, struct handle *h, unsigned credits, unsigned space)
{
	bool reserved = space & SPACE_RESERVED;
	int rc = ext4_writable(e);

	space &= ~SPACE_RESERVED;
	if (rc)
		return rc;
	/* Taken before anything sleeps. */
	e->space += space;
	if (space && !reserved && overdrawn(e)) {
		/* Freed blocks can be used after the commit. */
		rc = e->busy_blocks ? journal_commit_running(&e->journal) : 0;
		if (!rc && overdrawn(e))
			rc = -ENOSPC;
	}
	/* Data with delayed allocation has space reserved: try it. */
	if (!rc && !has_memory(e, credits) && !reserved)
		rc = -ENOMEM;
	if (!rc)
		rc = journal_begin(&e->journal, h, credits);
	if (rc) {
		e->space -= space;
		return rc;
	}
	h->space = space;
	cache_operation(1);
	return 0;
}

int ext4_end(struct ext4 *e, struct handle *h, int rc)
{
	bool changed = h->changes;
	struct tx *tx = h->tx;
	uint32_t tid = tx->tid;

	e->space -= h->space;
	cache_operation(-1);
	if (rc < 0 && changed)
		journal_abort(&e->journal, rc);
	if (tx->began && !tx->asked) {
		tx->asked = true;
		os_background_at(tx->began + 5000000000);
	}
	journal_end(h);
	if (!rc && changed && e->fs.options.sync)
		rc = journal_commit(&e->journal, tid);
	return rc;
}

void ext4_lock_names(struct ext4 *e)
{
	struct handle h;

	/* If the journal or memory is short, an empty operation waits for it. */
	if (!ext4_begin(e, &h, 2 * NAME_CREDITS, 0))
		ext4_end(e, &h, 0);
	for (;;) {
		lock_write(&e->names);
		if (!e->journal.frozen)
			return;
		unlock_write(&e->names);
		while (e->journal.frozen)
			os_wait(&e->journal.changed);
	}
}

/* The transaction ends: what was changed in memory only goes into its blocks. */
void super_seal(void *owner, struct tx *tx)
{
	struct ext4 *e = owner;
	struct handle h = { .journal = &e->journal, .tx = tx };

	groups_seal(e, &h);
	if (e->super_buf->running == tx) {
		e->super->free_blocks = le32(e->free_blocks);
		if (e->wide)
			e->super->free_blocks_hi = le32(e->free_blocks >> 32);
		e->super->free_inodes = le32(e->free_inodes);
		e->super->wtime = le32(os_time() / 1000000000);
		if (e->metadata_csum)
			super_keep_sum(e->super);
	}
	for (unsigned i = 0; i < tx->count; i++) {
		if (!tx->bufs[i]->forget)
			ext4_seal_buf(e, tx->bufs[i]);
		if (i % 64 == 63)
			os_pause();
	}
}
