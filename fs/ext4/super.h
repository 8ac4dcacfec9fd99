/* SPDX-License-Identifier: ISC */
/* Between super.c and mount.c. */
#ifndef FS_EXT4_SUPER_H
#define FS_EXT4_SUPER_H

#include "fs/ext4/ext4.h"

uint32_t super_sum(const struct ext4_super *s);
/* The checksum is in the second sector of the super block, all that changes in the first.  A crash
   between the two must not invalidate it.  So the checksum is not changed, and the unused field
   snapshot_list is set to the value with which the checksum is right. */
void super_keep_sum(struct ext4_super *s);

/* Take what the super block says: 0, or -errno and a sentence.  *read_only: an unknown
   feature forbids writing. */
int super_take(struct ext4 *e, const struct ext4_super *s, struct fs_options *o,
	       const struct block *b, bool *read_only);

/* Gives rc.  This is the reason, if there is no other yet. */
int super_refuse(struct fs_options *o, int rc, const char *why);

/* ---- recover.c */

/* 1: the log was replayed, so everything must be read again. */
int ext4_open_journal(struct ext4 *e, struct block *b, struct fs_options *o);

/* ---- For the journal. */
void super_seal(void *owner, struct tx *tx);
void super_journal_failed(void *owner, int error);

#endif
