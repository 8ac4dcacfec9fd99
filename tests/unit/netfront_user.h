/* SPDX-License-Identifier: ISC */
/*
 * A user of drivers/netfront*.c for tests.  It checks that frames arrive as they were sent, in
 * order, and are received as the backend made them.  The backend is tests/host/netback.c, which
 * ends the test if Linux's xen-netback would not accept a frame.
 */
#ifndef TESTS_UNIT_NETFRONT_USER_H
#define TESTS_UNIT_NETFRONT_USER_H

#include "drivers/netfront.h"
#include "drivers/netfront_internal.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/gnttab.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/host/host.h"
#include "tests/host/netback.h"
#include "tests/host/xenstored.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND NSEC_PER_SEC
#define LENT_PAGES 64
#define QUEUE 4096

static struct netfront *device;
static struct netfront_info info;
static unsigned running, baseline;
static uint8_t *lent;
static struct waitq news;
static unsigned rooms, changes, receiveds;

/* ---- sent frames, which must arrive in this order */

static struct sent {
	uint8_t *bytes;
	size_t len;
	struct offload o;
	bool done;
} sent[QUEUE];
static unsigned nsent, narrived, ndone;

/* On the backend's side. */
static inline void arrived(const struct netback_frame *f)
{
	struct sent *s = &sent[narrived++ % QUEUE];

	if (narrived > nsent)
		host_fail("a frame that was not sent");
	if (f->len != s->len || memcmp(f->data, s->bytes, s->len))
		host_fail("frame %u is not what was sent: %zu bytes, %zu", narrived - 1, f->len,
			  s->len);
	if (f->csum_blank != s->o.csum_blank || f->gso_type != s->o.gso_type ||
	    f->gso_size != s->o.gso_size)
		host_fail("what is to be done for frame %u", narrived - 1);
}

static inline void is_done(void *arg)
{
	struct sent *s = arg;

	assert(!s->done);
	s->done = true;
	ndone++;
	wake(&news);
}

/* Stores a copy of the pieces, and sends them. */
static inline int send_pieces(const struct piece *pieces, size_t count, const struct offload *o)
{
	struct sent *s = &sent[nsent % QUEUE];
	size_t len = 0;
	int rc;

	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	assert(nsent < QUEUE || s->done);
	free(s->bytes);
	*s = (struct sent){ .bytes = malloc(len + 1), .len = len };
	if (o)
		s->o = *o;
	len = 0;
	for (size_t i = 0; i < count; i++) {
		memcpy(s->bytes + len, pieces[i].data, pieces[i].len);
		len += pieces[i].len;
	}
	nsent++;			/* the backend may see it before the call returns */
	rc = netfront_send(device, pieces, count, o, is_done, s);
	nsent -= rc != 0;
	return rc;
}

static inline int send_flat(const void *data, size_t len)
{
	struct piece piece = { data, len };

	return send_pieces(&piece, 1, NULL);
}

static inline void forget_sent(void)
{
	for (unsigned i = 0; i < QUEUE; i++)
		free(sent[i].bytes);
}

/* ---- what is received */

static unsigned made, got;		/* frames */
static struct netback_frame expected[QUEUE];
static uint8_t *frame_bytes[QUEUE];
static struct rx_page *keep;		/* frames the user keeps */
static bool keeps;
static unsigned stop_at;		/* how many frames are made */
static size_t frame_least, frame_most;
static bool any_flaw;

static inline void make_frame(struct netback_frame *f)
{
	unsigned at = made % QUEUE;
	size_t len = frame_least + host_below(frame_most - frame_least + 1);

	*f = (struct netback_frame){ .len = len };
	if (host_chance(3)) {
		f->csum_blank = host_chance(2);
		f->csum_valid = !f->csum_blank;
	}
	if (host_chance(4)) {
		f->gso_type = 1 + host_below(2);
		f->gso_size = 1 + host_below(9000);
	}
	if (any_flaw && host_chance(2))
		f->flaw = 1 + host_below(FLAWS - 1);
	if (f->flaw == FLAW_SHORT)
		f->len = 1 + host_below(13);
	if (f->flaw == FLAW_EMPTY)
		f->len = 0;
	if ((f->flaw == FLAW_GSO_SIZE || f->flaw == FLAW_GSO_TYPE) && !f->gso_size) {
		f->gso_type = 1;
		f->gso_size = 1000;
	}
	f->data = frame_bytes[at] = malloc(f->len + 1);
	for (size_t i = 0; i < f->len; i++)
		frame_bytes[at][i] = i * 13 + (i >> 8) + made;
}

