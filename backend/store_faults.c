/* SPDX-License-Identifier: ISC */
/* Faults in front of another store: what happens to a request is decided by rules. */
#include "backend/store_faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 16
#define CACHE_MOST (64ull << 20)	/* bytes; a write that exceeds it is preceded by a flush */
#define DISORDER 2000000		/* ns: latency of a disk that is out of order, at most */

struct faults {
	struct disk_store s;
	struct disk_store *below;
	struct fault_rule *rules;
	unsigned flags;			/* enum fault_flag */
	uint64_t random;
	uint64_t begin;			/* of the first connection; 0: there was none */
	bool stopped;			/* no call may wait */
	struct domain_queue waiting;	/* calls that wait by a rule */
	unsigned calls;			/* of the store below, in progress */
	struct domain_queue turn;
	struct write_cache cache;
	bool writes_back;		/* one thread flushes the cache; no other thread writes to it */
	uint64_t backs;			/* counts runs that were written back */
};

/* The faults of a request. */
struct fate {
	int error;			/* negative: it fails */
	bool torn, hang, drop;
	uint64_t latency, hang_end;
};

static uint64_t random_below(struct faults *f, uint64_t n)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random % n;
}

/* ---- rules; inside of the monitor */

static bool applies(struct faults *f, struct fault_rule *r, enum fault_op op, uint64_t at,
		    uint64_t len, uint64_t now)
{
	if (!(r->ops & 1u << op) || now < r->after || (r->duration && now - r->after >= r->duration))
		return false;
	if (r->ranged && (at >= r->last || at + len <= r->first))
		return false;
	if (r->denominator && random_below(f, r->denominator) >= r->numerator)
		return false;
	return !r->skip || !r->skip--;
}

static void add_fault(const struct faults *f, const struct fault_rule *r, struct fate *fate)
{
	fate->latency += r->latency;
	fate->torn |= r->kind == FAULT_TORN;
	fate->drop |= r->kind == FAULT_DROP;
	if (r->kind == FAULT_HANG) {
		fate->hang = true;
		fate->hang_end = r->duration ? f->begin + r->after + r->duration : DOMAIN_NEVER;
	} else if (r->error) {
		fate->error = r->error;
	}
}

static struct fate decide(struct faults *f, enum fault_op op, uint64_t at, uint64_t len)
{
	uint64_t now = f->begin ? domain_clock() - f->begin : 0;
	struct fate fate = { 0 };

	if (f->flags & FAULT_OUT_OF_ORDER)
		fate.latency = random_below(f, DISORDER);
	for (struct fault_rule **p = &f->rules, *r; (r = *p);) {
		if (applies(f, r, op, at, len, now)) {
			add_fault(f, r, &fate);
			if (r->times && --r->times == 0) {
				*p = r->next;
				free(r);
				continue;
			}
		}
		p = &r->next;
	}
	return fate;
}

static void wait_until_time(struct faults *f, uint64_t end)
{
	while (!f->stopped && domain_clock() < end)
		domain_sleep(&f->waiting, end);
}

/* Decides, and waits.  Returns the request's error. */
static struct fate meet(struct faults *f, enum fault_op op, uint64_t at, uint64_t len)
{
	struct fate fate = decide(f, op, at, len);

	if (fate.latency)
		wait_until_time(f, domain_clock() + fate.latency);
	if (fate.hang) {
		wait_until_time(f, fate.hang_end);
		if (f->stopped)
			fate.error = -EIO;
	}
	return fate;
}

/* ---- the store below, which admits only some calls at once */

static void below_begin(struct faults *f)
{
	while (f->calls >= (f->below->threads ? f->below->threads : 1))
		domain_sleep(&f->turn, DOMAIN_NEVER);
	f->calls++;
	domain_leave();
}

static void below_end(struct faults *f)
{
	domain_enter();
	f->calls--;
	domain_wake(&f->turn);		/* they wait for different things */
}

static int write_below(struct faults *f, const struct iovec *from, int count, uint64_t at)
{
	int rc;

	below_begin(f);
	rc = f->below->write(f->below, from, count, at);
	below_end(f);
	return rc;
}

/* Writes the cache back, without a flush of the store below. */
static int write_back(struct faults *f)
{
	struct cache_run *r = malloc(sizeof(*r));
	int rc = r ? 0 : -ENOMEM;

	while (f->writes_back)
		domain_sleep(&f->turn, DOMAIN_NEVER);
	f->writes_back = true;
	while (!rc && cache_next(&f->cache, r)) {
		rc = write_below(f, &(struct iovec){ r->data, r->count * 512 }, 1, r->at);
		if (!rc) {
			cache_clean(&f->cache, r);
			f->backs++;
		}
	}
	f->writes_back = false;
	domain_wake(&f->turn);
	free(r);
	return rc;
}

static uint64_t total(const struct iovec *v, int count)
{
	uint64_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += v[i].iov_len;
	return sum;
}

/* Returns the number of pieces that have the first len bytes.  to has room for all. */
static int first_bytes(struct iovec *to, const struct iovec *v, int count, uint64_t len)
{
	int n = 0;

	for (; n < count && len; n++) {
		to[n] = v[n];
		if (to[n].iov_len > len)
			to[n].iov_len = len;
		len -= to[n].iov_len;
	}
	return n;
}

