/* SPDX-License-Identifier: ISC */
/*
 * The states are those of RFC 2131, figure 5, and two more: DOWN, without a carrier, and
 * CHECKING, while ARP asks whether another host has the address (4.4.1).
 *
 * Each client has one timer, `due`.  A lease counts from when it was asked for, by a clock
 * that goes on while the domain is paused: after its end the address is gone before
 * anything else is received or sent.
 *
 * Left out of the RFC: the delay of 1 to 10 s before the first DISCOVER, since guests do
 * not all start after a power failure; RELEASE, since the lease ends by itself.
 */
#include "net/dhcp.h"

#include "kernel/clock.h"
#include "kernel/log.h"
#include "net/lwip/hooks.h"
#include "net/netif.h"
#include "net/route.h"
#include "net/servers.h"

#include <lwip/etharp.h>
#include <lwip/udp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_PORT 67
#define CLIENT_PORT 68
#define FIXED 240			/* bytes before the options, with the cookie */
#define MESSAGE_MAX 1500
#define OUT_MAX 548			/* what each server takes (RFC 2131, 2) */
#define OUT_MIN 300			/* BOOTP (RFC 1542, 2.1) */
#define COOKIE 0x63825363u
#define REQUESTS 5			/* before another server is looked for: 60 s */
#define REBOOTS 3
#define PROBES 2
#define PROBE_TIME (250 * NSEC_PER_MSEC)
#define DECLINED_TIME (10 * NSEC_PER_SEC)	/* RFC 2131, 3.1, 5 */
#define RENEW_LEAST (60 * NSEC_PER_SEC)		/* 4.4.5 */
#define MTU_LEAST 576
#define SERVERS 3

enum type { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };

enum option {
	PAD = 0, MASK = 1, ROUTER = 3, DNS = 6, HOST_NAME = 12, MTU = 26, ADDRESS = 50,
	LEASE_TIME = 51, OVERLOAD = 52, TYPE = 53, SERVER = 54, WANTED = 55, MESSAGE_SIZE = 57,
	T1 = 58, T2 = 59, ROUTES = 121, ROUTES_MICROSOFT = 249, END = 255,
};

struct lease {
	uint32_t address, server;	/* 0: none */
	unsigned bits;
	uint64_t t1, t2, expires;	/* in clock_now()'s time; NEVER */
	struct routes routes;
	uint32_t dns[SERVERS];
	unsigned dns_count;
	uint16_t mtu;			/* 0: none told */
};

struct dhcp {
	struct link *link;
	enum {
		DOWN, INIT, SELECTING, REQUESTING, CHECKING, BOUND, RENEWING, REBINDING, REBOOTING
	} state;
	uint64_t due;
	uint32_t xid;
	uint64_t began, secs;		/* to ask, and how long ago in the last message */
	uint64_t asked;			/* the first message with this xid */
	uint64_t discovered;		/* the last DISCOVER; 0: none */
	unsigned discovers;		/* since there was a lease */
	unsigned tries;			/* of what the state repeats */
	bool held;			/* lease.address is in use */
	struct lease lease;		/* or the offer, or what is being checked */
	struct lease read;		/* of the message in hand */
	uint8_t mac[6];
	uint8_t in[MESSAGE_MAX], value[MESSAGE_MAX];
	size_t len;
};

static struct udp_pcb *pcb;

/* ---- messages out */

bool dhcp_name(const char *name, char to[DHCP_NAME_MAX + 1])
{
	size_t len = 0;
	char before = '.';

	for (; *name; name++) {
		bool word = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			    (*name >= '0' && *name <= '9');

		if (!word && *name != '-' && *name != '.')
			return false;
		if ((*name == '.' && (before == '.' || before == '-')) ||
		    (*name == '-' && before == '.'))
			return false;
		before = *name;
		if (len < DHCP_NAME_MAX)
			to[len++] = *name;
	}
	while (len && (to[len - 1] == '-' || to[len - 1] == '.'))
		len--;
	to[len] = '\0';
	return len && before != '-';
}

