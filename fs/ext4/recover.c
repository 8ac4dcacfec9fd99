/* SPDX-License-Identifier: ISC */
/* The journal at a mount: its place on the disk, and its replay. */
#include "fs/ext4/ext4.h"
#include "fs/ext4/super.h"

#define RUNS_MOST 65536			/* of an invalid image, each block may be a run */

/* The blocks of the journal's inode. */
static int journal_runs(struct ext4 *e, struct log_run **to, unsigned *count)
{
	struct ext4_inode *i;
	struct log_run *runs = NULL;
	unsigned n = 0, room = 0;
	uint32_t blocks;
	int rc = ext4_iget(e, le32(e->super->journal_inum), false, &i);

	if (rc)
		return rc == -ESTALE ? -EUCLEAN : rc;
	blocks = i->i.size >> e->shift;
	if (!is_file(i) || i->i.size >> e->shift > 40960000 || !blocks)
		rc = -EUCLEAN;
	for (uint32_t k = 0; k < blocks && !rc;) {
		struct extent x;

		rc = map_find(i, k, blocks - k, &x);
		if (!rc && (!x.pblk || x.unwritten || n == RUNS_MOST))
			rc = -EUCLEAN;
		os_pause();
		if (!rc && n == room) {
			unsigned larger = room ? 2 * room : 64;
			struct log_run *more = os_alloc(larger * sizeof(*more));

			if (!more) {
				rc = -ENOMEM;
				break;
			}
			if (runs)
				memcpy(more, runs, n * sizeof(*runs));
			os_free(runs);
			runs = more;
			room = larger;
		}
		if (!rc) {
			runs[n++] = (struct log_run){ k, x.len, x.pblk };
			k += x.len;
		}
	}
	inode_put(&i->i);
	if (rc)
		os_free(runs);
	*to = rc ? NULL : runs;
	*count = n;
	return rc;
}

int ext4_open_journal(struct ext4 *e, struct block *b, struct fs_options *o)
{
	struct journal *j = &e->journal;
	struct log_run *runs = NULL;
	unsigned count = 0;
	uint32_t sequence;
	int rc = 0;

	j->store = &e->store;
	j->owner = e;
	j->seal = super_seal;
	j->released = alloc_released;
	j->failed = super_journal_failed;
	j->read_only = true;		/* until start() */
	if (has_compat(e, COMPAT_HAS_JOURNAL))
		rc = journal_runs(e, &runs, &count);
	if (rc)
		return super_refuse(o, rc, "the journal's inode is damaged; run e2fsck");
	rc = journal_open(j, runs, count, o->reason, sizeof(o->reason));
	if (rc || !journal_needs_replay(j))
		return rc;
	/* The flag is set before the log is used, and cleared when it is empty.  Linux would
	   discard the log; which of the two is right cannot be known here. */
	if (!has_in(e, IN_RECOVER))
		return super_refuse(o, -EUCLEAN, "the journal is not empty, but the flag needs_recovery is "
					 "not set; run e2fsck");
	if (b->read_only)
		return super_refuse(o, -EROFS, "the disk was not cleanly unmounted and is read-only, so its "
				       "journal cannot be replayed; attach it writable, or run e2fsck");
	os_log(OS_INFO, "%s: not cleanly unmounted; replaying the journal", b->name);
	rc = journal_replay(j, &sequence, o->reason, sizeof(o->reason));
	if (!rc)
		rc = journal_write_super(j, 0, sequence);
	if (!rc)
		rc = store_flush(&e->store);
	return rc ? rc : 1;
}
