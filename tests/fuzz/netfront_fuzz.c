/* SPDX-License-Identifier: ISC */
/*
 * The responses of drivers/netfront*.c: the backend does what the input says.  However it
 * behaves, every done() is called once, received data that was passed up does not change,
 * and nothing is leaked at the end.
 */
#include "drivers/netfront.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/fuzz/guest_fuzz.h"
#include "tests/host/netback.h"
#include "tests/host/xenstored.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENT 16				/* pages */
#define KEPT 8				/* frames */

static struct netfront *device;
static struct waitq news;
static bool is_up;
static unsigned not_done, rooms;
static struct rx_page *kept[KEPT];
static uint64_t kept_sum[KEPT];
static unsigned next_kept;

static unsigned byte(void)
{
	if (!input_left)
		return UINT32_MAX;
	input_left--;
	return *input++;
}

static uint64_t sum(const struct rx_page *frame)
{
	uint64_t hash = 0;
	size_t len = 0, pages = 0;

	for (; frame; frame = frame->next, pages++) {
		for (size_t i = 0; i < frame->len; i++)
			hash = hash * 31 + frame->data[i];
		len += frame->len;
	}
	if (pages && (len < 14 || len > FRAME_MAX || pages > 18))
		abort();
	return hash;
}

static void receive(void *user, struct rx_page *frame, const struct offload *o)
{
	unsigned i = next_kept++ % KEPT;

	(void)user;
	if (o->gso_type > 2 || !o->gso_type != !o->gso_size)
		abort();
	if (kept[i] && sum(kept[i]) != kept_sum[i])
		abort();
	netfront_free(kept[i]);
	kept[i] = frame;
	kept_sum[i] = sum(frame);
}

static void received(void *user)
{
	(void)user;
	netfront_push(device);
}

static void room(void *user)
{
	(void)user;
	rooms++;
	wake(&news);
}

static void changed(void *user)
{
	struct netfront_info info;

	(void)user;
	netfront_info(device, &info);
	is_up = info.up;
	wake(&news);
}

static void done(void *arg)
{
	(void)arg;
	if (!not_done--)
		abort();
}

static void use(const uint8_t *lent)
{
	static uint8_t plain[3000];
	int rc = 0;

	for (unsigned i = 0; rc != -ENETDOWN; i++) {
		unsigned before = rooms;
		struct piece pieces[] = { { plain, 66 }, { lent + i * 700 % 20000, i * 331 % 30000 },
					  { plain, i % 500 } };

		not_done++;
		rc = netfront_send(device, pieces, 3, NULL, done, NULL);
		not_done -= rc != 0;
		netfront_push(device);
		if (rc == -EAGAIN)
			wait_until(&news, rooms != before);
		else
			thread_sleep(clock_now() + 20000);
	}
}

static void run(void)
{
	static const struct netfront_user user = { receive, received, room, changed };
	unsigned threads;
	uint8_t *lent;

	store_start();
	host.steps = 4000000;
	host.accesses = host_below(2) * 64;
	if (host_chance(2))
		host_set_memory(8 << 20);
	host_boot();
	threads = thread_count();
	lent = page_alloc(LENT);
	memset(lent, 1, LENT * PAGE_SIZE);
	netfront_lend(lent, LENT * PAGE_SIZE);
	netback.split = host_chance(2);
	netback_attach();
	device = netfront_open(0, &user, NULL);
	changed(NULL);
	wait_until(&news, is_up);
	netback.input = byte;
	use(lent);
	while (!netback_detached())
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	store_end(STORE_TOO_LONG);
	while (thread_count() != threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	if (not_done)
		abort();
	for (unsigned i = 0; i < KEPT; i++) {
		if (kept[i] && sum(kept[i]) != kept_sum[i])
			abort();
		netfront_free(kept[i]);
	}
	page_free(lent, LENT);
}
