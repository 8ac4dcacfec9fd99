/* SPDX-License-Identifier: ISC */
/*
 * A vif for tests of net/: it implements drivers/netfront.h without a ring.
 *
 * Sent frames are kept until the thread "vif" takes them, in order, and passes their
 * bytes to wire().  Frames that wire() or the test passes to vif_deliver() are received
 * in the same thread, so callbacks are called as netfront calls them.  Bytes in lent
 * memory must not change until done().
 */
#ifndef TESTS_UNIT_NET_VIF_H
#define TESTS_UNIT_NET_VIF_H

#include "drivers/netfront.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "net/net.h"
#include "tests/host/host.h"
#include "tests/unit/net_bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- fields that a test sets, and may read */

static struct fake_vif {
	bool absent;
	unsigned room;			/* frames in flight; 0: 64 */
	unsigned delay;			/* us until a frame is taken, at the most */
	struct netfront_info info;
	void (*wire)(uint8_t *frame, size_t len, const struct offload *o);

	unsigned long sent, refused, pushed, pages;
	struct frame {
		struct frame *next;
		struct piece pieces[128];	/* those that are lent */
		size_t count, len;
		uint64_t sum;
		struct offload o;
		void (*done)(void *);
		void *arg;
		uint8_t bytes[];
	} *first, **last;
	unsigned inflight;
	struct incoming {
		struct incoming *next;
		struct rx_page *pages;
		struct offload o;
	} *in, **in_last;
	bool owed, open;
	struct waitq work;
	const struct netfront_user *user;
	void *arg;
	uint8_t *lent;
	size_t lent_size;
} vif;

/* A second, simpler device: it takes frames at once. */
static struct waitq vif_attached;

static struct vif2 {
	bool there, open;
	struct netfront_info info;
	void (*wire)(uint8_t *frame, size_t len);
	const struct netfront_user *user;
	void *arg;
} vif2;

static uint64_t vif_sum(const struct piece *p, size_t n)
{
	uint64_t s = 0;

	for (; n; p++, n--)
		for (size_t i = 0; i < p->len; i++)
			s = s * 31 + ((const uint8_t *)p->data)[i];
	return s;
}

static void *vif_alloc(size_t size)	/* malloc() that does not fail */
{
	void *p;

	while (!(p = calloc(1, size)))
		;
	return p;
}

/* A frame for the guest, in pages of at most `page` bytes. */
static void vif_deliver(const uint8_t *bytes, size_t len, const struct offload *o, size_t page)
{
	struct incoming *in = vif_alloc(sizeof(*in));
	struct rx_page **link = &in->pages;

	assert(len);
	in->o = *o;
	while (len) {
		size_t n = len < page ? len : page;
		struct rx_page *p = vif_alloc(sizeof(*p));

		p->data = vif_alloc(n);
		memcpy(p->data, bytes, n);
		p->len = n;
		*link = p;
		link = &p->next;
		bytes += n;
		len -= n;
		vif.pages++;
	}
	if (!vif.in)
		vif.in_last = &vif.in;
	*vif.in_last = in;
	vif.in_last = &in->next;
	wake(&vif.work);
}

static void vif_receive(void)
{
	while (vif.in) {
		struct incoming *in = vif.in;

		vif.in = in->next;
		if (vif.open)
			vif.user->receive(vif.arg, in->pages, &in->o);
		else
			netfront_free(in->pages);
		free(in);
	}
}

static void vif_take(void)
{
	struct frame *f = vif.first;

	vif.first = f->next;
	vif.inflight--;
	assert(f->sum == vif_sum(f->pieces, f->count));
	f->done(f->arg);
	if (vif.wire)
		vif.wire(f->bytes, f->len, &f->o);
	free(f);
}

static void vif_thread(void *arg)
{
	(void)arg;
	for (;;) {
		wait_until(&vif.work, vif.in || vif.first);
		if (vif.delay)
			thread_sleep(clock_now() + host_below(vif.delay) * 1000ull);
		for (unsigned n = 1 + host_below(8); n && vif.first; n--)
			vif_take();
		vif_receive();
		if (vif.owed && vif.inflight < vif.room) {
			vif.owed = false;
			vif.user->room(vif.arg);
		}
		if (vif.open)
			vif.user->received(vif.arg);
	}
}

/*
 * Boots the guest with these options, and the network.  vif.info and vif.wire are those of the
 * test.
 */
