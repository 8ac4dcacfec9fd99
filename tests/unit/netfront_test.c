/* SPDX-License-Identifier: ISC */
/*
 * drivers/netfront*.c against tests/host/netback.c, which ends the test if Linux's xen-
 * netback would not accept a frame.  Claims that begin with "old bug" or an issue's
 * number are errors of other frontends.
 */
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

/* ---- what is sent: in this order it must come */

static struct sent {
	uint8_t *bytes;
	size_t len;
	struct offload o;
	bool done;
} sent[QUEUE];
static unsigned nsent, narrived, ndone;

/* On the backend's side. */
static void arrived(const struct netback_frame *f)
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

static void is_done(void *arg)
{
	struct sent *s = arg;

	assert(!s->done);
	s->done = true;
	ndone++;
	wake(&news);
}

/* Remember what the pieces say, and send it. */
static int send_pieces(const struct piece *pieces, size_t count, const struct offload *o)
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

static int send_flat(const void *data, size_t len)
{
	struct piece piece = { data, len };

	return send_pieces(&piece, 1, NULL);
}

static void forget_sent(void)
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

static void make_frame(struct netback_frame *f)
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
static bool next_frame(struct netback_frame *f)
{
	if (made >= stop_at || made - got >= QUEUE)
		return false;
	free(frame_bytes[made % QUEUE]);
	make_frame(f);
	expected[made % QUEUE] = *f;
	made++;
	return true;
}

static void check_frame(struct rx_page *frame, const struct offload *o)
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

static void receive(void *arg, struct rx_page *frame, const struct offload *o)
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

static void received(void *arg)
{
	assert(arg == &news);
	receiveds++;
	netfront_push(device);
}

/* In as many slots as may be, and what is to be known of segments. */
static int send_wide(void)
{
	const struct offload o = { .csum_blank = true, .gso_size = 1448, .gso_type = 1 };
	const struct piece pieces[] = { { lent + 2, 66 }, { lent + PAGE_SIZE - 150, 65469 } };

	int rc = send_pieces(pieces, 2, &o);

	netfront_push(device);
	return rc;
}

static bool wide_on_room;

static void room(void *arg)
{
	assert(arg == &news);
	rooms++;
	wake(&news);
	if (wide_on_room)
		assert(send_wide() == 0);
}

static void changed(void *arg)
{
	assert(arg == &news);
	changes++;
	netfront_info(device, &info);
	wake(&news);
}

static const struct netfront_user user = { receive, received, room, changed };

/* ---- up and down */

static bool any_memory;

static void boot(void)
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

static void open_device(void)
{
	device = netfront_open(0, &user, &news);
	assert(device);
	netfront_info(device, &info);
	assert(wait_until_deadline(&news, clock_now() + 5 * SECOND, info.up));
}

static void up(void)
{
	boot();
	netback_attach();
	open_device();
}

