/* SPDX-License-Identifier: ISC */
/*
 * The DHCP client's states: those of RFC 2131, figure 5, and two more, DOWN (no carrier)
 * and CHECKING (ARP asks whether another host has the address, 4.4.1).
 *
 * Each client has one timer, `due`. A lease counts from the time of the request, by a
 * clock that includes the time in which the domain is paused. After its expiry the
 * address is removed before anything else is received or sent.
 *
 * Differences from the RFC: there is no delay of 1 to 10 s before the first DISCOVER,
 * since guests do not all start after a power failure; and no RELEASE, since the lease
 * expires by itself.
 */
#include "net/dhcp.h"

#include "kernel/clock.h"
#include "kernel/log.h"
#include "net/config.h"
#include "net/dhcp_internal.h"
#include "net/lwip/hooks.h"
#include "net/servers.h"

#include <lwip/etharp.h>
#include <lwip/udp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_PORT 67
#define CLIENT_PORT 68
#define REQUESTS 5			/* before the client returns to INIT: 60 s */
#define REBOOTS 3
#define PROBES 2
#define PROBE_TIME (250 * NSEC_PER_MSEC)
#define DECLINED_TIME (10 * NSEC_PER_SEC)	/* RFC 2131, 3.1, 5 */
#define RENEW_LEAST (60 * NSEC_PER_SEC)		/* 4.4.5 */

static struct udp_pcb *pcb;

/* If the message cannot be sent now, it is sent again later. */
static void say(struct dhcp *d, enum dhcp_type type)
{
	bool renews = d->state == RENEWING || d->state == REBINDING;
	struct pbuf *p = dhcp_message_write(d, type);
	ip_addr_t to, from;

	if (!p)
		return;
	ip_addr_set_ip4_u32_val(to, lwip_htonl(d->state == RENEWING ? d->lease.server
								    : UINT32_MAX));
	ip_addr_set_ip4_u32_val(from, lwip_htonl(renews ? d->lease.address : 0));
	udp_sendto_if_src(pcb, p, &to, SERVER_PORT, &d->link->netif, &from);
	pbuf_free(p);
}

static void new_xid(struct dhcp *d, uint64_t now)
{
	d->xid = net_random();
	d->asked = now;
}

/* ---- states */

/*
 * RFC 2131, 4.1: 4, 8, 16, 32, 64, 64 ... s, each with a random difference of up to 1 s.
 */
static uint64_t backoff(unsigned tries)
{
	unsigned doubled = tries < 5 ? tries - 1 : 4;

	return (4ull << doubled) * NSEC_PER_SEC - NSEC_PER_SEC +
	       net_random() % 2001 * NSEC_PER_MSEC;
}

static void set_address(struct dhcp *d, bool held)
{
	struct link *l = d->link;
	ip4_addr_t was = *netif_ip4_addr(&l->netif), address, mask, gateway;

	d->held = held;
	l->routes = d->lease.routes;
	if (!held)
		l->routes.count = 0;
	l->dhcp_mtu = held ? d->lease.mtu : 0;
	address.addr = held ? lwip_htonl(d->lease.address) : 0;
	mask.addr = held ? lwip_htonl(route_mask(d->lease.bits)) : 0;
	gateway.addr = lwip_htonl(route_default(&l->routes));
	netif_set_addr(&l->netif, &address, &mask, &gateway);
	if (was.addr && was.addr != address.addr)
		link_forget(l, was.addr);
	config_address(l);
}

/*
 * Enters INIT. The next DISCOVER is not sent before the backoff of the last one has
 * passed.
 */
static void begin(struct dhcp *d, uint64_t now)
{
	uint64_t due = d->discovered ? d->discovered + backoff(d->discovers ? d->discovers : 1)
				     : now;

	if (d->held)
		set_address(d, false);
	memset(&d->lease, 0, sizeof(d->lease));
	d->state = netif_is_link_up(&d->link->netif) ? INIT : DOWN;
	d->due = d->state == DOWN ? NEVER : due > now ? due : now;
}