static inline void vif_boot(const char *options)
{
	static char line[1100];

	strcpy(line, options);
	host_boot();
	assert(param_init(line) == 0);
	memcpy(vif.info.mac, our_mac, 6);
	assert(net_init() == 0);
}

static inline void vif_carrier(bool up)
{
	vif.info.up = up;
	while (!up && vif.first)
		vif_take();
	vif.user->changed(vif.arg);
}

/* ---- drivers/netfront.h */

void netfront_lend(void *memory, size_t size)
{
	assert(!vif.lent);
	vif.lent = memory;
	vif.lent_size = size;
}

int64_t netfront_next(unsigned id)
{
	return id == 0 && !vif.absent ? 0 : id <= 1 && vif2.there ? 1 : -ENODEV;
}

struct netfront *netfront_open(unsigned id, const struct netfront_user *user, void *arg)
{
	if (id == 1 && vif2.there && !vif2.open) {
		vif2.user = user;
		vif2.arg = arg;
		vif2.open = true;
		return (struct netfront *)&vif2;
	}
	if (id || vif.open)
		return NULL;
	vif.room = vif.room ? vif.room : 64;
	vif.user = user;
	vif.arg = arg;
	vif.open = true;
	vif.last = &vif.first;
	assert(thread_start("vif", THREAD_KERNEL, STACK_KERNEL, vif_thread, NULL, NULL));
	return (struct netfront *)&vif;
}

static inline void vif2_attach(void)
{
	vif2.there = true;
	wake(&vif_attached);
}

void netfront_wait_change(unsigned *seen)
{
	wait_until(&vif_attached, *seen != 1u + vif2.there);
	*seen = 1u + vif2.there;
}

void netfront_info(const struct netfront *n, struct netfront_info *info)
{
	*info = n == (const struct netfront *)&vif2 ? vif2.info : vif.info;
}

void netfront_stats(const struct netfront *n, struct netfront_stats *stats)
{
	(void)n;
	*stats = (struct netfront_stats){ .tx_frames = vif.sent, .tx_full = vif.refused };
}

static int vif2_send(const struct piece *pieces, size_t count, void (*done)(void *), void *arg)
{
	uint8_t *bytes = vif_alloc(FRAME_MAX);
	size_t len = 0;

	if (vif2.info.up)
		for (; count--; len += pieces++->len)
			memcpy(bytes + len, pieces->data, pieces->len);
	if (len && vif2.wire)
		vif2.wire(bytes, len);
	free(bytes);
	if (len)
		done(arg);
	return len ? 0 : -ENETDOWN;
}

int netfront_send(struct netfront *n, const struct piece *pieces, size_t count,
		  const struct offload *o, void (*done)(void *arg), void *arg)
{
	struct frame *f;
	size_t len = 0;

	if (n == (struct netfront *)&vif2)
		return vif2_send(pieces, count, done, arg);
	assert(n == (struct netfront *)&vif && count <= 128);
	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	if (!vif.info.up)
		return -ENETDOWN;
	if (len > FRAME_MAX)
		return -EMSGSIZE;
	assert(len >= 14);
	assert(!o->gso_type == !o->gso_size);
	if (vif.inflight >= vif.room) {
		vif.owed = true;
		vif.refused++;
		return -EAGAIN;
	}
	f = vif_alloc(sizeof(*f) + len);
	for (size_t i = 0, at = 0; i < count; at += pieces[i++].len) {
		const uint8_t *data = pieces[i].data;

		assert(pieces[i].len);
		memcpy(f->bytes + at, data, pieces[i].len);
		/* Other data is copied, so it may change. */
		if (data >= vif.lent && data < vif.lent + vif.lent_size)
			f->pieces[f->count++] = pieces[i];
	}
	f->len = len;
	f->sum = vif_sum(f->pieces, f->count);
	f->o = *o;
	f->done = done;
	f->arg = arg;
	if (!vif.first)
		vif.last = &vif.first;
	*vif.last = f;
	vif.last = &f->next;
	vif.inflight++;
	vif.sent++;
	return 0;
}

void netfront_push(struct netfront *n)
{
	(void)n;
	vif.pushed++;
	wake(&vif.work);
}

void netfront_free(struct rx_page *pages)
{
	while (pages) {
		struct rx_page *next = pages->next;

		free(pages->data);
		free(pages);
		vif.pages--;
		pages = next;
	}
}

#endif
