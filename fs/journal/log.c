/* SPDX-License-Identifier: ISC */
/* The journal's blocks on the disk: its super block, and how a transaction is written. */
#include "fs/journal/journal.h"
#include "fs/journal/format.h"
#include "fs/crc.h"
#include "fs/fs.h"

#include <stddef.h>
#include <string.h>

uint64_t journal_block(const struct journal *j, unsigned log)
{
	for (unsigned i = 0; i < j->run_count; i++)
		if (log >= j->runs[i].log && log - j->runs[i].log < j->runs[i].count)
			return j->runs[i].nr + (log - j->runs[i].log);
	return 0;
}

unsigned journal_next(const struct journal *j, unsigned log)
{
	return log + 1 == j->first + j->log_blocks ? j->first : log + 1;
}

/* The checksum of a block, in which the four bytes at `zeroed` count as 0. */
uint32_t journal_sum(const struct journal *j, const void *data, uint32_t zeroed)
{
	static const uint8_t zero[4];
	const uint8_t *p = data;
	uint32_t crc = crc32c(j->seed, p, zeroed);

	crc = crc32c(crc, zero, 4);
	return crc32c(crc, p + zeroed + 4, j->store->block_size - zeroed - 4);
}

static int write_super(struct journal *j, struct jbd_super *s)
{
	s->checksum = 0;
	if (j->v2 || j->v3)
		s->checksum = be32(crc32c(~0u, s, sizeof(*s)));
	return store_write(j->store, s, journal_block(j, 0), 1);
}

int journal_write_super(struct journal *j, unsigned start, uint32_t sequence)
{
	struct jbd_super *s = (struct jbd_super *)j->super;

	s->start = be32(start);
	s->sequence = be32(sequence);
	return write_super(j, s);
}

int journal_write_error(struct journal *j)
{
	struct jbd_super *s = (struct jbd_super *)j->super;

	s->error = be32(j->error);
	return write_super(j, s);
}

bool journal_has_error(const struct journal *j)
{
	return j->log_blocks && ((const struct jbd_super *)j->super)->error;
}

/* The pieces of memory of a run: how many. */
static unsigned stage_vecs(const struct journal *j, uint8_t **stage, const struct stage_run *run,
			   struct block_vec *vecs)
{
	size_t at = (size_t)run->first << j->store->shift;
	size_t end = at + ((size_t)run->count << j->store->shift);
	unsigned n = 0;

	while (at < end) {
		size_t piece = OS_PAGE - at % OS_PAGE;

		if (piece > end - at)
			piece = end - at;
		vecs[n++] = (struct block_vec){ stage[at / OS_PAGE] + at % OS_PAGE, piece };
		at += piece;
	}
	return n;
}

int stage_write(struct journal *j, uint8_t **stage, const struct stage_run *runs, unsigned count,
		const struct tx_data *data)
{
	/* A run that begins or ends within a page shares this page with another one. */
	struct block_vec vecs[STAGE_PAGES + STAGE_RUNS];
	struct block_run to[STAGE_RUNS + TX_RUNS];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		to[i] = (struct block_run){ .vecs = &vecs[n], .at = runs[i].nr << j->store->shift };
		to[i].count = stage_vecs(j, stage, &runs[i], &vecs[n]);
		n += to[i].count;
	}
	for (const struct tx_data *d = data; d; d = d->next) {
		memcpy(&to[count], d->runs, d->count * sizeof(*to));
		count += d->count;
	}
	return store_write_runs(j->store, to, count);
}

/* Runs of the log, and with the first ones the data of the transaction. */
static int write_runs(struct journal *j, const struct stage_run *runs, unsigned count)
{
	struct tx *tx = j->committing;
	struct tx_data *data = tx->data_runs ? tx->data : NULL;
	int rc = stage_write(j, j->stage, runs, count, data);

	if (!data)
		return rc;
	journal_data_written(j, tx, rc);
	return rc ? stage_write(j, j->stage, runs, count, NULL) : 0;
}

static void move_head(struct journal *j)
{
	j->head = journal_next(j, j->head);
	j->log_reserved -= j->log_reserved ? 1 : 0;
}

/* Write the first n staged blocks to the head of the log, which moves. */
static int put(struct journal *j, unsigned n)
{
	struct stage_run runs[STAGE_RUNS], *last = NULL;
	unsigned count = 0;

	/* journal_begin() has seen to it; what is needed for recovery is never overwritten. */
	if (n > journal_free_blocks(j))
		return -ENOSPC;
	for (unsigned i = 0; i < n; i++) {
		uint64_t nr = journal_block(j, j->head);

		if (last && nr == last->nr + last->count) {
			last->count++;
		} else {
			int rc = count == STAGE_RUNS ? write_runs(j, runs, count) : 0;

			if (rc)
				return rc;
			count = count == STAGE_RUNS ? 0 : count;
			last = &runs[count++];
			*last = (struct stage_run){ i, 1, nr };
		}
		move_head(j);
	}
	return write_runs(j, runs, count);
}

static uint8_t *begin(struct journal *j, unsigned i, uint32_t type, const struct tx *tx)
{
	struct jbd_header *h = (struct jbd_header *)stage_block(j, j->stage, i);

	memset(h, 0, j->store->block_size);
	*h = (struct jbd_header){ be32(JBD_MAGIC), be32(type), be32(tx->sequence) };
	return (uint8_t *)h;
}

