/* SPDX-License-Identifier: ISC */
/* Data that is written with the transaction that makes it part of a file. */
#include "fs/journal/journal.h"
#include "fs/fs.h"

bool journal_attach(struct handle *h, struct tx_data *d)
{
	struct journal *j = h->journal;
	struct tx *tx = h->tx;

	if (!j->log_blocks || !d->count || tx->data_runs + d->count > TX_RUNS)
		return false;
	/* If the commit could fail without an end of the journal, a later one, without the data, could
	   make this operation valid. */
	if (!j->spare)
		j->spare = os_alloc(sizeof(*j->spare));
	if (!j->spare)
		return false;
	d->tx = tx;
	d->next = tx->data;
	tx->data = d;
	tx->data_runs += d->count;
	return true;
}

void journal_detach(struct journal *j, struct tx_data *d)
{
	struct tx_data **p;

	while (d->tx && d->tx == j->committing)
		os_wait(&j->changed);
	if (!d->tx)
		return;
	for (p = &d->tx->data; *p != d; p = &(*p)->next)
		;
	*p = d->next;
	d->tx->data_runs -= d->count;
	d->tx = NULL;
}

/* The transaction has no data any more. */
void journal_drop_data(struct tx *tx)
{
	for (struct tx_data *d; (d = tx->data);) {
		tx->data = d->next;
		d->tx = NULL;
	}
	tx->data_runs = 0;
}

void journal_data_written(struct journal *j, struct tx *tx, int rc)
{
	tx->data_runs = 0;
	for (struct tx_data *d = tx->data; d; d = d->next) {
		if (rc)
			d->error = store_write_runs(j->store, d->runs, d->count);
		d->written = j->store->writes;
	}
}

bool journal_data_failed(const struct tx *tx)
{
	for (const struct tx_data *d = tx->data; d; d = d->next)
		if (d->error)
			return true;
	return false;
}

/* The contents of the transaction become part of the running one. */
static int merge_into_running(struct journal *j, struct tx *tx)
{
	struct tx *into = j->running;
	struct freed **last = &into->freed;
	int rc = tx_make_room(into, into->reserved + tx->count);

	for (unsigned i = 0; i < tx->revokes && !rc; i++) {
		uint64_t *revoked = tx_grown(into->revoked, into->revokes, &into->revoke_room,
					  sizeof(*revoked));

		if (!revoked)
			return -ENOMEM;
		into->revoked = revoked;
		into->revoked[into->revokes++] = tx->revoked[i];
	}
	if (rc)
		return rc;
	for (unsigned i = 0; i < tx->count; i++) {
		struct buf *b = tx->bufs[i];

		if (!b->running) {
			into->bufs[into->count++] = b;
			into->reserved++;
			b->running = into;
		}
		b->forget |= b->forgetting;
		b->committing = NULL;
		b->forgetting = b->logged = false;
		if (b->frozen)
			cache_free(b->frozen, b->store->block_size);
		b->frozen = NULL;
	}
	tx->count = 0;
	while (*last)
		last = &(*last)->next;
	*last = tx->freed;
	tx->freed = NULL;
	into->began = tx->began;
	j->head = tx->log_start;
	j->sequence = tx->sequence;
	return 0;
}

/* No other commit begins meanwhile: there is still a committing transaction. */
static int undo_data(struct journal *j, struct tx_data *d)
{
	struct handle h = { .journal = j, .tx = j->running, .credits = UNDO_CREDITS };
	int rc = tx_make_room(h.tx, h.tx->reserved + h.credits);

	if (rc)
		return rc;
	h.tx->handles++;
	h.tx->reserved += h.credits;
	rc = d->undo(d, &h);
	journal_end(&h);
	return rc;
}

/*
 * Data could not be written.  Nothing of the transaction is valid, since the log has no commit of
 * it: its changes are merged into the running one, in which the files lose blocks without data.
 */
int journal_undo(struct journal *j, struct tx *tx)
{
	int rc;

	cache_operation(1);
	rc = merge_into_running(j, tx);
	for (struct tx_data *d = tx->data; d && !rc; d = d->next)
		if (d->error)
			rc = undo_data(j, d);
	cache_operation(-1);
	return rc;
}