static void wait_for_threads(void)
{
	while (running)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static void pause(unsigned us)
{
	thread_sleep(clock_now() + us * 1000ull);
}

/* All that was sent has come, and all that is in flight is answered. */
static void drain(void)
{
	uint64_t patience = clock_now() + 2 * SECOND;

	netfront_push(device);
	while ((narrived != nsent || ndone != nsent) && clock_now() < patience)
		pause(1000);
	assert(narrived == nsent);
	assert(ndone == nsent);
}

static void detach(void)
{
	netback_detach();
	while (!netback_detached())
		pause(1000);
	while (netfront_next(0) != -ENODEV)
		pause(1000);
	assert(!info.up);
}

/* All threads of the device end with xenstore. */
static void down(void)
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

static void run_job(void *arg)
{
	struct job job = *(struct job *)arg;

	kernel_enter();
	free(arg);
	job.main(job.arg);
	running--;
	wake(&news);
	kernel_leave();
}

static void start_thread(void (*main)(void *), uintptr_t arg)
{
	struct job *job = malloc(sizeof(*job));

	*job = (struct job){ main, (void *)arg };
	running++;
	assert(thread_start("user", THREAD_APP, 4 * STACK_KERNEL, run_job, job, NULL));
}

/* ---- transmit */

static uint8_t plain[1 << 16];

/* Some size that is worth a look. */
static size_t any_size(void)
{
	static const size_t edges[] = { 14, 15, 60, 127, 128, 129, 511, 512, 513, 1514, 4095,
					4096, 4097, 8192, 61440, 65534, 65535 };

	if (host_chance(3))
		return edges[host_below(HOST_COUNT(edges))];
	return 14 + host_below(host_chance(2) ? 2000 : 65522);
}

/* In pieces that lie anywhere; of zero bytes too, and up to the edges of pages. */
static size_t any_pieces(struct piece *pieces, size_t most, size_t len)
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

static void any_offload(struct offload *o)
{
	*o = (struct offload){ .csum_blank = host_chance(2) };
	if (o->csum_blank && host_chance(2)) {
		o->gso_type = 1 + host_below(2);
		o->gso_size = 1 + host_below(65535);
	}
}

static void send_any(void)
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

static void all_sizes_in_any_pieces(void)
{
	up();
	for (int i = 0; i < 60; i++)
		send_any();
	drain();
	assert(netback.frames == 60);
	down();
}

static void edges_of_sizes(void)
{
	struct offload o = { .csum_blank = true };
	struct piece two[] = { { plain, 65535 }, { plain, 1 } };
	struct piece huge[] = { { plain, SIZE_MAX }, { plain, 100 } };

	up();
	assert(send_flat(plain, 13) == -EINVAL && send_pieces(two, 0, NULL) == -EINVAL);
	assert(send_pieces(two, 2, NULL) == -EMSGSIZE);
	assert(netfront_send(device, huge, 2, NULL, is_done, NULL) == -EMSGSIZE);
	assert(send_flat(plain, 14) == 0 && send_flat(plain, 65535) == 0);
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
	assert(send_pieces(two, 1, &o) == -EINVAL);	/* of 0 bytes: Linux would be gone */
	o.gso_size = 1000;
	o.gso_type = 3;
	assert(send_pieces(two, 1, &o) == -EINVAL);
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
	o.csum_blank = false;
	assert(send_pieces(two, 1, &o) == -EINVAL);
	o.csum_blank = true;
	assert(send_pieces(two, 1, &o) == 0);
	drain();
	down();
}

static void what_the_backend_cannot(void)
{
	struct piece piece = { plain, 2000 }, large = { plain, 5000 };
	struct offload o = { .csum_blank = true };

	boot();
	netback.no_sg = host_chance(2);
	netback.no_gso4 = host_chance(2);
	netback.no_gso6 = host_chance(2);
	netback.no_csum4 = host_chance(2);
	netback.no_csum6 = host_chance(2);
	netback_attach();
	open_device();
	assert(info.csum_ipv4 == !netback.no_csum4 && info.csum_ipv6 == !netback.no_csum6);
	assert(info.gso_tcpv4 == !(netback.no_gso4 || netback.no_csum4 || netback.no_sg));
	assert(info.gso_tcpv6 == !(netback.no_gso6 || netback.no_csum6 || netback.no_sg));
	assert(send_pieces(&large, 1, NULL) == (netback.no_sg ? -EMSGSIZE : 0));
	assert(send_pieces(&piece, 1, &o) ==
	       (info.csum_ipv4 || info.csum_ipv6 ? 0 : -EINVAL));
	o.gso_size = 1000;
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
	assert(send_pieces(&piece, 1, &o) == (info.gso_tcpv4 ? 0 : -EINVAL));
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
	assert(send_pieces(&piece, 1, &o) == (info.gso_tcpv6 ? 0 : -EINVAL));
	drain();
	down();
}

/* Whatever mtu is configured, a frame of the one that is said can be sent. */
static void the_mtu_can_be_sent(void)
{
	static const char *const mtus[] = { "68", "1500", "4078", "4079", "4096", "9000",
					    "65517" };
	unsigned which = host_below(HOST_COUNT(mtus)), mtu = atoi(mtus[which]);

	boot();
	netback.no_sg = host_chance(3) == 0;
	if (host_chance(2))
		netback.mtu = mtus[which];
	else
		netback.front_mtu = mtus[which];
	netback_attach();
	open_device();
	assert(info.mtu == (netback.no_sg && mtu > 4078 ? 4078 : mtu));
	assert(send_flat(plain, info.mtu + 14) == 0);
	drain();
	down();
}

/* Headers, and data as a sender has it: nothing but the headers is copied. */
static void lent_memory_goes_in_place(void)
{
	struct piece pieces[3], whole;
	struct netfront_stats s;

	up();
	pieces[0] = (struct piece){ plain, 66 };
	pieces[1] = (struct piece){ lent + 1000, 20000 };
	pieces[2] = (struct piece){ lent + 40000, 5000 };
	whole = (struct piece){ lent + 100, 1514 };
	assert(send_pieces(pieces, 3, NULL) == 0);
	netfront_stats(device, &s);
	assert(s.tx_copied == 128 && s.tx_slots == 1 + 6 + 2);
	assert(!sent[0].done);
	assert(send_pieces(&whole, 1, NULL) == 0);
	netfront_stats(device, &s);
	assert(s.tx_copied == 128 && s.tx_slots == 1 + 6 + 2 + 1);
	assert(send_flat(lent, 300) == 0);	/* not worth it */
	netfront_stats(device, &s);
	assert(s.tx_copied == 428 && sent[2].done);
	drain();
	down();
}

/* While the connection goes down, and until it is down, the backend sends what it has. */
static void done_when_the_backend_has_let_go(void)
{
	up();
	netback.silent = true;
	assert(send_flat(lent, 60000) == 0);
	netfront_push(device);
	assert(wait_until_deadline(&news, clock_now() + SECOND, narrived == 1));
	assert(ndone == 0 && netback.unanswered);
	netback.slow_to_close = true;
	netback_detach();
	assert(wait_until_deadline(&news, clock_now() + SECOND, !info.up));
	pause(host_below(2000000));
	assert(ndone == 0);
	netback.slow_to_close = false;
	assert(wait_until_deadline(&news, clock_now() + 2 * SECOND, ndone == 1));
	assert(netback.mapped == 0);
	netback.silent = false;
	down();
}

static void used_by(unsigned domid, bool in_place)
{
	struct netfront_stats before, after;

	netback.domid = domid;
	netback_attach();
	if (!device)
		open_device();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	assert(info.no_lent == !in_place);
	for (unsigned i = 0; i < LENT_PAGES; i++)
		assert((device->tx.lent[i].ref != 0) == in_place);
	netfront_stats(device, &before);
	assert(send_flat(lent, 20000) == 0);
	netfront_stats(device, &after);
	assert(after.tx_copied - before.tx_copied == (in_place ? 0 : 20000));
	drain();
	detach();
}

/*
 * Data that was sent through one domain stays in lent memory: no other domain
 * may read it.
 */
static void lent_memory_is_for_one_domain(void)
{
	unsigned first = host_below(2) * 7;

	boot();
	used_by(first, true);
	used_by(3, false);
	used_by(4, false);
	used_by(first, true);
	down();
}

/* A file that all want: Xen does not map one page for 128 frames at once. */
static void one_page_for_many_frames(void)
{
	struct piece pieces[] = { { plain, 66 }, { NULL, 1448 } };
	struct netfront_stats s;

	any_memory = true;
	up();
	netback.silent = true;
	for (int i = 0; i < 120; i++) {
		pieces[1].data = lent + i * 20;
		assert(send_pieces(pieces, 2, NULL) == 0);
		netfront_push(device);
	}
	while (narrived != nsent)
		pause(1000);
	netfront_stats(device, &s);
	assert(s.tx_copied > 128 * 120 && s.tx_copied < 300 * 120);
	netback.silent = false;
	drain();
	assert(send_pieces(pieces, 2, NULL) == 0);
	netfront_stats(device, &s);
	assert(device->tx.lent[0].uses == 1);
	drain();
	down();
}

/* A done() is called in time though nothing else happens, but only when it is true. */
static void done_in_time(void)
{
	uint64_t start;

	up();
	netback.silent = true;
	assert(send_flat(lent, 10000) == 0);
	netfront_push(device);
	pause(1000 * (1 + host_below(50)));
	assert(narrived == 1 && ndone == 0);
	netback.silent = false;
	start = clock_now();
	assert(wait_until_deadline(&news, start + SECOND, ndone == 1));
	assert(clock_now() - start < 50 * NSEC_PER_MSEC);
	down();
}

static void errors_are_counted(void)
{
	struct netfront_stats s;

	up();
	netback.fails = true;
	for (int i = 0; i < 40; i++)
		send_any();
	drain();
	pause(20000);
	send_any();
	drain();
	netfront_stats(device, &s);
	assert(s.tx_errors && s.tx_frames == 41);
	down();
}

/* Data in lent memory without a grant is copied. */
static void few_grants(void)
{
	grant_ref_t refs[8192];
	unsigned n = 0, leave;
	int ref;

	boot();
	host.grant_frames = 2;
	while ((ref = gnttab_grant(0, lent, true)) >= 0)
		refs[n++] = ref;
	for (leave = 2 + 256 + 256 + 20 + host_below(80); leave; leave--)
		gnttab_revoke(refs[--n]);
	netback_attach();
	open_device();
	for (int i = 0; i < 30; i++)
		send_any();
	drain();
	detach();
	while (n)
		gnttab_revoke(refs[--n]);
	down();
}

/* ---- old bugs */

static unsigned tx_free(void)
{
	struct netfront_stats s;

	netfront_stats(device, &s);
	return s.tx_free;
}

/* Frames of any number of slots, one more than every backend takes as data if need be. */
static void send_slots(unsigned n)
{
	const struct offload gso = { .csum_blank = true, .gso_size = 1448, .gso_type = 1 };
	struct piece pieces[18] = { { plain, n == 1 ? 60 : 66 } };
	unsigned count = n < 18 ? n : 18;

	for (unsigned i = 1; i < count; i++)
		pieces[i] = (struct piece){ lent + 2 * i * PAGE_SIZE, 700 };
	assert(send_pieces(pieces, count, n == 19 ? &gso : NULL) == 0);
	netfront_push(device);
}

/* Until the ring has just so many free slots. */
static void fill_but(unsigned k)
{
	netback.holds = true;
	while (tx_free() > (k > 19 ? k : 19))
		send_slots(1);
	if (k < 19)
		send_slots(19 - k);
	assert(tx_free() == k);
	while (narrived != nsent)
		pause(1000);
}

static void tiny(struct piece *pieces, unsigned count, bool in_place)
{
	for (unsigned i = 0; i < count; i++)
		pieces[i] = (struct piece){ (in_place ? lent : plain) + i * 50, 1 + i % 40 };
	pieces[0].len = 66;
}

static void tiny_writes_and_few_free_slots(void)
{
	struct piece pieces[64];
	unsigned stuck = 0, n;
	uint64_t start;

	any_memory = true;		/* 64 MiB */
	up();
	fill_but(host_below(21));
	for (int i = 0; i < 100; i++) {
		n = 1 + host_below(64);
		tiny(pieces, n, host_chance(2));
		netback.allowance = 0;
		while (send_pieces(pieces, n, NULL) == -EAGAIN) {
			unsigned before = rooms;

			stuck++;
			netfront_push(device);
			assert(tx_free() == 0);
			pause(host_below(3) * 1000);
			assert(rooms == before);	/* not for nothing */
			netback.allowance = 1;
			start = clock_now();
			assert(wait_until_deadline(&news, start + SECOND, rooms != before));
			assert(clock_now() - start < 50 * NSEC_PER_MSEC);
		}
		netfront_push(device);
	}
	assert(stuck);
	netback.holds = false;
	drain();
	down();
}

/* No packet, no timer and no ping is needed for it to go on. */
static void a_ping_unstuck_it(void)
{
	uint64_t start;

	up();
	netback.holds = true;
	while (send_flat(plain, 60) == 0)
		;
	netfront_push(device);
	pause(100000);
	assert(rooms == 0);
	netback.holds = false;
	start = clock_now();
	assert(wait_until_deadline(&news, start + SECOND, rooms));
	assert(clock_now() - start < 50 * NSEC_PER_MSEC);
	assert(send_flat(plain, 60) == 0);
	drain();
	down();
}

/* A frame that must wait is not seen in part; once there is room it is, whole. */
static void half_a_packet_is_published(void)
{
	unsigned before, seen;

	any_memory = true;
	up();
	fill_but(host_below(15));
	seen = netback.slots;
	netback.allowance = 0;
	while (send_flat(lent, 60000) == -EAGAIN) {
		before = rooms;
		netfront_push(device);
		while (rooms == before) {
			assert(netback.slots == seen && tx_free() < 16);
			netback.allowance = 1;
			pause(1000);
		}
	}
	netfront_push(device);
	netback.holds = false;
	drain();
	assert(netback.slots >= seen + 15);
	down();
}

/* What the backend calls the MTU is without the header; a frame has its own length, whatever
   lay in its page before. */
static void the_mtu_and_the_length_asked_for(void)
{
	struct netfront_info info;

	netback.mtu = "1400";
	up();
	netfront_info(device, &info);
	assert(info.mtu == 1400);
	for (int i = 0; i < 300; i++) {
		size_t len = i % 2 ? 60 : 14 + info.mtu;
		int rc;

		while ((rc = send_flat(plain, len)) == -EAGAIN) {
			netfront_push(device);
			pause(1000);
		}
		assert(rc == 0);
	}
	drain();
	down();
	netback.mtu = NULL;
}

static void write_frames(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		send_any();
}

static void two_senders_interleave(void)
{
	up();
	for (uintptr_t i = 0; i < 4; i++)
		start_thread(write_frames, i);
	wait_for_threads();
	drain();
	assert(netback.frames == 80);
	down();
}

/* Chains of as many pieces in place as would be 19 and more slots. */
static void too_many_slots_after_the_fact(void)
{
	struct piece pieces[400];
	unsigned n;

	up();
	for (int i = 0; i < 30; i++) {
		n = 16 + i % 20;
		for (unsigned k = 0; k < n; k++)
			pieces[k] = (struct piece){ lent + k * PAGE_SIZE + host_below(2000),
						    128 + host_below(1700) };
		pieces[0].len = host_chance(2) ? 66 : 128;
		assert(send_pieces(pieces, n, NULL) == 0);
		drain();
	}
	n = 400;			/* all of it, and tiny */
	for (unsigned k = 0; k < n; k++)
		pieces[k] = (struct piece){ lent + k * 600, 160 };
	assert(send_pieces(pieces, n, NULL) == 0);
	drain();
	assert(netback.most_slots <= 18 && netback.most_slots >= 17);
	down();
}

static void zero_length_slot_at_a_page_boundary(void)
{
	up();
	const struct piece pieces[] = {
		{ plain, 66 }, { lent + PAGE_SIZE - 300, 300 }, { lent + PAGE_SIZE, 0 },
		{ lent + 3 * PAGE_SIZE, PAGE_SIZE }, { lent + 9 * PAGE_SIZE - 128, 128 },
		{ lent + 9 * PAGE_SIZE, 0 }, { plain, 0 }, { lent, 0 },
	};

	assert(send_pieces(pieces, HOST_COUNT(pieces), NULL) == 0);
	assert(send_flat(lent + PAGE_SIZE, 2 * PAGE_SIZE) == 0);
	drain();
	assert(netback.slots == 1 + 3 + 2);
	down();
}

/* After room() was called, and not before, a refused frame can be sent. */
static void wide_after_narrow(void)
{
	up();
	wide_on_room = true;
	for (int i = 0; i < 8; i++) {
		unsigned before = rooms;

		netback.holds = true;
		while (send_flat(plain, 60) == 0)
			if (host_chance(50))
				netfront_push(device);
		assert(send_wide() == -EAGAIN);
		netback.holds = host_chance(2);
		while (rooms == before) {
			netback.allowance += 1 + host_below(20);
			pause(1000);
		}
	}
	netback.holds = wide_on_room = false;
	drain();
	down();
}

/* All indexes pass 2^32. */
static void shift(void)
{
	uint32_t by = -512;
	struct ring *tx = &device->tx.ring, *rx = &device->rx.ring;

	netback_shift(by);
	tx->produced += by;
	tx->consumed += by;
	rx->produced += by;
	rx->consumed += by;
}

static void past_two_to_the_32(void)
{
	up();
	shift();
	netback.next = next_frame;
	stop_at = 600;
	while (device->tx.ring.produced > 1u << 31)
		send_any();
	drain();
	assert(wait_until_deadline(&news, clock_now() + 2 * SECOND, got == stop_at));
	assert(device->rx.ring.consumed < 1u << 31);
	down();
}

/* ---- how often it tells */

static void tells_only_when_asked(void)
{
	struct netfront_stats s;
	unsigned sends;

	up();
	pause(10000);
	sends = host_xen.sends;
	for (int i = 0; i < 10; i++)
		assert(send_flat(plain, 60) == 0);
	assert(host_xen.sends == sends);
	netfront_push(device);
	netfront_push(device);
	assert(host_xen.sends <= sends + 1);
	drain();
	netfront_stats(device, &s);
	assert(s.tx_notified <= 1 && s.rx_notified <= 1);
	down();
}

/* Frames that were copied need no answer soon. */
static void no_events_for_copies(void)
{
	struct netfront_stats a, b;

	up();
	pause(10000);
	netfront_stats(device, &a);
	for (int i = 0; i < 50; i++) {
		assert(send_flat(plain, 1 + 13 + host_below(400)) == 0);
		netfront_push(device);
		pause(host_below(2000));
	}
	drain();
	netfront_stats(device, &b);
	assert(b.events == a.events);
	down();
}

/* ---- receive */

static void frames_come_whole(void)
{
	up();
	netback.crumbs = host_chance(2);
	frame_most = host_chance(2) ? 65535 : 2000;
	netback.next = next_frame;
	stop_at = 100;
	assert(wait_until_deadline(&news, clock_now() + 10 * SECOND, got == stop_at));
	assert(netback.delivered == stop_at && receiveds);
	down();
}

static unsigned flawless(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < made; i++)
		n += expected[i].flaw == FLAW_NONE;
	return n;
}