static void discover(struct dhcp *d, uint64_t now)
{
	if (d->state == INIT) {
		if (!d->discovers)
			d->began = now;
		new_xid(d, now);
	}
	d->state = SELECTING;
	d->secs = (now - d->began) / NSEC_PER_SEC;
	d->discovered = now;
	d->discovers++;
	d->due = now + backoff(d->discovers);
	say(d, DISCOVER);
}

/* Sends a REQUEST in SELECTING, or in INIT-REBOOT after the carrier has returned. */
static void request(struct dhcp *d, uint64_t now)
{
	unsigned most = d->state == REBOOTING ? REBOOTS : REQUESTS;

	if (d->tries++ < most) {
		d->due = now + backoff(d->tries);
		say(d, REQUEST);
	} else {
		begin(d, now);
	}
}

/*
 * Enters BOUND, RENEWING or REBINDING, depending on the time. The lease has not expired.
 */
static void go_on(struct dhcp *d, uint64_t now)
{
	uint64_t until, wait;

	if (now < d->lease.t1) {
		d->state = BOUND;
		d->due = d->lease.t1;
		return;
	}
	if (d->state == BOUND)
		d->began = now;
	d->state = now < d->lease.t2 ? RENEWING : REBINDING;
	d->secs = (now - d->began) / NSEC_PER_SEC;
	until = d->state == RENEWING ? d->lease.t2 : d->lease.expires;
	new_xid(d, now);
	wait = (until - now) / 2 > RENEW_LEAST ? (until - now) / 2 : RENEW_LEAST;
	d->due = until - now < wait ? until : now + wait;
	say(d, REQUEST);
}

static void bind(struct dhcp *d, uint64_t now)
{
	d->discovers = 0;
	set_address(d, true);
	go_on(d, now);
}

static bool taken(const struct dhcp *d)
{
	ip4_addr_t address = { lwip_htonl(d->lease.address) };
	const ip4_addr_t *found;
	struct eth_addr *mac;

	return etharp_find_addr(&d->link->netif, &address, &mac, &found) >= 0 &&
	       memcmp(mac->addr, d->mac, sizeof(d->mac));
}

/* The interface has no address now, so the ARP cache contains nothing useful. */
static void check(struct dhcp *d, uint64_t now)
{
	ip4_addr_t address = { lwip_htonl(d->lease.address) };

	if (taken(d)) {
		log_some(&d->link->log, LOG_WARNING,
			 "vif%u: DHCP offer declined: another host has this address",
			 d->link->id);
		etharp_cleanup_netif(&d->link->netif);
		new_xid(d, now);
		say(d, DECLINE);
		begin(d, now);
		if (d->due < now + DECLINED_TIME)
			d->due = now + DECLINED_TIME;
	} else if (d->tries++ < PROBES) {
		if (d->tries == 1)
			etharp_cleanup_netif(&d->link->netif);
		etharp_query(&d->link->netif, &address, NULL);
		d->due = now + PROBE_TIME;
	} else {
		etharp_cleanup_netif(&d->link->netif);
		bind(d, now);
	}
}

static void step(struct dhcp *d, uint64_t now)
{
	if (d->lease.expires && now >= d->lease.expires) {
		if (d->held)
			log_some(&d->link->log, LOG_WARNING, "vif%u: the DHCP lease has expired",
				 d->link->id);
		begin(d, now);
	}
	if (d->due > now)
		return;
	switch (d->state) {
	case DOWN:
		d->due = NEVER;
		break;
	case INIT:
	case SELECTING:
		discover(d, now);
		break;
	case REQUESTING:
		request(d, now);
		break;
	case CHECKING:
		check(d, now);
		break;
	case REBOOTING:
		/* RFC 2131, 3.2, 3: without a reply the lease stays valid. */
		if (d->tries < REBOOTS)
			request(d, now);
		else
			go_on(d, now);
		break;
	case BOUND:
	case RENEWING:
	case REBINDING:
		go_on(d, now);
		break;
	}
}

/* ---- what servers say */

static void take_offer(struct dhcp *d, uint64_t now)
{
	d->lease = d->read;
	d->lease.expires = 0;		/* there is no lease yet */
	d->state = REQUESTING;
	d->asked = now;
	d->tries = 0;
	request(d, now);
}

