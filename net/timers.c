/* SPDX-License-Identifier: ISC */
#include "net/timers.h"

#include "kernel/clock.h"
#include "kernel/sched.h"
#include "net/dhcp.h"
#include "net/icmp.h"
#include "net/lwip_memory.h"
#include "net/nd6_solicit.h"
#include "net/route.h"
#include "net/tcp.h"
#include "net/tcp_orphan.h"

#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>

#include <errno.h>

#define LINGER (70 * NSEC_PER_SEC)	/* lwIP keeps an incomplete IPv6 packet for 60 s */
#define MEMORY_MS 5000
#define MISSED_MOST 3600	/* ticks made up for at most: a router's lifetime is 1800 s */

static uint64_t last_used;

static bool tcp_needed(void)
{
	return tcp_active_pcbs || tcp_tw_pcbs;
}

static bool igmp_needed(void)
{
	struct netif *n;

	NETIF_FOREACH(n)
		for (struct igmp_group *g = netif_igmp_data(n); g; g = g->next)
			if (g->timer)
				return true;
	return false;
}

static bool mld_needed(void)
{
	struct netif *n;

	NETIF_FOREACH(n)
		for (struct mld_group *g = netif_mld6_data(n); g; g = g->next)
			if (g->timer)
				return true;
	return false;
}

/* Whether the next hop of a connection has not replied to ARP. */
static bool neighbour_missing(const struct tcp_pcb *pcb)
{
	const ip4_addr_t *to = ip_2_ip4(&pcb->remote_ip), *found;
	struct eth_addr *mac;
	struct netif *n;
	ip4_addr_t hop;

	if (IP_IS_V6(&pcb->remote_ip))
		return false;
	n = ip4_route_src(ip_2_ip4(&pcb->local_ip), to);
	if (!n || !(n->flags & NETIF_FLAG_ETHARP) || !netif_is_link_up(n))
		return false;
	hop.addr = lwip_htonl(route_next_hop(n, lwip_ntohl(ip4_addr_get_u32(to))));
	return hop.addr && etharp_find_addr(n, &hop, &mac, &found) < 0;
}

/*
 * As on Linux, a connection attempt ends if the neighbour does not reply to ARP for 4 s. A SYN
 * that waits for ARP is not retransmitted, so the time is that since it was sent; otherwise it
 * is looked at once, a second after a retransmission.
 */
static void tick_syn(struct tcp_pcb *pcb)
{
	uint32_t waits = tcp_syn_waits(pcb);

	if ((pcb->nrtx >= 2 ? waits >= 1000 && waits < 1000 + 2 * TCP_TMR_INTERVAL : waits >= 4000) &&
	    icmp_tcp_error && neighbour_missing(pcb))
		icmp_tcp_error(pcb, EHOSTUNREACH, false);
}

/*
 * lwIP asserts that a connection with a persist timer has data to send. But the window
 * probe may have been acknowledged, and with it all data.
 */
static void tick_tcp(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb; pcb = next) {
		next = pcb->next;
		if (!pcb->unsent)
			pcb->persist_backoff = 0;
		if (pcb->state == SYN_SENT)
			tick_syn(pcb);
	}
	tcp_tmr();
	tcp_orphans_limit(ORPHANS_MOST);
}

/*
 * The neighbour has not replied to three solicitations, the last of them a second ago.
 * lwIP solicits a router for ever, so in that case the SYN must have waited for 3 s.
 */
static bool neighbour_missing6(const struct tcp_pcb *pcb)
{
	const struct nd6_neighbor_cache_entry *n;

	n = nd6_solicit_next_hop(ip_2_ip6(&pcb->remote_ip));
	if (!n || (n->state != ND6_INCOMPLETE && n->state != ND6_PROBE) ||
	    n->counter.probes_sent < LWIP_ND6_MAX_MULTICAST_SOLICIT)
		return false;
	return n->isrouter ? pcb->nrtx >= 2 || tcp_syn_waits(pcb) >= 3000 :
			     n->state == ND6_INCOMPLETE;
}

static bool behind;	/* this tick is made up for, and another one follows immediately */

