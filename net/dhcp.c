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
#include "net/dns_servers.h"
#include "net/lwip/hooks.h"

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
static void send_message(struct dhcp *d, enum dhcp_type type)
{
	bool renews = d->state == RENEWING || d->state == REBINDING;
	struct pbuf *p = dhcp_message_write(d, type);
	ip_addr_t to, from;

	if (!p)
		return;
	ip_addr_set_ip4_u32_val(to, lwip_htonl(d->state == RENEWING ? d->lease.server
								    : UINT32_MAX));
	ip_addr_set_ip4_u32_val(from, lwip_htonl(renews ? d->lease.address : 0));
	udp_sendto_if_src(pcb, p, &to, SERVER_PORT, &d->vif->netif, &from);
	pbuf_free(p);
}

static void new_xid(struct dhcp *d, uint64_t now)
{
	d->xid = net_random();
	d->request_time = now;
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

static void set_address(struct dhcp *d, bool bound)
{
	struct vif *l = d->vif;
	ip4_addr_t was = *netif_ip4_addr(&l->netif), address, mask, gateway;

	d->bound = bound;
	l->routes = d->lease.routes;
	if (!bound)
		l->routes.count = 0;
	l->dhcp_mtu = bound ? d->lease.mtu : 0;
	address.addr = bound ? lwip_htonl(d->lease.address) : 0;
	mask.addr = bound ? lwip_htonl(route_mask(d->lease.bits)) : 0;
	gateway.addr = lwip_htonl(route_default(&l->routes));
	netif_set_addr(&l->netif, &address, &mask, &gateway);
	if (was.addr && was.addr != address.addr)
		vif_forget(l, was.addr);
	config_address(l);
}

/*
 * Enters INIT. The next DISCOVER is not sent before the backoff of the last one has
 * passed.
 */
static void enter_init(struct dhcp *d, uint64_t now)
{
	uint64_t due = d->last_discover ? d->last_discover + backoff(d->discover_count ? d->discover_count : 1)
				     : now;

	if (d->bound)
		set_address(d, false);
	memset(&d->lease, 0, sizeof(d->lease));
	d->state = netif_is_link_up(&d->vif->netif) ? INIT : DOWN;
	d->due = d->state == DOWN ? NEVER : due > now ? due : now;
}

static void discover(struct dhcp *d, uint64_t now)
{
	if (d->state == INIT) {
		if (!d->discover_count)
			d->start_time = now;
		new_xid(d, now);
	}
	d->state = SELECTING;
	d->secs = (now - d->start_time) / NSEC_PER_SEC;
	d->last_discover = now;
	d->discover_count++;
	d->due = now + backoff(d->discover_count);
	send_message(d, DISCOVER);
}

/* Sends a REQUEST in SELECTING, or in INIT-REBOOT after the carrier has returned. */
static void request(struct dhcp *d, uint64_t now)
{
	unsigned most = d->state == REBOOTING ? REBOOTS : REQUESTS;

	if (d->tries++ < most) {
		d->due = now + backoff(d->tries);
		send_message(d, REQUEST);
	} else {
		enter_init(d, now);
	}
}

/*
 * Enters BOUND, RENEWING or REBINDING, depending on the time. The lease has not expired.
 */
static void continue_lease(struct dhcp *d, uint64_t now)
{
	uint64_t until, wait;

	if (now < d->lease.t1) {
		d->state = BOUND;
		d->due = d->lease.t1;
		return;
	}
	if (d->state == BOUND)
		d->start_time = now;
	d->state = now < d->lease.t2 ? RENEWING : REBINDING;
	d->secs = (now - d->start_time) / NSEC_PER_SEC;
	until = d->state == RENEWING ? d->lease.t2 : d->lease.expires;
	new_xid(d, now);
	wait = (until - now) / 2 > RENEW_LEAST ? (until - now) / 2 : RENEW_LEAST;
	d->due = until - now < wait ? until : now + wait;
	send_message(d, REQUEST);
}

static void bind(struct dhcp *d, uint64_t now)
{
	d->discover_count = 0;
	set_address(d, true);
	continue_lease(d, now);
}

static bool address_in_use(const struct dhcp *d)
{
	ip4_addr_t address = { lwip_htonl(d->lease.address) };
	const ip4_addr_t *found;
	struct eth_addr *mac;

	return etharp_find_addr(&d->vif->netif, &address, &mac, &found) >= 0 &&
	       memcmp(mac->addr, d->mac, sizeof(d->mac));
}

/* The interface has no address now, so the ARP cache contains nothing useful. */
static void probe_address(struct dhcp *d, uint64_t now)
{
	ip4_addr_t address = { lwip_htonl(d->lease.address) };

	if (address_in_use(d)) {
		log_some(&d->vif->log, LOG_WARNING,
			 "vif%u: DHCP offer declined: another host has this address",
			 d->vif->id);
		etharp_cleanup_netif(&d->vif->netif);
		new_xid(d, now);
		send_message(d, DECLINE);
		enter_init(d, now);
		if (d->due < now + DECLINED_TIME)
			d->due = now + DECLINED_TIME;
	} else if (d->tries++ < PROBES) {
		if (d->tries == 1)
			etharp_cleanup_netif(&d->vif->netif);
		etharp_query(&d->vif->netif, &address, NULL);
		d->due = now + PROBE_TIME;
	} else {
		etharp_cleanup_netif(&d->vif->netif);
		bind(d, now);
	}
}

/* clock_now() stands still in a saved domain; a lease does not. */
static void count_suspended(struct dhcp *d)
{
	uint64_t ns = clock_suspended - d->suspended;
	uint64_t *times[] = { &d->request_time, &d->lease.t1, &d->lease.t2, &d->lease.expires };

	d->suspended = clock_suspended;
	d->last_discover = d->last_discover > ns ? d->last_discover - ns : 0;
	for (unsigned i = 0; ns && i < 4; i++)
		if (*times[i] && *times[i] != NEVER)
			*times[i] = *times[i] > ns ? *times[i] - ns : 1;
}

static void step(struct dhcp *d, uint64_t now)
{
	count_suspended(d);
	if (d->lease.expires && now >= d->lease.expires) {
		if (d->bound)
			log_some(&d->vif->log, LOG_WARNING, "vif%u: the DHCP lease has expired",
				 d->vif->id);
		enter_init(d, now);
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
		probe_address(d, now);
		break;
	case REBOOTING:
		/* RFC 2131, 3.2, 3: without a reply the lease stays valid. */
		if (d->tries < REBOOTS)
			request(d, now);
		else
			continue_lease(d, now);
		break;
	case BOUND:
	case RENEWING:
	case REBINDING:
		continue_lease(d, now);
		break;
	}
}

/* ---- replies */

static void process_offer(struct dhcp *d, uint64_t now)
{
	d->lease = d->parsed;
	d->lease.expires = 0;		/* there is no lease yet */
	d->state = REQUESTING;
	d->request_time = now;
	d->tries = 0;
	request(d, now);
}

/* In REBINDING and REBOOTING each server may reply. */
static bool is_from_server(const struct dhcp *d)
{
	return d->state == REBINDING || d->state == REBOOTING ||
	       d->parsed.server == d->lease.server;
}

static bool expects_reply(const struct dhcp *d)
{
	return d->state == REQUESTING || d->state == RENEWING || d->state == REBINDING ||
	       d->state == REBOOTING;
}

static void process_ack(struct dhcp *d, uint64_t now)
{
	if (d->parsed.address != d->lease.address || d->parsed.expires <= now)
		return;
	d->lease = d->parsed;
	if (d->state == REQUESTING) {
		d->state = CHECKING;
		d->tries = 0;
		probe_address(d, now);
	} else {
		bind(d, now);
	}
}

static void process_message(struct dhcp *d, uint64_t now)
{
	unsigned type = dhcp_message_read(d);

	if (type == OFFER && d->state == SELECTING) {
		process_offer(d, now);
	} else if (type == ACK && expects_reply(d) && is_from_server(d)) {
		process_ack(d, now);
	} else if (type == NAK && expects_reply(d) && is_from_server(d)) {
		log_some(&d->vif->log, LOG_WARNING, "vif%u: the DHCP server refused the address (NAK)",
			 d->vif->id);
		enter_init(d, now);
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
	for (struct vif *l = vifs; l; l = l->next) {
		struct dhcp *d = l->dhcp;

		if (&l->netif != netif || !d || d->state == DOWN || port != SERVER_PORT)
			continue;
		count_suspended(d);
		d->len = pbuf_copy_partial(p, d->in, sizeof(d->in), 0);
		process_message(d, now);
	}
	pbuf_free(p);
}

/* ---- interface */

int dhcp_start(struct vif *l)
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
	d->vif = l;
	d->due = NEVER;
	d->suspended = clock_suspended;
	l->dhcp = d;
	return 0;
}

void dhcp_carrier(struct vif *l, bool up)
{
	struct dhcp *d = l->dhcp;
	uint64_t now = clock_now();

	if (!d)
		return;
	count_suspended(d);
	if (!up) {
		d->state = DOWN;
		d->due = d->bound ? d->lease.expires : NEVER;
		return;
	}
	if (d->bound && now < d->lease.expires && !memcmp(d->mac, l->netif.hwaddr, 6)) {
		d->state = REBOOTING;
		d->tries = 0;
		d->secs = 0;
		new_xid(d, now);
		request(d, now);
		return;
	}
	memcpy(d->mac, l->netif.hwaddr, sizeof(d->mac));
	d->discover_count = 0;
	enter_init(d, now);
	step(d, now);
}

void dhcp_run(uint64_t now)
{
	for (struct vif *l = vifs; l; l = l->next)
		if (l->dhcp && l->dhcp->due <= now)
			step(l->dhcp, now);
}

uint64_t dhcp_next(void)
{
	uint64_t next = NEVER;

	for (const struct vif *l = vifs; l; l = l->next)
		if (l->dhcp && l->dhcp->due < next)
			next = l->dhcp->due;
	return next;
}

void dhcp_update_dns(const struct vif *l)
{
	const struct dhcp *d = l->dhcp;
	ip_addr_t list[DNS_MAX_SERVERS];
	unsigned n = 0;

	if (!d)
		return;
	for (; d->bound && n < d->lease.dns_count && n < DNS_MAX_SERVERS; n++)
		ip_addr_set_ip4_u32_val(list[n], lwip_htonl(d->lease.dns[n]));
	dns_servers_set(DNS_SOURCE_DHCP, l->id, list, n);
}
