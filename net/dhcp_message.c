/* SPDX-License-Identifier: ISC */
/*
 * DHCP messages (RFC 2131, 2132, 3396, 3442): written and parsed.
 */
#include "kernel/log.h"
#include "net/config.h"
#include "net/dhcp_internal.h"
#include "net/lwip/hooks.h"

#include <string.h>

#define FIXED 240			/* bytes before the options, including the cookie */
#define OUT_MAX 548			/* bytes that each server accepts (RFC 2131, 2) */
#define OUT_MIN 300			/* minimum length of a BOOTP message (RFC 1542, 2.1) */
#define COOKIE 0x63825363u
#define MTU_LEAST 576

enum option {
	PAD = 0, MASK = 1, ROUTER = 3, DNS = 6, HOST_NAME = 12, MTU = 26, ADDRESS = 50,
	LEASE_TIME = 51, OVERLOAD = 52, TYPE = 53, SERVER = 54, PARAMETER_LIST = 55, MESSAGE_SIZE = 57,
	T1 = 58, T2 = 59, ROUTES = 121, ROUTES_MICROSOFT = 249, END = 255,
};

/* ---- writing */

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

static uint8_t *put_parameters(const struct dhcp *d, uint8_t *at)
{
	/* RFC 3442: option 121 precedes option 3. */
	static const uint8_t wanted[] = { MASK, ROUTES, ROUTES_MICROSOFT, ROUTER, DNS, MTU,
					  LEASE_TIME, T1, T2 };
	uint16_t most = d->vif->netif.mtu < MESSAGE_MAX ? d->vif->netif.mtu : MESSAGE_MAX;
	uint8_t size[2];
	char name[DHCP_NAME_MAX + 1];

	most = most > MTU_LEAST ? most : MTU_LEAST;
	size[0] = most >> 8;
	size[1] = most;
	at = put_option(at, MESSAGE_SIZE, 2, size);
	at = put_option(at, PARAMETER_LIST, sizeof(wanted), wanted);
	if (config_name() && dhcp_name(config_name(), name))
		at = put_option(at, HOST_NAME, strlen(name), name);
	return at;
}

struct pbuf *dhcp_message_write(const struct dhcp *d, enum dhcp_type type)
{
	bool renews = d->state == RENEWING || d->state == REBINDING;
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, OUT_MAX, PBUF_RAM);
	uint64_t secs = d->secs < UINT16_MAX ? d->secs : UINT16_MAX;
	uint8_t *m, *at, is = type;

	if (!p)
		return NULL;
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
		at = put_parameters(d, at);
	*at++ = END;
	pbuf_realloc(p, at - m > OUT_MIN ? at - m : OUT_MIN);
	return p;
}

/* ---- parsing */

/*
 * The i-th area of options, in the order in which RFC 3396, 5 concatenates them. Returns
 * false if it has no options.
 */
static bool option_area(const struct dhcp *d, unsigned overload, unsigned i, const uint8_t **at,
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
	return overload & i;		/* 1: file, 2: sname */
}

/*
 * Concatenates the parts of an option (RFC 3396) in d->value. Returns its length; -1 if
 * the option is absent; -2 if an option exceeds its area.
 */
static int find_option(struct dhcp *d, enum option option, unsigned overload)
{
	const uint8_t *at, *end;
	int len = -1;

	for (unsigned i = 0; i < 3; i++) {
		if (!option_area(d, overload, i, &at, &end))
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

/* Returns false if the option is absent or does not have this length. */
static bool read_number(struct dhcp *d, enum option option, unsigned overload, int bytes,
		   uint32_t *v)
{
	if (find_option(d, option, overload) != bytes)
		return false;
	*v = 0;
	for (int i = 0; i < bytes; i++)
		*v = *v << 8 | d->value[i];
	return true;
}

/*
 * Whether a subnet contains host addresses. 0.0.0.0/1 does: it is half of a default
 * route.
 */
static bool has_hosts(uint32_t to, unsigned bits)
{
	return bits < 8 ? bits < 3 || to < 0xe0000000 : route_is_host(to | 1);
}

/* RFC 3442. Returns false if the option is absent or malformed. */
static bool read_routes(struct dhcp *d, enum option option, unsigned overload)
{
	int len = find_option(d, option, overload);
	struct routes *r = &d->parsed.routes;
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
		    gateway == d->parsed.address)
			continue;
		dropped += !route_add(r, to, bits, gateway);
	}
	if (dropped)
		log_some(&d->vif->log, LOG_WARNING, "vif%u: DHCP: %u routes ignored, more than %u",
			 d->vif->id, dropped, ROUTES_MAX);
	return true;
}

