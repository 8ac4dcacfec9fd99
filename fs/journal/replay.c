/* SPDX-License-Identifier: ISC */
/*
 * Opening a log, and recovery: blocks of complete transactions go to their places.
 *
 * Three passes: the end of the log is found, then all revoked blocks, then blocks are written.
 * Nothing that is read is believed: a log that contradicts itself ends the mount.
 */
#include "fs/journal/journal.h"
#include "fs/journal/format.h"
#include "fs/crc.h"
#include "fs/fs.h"

#include <stddef.h>
#include <string.h>

#define REVOKE_HASH 4096

struct revoke {
	struct revoke *next;
	uint64_t nr;
	uint32_t sequence;		/* up to this one, copies of the block are not replayed */
};

struct replay {
	struct journal *j;
	uint8_t *block, *data;		/* pages */
	struct revoke *revokes[REVOKE_HASH / 64][64];
	char *reason;
	size_t size;
};

enum pass { SCAN, REVOKES, BLOCKS };

static int bad(struct replay *r, const char *what, uint32_t sequence)
{
	os_format(r->reason, r->size, "the journal is damaged (%s, transaction %u); run e2fsck",
		  what, (unsigned)sequence);
	return -EUCLEAN;
}

static struct revoke **chain(struct replay *r, uint64_t nr)
{
	unsigned h = nr % REVOKE_HASH;

	return &r->revokes[h / 64][h % 64];
}

static int add_revoke(struct replay *r, uint64_t nr, uint32_t sequence)
{
	struct revoke *v;

	for (v = *chain(r, nr); v; v = v->next)
		if (v->nr == nr) {
			v->sequence = sequence;		/* passes go forward */
			return 0;
		}
	v = cache_alloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	*v = (struct revoke){ *chain(r, nr), nr, sequence };
	*chain(r, nr) = v;
	return 0;
}

static bool is_revoked(struct replay *r, uint64_t nr, uint32_t sequence)
{
	for (struct revoke *v = *chain(r, nr); v; v = v->next)
		if (v->nr == nr)
			return (int32_t)(v->sequence - sequence) >= 0;
	return false;
}

static bool sum_valid(const struct journal *j, const uint8_t *block)
{
	unsigned at = j->store->block_size - 4;
	be32_t sum;

	if (!j->v2 && !j->v3)
		return true;
	memcpy(&sum, block + at, 4);
	return be32(sum) == journal_sum(j, block, at);
}

static int read_log(struct replay *r, uint8_t *to, unsigned log)
{
	uint64_t nr = journal_block(r->j, log);

	if (!nr)
		return bad(r, "block outside of the journal", 0);
	return store_read(r->j->store, to, nr, 1);
}

static int take_revokes(struct replay *r, uint32_t sequence)
{
	const struct journal *j = r->j;
	uint32_t bytes = be32(((struct jbd_revoke *)r->block)->bytes);
	unsigned size = j->wide ? 8 : 4;
	int rc = 0;

	if (bytes > j->store->block_size - (j->v2 || j->v3 ? 4 : 0))
		return bad(r, "revoke block", sequence);
	for (unsigned at = sizeof(struct jbd_revoke); at + size <= bytes && !rc; at += size) {
		be64_t wide;
		be32_t narrow;

		memcpy(&wide, r->block + at, size == 8 ? 8 : 0);
		memcpy(&narrow, r->block + at, 4);
		rc = add_revoke(r, size == 8 ? be64(wide) : be32(narrow), sequence);
	}
	return rc;
}

/* Each tag of the descriptor in r->block.  *log: the first block behind it; moves. */
static int take_tags(struct replay *r, enum pass pass, uint32_t sequence, unsigned *log)
{
	struct journal *j = r->j;
	unsigned size = j->v3 ? 16 : 8 + (j->wide ? 4 : 0) + (j->v2 ? 2 : 0);
	unsigned end = j->store->block_size - (j->v2 || j->v3 ? 4 : 0);
	be32_t magic = be32(JBD_MAGIC), seq = be32(sequence);
	int rc;

	for (unsigned at = sizeof(struct jbd_header); at + size <= end; at += size) {
		struct jbd_tag3 t3 = { 0 };
		struct jbd_tag t = { 0 };
		uint32_t flags, sum;
		uint64_t nr;

		memcpy(&t3, r->block + at, j->v3 ? 16 : 0);
		memcpy(&t, r->block + at, j->v3 ? 0 : j->wide ? 12 : 8);
		flags = j->v3 ? be32(t3.flags) : be16(t.flags);
		nr = be32(j->v3 ? t3.block : t.block);
		if (j->wide)
			nr |= (uint64_t)be32(j->v3 ? t3.block_high : t.block_high) << 32;
		if (pass == BLOCKS && !is_revoked(r, nr, sequence)) {
			rc = read_log(r, r->data, *log);
			if (rc)
				return rc;
			sum = crc32c(crc32c(j->seed, &seq, 4), r->data, j->store->block_size);
			if ((j->v3 && sum != be32(t3.checksum)) ||
			    (j->v2 && (sum & 0xffff) != be16(t.checksum)))
				return bad(r, "checksum of a block", sequence);
			if (flags & JBD_ESCAPED)
				memcpy(r->data, &magic, 4);
			if (nr >= j->store->blocks)
				return bad(r, "block number", sequence);
			rc = store_write(j->store, r->data, nr, 1);
			if (rc)
				return rc;
		}
		*log = journal_next(j, *log);
		if (!(flags & JBD_SAME_UUID))
			at += 16;
		if (flags & JBD_LAST)
			return 0;
		os_pause();
	}
	return 0;
}