/*
 * As on Linux, connection attempts end if the neighbour does not reply. UDP sockets get
 * no error.
 */
static void abort_unreachable(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb; pcb = next) {
		next = pcb->next;
		if (pcb->state == SYN_SENT && IP_IS_V6(&pcb->remote_ip) && icmp_tcp_error &&
		    neighbour_missing6(pcb))
			icmp_tcp_error(pcb, EHOSTUNREACH, false);
	}
}

static void tick_nd6(void)
{
	if (!behind)
		abort_unreachable();
	nd6_tmr();
	nd6_solicit_tick();
}

static struct timer {
	void (*tick)(void);
	uint32_t ms;
	bool (*needed)(void);		/* NULL: the timer only ages entries */
	uint64_t due;			/* 0: not running */
} timers[] = {
	{ tick_tcp, TCP_TMR_INTERVAL, tcp_needed, 0 },
	{ igmp_tmr, IGMP_TMR_INTERVAL, igmp_needed, 0 },
	{ mld6_tmr, MLD6_TMR_INTERVAL, mld_needed, 0 },
	{ net_memory_tick, MEMORY_MS, net_memory_unused, 0 },
	{ ip_reass_tmr, IP_TMR_INTERVAL, NULL, 0 },
	{ ip6_reass_tmr, IP6_REASS_TMR_INTERVAL, NULL, 0 },
	{ etharp_tmr, ARP_TMR_INTERVAL, NULL, 0 },
	{ tick_nd6, ND6_TMR_INTERVAL, NULL, 0 },
};
#define TIMERS (sizeof(timers) / sizeof(*timers))

/*
 * lwIP's clock, constant while segments are sent, so that those of a burst have the same
 * timestamp.
 */
static uint64_t now_ns;
static uint32_t now_ms;

u32_t sys_now(void)
{
	return now_ms;
}

uint32_t net_now_us(void)
{
	return now_ns / 1000;
}

uint64_t net_now(void)
{
	return now_ns;
}

static uint64_t update_now(void)
{
	uint64_t now = clock_now();

	now_ns = now;
	now_ms = now / NSEC_PER_MSEC;
	return now;
}

static uint64_t period(const struct timer *t)
{
	return t->ms * NSEC_PER_MSEC;
}

static bool runs(const struct timer *t, uint64_t now)
{
	if (t->needed)
		return t->needed();
	return now < last_used + LINGER;
}

void net_update_now(void)
{
	update_now();
}

static void make_up(struct timer *t, uint64_t now)
{
	if (!t->due)
		t->due = now + period(t);
	for (unsigned n = 0; t->due <= now && n < MISSED_MOST; n++) {
		t->due += period(t);
		behind = t->due <= now && n + 1 < MISSED_MOST;
		t->tick();
	}
	if (t->due <= now)
		t->due = now + period(t);
}

void timers_catch_up(void)
{
	uint64_t now = update_now();

	last_used = now;
	for (struct timer *t = timers; t < timers + TIMERS; t++)
		if (!t->needed)
			make_up(t, now);
}

uint64_t timers_next(void)
{
	uint64_t next = dhcp_next(), now = update_now(), tcp = tcp_timers_next();

	next = tcp < next ? tcp : next;
	for (struct timer *t = timers; t < timers + TIMERS; t++) {
		if (!runs(t, now)) {
			if (t->needed)
				t->due = 0;
			continue;
		}
		if (!t->due)
			t->due = now + period(t);
		next = t->due < next ? t->due : next;
	}
	return next;
}

void timers_run(void)
{
	uint64_t now = update_now();

	if (dhcp_next() <= now) {
		/*
		 * Otherwise a packet that waits for ARP would be aged in its first second
		 */
		timers_catch_up();
		dhcp_run(now);
	}
	tcp_timers_run();
	for (struct timer *t = timers; t < timers + TIMERS; t++) {
		if (!t->due || t->due > now)
			continue;
		if (!t->needed) {
			make_up(t, now);
		} else if (t->needed()) {
			t->tick();
			t->due += period(t);
			if (t->due <= now)
				t->due = now + period(t);
		}
	}
}