static void read_router(struct dhcp *d, unsigned overload)
{
	int len = find_option(d, ROUTER, overload);

	for (int at = 0; at + 4 <= len; at += 4) {
		uint32_t gateway = get32(d->value + at);

		if (!route_is_host(gateway) || gateway == d->parsed.address)
			continue;
		route_add(&d->parsed.routes, 0, 0, gateway);
		return;
	}
}

static void read_servers(struct dhcp *d, unsigned overload)
{
	int len = find_option(d, DNS, overload);

	for (int at = 0; at + 4 <= len && d->parsed.dns_count < SERVERS; at += 4)
		if (route_is_host(get32(d->value + at)))
			d->parsed.dns[d->parsed.dns_count++] = get32(d->value + at);
}

/* RFC 791: the mask of the address class, for servers that send no mask. */
static uint32_t class_mask(uint32_t a)
{
	return route_mask(a >> 31 == 0 ? 8 : a >> 30 == 2 ? 16 : 24);
}

static bool read_address(struct dhcp *d, unsigned overload)
{
	uint32_t mask, address = get32(d->in + 16);

	if (!read_number(d, MASK, overload, 4, &mask))
		mask = class_mask(address);
	d->parsed.address = address;
	d->parsed.bits = __builtin_popcount(mask);
	return mask && mask == route_mask(d->parsed.bits) &&
	       route_is_host_in(address, d->parsed.bits);
}

/*
 * RFC 2131, 4.4.5. T1 and T2 have their defaults if their options are absent or out of
 * order.
 */
static bool read_times(struct dhcp *d, unsigned overload)
{
	uint32_t lease, t1, t2;

	if (!read_number(d, LEASE_TIME, overload, 4, &lease) || !lease)
		return false;
	if (lease == UINT32_MAX) {
		d->parsed.t1 = d->parsed.t2 = d->parsed.expires = NEVER;
		return true;
	}
	d->parsed.expires = lease * NSEC_PER_SEC;
	d->parsed.t2 = d->parsed.expires / 8 * 7;
	if (read_number(d, T2, overload, 4, &t2) && t2 && t2 < lease)
		d->parsed.t2 = t2 * NSEC_PER_SEC;
	d->parsed.t1 = d->parsed.expires / 2;
	if (d->parsed.t1 >= d->parsed.t2)
		d->parsed.t1 = d->parsed.t2 / 2;
	if (read_number(d, T1, overload, 4, &t1) && t1 && t1 * NSEC_PER_SEC < d->parsed.t2)
		d->parsed.t1 = t1 * NSEC_PER_SEC;
	/*
	 * Subtract a random part, so that guests that started together renew at different
	 * times.
	 */
	d->parsed.t1 -= d->parsed.t1 / 32 * (net_random() & 0xff) / 256;
	d->parsed.t1 += d->request_time;
	d->parsed.t2 += d->request_time;
	d->parsed.expires += d->request_time;
	return true;
}

unsigned dhcp_message_read(struct dhcp *d)
{
	uint32_t type, overload = 0, mtu;

	if (d->len < FIXED || d->in[0] != 2 || d->in[1] != 1 || d->in[2] != sizeof(d->mac) ||
	    get32(d->in + 4) != d->xid || memcmp(d->in + 28, d->mac, sizeof(d->mac)) ||
	    get32(d->in + FIXED - 4) != COOKIE)
		return 0;
	read_number(d, OVERLOAD, 0, 1, &overload);
	overload &= 3;
	memset(&d->parsed, 0, sizeof(d->parsed));
	if (!read_number(d, TYPE, overload, 1, &type) ||
	    !read_number(d, SERVER, overload, 4, &d->parsed.server) || !route_is_host(d->parsed.server))
		return 0;
	if (type == NAK)
		return type;
	if ((type != OFFER && type != ACK) || !read_address(d, overload) ||
	    !read_times(d, overload))
		return 0;
	if (!read_routes(d, ROUTES, overload) && !read_routes(d, ROUTES_MICROSOFT, overload))
		read_router(d, overload);
	read_servers(d, overload);
	if (read_number(d, MTU, overload, 2, &mtu) && mtu >= MTU_LEAST)
		d->parsed.mtu = mtu;
	return type;
}