static bool commit_valid(struct replay *r)
{
	const struct jbd_commit *c = (const struct jbd_commit *)r->block;
	const struct journal *j = r->j;

	return (!j->v2 && !j->v3) ||
	       be32(c->checksum[0]) ==
		       journal_sum(j, c, offsetof(struct jbd_commit, checksum));
}

/* One pass.  *end: the first transaction that is not complete; found by SCAN. */
static int pass(struct replay *r, enum pass pass, uint32_t *end)
{
	struct journal *j = r->j;
	const struct jbd_super *s = (const struct jbd_super *)j->super;
	uint32_t sequence = be32(s->sequence);
	unsigned log = be32(s->start), seen = 0;
	uint64_t last_time = 0;
	bool suspect = false;		/* a block of this transaction had a wrong checksum */
	int rc;

	for (;;) {
		const struct jbd_header *h = (const struct jbd_header *)r->block;

		if (pass != SCAN && sequence == *end)
			return 0;
		if (seen > j->log_blocks)
			break;
		rc = read_log(r, r->block, log);
		if (rc)
			return rc;
		if (be32(h->magic) != JBD_MAGIC || be32(h->sequence) != sequence)
			break;
		log = journal_next(j, log);
		seen++;
		if (be32(h->type) == JBD_DESCRIPTOR || be32(h->type) == JBD_REVOKE) {
			unsigned before = log;

			if (!sum_valid(j, r->block)) {
				if (pass != SCAN)
					return bad(r, "checksum", sequence);
				suspect = true;
			}
			if (be32(h->type) == JBD_DESCRIPTOR) {
				rc = take_tags(r, pass, sequence, &log);
				seen += (log + j->log_blocks - before) % j->log_blocks;
			} else {
				rc = pass == REVOKES ? take_revokes(r, sequence) : 0;
			}
			if (rc)
				return rc;
		} else if (be32(h->type) == JBD_COMMIT) {
			const struct jbd_commit *c = (const struct jbd_commit *)r->block;
			uint64_t time = (uint64_t)be32(c->sec_high) << 32 | be32(c->sec_low);

			if (pass == SCAN && (suspect || !commit_valid(r))) {
				/* Remains of an older use of these blocks end the log. */
				if (suspect && time >= last_time)
					return bad(r, "checksum", sequence);
				break;
			}
			last_time = time;
			sequence++;
		} else {
			break;
		}
		os_pause();
	}
	if (pass != SCAN)
		return bad(r, "its end", sequence);
	*end = sequence;
	return 0;
}

int journal_replay(struct journal *j, uint32_t *next, char *reason, size_t size)
{
	struct replay *r = cache_alloc(sizeof(*r));
	uint32_t end = 0;
	int rc;

	if (!r)
		return -ENOMEM;
	*r = (struct replay){ .j = j, .reason = reason, .size = size };
	r->block = cache_page_alloc();
	r->data = cache_page_alloc();
	rc = r->block && r->data ? pass(r, SCAN, &end) : -ENOMEM;
	if (!rc)
		rc = pass(r, REVOKES, &end);
	if (!rc)
		rc = pass(r, BLOCKS, &end);
	if (!rc)
		rc = store_flush(j->store);
	*next = end + 1;
	for (unsigned i = 0; i < REVOKE_HASH; i++)
		for (struct revoke *v; (v = *chain(r, i));) {
			*chain(r, i) = v->next;
			cache_free(v, sizeof(*v));
		}
	cache_page_free(r->block);
	cache_page_free(r->data);
	cache_free(r, sizeof(*r));
	return rc;
}