/* In REBINDING and REBOOTING each server may reply. */
static bool from_ours(const struct dhcp *d)
{
	return d->state == REBINDING || d->state == REBOOTING ||
	       d->read.server == d->lease.server;
}

static bool asks(const struct dhcp *d)
{
	return d->state == REQUESTING || d->state == RENEWING || d->state == REBINDING ||
	       d->state == REBOOTING;
}

static void take_ack(struct dhcp *d, uint64_t now)
{
	if (d->read.address != d->lease.address || d->read.expires <= now)
		return;
	d->lease = d->read;
	if (d->state == REQUESTING) {
		d->state = CHECKING;
		d->tries = 0;
		check(d, now);
	} else {
		bind(d, now);
	}
}

static void take(struct dhcp *d, uint64_t now)
{
	unsigned type = dhcp_message_read(d);

	if (type == OFFER && d->state == SELECTING) {
		take_offer(d, now);
	} else if (type == ACK && asks(d) && from_ours(d)) {
		take_ack(d, now);
	} else if (type == NAK && asks(d) && from_ours(d)) {
		log_some(&d->link->log, LOG_WARNING, "vif%u: the DHCP server refused the address (NAK)",
			 d->link->id);
		begin(d, now);
	}
}

static void receive(void *arg, struct udp_pcb *of, struct pbuf *p, const ip_addr_t *from,
		    u16_t port)
{
	struct netif *netif = ip_current_input_netif();
	uint64_t now = clock_now();

	(void)arg;
	(void)of;
	(void)from;
	for (struct link *l = links; l; l = l->next) {
		struct dhcp *d = l->dhcp;

		if (&l->netif != netif || !d || d->state == DOWN || port != SERVER_PORT)
			continue;
		d->len = pbuf_copy_partial(p, d->in, sizeof(d->in), 0);
		take(d, now);
	}
	pbuf_free(p);
}

/* ---- what others call */

int dhcp_start(struct link *l)
{
	struct dhcp *d = calloc(1, sizeof(*d));

	if (d && !pcb) {
		pcb = udp_new();
		if (pcb && udp_bind(pcb, IP4_ADDR_ANY, CLIENT_PORT) != ERR_OK) {
			udp_remove(pcb);
			pcb = NULL;
		}
		if (pcb) {
			ip_set_option(pcb, SOF_BROADCAST);
			udp_recv(pcb, receive, NULL);
		}
	}
	if (!d || !pcb) {
		free(d);
		return -ENOMEM;
	}
	d->link = l;
	d->due = NEVER;
	l->dhcp = d;
	return 0;
}

void dhcp_carrier(struct link *l, bool up)
{
	struct dhcp *d = l->dhcp;
	uint64_t now = clock_now();

	if (!d)
		return;
	if (!up) {
		d->state = DOWN;
		d->due = d->held ? d->lease.expires : NEVER;
		return;
	}
	if (d->held && now < d->lease.expires && !memcmp(d->mac, l->netif.hwaddr, 6)) {
		d->state = REBOOTING;
		d->tries = 0;
		d->secs = 0;
		new_xid(d, now);
		request(d, now);
		return;
	}
	memcpy(d->mac, l->netif.hwaddr, sizeof(d->mac));
	d->discovers = 0;
	begin(d, now);
	step(d, now);
}

void dhcp_run(uint64_t now)
{
	for (struct link *l = links; l; l = l->next)
		if (l->dhcp && l->dhcp->due <= now)
			step(l->dhcp, now);
}

uint64_t dhcp_next(void)
{
	uint64_t next = NEVER;

	for (const struct link *l = links; l; l = l->next)
		if (l->dhcp && l->dhcp->due < next)
			next = l->dhcp->due;
	return next;
}

void dhcp_use_servers(const struct link *l)
{
	const struct dhcp *d = l->dhcp;
	ip_addr_t list[DNS_MAX_SERVERS];
	unsigned n = 0;

	if (!d)
		return;
	for (; d->held && n < d->lease.dns_count && n < DNS_MAX_SERVERS; n++)
		ip_addr_set_ip4_u32_val(list[n], lwip_htonl(d->lease.dns[n]));
	servers_set(SERVERS_DHCP, l->id, list, n);
}