static void flawed_frames_are_dropped(void)
{
	struct netfront_stats s;

	up();
	netback.crumbs = host_chance(2);
	any_flaw = true;
	frame_most = host_chance(2) ? 65535 : 2000;
	netback.next = next_frame;
	stop_at = 100;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	netfront_stats(device, &s);
	assert(s.rx_frames == flawless() && s.rx_frames + s.rx_errors == made);
	assert(s.rx_posted == s.rx_slots_max && s.rx_held == 0);
	down();
}

/* The backend cannot access a received page after the guest has taken it back. */
static void try_to_write(struct rx_page *frame)
{
	for (struct rx_page *p = frame; p; p = p->next)
		for (grant_ref_t ref = 1; ref < 2048; ref++) {
			uint8_t *page = host_map(0, ref, true);

			if (!page)
				continue;
			assert(page != (uint8_t *)((uintptr_t)p->data & -PAGE_SIZE));
			host_unmap(0, ref, true);
		}
}

static void what_is_received_is_ours(void)
{
	up();
	and_then = try_to_write;
	netback.next = next_frame;
	stop_at = 10;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	down();
}


static void ignore(struct rx_page *frame)
{
	(void)frame;
	got = made;
}

/* A user that gives nothing back gets no more at some point, and the ring stays full. */
static void a_user_that_keeps_all(void)
{
	struct netfront_stats s;
	struct page_stats memory;

	host_set_memory(8 << 20);
	up();
	page_stats(&memory);
	keeps = true;
	and_then = ignore;
	netback.next = next_frame;
	frame_least = 60000;
	frame_most = 65535;
	stop_at = 200;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	netfront_stats(device, &s);
	assert(s.rx_dropped && s.rx_frames + s.rx_dropped == stop_at && !s.rx_errors);
	assert(s.rx_held > memory.total / 8 && s.rx_held <= memory.total / 4);
	assert(s.rx_posted >= 32);
	netfront_free(keep);
	keep = NULL;
	keeps = false;
	stop_at = 220;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	netfront_stats(device, &s);
	assert(s.rx_frames + s.rx_dropped == stop_at && s.rx_held == 0);
	assert(s.rx_posted == s.rx_slots_max);
	down();
}