/* On the backend's side. */
static inline bool next_frame(struct netback_frame *f)
{
	if (made >= stop_at || made - got >= QUEUE)
		return false;
	free(frame_bytes[made % QUEUE]);
	make_frame(f);
	expected[made % QUEUE] = *f;
	made++;
	return true;
}

static inline void check_frame(struct rx_page *frame, const struct offload *o)
{
	const struct netback_frame *f;
	size_t at = 0;

	while (expected[got % QUEUE].flaw)
		got++;
	f = &expected[got++ % QUEUE];
	for (struct rx_page *p = frame; p; p = p->next) {
		assert(p->device == device && p->len && at + p->len <= f->len);
		assert(memcmp(p->data, f->data + at, p->len) == 0);
		at += p->len;
	}
	assert(at == f->len);
	assert(o->csum_blank == f->csum_blank);
	assert(o->csum_valid == (f->csum_valid || f->csum_blank));
	assert(o->gso_type == f->gso_type && o->gso_size == f->gso_size);
}

static void (*and_then)(struct rx_page *frame);

static inline void receive(void *arg, struct rx_page *frame, const struct offload *o)
{
	struct rx_page **last = &frame;

	assert(arg == &news);
	if (and_then)
		and_then(frame);
	else if (netback.next == next_frame)
		check_frame(frame, o);
	wake(&news);
	if (!keeps) {
		netfront_free(frame);
		return;
	}
	while (*last)
		last = &(*last)->next;
	*last = keep;
	keep = frame;
}

static inline void received(void *arg)
{
	assert(arg == &news);
	receiveds++;
	netfront_push(device);
}

/* Sends a frame of the maximum number of slots, with an extra for segments. */
static inline int send_wide(void)
{
	const struct offload o = { .csum_blank = true, .gso_size = 1448, .gso_type = 1 };
	const struct piece pieces[] = { { lent + 2, 66 }, { lent + PAGE_SIZE - 150, 65469 } };

	int rc = send_pieces(pieces, 2, &o);

	netfront_push(device);
	return rc;
}

static bool wide_on_room;

static inline void room(void *arg)
{
	assert(arg == &news);
	rooms++;
	wake(&news);
	if (wide_on_room)
		assert(send_wide() == 0);
}

static inline void changed(void *arg)
{
	assert(arg == &news);
	changes++;
	netfront_info(device, &info);
	wake(&news);
}

static const struct netfront_user user = { receive, received, room, changed };

/* ---- up and down */

static bool any_memory;

static inline void boot(void)
{
	if (host_chance(2) && !any_memory)
		host_set_memory(8 << 20);
	store_start();
	host_boot();
	lent = page_alloc(LENT_PAGES);
	for (size_t i = 0; i < LENT_PAGES * PAGE_SIZE; i++)
		lent[i] = i * 7 + i / 4096;
	netfront_lend(lent, LENT_PAGES * PAGE_SIZE);
	baseline = thread_count();
	netback.got = arrived;
	netback.split = host_chance(2);
	frame_least = 14;
	frame_most = 3000;
}

static inline void open_device(void)
{
	device = netfront_open(0, &user, &news);
	assert(device);
	netfront_info(device, &info);
	assert(wait_until_deadline(&news, clock_now() + 5 * SECOND, info.up));
}

static inline void up(void)
{
	boot();
	netback_attach();
	open_device();
}