static int write_cached(struct faults *f, const struct iovec *from, int count, uint64_t at)
{
	int rc = 0;

	if (!(f->flags & FAULT_CACHE))
		return write_below(f, from, count, at);
	if (f->cache.bytes > CACHE_MOST)
		rc = write_back(f);
	while (f->writes_back)
		domain_sleep(&f->turn, DOMAIN_NEVER);
	return rc ? rc : cache_write(&f->cache, from, count, at);
}

/* ---- the functions of the store */

static int faults_read(struct disk_store *s, const struct iovec *to, int count, uint64_t at)
{
	struct faults *f = (struct faults *)s;
	struct fate fate;
	int rc;

	domain_enter();
	fate = meet(f, FAULT_READ, at, total(to, count));
	rc = fate.error;
	if (!rc) {
		uint64_t backs;

		do {	/* again if sectors have left the cache meanwhile */
			backs = f->backs;
			below_begin(f);
			rc = f->below->read(f->below, to, count, at);
			below_end(f);
		} while (!rc && f->backs != backs);
	}
	if (!rc)
		cache_read(&f->cache, to, count, at);
	domain_leave();
	return rc;
}

static int faults_write(struct disk_store *s, const struct iovec *from, int count, uint64_t at)
{
	struct faults *f = (struct faults *)s;
	uint64_t len = total(from, count);
	struct iovec *part = NULL;
	struct fate fate;
	int rc;

	domain_enter();
	fate = meet(f, FAULT_WRITE, at, len);
	rc = fate.error;
	if (fate.torn && (part = malloc(count * sizeof(*part)))) {
		unsigned unit = f->s.sector_size ? f->s.sector_size : 512;
		int n = first_bytes(part, from, count, random_below(f, len / unit) * unit);

		if (n)
			write_cached(f, part, n, at);
	} else if (!rc && !fate.drop) {
		rc = write_cached(f, from, count, at);
	}
	domain_leave();
	free(part);
	return rc;
}

static int faults_flush(struct disk_store *s)
{
	struct faults *f = (struct faults *)s;
	struct fate fate;
	int rc;

	domain_enter();
	fate = meet(f, FAULT_FLUSH, 0, 0);
	rc = fate.error;
	if (!rc && !fate.drop) {
		rc = write_back(f);
		if (!rc && f->below->flush) {
			below_begin(f);
			rc = f->below->flush(f->below);
			below_end(f);
		}
	}
	domain_leave();
	return rc;
}

static int faults_discard(struct disk_store *s, uint64_t at, uint64_t len)
{
	struct faults *f = (struct faults *)s;
	struct fate fate;
	int rc;

	domain_enter();
	fate = meet(f, FAULT_DISCARD, at, len);
	rc = fate.error;
	if (!rc && !fate.drop) {
		cache_drop(&f->cache, at, len);
		below_begin(f);
		rc = f->below->discard(f->below, at, len);
		below_end(f);
	}
	domain_leave();
	return rc;
}

/* ---- events */

static bool keep_some(void *arg)
{
	return random_below(arg, 2);
}

static bool keep_none(void *arg)
{
	(void)arg;
	return false;
}

void disk_faults_power_cut(struct disk_store *store)
{
	struct faults *f = (struct faults *)store;

	domain_enter();
	cache_lose(&f->cache, f->flags & FAULT_LOSE_SOME ? keep_some : keep_none, f);
	if (f->flags & FAULT_LOSE_SOME)
		write_back(f);
	domain_leave();
}

static void faults_tell(struct disk_store *s, enum disk_event event)
{
	struct faults *f = (struct faults *)s;

	domain_enter();
	if (event == DISK_CONNECTED && !f->begin)
		f->begin = domain_clock();
	f->stopped = event == DISK_STOPPED;
	domain_wake(&f->waiting);
	if (event == DISK_CLOSED || (event == DISK_LOST && !(f->flags & FAULT_LOSE)))
		write_back(f);
	domain_leave();
	if (event == DISK_LOST && f->flags & FAULT_LOSE)
		disk_faults_power_cut(s);
	if (f->below->tell)
		f->below->tell(f->below, event);
	if (event == DISK_RESIZED)
		f->s.size = f->below->size;
}

static void faults_close(struct disk_store *s)
{
	struct faults *f = (struct faults *)s;

	domain_enter();
	cache_lose(&f->cache, keep_none, NULL);
	domain_leave();
	while (f->rules) {
		struct fault_rule *r = f->rules;

		f->rules = r->next;
		free(r);
	}
	disk_close(f->below);
	free(f);
}

int disk_faults(struct disk_store *below, uint64_t seed, struct disk_store **store)
{
	struct faults *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->s = (struct disk_store){
		.read = faults_read, .write = faults_write, .flush = faults_flush,
		.discard = below->discard ? faults_discard : NULL, .tell = faults_tell,
		.close = faults_close, .size = below->size, .sector_size = below->sector_size,
		.threads = THREADS, .readonly = below->readonly,
	};
	f->below = below;
	f->random = seed ? seed : 1;
	*store = &f->s;
	return 0;
}

int disk_faults_add(struct disk_store *store, const char *text, const char **why)
{
	struct faults *f = (struct faults *)store;
	struct fault_rule rule, *r, **last = &f->rules;
	int rc = fault_parse(text, &rule, &f->flags, why);

	f->s.out_of_order = f->flags & FAULT_OUT_OF_ORDER;
	if (rc || !rule.ops)
		return rc;
	r = malloc(sizeof(*r));
	*why = "no memory";
	if (!r)
		return -ENOMEM;
	*r = rule;
	domain_enter();
	while (*last)
		last = &(*last)->next;
	*last = r;
	domain_leave();
	return 0;
}