static void held_pages_outlive_the_connection(void)
{
	up();
	keeps = true;
	netback.next = next_frame;
	stop_at = 20;
	assert(wait_until_deadline(&news, clock_now() + SECOND, got == stop_at));
	if (host_chance(2)) {
		netback_restart();
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up));
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
		stop_at = 40;
		assert(wait_until_deadline(&news, clock_now() + SECOND, got == stop_at));
	}
	down();
}

/* ---- lies */

static bool enough;

static void traffic(void *arg)
{
	(void)arg;
	while (!enough) {
		unsigned before = rooms;
		struct piece pieces[70];
		int rc = netfront_send(device, pieces, any_pieces(pieces, 6, 14 + host_below(2000)),
				       NULL, (void (*)(void *))wake, &news);

		netfront_push(device);
		if (rc == -EAGAIN)
			wait_until_deadline(&news, clock_now() + SECOND,
					    rooms != before || enough);
		else
			pause(1000);
	}
}

static void attach_again_and_use(void)
{
	netback.next = NULL;
	netback.lie = NETLIE_NONE;
	netback.scribbles = netback.silent = netback.keeps = netback.keeps_rx = false;
	netback_let_go();
	if (!netback_detached())
		detach();
	netback_let_go();
	netback_attach();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	and_then = NULL;
	netback.got = arrived;
	narrived = ndone = nsent;
	send_any();
	drain();
	made = got = 0;
	stop_at = 10;
	any_flaw = false;
	netback.next = next_frame;
	assert(wait_until_deadline(&news, clock_now() + SECOND, got == stop_at));
}