static inline void wait_for_threads(void)
{
	while (running)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static inline void pause(unsigned us)
{
	thread_sleep(clock_now() + us * 1000ull);
}

/* Waits until all sent frames have arrived and have a response. */
static inline void drain(void)
{
	uint64_t patience = clock_now() + 2 * SECOND;

	netfront_push(device);
	while ((narrived != nsent || ndone != nsent) && clock_now() < patience)
		pause(1000);
	assert(narrived == nsent);
	assert(ndone == nsent);
}

static inline void detach(void)
{
	netback_detach();
	while (!netback_detached())
		pause(1000);
	while (netfront_next(0) != -ENODEV)
		pause(1000);
	assert(!info.up);
}

/* All threads of the device end with xenstore. */
static inline void down(void)
{
	wait_for_threads();
	if (!netback_detached())
		detach();
	store_end(STORE_TOO_LONG);
	while (thread_count() != baseline)
		pause(1000);
	netfront_free(keep);
	page_free(lent, LENT_PAGES);
	forget_sent();
	for (unsigned i = 0; i < QUEUE; i++)
		free(frame_bytes[i]);
	assert(ndone == nsent);
}

struct job {
	void (*main)(void *arg);
	void *arg;
};

static inline void run_job(void *arg)
{
	struct job job = *(struct job *)arg;

	kernel_enter();
	free(arg);
	job.main(job.arg);
	running--;
	wake(&news);
	kernel_leave();
}

static inline void start_thread(void (*main)(void *), uintptr_t arg)
{
	struct job *job = malloc(sizeof(*job));

	*job = (struct job){ main, (void *)arg };
	running++;
	assert(thread_start("user", THREAD_APP, 4 * STACK_KERNEL, run_job, job, NULL));
}

/* ---- frames of any kind */

static uint8_t plain[1 << 16];

/* Returns a size, often at a limit. */
static inline size_t any_size(void)
{
	static const size_t edges[] = { 14, 15, 60, 127, 128, 129, 511, 512, 513, 1514, 4095,
					4096, 4097, 8192, 61440, 65534, 65535 };

	if (host_chance(3))
		return edges[host_below(HOST_COUNT(edges))];
	return 14 + host_below(host_chance(2) ? 2000 : 65522);
}

/*
 * Cuts data into pieces at any address; some have zero bytes or end at a page boundary.
 */
static inline size_t any_pieces(struct piece *pieces, size_t most, size_t len)
{
	size_t n = 0, count = 1 + host_below(most), part;

	while (len || n == 0) {
		uint8_t *from = host_chance(3) ? plain : lent;
		size_t size = from == lent ? LENT_PAGES * PAGE_SIZE : sizeof(plain);
		size_t at = host_below(size);

		if (n > 1 && host_chance(3)) {	/* behind the last one */
			at = (const uint8_t *)pieces[n - 1].data + pieces[n - 1].len - from;
			at = at < size ? at : 0;
		}
		part = n + 1 >= count ? len : host_below(2 * len / (count - n) + 2);
		if (host_chance(4))
			part = PAGE_SIZE - at % PAGE_SIZE;
		part = part < len ? part : len;
		part = part < size - at ? part : size - at;
		pieces[n++] = (struct piece){ from + at, part };
		len -= part;
	}
	return n;
}

static inline void any_offload(struct offload *o)
{
	*o = (struct offload){ .csum_blank = host_chance(2) };
	if (o->csum_blank && host_chance(2)) {
		o->gso_type = 1 + host_below(2);
		o->gso_size = 1 + host_below(65535);
	}
}

static inline void send_any(void)
{
	struct piece pieces[4096];
	struct offload o;
	size_t n = any_pieces(pieces, 64, any_size());
	int rc;

	any_offload(&o);
	while ((rc = send_pieces(pieces, n, &o)) == -EAGAIN) {
		unsigned before = rooms;

		netfront_push(device);
		assert(wait_until_deadline(&news, clock_now() + 2 * SECOND, rooms != before));
	}
	assert(rc == 0);
	if (host_chance(3))
		netfront_push(device);
}

#endif