static void put32(uint8_t *at, uint32_t v)
{
	for (int i = 4; i--; v >>= 8)
		at[i] = v;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static uint8_t *put_option(uint8_t *at, enum option option, size_t len, const void *value)
{
	*at++ = option;
	*at++ = len;
	memcpy(at, value, len);
	return at + len;
}

static uint8_t *put_number(uint8_t *at, enum option option, uint32_t value)
{
	uint8_t bytes[4];

	put32(bytes, value);
	return put_option(at, option, 4, bytes);
}

static uint8_t *put_wishes(const struct dhcp *d, uint8_t *at)
{
	/* RFC 3442: routes are asked for before the router. */
	static const uint8_t wanted[] = { MASK, ROUTES, ROUTES_MICROSOFT, ROUTER, DNS, MTU,
					  LEASE_TIME, T1, T2 };
	uint16_t most = d->link->netif.mtu < MESSAGE_MAX ? d->link->netif.mtu : MESSAGE_MAX;
	uint8_t size[2];
	char name[DHCP_NAME_MAX + 1];

	most = most > MTU_LEAST ? most : MTU_LEAST;
	size[0] = most >> 8;
	size[1] = most;
	at = put_option(at, MESSAGE_SIZE, 2, size);
	at = put_option(at, WANTED, sizeof(wanted), wanted);
	if (config_name() && dhcp_name(config_name(), name))
		at = put_option(at, HOST_NAME, strlen(name), name);
	return at;
}

/* RFC 2131, table 5.  What cannot be sent is sent again later. */
static void say(struct dhcp *d, enum type type)
{
	bool renews = d->state == RENEWING || d->state == REBINDING;
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, OUT_MAX, PBUF_RAM);
	uint64_t secs = d->secs < UINT16_MAX ? d->secs : UINT16_MAX;
	uint8_t *m, *at, is = type;
	ip_addr_t to, from;

	if (!p)
		return;
	m = memset(p->payload, 0, OUT_MAX);
	m[0] = 1;
	m[1] = 1;
	m[2] = sizeof(d->mac);
	put32(m + 4, d->xid);
	if (type != DECLINE) {
		m[8] = secs >> 8;
		m[9] = secs;
	}
	put32(m + 12, renews ? d->lease.address : 0);
	memcpy(m + 28, d->mac, sizeof(d->mac));
	put32(m + FIXED - 4, COOKIE);
	at = put_option(m + FIXED, TYPE, 1, &is);
	if (type != DISCOVER && !renews)
		at = put_number(at, ADDRESS, d->lease.address);
	if (type == DECLINE || d->state == REQUESTING)
		at = put_number(at, SERVER, d->lease.server);
	if (type != DECLINE)
		at = put_wishes(d, at);
	*at++ = END;
	pbuf_realloc(p, at - m > OUT_MIN ? at - m : OUT_MIN);
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

/* ---- messages in */

/* The areas of options, in the order in which RFC 3396, 5 joins them. */
static bool area(const struct dhcp *d, unsigned overload, unsigned i, const uint8_t **at,
		 const uint8_t **end)
{
	static const struct { unsigned at, end; } fields[] = { { 108, 236 }, { 44, 108 } };

	if (i == 0) {
		*at = d->in + FIXED;
		*end = d->in + d->len;
		return true;
	}
	*at = d->in + fields[i - 1].at;
	*end = d->in + fields[i - 1].end;
	return overload & i;		/* 1: file; 2: sname */
}

/*
 * The value of an option in d->value, its parts joined (RFC 3396): its length, or -1: it is
 * not there, or -2: the options do not end where they should.
 */
static int find(struct dhcp *d, enum option option, unsigned overload)
{
	const uint8_t *at, *end;
	int len = -1;

	for (unsigned i = 0; i < 3; i++) {
		if (!area(d, overload, i, &at, &end))
			continue;
		while (at < end && *at != END) {
			if (*at == PAD) {
				at++;
				continue;
			}
			if (end - at < 2 || end - at < 2 + at[1])
				return -2;
			if (*at == option) {
				len = len < 0 ? 0 : len;
				memcpy(d->value + len, at + 2, at[1]);
				len += at[1];
			}
			at += 2 + at[1];
		}
	}
	return len;
}

/* False: it is not there, or not a number of so many bytes. */
static bool number(struct dhcp *d, enum option option, unsigned overload, int bytes,
		   uint32_t *v)
{
	if (find(d, option, overload) != bytes)
		return false;
	*v = 0;
	for (int i = 0; i < bytes; i++)
		*v = *v << 8 | d->value[i];
	return true;
}

/* There are hosts' addresses in it: 0.0.0.0/1 is half of a default route. */
static bool has_hosts(uint32_t to, unsigned bits)
{
	return bits < 8 ? bits < 3 || to < 0xe0000000 : route_is_host(to | 1);
}

/* RFC 3442.  False: they are not there, or not well formed. */
static bool read_routes(struct dhcp *d, enum option option, unsigned overload)
{
	int len = find(d, option, overload);
	struct routes *r = &d->read.routes;
	unsigned dropped = 0;

	r->count = 0;
	if (len <= 0)
		return false;
	for (int at = 0; at < len;) {
		unsigned bits = d->value[at++], bytes = (bits + 7) / 8;
		uint32_t to = 0, gateway;

		if (bits > 32 || (unsigned)(len - at) < bytes + 4) {
			r->count = 0;
			return false;
		}
		for (unsigned i = 0; i < bytes; i++)
			to |= (uint32_t)d->value[at++] << (24 - 8 * i);
		gateway = get32(d->value + at);
		at += 4;
		to &= route_mask(bits);
		if (!has_hosts(to, bits) || (gateway && !route_is_host(gateway)) ||
		    gateway == d->read.address)
			continue;
		dropped += !route_add(r, to, bits, gateway);
	}
	if (dropped)
		log_some(&d->link->log, LOG_WARNING, "vif%u: DHCP told %u more routes than %u",
			 d->link->id, dropped, ROUTES_MAX);
	return true;
}

static void read_router(struct dhcp *d, unsigned overload)
{
	int len = find(d, ROUTER, overload);

	for (int at = 0; at + 4 <= len; at += 4) {
		uint32_t gateway = get32(d->value + at);

		if (!route_is_host(gateway) || gateway == d->read.address)
			continue;
		route_add(&d->read.routes, 0, 0, gateway);
		return;
	}
}

static void read_servers(struct dhcp *d, unsigned overload)
{
	int len = find(d, DNS, overload);

	for (int at = 0; at + 4 <= len && d->read.dns_count < SERVERS; at += 4)
		if (route_is_host(get32(d->value + at)))
			d->read.dns[d->read.dns_count++] = get32(d->value + at);
}

/* RFC 791: what a mask was before there were masks. */
static uint32_t class_mask(uint32_t a)
{
	return route_mask(a >> 31 == 0 ? 8 : a >> 30 == 2 ? 16 : 24);
}

static bool read_address(struct dhcp *d, unsigned overload)
{
	uint32_t mask, address = get32(d->in + 16);

	if (!number(d, MASK, overload, 4, &mask))
		mask = class_mask(address);
	d->read.address = address;
	d->read.bits = __builtin_popcount(mask);
	return mask && mask == route_mask(d->read.bits) &&
	       route_is_host_in(address, d->read.bits);
}

/* 4.4.5: absurd times are those that there are without options. */
static bool read_times(struct dhcp *d, unsigned overload)
{
	uint32_t lease, t1, t2;

	if (!number(d, LEASE_TIME, overload, 4, &lease) || !lease)
		return false;
	if (lease == UINT32_MAX) {
		d->read.t1 = d->read.t2 = d->read.expires = NEVER;
		return true;
	}
	d->read.expires = lease * NSEC_PER_SEC;
	d->read.t2 = d->read.expires / 8 * 7;
	if (number(d, T2, overload, 4, &t2) && t2 && t2 < lease)
		d->read.t2 = t2 * NSEC_PER_SEC;
	d->read.t1 = d->read.expires / 2;
	if (d->read.t1 >= d->read.t2)
		d->read.t1 = d->read.t2 / 2;
	if (number(d, T1, overload, 4, &t1) && t1 && t1 * NSEC_PER_SEC < d->read.t2)
		d->read.t1 = t1 * NSEC_PER_SEC;
	/* Guests that started together need not ask together. */
	d->read.t1 -= d->read.t1 / 32 * (net_random() & 0xff) / 256;
	d->read.t1 += d->asked;
	d->read.t2 += d->asked;
	d->read.expires += d->asked;
	return true;
}

/* The message in d->in to d->read: its type, or 0: it is none for us. */
static unsigned read_message(struct dhcp *d)
{
	uint32_t type, overload = 0, mtu;

	if (d->len < FIXED || d->in[0] != 2 || d->in[1] != 1 || d->in[2] != sizeof(d->mac) ||
	    get32(d->in + 4) != d->xid || memcmp(d->in + 28, d->mac, sizeof(d->mac)) ||
	    get32(d->in + FIXED - 4) != COOKIE)
		return 0;
	number(d, OVERLOAD, 0, 1, &overload);
	overload &= 3;
	memset(&d->read, 0, sizeof(d->read));
	if (!number(d, TYPE, overload, 1, &type) ||
	    !number(d, SERVER, overload, 4, &d->read.server) || !route_is_host(d->read.server))
		return 0;
	if (type == NAK)
		return type;
	if ((type != OFFER && type != ACK) || !read_address(d, overload) ||
	    !read_times(d, overload))
		return 0;
	if (!read_routes(d, ROUTES, overload) && !read_routes(d, ROUTES_MICROSOFT, overload))
		read_router(d, overload);
	read_servers(d, overload);
	if (number(d, MTU, overload, 2, &mtu) && mtu >= MTU_LEAST)
		d->read.mtu = mtu;
	return type;
}

/* ---- states */

/* 4.1: 4, 8, 16, 32, 64, 64 ... seconds, each one second more or less at random. */
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

/* INIT: a DISCOVER as soon as it may be sent, so that nothing makes us send many. */
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

/* From SELECTING, or to be sure of a lease after the carrier was gone. */
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

/* BOUND, or what comes of it by now; the lease has not ended. */
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

/* We have no address meanwhile, so what ARP knows is of no use. */
static void check(struct dhcp *d, uint64_t now)
{
	ip4_addr_t address = { lwip_htonl(d->lease.address) };

	if (taken(d)) {
		log_some(&d->link->log, LOG_WARNING,
			 "vif%u: another host has the address that DHCP offers: declined",
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
			log_some(&d->link->log, LOG_WARNING, "vif%u: the DHCP lease has ended",
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
		/* 3.2, 3: without an answer the lease is still ours. */
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
	d->lease.expires = 0;		/* nothing is leased yet */
	d->state = REQUESTING;
	d->asked = now;
	d->tries = 0;
	request(d, now);
}

/* Only the server that was asked answers; in REBINDING and REBOOTING that is each. */
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
	unsigned type = read_message(d);

	if (type == OFFER && d->state == SELECTING) {
		take_offer(d, now);
	} else if (type == ACK && asks(d) && from_ours(d)) {
		take_ack(d, now);
	} else if (type == NAK && asks(d) && from_ours(d)) {
		log_some(&d->link->log, LOG_WARNING, "vif%u: the DHCP server refuses our address",
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