static void under_traffic(void)
{
	up();
	netback.got = NULL;
	netback.next = next_frame;
	stop_at = 2000;
	frame_most = 9000;
	and_then = ignore;
	keeps = false;
	for (uintptr_t i = 0; i < 2; i++)
		start_thread(traffic, i);
	pause(host_below(3000));
}

static bool lost(void)
{
	return strstr(host_console(), "disabled until it is attached again");
}

static void who_lies_loses_the_device(void)
{
	under_traffic();
	stop_at = made + 100;
	netback.lie = 1 + host_below(NETLIES - 1);
	if (!wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up))
		host_fail("lie %u was believed", netback.lie);
	enough = true;
	wait_for_threads();
	assert(lost());
	assert(send_flat(plain, 60) == -ENETDOWN);
	attach_again_and_use();
	down();
}

static void a_scribbler_is_survived(void)
{
	under_traffic();
	netback.scribbles = true;
	pause(100000 + host_below(1000000));
	enough = true;
	wake(&news);
	wait_for_threads();
	netback.scribbles = false;
	attach_again_and_use();
	down();
}

static unsigned quarantined(void)
{
	struct gnttab_stats s;

	gnttab_stats(&s);
	return s.quarantined;
}

/* With the first received page that it keeps: so it gets no second one. */
static void a_page_that_is_kept(void)
{
	up();
	netback.keeps_rx = true;
	and_then = try_to_write;
	frame_most = host_chance(2) ? 60 : 65535;
	netback.next = next_frame;
	stop_at = 1u << 30;
	while (!lost()) {
		made = got = 0;
		pause(1000);
		assert(quarantined() <= 1);
	}
	assert(strstr(host_console(), "is still mapped"));
	attach_again_and_use();
	pause(60000000);
	assert(quarantined() == 0);
	down();
}

