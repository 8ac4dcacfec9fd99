/* SPDX-License-Identifier: ISC */
/* A journal's beginning and end: its super block is checked, its memory is allocated. */
#include "fs/journal/journal.h"
#include "fs/journal/format.h"
#include "fs/crc.h"
#include "fs/fs.h"

#include <string.h>

#define LOG_LEAST 256			/* blocks */
#define TX_LEAST 128

static int refuse(char *reason, size_t size, const char *why)
{
	os_format(reason, size, "the journal is damaged (%s); run e2fsck", why);
	return -EUCLEAN;
}

static int check_super(struct journal *j, unsigned blocks, char *reason, size_t size)
{
	const struct jbd_super *s = (const struct jbd_super *)j->super;
	uint32_t type = be32(s->header.type), incompat = be32(s->incompat), sum;
	struct jbd_super copy = *s;

	if (be32(s->header.magic) != JBD_MAGIC ||
	    (type != JBD_SUPER_V1 && type != JBD_SUPER_V2))
		return refuse(reason, size, "no super block");
	if (be32(s->block_size) != j->store->block_size || be32(s->max_len) > blocks ||
	    be32(s->first) < 1 || be32(s->first) >= be32(s->max_len) ||
	    (s->start && (be32(s->start) < be32(s->first) ||
			  be32(s->start) >= be32(s->max_len))))
		return refuse(reason, size, "sizes in its super block");
	if (type == JBD_SUPER_V1)
		incompat = 0;
	if (incompat & ~(JBD_REVOKES | JBD_64BIT | JBD_CSUM_V2 | JBD_CSUM_V3 | JBD_FAST_COMMIT |
			 JBD_ASYNC_COMMIT) ||
	    be32(s->ro_compat)) {
		os_format(reason, size, "the journal has features that are not supported; "
			  "mount it with Linux, or run e2fsck");
		return -EOPNOTSUPP;
	}
	if (s->start && incompat & (JBD_FAST_COMMIT | JBD_ASYNC_COMMIT)) {
		os_format(reason, size, "the journal needs a recovery with fast or asynchronous "
			  "commits, which are not supported; run e2fsck");
		return -EOPNOTSUPP;
	}
	j->wide = incompat & JBD_64BIT;
	j->v3 = incompat & JBD_CSUM_V3;
	j->v2 = !j->v3 && incompat & JBD_CSUM_V2;
	j->seed = crc32c(~0u, s->uuid, 16);
	copy.checksum = 0;
	sum = crc32c(~0u, &copy, sizeof(copy));
	if ((j->v2 || j->v3) && sum != be32(s->checksum))
		return refuse(reason, size, "checksum of its super block");
	j->first = be32(s->first);
	j->log_blocks = be32(s->max_len) - j->first;
	if (j->log_blocks < LOG_LEAST)
		return refuse(reason, size, "it is too small");
	return 0;
}

static bool stages_alloc(struct journal *j)
{
	for (unsigned i = 0; i < STAGE_PAGES; i++) {
		j->stage[i] = cache_page_alloc();
		j->in_place[i] = cache_page_alloc();
		if (!j->stage[i] || !j->in_place[i])
			return false;
	}
	return true;
}

bool journal_needs_replay(const struct journal *j)
{
	return j->log_blocks && ((const struct jbd_super *)j->super)->start;
}

int journal_open(struct journal *j, struct log_run *runs, unsigned count, char *reason,
		 size_t size)
{
	const struct jbd_super *s;
	unsigned blocks = count ? runs[count - 1].log + runs[count - 1].count : 0;
	int rc = 0;

	j->runs = runs;
	j->run_count = count;
	j->running = os_alloc(sizeof(*j->running));
	j->super = cache_page_alloc();
	if (!j->running || !j->super)
		return -ENOMEM;
	j->running->tid = 1;
	if (!runs)
		return 0;
	rc = store_read(j->store, j->super, journal_block(j, 0), 1);
	if (!rc)
		rc = check_super(j, blocks, reason, size);
	if (rc)
		return rc;
	s = (const struct jbd_super *)j->super;
	j->sequence = be32(s->sequence);
	j->head = j->tail = j->first;
	return rc;
}

int journal_start(struct journal *j, bool wide, bool checksums)
{
	struct jbd_super *s = (struct jbd_super *)j->super;
	size_t least = cache_dirty_limit() / 4 >> j->store->shift;

	if (!stages_alloc(j))
		return -ENOMEM;
	j->max = least < TX_LEAST ? TX_LEAST : least > 8192 ? 8192 : least;
	if (!j->log_blocks)
		return 0;
	if (j->max > j->log_blocks / 4)
		j->max = j->log_blocks / 4;
	if (!j->sequence)
		j->sequence = 1;
	j->wide = wide;
	j->v2 = false;
	j->v3 = checksums;
	s->header.type = be32(JBD_SUPER_V2);
	s->incompat = be32(JBD_REVOKES | (wide ? JBD_64BIT : 0) | (checksums ? JBD_CSUM_V3 : 0));
	s->compat &= ~be32(JBD_COMPAT_CHECKSUM);
	s->checksum_type = checksums ? JBD_CRC32C : 0;
	s->error = 0;
	j->head = j->tail = j->first;
	j->tail_sequence = j->sequence;
	return journal_write_super(j, j->first, j->sequence);
}

int journal_mark_empty(struct journal *j)
{
	int rc = 0;

	if (j->log_blocks)
		rc = journal_write_super(j, 0, j->sequence);
	return rc ? rc : store_flush(j->store);
}

int journal_resume(struct journal *j)
{
	if (!j->log_blocks)
		return 0;
	j->tail = j->head;
	j->tail_sequence = j->sequence;
	return journal_write_super(j, j->head, j->sequence);
}

void journal_close(struct journal *j)
{
	for (struct tx *tx; (tx = j->oldest);) {
		j->oldest = tx->next;
		while (tx->checkpoint) {
			struct buf *b = tx->checkpoint;

			tx->checkpoint = b->ckpt_next;
			b->checkpoint = NULL;
		}
		tx_free(tx);
	}
	if (j->running) {
		struct tx *tx = j->running;

		for (unsigned i = 0; i < tx->count; i++) {
			tx->bufs[i]->running = NULL;
			tx->bufs[i]->forget = false;
		}
		for (struct freed *f; (f = tx->freed);) {
			tx->freed = f->next;
			cache_free(f, sizeof(*f));
		}
		tx_free(tx);
	}
	os_free(j->spare);
	for (unsigned i = 0; i < STAGE_PAGES; i++) {
		cache_page_free(j->stage[i]);
		cache_page_free(j->in_place[i]);
	}
	cache_page_free(j->super);
	os_free(j->runs);
}
