/* SPDX-License-Identifier: ISC */
#include "fs/ext4/data/batch.h"

int batch_submit(struct ext4 *e, struct batch *b)
{
	int rc = b->nruns ? store_write_runs(&e->store, b->runs, b->nruns) : 0;

	b->nvecs = b->nruns = 0;
	return rc;
}

int batch_add(struct ext4 *e, struct batch *b, uint8_t *from, uint64_t nr)
{
	struct block_vec *last = b->nvecs ? &b->vecs[b->nvecs - 1] : NULL;
	bool new_run = !b->nruns || nr != b->next;
	int rc = 0;

	if (!new_run && from == (uint8_t *)last->data + last->len &&
	    (uintptr_t)from & (OS_PAGE - 1)) {
		last->len += e->block_size;
	} else {
		if (b->nvecs == BLOCK_VECS || (new_run && b->nruns == RUNS)) {
			rc = batch_submit(e, b);
			new_run = true;
		}
		if (new_run)
			b->runs[b->nruns++] = (struct block_run){
				&b->vecs[b->nvecs], 0, nr << e->shift,
			};
		b->vecs[b->nvecs++] = (struct block_vec){ from, e->block_size };
		b->runs[b->nruns - 1].count++;
	}
	b->next = nr + 1;
	return rc;
}

void batch_collect(struct ext4_inode *i, struct batch *b, uint64_t index, uint64_t last)
{
	unsigned per = OS_PAGE >> fs_of(i)->shift;

	b->n = 0;
	b->size = i->i.size;
	while (b->n < BATCH) {
		struct page *p = pages_next(&i->pages, index, true);
		uint64_t left;

		if (!p)
			break;
		if (p->index > last) {
			page_put(p);
			break;
		}
		b->dirty[b->n] = p->dirty;
		b->delayed[b->n] = p->delayed;
		p->delayed = 0;
		page_set_dirty(p, 0);
		/* Blocks behind the end need not be written. */
		left = b->size > p->index * OS_PAGE ? b->size - p->index * OS_PAGE : 0;
		left = (left + (1 << fs_of(i)->shift) - 1) >> fs_of(i)->shift;
		if (left < per)
			b->dirty[b->n] &= (1 << left) - 1;
		p->writing = true;
		b->pages[b->n++] = p;
		index = p->index + 1;
	}
}

uint64_t batch_block(const struct batch *b, unsigned per, unsigned k)
{
	return b->pages[k / per]->index * per + k % per;
}

void batch_release(struct ext4_inode *i, struct batch *b, unsigned block, unsigned n)
{
	unsigned per = OS_PAGE >> fs_of(i)->shift;

	for (unsigned k = block; k < block + n; k++)
		if (b->delayed[k / per] >> k % per & 1) {
			b->delayed[k / per] &= ~(1 << k % per);
			ext4_da_release(i, batch_block(b, per, k), 1);
		}
}

bool batch_dirty(const struct batch *b, unsigned per, unsigned k)
{
	return k < b->n * per && b->dirty[k / per] >> k % per & 1;
}

void batch_give_up(struct ext4_inode *i, struct batch *b)
{
	for (unsigned k = 0; k < b->changed; k++) {
		const struct extent *x = &b->changes[k];

		if (x->pblk && !x->unwritten)
			alloc_release(fs_of(i), x->pblk, x->len);
	}
	for (unsigned k = 0; k < b->n; k++)
		b->pages[k]->mapped = 0;
	batch_release(i, b, 0, b->n * (OS_PAGE >> fs_of(i)->shift));
}

/* A place that was reserved is free again, and its blocks from block k of the batch on are delayed. */
static void delay_again(struct ext4_inode *i, struct batch *b, struct extent *x, unsigned k)
{
	unsigned per = OS_PAGE >> fs_of(i)->shift;

	alloc_release(fs_of(i), x->pblk, x->len);
	x->pblk = 0;
	for (; k < b->n * per; k++) {
		uint64_t lblk = batch_block(b, per, k);

		if (lblk < x->lblk || lblk - x->lblk >= x->len)
			continue;
		ext4_da_again(i, lblk);
		b->delayed[k / per] |= 1 << k % per;
	}
}

void batch_keep(struct ext4_inode *i, struct batch *b, unsigned k)
{
	unsigned per = OS_PAGE >> fs_of(i)->shift;

	for (unsigned c = 0; c < b->changed; c++)
		if (b->changes[c].pblk && !b->changes[c].unwritten)
			delay_again(i, b, &b->changes[c], k);
	for (; k < b->n * per; k++) {
		struct page *p = b->pages[k / per];
		unsigned bit = 1 << k % per;

		if (!batch_dirty(b, per, k))
			continue;
		page_set_dirty(p, p->dirty | bit);
		if (b->delayed[k / per] & bit & ~p->delayed) {
			b->delayed[k / per] &= ~bit;
			p->delayed |= bit;
		}
	}
}