static void who_keeps_pages_loses_the_device(void)
{
	up();
	netback.silent = true;
	assert(send_flat(lent, 60000) == 0 && send_flat(plain, 600) == 0);
	netfront_push(device);
	assert(wait_until_deadline(&news, clock_now() + SECOND, narrived == 2));
	netback.keeps = true;
	netback_restart();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up));
	while (!lost())
		pause(1000);
	pause(host_below(3000000));
	assert(ndone == 1);		/* of the other it has lent pages, and can send them */
	netback_let_go();
	assert(wait_until_deadline(&news, clock_now() + 3 * SECOND, ndone == 2));
	attach_again_and_use();
	pause(60000000);
	down();
}

static void parameters_that_make_no_sense(void)
{
	static const char *const macs[] = {
		"", "00:16:3e:01:02", "00:16:3e:01:02:0", "00:16:3e:01:02:03:", "0016.3e01.0203",
		"01:16:3e:01:02:03", "00:16:3e:01:02:0g", "ff:ff:ff:ff:ff:ff",
	};
	static const char *const mtus[] = { "", "0", "67", "-1", "65536", "1e3", "1500 " };

	boot();
	switch (host_below(4)) {
	case 0:
		netback.mac = macs[host_below(HOST_COUNT(macs))];
		break;
	case 1:
		netback.mtu = mtus[host_below(HOST_COUNT(mtus))];
		break;
	case 2:
		netback.front_mtu = mtus[host_below(HOST_COUNT(mtus))];
		break;
	case 3:
		netback.rx_copy = "0";
	}
	netback_attach();
	device = netfront_open(0, &user, &news);
	assert(device);
	while (!lost())
		pause(1000);
	netfront_info(device, &info);
	assert(!info.up);
	netback.mac = netback.mtu = netback.front_mtu = netback.rx_copy = NULL;
	attach_again_and_use();
	down();
}