/* The checksum at the end of a descriptor or revoke block. */
static void end(struct journal *j, uint8_t *block)
{
	unsigned at = j->store->block_size - 4;
	be32_t sum;

	if (!j->v2 && !j->v3)
		return;
	sum = be32(journal_sum(j, block, at));
	memcpy(block + at, &sum, 4);
}

static int put_revokes(struct journal *j, const struct tx *tx)
{
	unsigned size = j->wide ? 8 : 4;
	unsigned end_at = j->store->block_size - (j->v2 || j->v3 ? 4 : 0);

	for (unsigned i = 0; i < tx->revokes;) {
		uint8_t *block = begin(j, 0, JBD_REVOKE, tx);
		unsigned at = sizeof(struct jbd_revoke);
		int rc;

		for (; i < tx->revokes && at + size <= end_at; i++, at += size) {
			be64_t wide = be64(tx->revoked[i]);
			be32_t narrow = be32(tx->revoked[i]);

			memcpy(block + at, size == 8 ? (void *)&wide : (void *)&narrow, size);
		}
		((struct jbd_revoke *)block)->bytes = be32(at);
		end(j, block);
		rc = put(j, 1);
		if (rc)
			return rc;
	}
	return 0;
}

static unsigned tag_size(const struct journal *j)
{
	if (j->v3)
		return sizeof(struct jbd_tag3);
	return 8 + (j->wide ? 4 : 0) + (j->v2 ? 2 : 0);
}

/* A tag at `to`, for a staged block. */
static void put_tag(const struct journal *j, uint8_t *to, const struct tx *tx, uint64_t nr,
		    const uint8_t *data, unsigned flags)
{
	be32_t sequence = be32(tx->sequence);
	uint32_t sum = 0;

	if (j->v2 || j->v3)
		sum = crc32c(crc32c(j->seed, &sequence, 4), data, j->store->block_size);
	if (j->v3) {
		struct jbd_tag3 t = { be32(nr), be32(flags), be32(nr >> 32), be32(sum) };

		memcpy(to, &t, sizeof(t));
	} else {
		struct jbd_tag t = { be32(nr), be16(sum), be16(flags), be32(nr >> 32) };

		memcpy(to, &t, j->wide ? 12 : 8);
	}
}

/* One descriptor and as many blocks as fit behind it in the stage; moves *i. */
static int put_batch(struct journal *j, struct tx *tx, unsigned *i)
{
	unsigned size = tag_size(j), most = stage_blocks(j), n = 1;
	unsigned at = sizeof(struct jbd_header);
	unsigned end_at = j->store->block_size - (j->v2 || j->v3 ? 4 : 0);
	const struct jbd_super *s = (const struct jbd_super *)j->super;
	uint8_t *block = begin(j, 0, JBD_DESCRIPTOR, tx), *last = NULL;

	for (; *i < tx->count && n < most; ++*i) {
		struct buf *b = tx->bufs[*i];
		unsigned flags = n > 1 ? JBD_SAME_UUID : 0;
		uint8_t *to = stage_block(j, j->stage, n);
		be32_t magic = be32(JBD_MAGIC);

		if (b->forgetting)
			continue;
		if (at + size + (n > 1 ? 0 : 16) > end_at)
			break;
		memcpy(to, b->frozen ? b->frozen : b->data, j->store->block_size);
		b->logged = true;
		if (!memcmp(to, &magic, 4)) {
			memset(to, 0, 4);
			flags |= JBD_ESCAPED;
		}
		put_tag(j, block + at, tx, b->nr, to, flags);
		last = block + at;
		at += size;
		if (n == 1) {
			memcpy(block + at, s->uuid, 16);
			at += 16;
		}
		n++;
	}
	if (!last)
		return 0;
	/* The lowest byte of the flags, which are big endian. */
	last[7] |= JBD_LAST;
	end(j, block);
	return put(j, n);
}

int journal_log(struct journal *j, struct tx *tx)
{
	int rc = put_revokes(j, tx);

	for (unsigned i = 0; i < tx->count && !rc;) {
		rc = put_batch(j, tx, &i);
		os_pause();
	}
	/* Whatever the log got, data is not forgotten. */
	if (!rc && tx->data_runs)
		journal_data_written(j, tx, 1);
	return rc;
}

int journal_log_commit(struct journal *j, struct tx *tx)
{
	struct jbd_commit *c = (struct jbd_commit *)begin(j, 0, JBD_COMMIT, tx);
	int64_t now = os_time();
	uint64_t sec = now / 1000000000;
	int rc;

	c->sec_high = be32(sec >> 32);
	c->sec_low = be32(sec);
	c->nsec = be32(now % 1000000000);
	if (j->v2 || j->v3)
		c->checksum[0] = be32(journal_sum(j, c, offsetof(struct jbd_commit, checksum)));
	if (!journal_free_blocks(j))
		return -ENOSPC;
	rc = store_flush_write(j->store, c, journal_block(j, j->head), 1);
	if (!rc)
		move_head(j);
	return rc;
}
