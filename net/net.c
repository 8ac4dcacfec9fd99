/* SPDX-License-Identifier: ISC */
#include "net/net.h"

#include "drivers/netfront.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "net/config.h"
#include "net/icmp.h"
#include "net/netif.h"
#include "net/rx_memory.h"
#include "net/sendbuf.h"
#include "net/tcp_filter.h"
#include "net/timers.h"

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>

#include <errno.h>
#include <string.h>

#define WINDOW_SHARE 64			/* of memory, for the windows of one connection */
#define WINDOW_MOST (1u << 20)
#define WINDOW_LEAST 65535u		/* lwipopts.h */
#define KEPT_SHARE 8			/* of memory, for received pages that are not read yet */
#define LOOP_BUDGET 64			/* looped packets, before other threads run */
#define LOOP_PAUSE (NSEC_PER_MSEC / 10)	/* time for other threads */

uint32_t net_extra_window, net_extra_sndbuf;

static enum { NEW, COMING, UP } state;
static struct waitq coming, timers_changed;
static uint64_t armed;			/* when the "net" thread wakes up */
static bool pushing;

void log_lwip(const char *fmt, ...)
{
	static struct log_some some;
	char text[128];
	va_list args;
	size_t len;

	va_start(args, fmt);
	vformat(text, sizeof(text), fmt, args);
	va_end(args);
	len = strlen(text);
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	log_some(&some, LOG_WARNING, "lwIP: %s", text);
}

/*
 * Takes the first packet that an interface looped back. netif_poll() would take all,
 * including those that these cause.
 */
static void next_looped(struct netif *n)
{
	struct pbuf *first = n->loop_first, *last = first;

	while (last->len != last->tot_len)
		last = last->next;
	n->loop_first = last == n->loop_last ? NULL : last->next;
	if (!n->loop_first)
		n->loop_last = NULL;
	last->next = NULL;
	first->if_idx = netif_get_index(n);
	if (ip_input(first, n) != ERR_OK)
		pbuf_free(first);
	tcp_filter_done();
}

/* Looped packets have no checksums, so they are not checked. */
static void poll_loops(unsigned *budget)
{
	struct netif *n;

	NETIF_FOREACH(n) {
		uint16_t flags = n->chksum_flags;

		n->chksum_flags = NETIF_CHECKSUM_DISABLE_ALL;
		for (; n->loop_first && *budget; --*budget)
			next_looped(n);
		n->chksum_flags = flags;
	}
}

static bool looped(void)
{
	struct netif *n;

	NETIF_FOREACH(n)
		if (n->loop_first)
			return true;
	return false;
}

/*
 * Looped packets may cause more of them, without an end. Those beyond the budget are left
 * to the "net" thread, which runs in turn with others.
 */
static void push(void)
{
	unsigned budget = LOOP_BUDGET;

	pushing = true;
	do {
		poll_loops(&budget);
		for (struct vif *l = vifs; l; l = l->next)
			vif_push(l);
	} while (budget && looped());
	pushing = false;
}

static bool work_left(void)
{
	return looped() || timers_next() < armed;
}

void net_push(void)
{
	if (state == NEW || pushing)
		return;
	timers_catch_up();
	push();
	if (work_left())
		wake(&timers_changed);
}

static void net_thread(void *arg)
{
	(void)arg;
	for (;;) {
		timers_run();
		push();
		armed = timers_next();
		if (looped())
			thread_sleep(clock_now() + LOOP_PAUSE);
		else
			wait_until_deadline(&timers_changed, armed, work_left());
		net_counts.ticks++;
	}
}

/* Opens each device that exists and is not open yet. */
static void open_devices(void)
{
	for (int64_t id = netfront_next(0); id >= 0; id = netfront_next(id + 1)) {
		struct vif *l = vifs;

		while (l && l->id != id)
			l = l->next;
		if (!l)
			vif_open(id);
	}
	if (vifs && !netif_default)
		netif_set_default(&vifs->netif);
}

/* The thread that opens devices that are attached later. */
static void devices_thread(void *arg)
{
	unsigned seen = 0;

	(void)arg;
	for (;;) {
		netfront_wait_change(&seen);
		wait_until(&coming, state == UP);
		open_devices();
		net_push();
	}
}

static void size_by_memory(void)
{
	struct page_stats pages;
	size_t memory, window;

	page_stats(&pages);
	memory = pages.total * PAGE_SIZE;
	window = memory / WINDOW_SHARE < WINDOW_MOST ? memory / WINDOW_SHARE : WINDOW_MOST;
	net_extra_window = window > WINDOW_LEAST ? window - WINDOW_LEAST : 0;
	net_extra_sndbuf = net_extra_window;
	rx_memory_init(memory);
	vif_keep_limit(pages.total / KEPT_SHARE);
	sendbuf_init(memory);
}

int net_init(void)
{
	struct netif *n;

	wait_until(&coming, state != COMING);
	if (state == UP)
		return 0;
	if (!thread_start("net", THREAD_KERNEL, STACK_KERNEL, net_thread, NULL, NULL))
		return -ENOMEM;
	state = COMING;
	size_by_memory();
	lwip_init();
	if (icmp_init())
		log_error("net: no memory for ICMP errors; sockets will not receive them");
	NETIF_FOREACH(n)
		n->chksum_flags = NETIF_CHECKSUM_DISABLE_ALL;
	open_devices();
	if (!thread_start("vifs", THREAD_KERNEL, STACK_KERNEL, devices_thread, NULL, NULL))
		log_error("net: no memory for vifs that are attached later");
	net_methods_add();
	state = UP;
	wake(&coming);
	net_push();
	return 0;
}

int net_wait_up(unsigned version, uint64_t deadline)
{
	if (!config_pending(version))
		return config_up(version) ? 0 : -ENETUNREACH;
	return wait_until_deadline(&config_changed, deadline, config_up(version)) ? 0
										   : -ETIMEDOUT;
}

void net_stats(struct net_stats *stats)
{
	*stats = net_counts;
	for (const struct vif *l = vifs; l; l = l->next)
		stats->tx_queued += l->tail - l->head;
	sendbuf_usage(&stats->lent_pages, &stats->lent_used);
}