/* ---- coming and going */

static void what_is_known_of_the_device(void)
{
	boot();
	if (host_chance(2))
		netback.mtu = "9000";
	else
		netback.front_mtu = "9000";
	assert(netfront_next(0) == -ENODEV && !netfront_open(0, &user, &news));
	netback_attach();
	while (netfront_next(0) == -ENODEV)
		pause(1000);
	assert(netfront_next(0) == 0 && netfront_next(1) == -ENODEV);
	open_device();
	assert(!netfront_open(0, &user, &news));	/* it is somebody's */
	assert(info.mtu == 9000 && memcmp(info.mac, "\0\x16\x3e\1\2\3", 6) == 0);
	down();
}

static void the_carrier_changes(void)
{
	boot();
	netback.carrier = host_chance(2) ? "1" : NULL;
	netback_attach();
	open_device();
	for (int i = 0; i < 3; i++) {
		netback_carrier(false);
		assert(wait_until_deadline(&news, clock_now() + SECOND, !info.up));
		netback_carrier(true);
		assert(wait_until_deadline(&news, clock_now() + SECOND, info.up));
	}
	assert(send_flat(plain, 60) == 0);
	drain();
	down();
}

static void a_backend_that_restarts(void)
{
	under_traffic();
	for (int i = 0; i < 3; i++) {
		unsigned before = netback.connections;

		pause(host_below(3000));
		netback_restart();
		while (netback.connections == before)
			pause(1000);
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	}
	enough = true;
	wake(&news);
	wait_for_threads();
	attach_again_and_use();
	down();
}

static void detached_and_attached(void)
{
	under_traffic();
	for (int i = 0; i < 3; i++) {
		pause(host_below(3000));
		if (host_chance(2)) {
			netback_vanish();
			assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up));
			while (netfront_next(0) != -ENODEV)
				pause(1000);
		} else {
			detach();
		}
		netback_attach();
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	}
	enough = true;
	wake(&news);
	wait_for_threads();
	attach_again_and_use();
	down();
}

/* A sender that waits for space is notified when the connection ends. */
static void the_end_wakes_who_waits(void)
{
	up();
	netback.silent = true;
	while (send_flat(host_chance(2) ? plain : lent, 4000) == 0)
		;
	netfront_push(device);
	pause(20000);
	assert(rooms == 0);
	narrived = nsent;
	netback.got = NULL;
	netback_vanish();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, rooms));
	assert(send_flat(plain, 60) == -ENETDOWN);
	assert(wait_until_deadline(&news, clock_now() + 2 * SECOND, ndone == nsent));
	down();
}

/* It is found later, and works. */
static void a_device_that_comes_without_memory(void)
{
	boot();
	assert(netfront_next(0) == -ENODEV);
	host.malloc_fails = host_below(20);
	host.map_fails = host_below(4);
	netback_attach();
	pause(host_below(3000000));
	host.malloc_fails = host.map_fails = 0;
	while (netfront_next(0) == -ENODEV)
		pause(1000);
	open_device();
	assert(send_flat(plain, 60) == 0);
	drain();
	down();
}

/* The device ends with it, and nothing goes round and round. */
static void xenstore_is_lost(void)
{
	up();
	pause(host_below(3000));
	store_end(host_chance(2) ? STORE_TOO_LONG : STORE_GIVES_UP);
	assert(wait_until_deadline(&news, clock_now() + SECOND, !info.up));
	netback_vanish();
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "frames of all sizes, in any pieces, come whole and in order",
		  all_sizes_in_any_pieces, 60 },
		{ "what no backend takes is refused", edges_of_sizes, 5 },
		{ "a frame of the mtu can be sent", the_mtu_can_be_sent, 30 },
		{ "lent memory is for one domain", lent_memory_is_for_one_domain, 10 },
		{ "done() is called when the backend has let go", done_when_the_backend_has_let_go,
		  10 },
		{ "what this backend cannot do is refused", what_the_backend_cannot, 20 },
		{ "what lies in lent memory goes in place", lent_memory_goes_in_place, 10 },
		{ "a page that many frames have in common is mapped as often as Xen allows",
		  one_page_for_many_frames, 5 },
		{ "done() is called in time, though nothing else happens", done_in_time, 20 },
		{ "errors are counted", errors_are_counted, 10 },
		{ "without grants for all lent memory the rest is copied", few_grants, 10 },
		{ "mirage-platform#17, #20, #46: tiny writes, and 0 to 20 free slots",
		  tiny_writes_and_few_free_slots, 63 },
		{ "mirage-net-xen#16: a ping unstuck it", a_ping_unstuck_it, 10 },
		{ "mirage-net-xen#98: the MTU, and the length asked for",
		  the_mtu_and_the_length_asked_for, 5 },
		{ "old bug: half a packet is published", half_a_packet_is_published, 40 },
		{ "rumprun#72: two senders' slots interleave", two_senders_interleave, 20 },
		{ "old bug: too many slots, noticed after they are built",
		  too_many_slots_after_the_fact, 10 },
		{ "old bug: a slot of no bytes where a buffer ends at a page boundary",
		  zero_length_slot_at_a_page_boundary, 5 },
		{ "old bug: a woken sender finds too little space, again and again",
		  wide_after_narrow, 10 },
		{ "old bug: indexes compared by <, and 2^32", past_two_to_the_32, 20 },
		{ "the backend is told only when it wants to know", tells_only_when_asked, 10 },
		{ "copied frames cost no events", no_events_for_copies, 10 },
		{ "received frames come whole", frames_come_whole, 40 },
		{ "flawed frames are dropped, and only those", flawed_frames_are_dropped, 60 },
		{ "what is received is ours alone", what_is_received_is_ours, 5 },
		{ "a received page the backend keeps is not used", a_page_that_is_kept, 10 },
		{ "a user that keeps all it gets does not starve the ring", a_user_that_keeps_all,
		  5 },
		{ "pages the user has outlive the connection", held_pages_outlive_the_connection,
		  10 },
		{ "a backend that lies loses the device until it is attached again",
		  who_lies_loses_the_device, 40 },
		{ "a backend that scribbles is survived", a_scribbler_is_survived, 20 },
		{ "a backend that keeps pages loses the device", who_keeps_pages_loses_the_device,
		  10 },
		{ "parameters that make no sense are refused", parameters_that_make_no_sense, 30 },
		{ "what is known of a device", what_is_known_of_the_device, 5 },
		{ "the carrier comes and goes", the_carrier_changes, 10 },
		{ "a backend that restarts is met again", a_backend_that_restarts, 20 },
		{ "detached and attached, under load", detached_and_attached, 20 },
		{ "a sender that waits for space is notified of the end",
		  the_end_wakes_who_waits, 10 },
		{ "a device that comes while there is no memory is found later",
		  a_device_that_comes_without_memory, 20 },
		{ "when xenstore is lost a device ends", xenstore_is_lost, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
