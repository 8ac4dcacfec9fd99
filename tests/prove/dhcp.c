/* SPDX-License-Identifier: ISC */
/*
 * net/dhcp_message.c for any message: no option is read behind its area, and what is collected has
 * room.  Each of the three areas of options has AREA bytes of any content, and ends then, so that
 * loops are short; lengths of options are any.
 */
#include "net/dhcp_message.c"
#include "net/route.c"
#include "tests/prove/prove.h"

#define AREA 6u

struct vif *vifs;
static struct vif vif;
static struct dhcp d;
static size_t collected;

void log_some(struct log_some *some, enum log_level level, const char *fmt, ...)
{
	(void)some, (void)level, (void)fmt;
}

uint32_t net_random(void)
{
	return nondet_uint32();
}

static void any_message(void)
{
	d.vif = &vif;
	d.xid = nondet_uint32();
	d.request_time = nondet_uint64();
	ASSUME(d.request_time < 1ull << 62);
	any_bytes(d.in, 44 + AREA);
	any_bytes(d.in + 108, AREA);
	any_bytes(d.in + FIXED - 4, 4 + AREA);
	d.in[44 + AREA] = d.in[44 + AREA + 1] = END;
	for (unsigned i = AREA; i < 64; i++)
		d.in[44 + i] = END;
	for (unsigned i = AREA; i < 128; i++)
		d.in[108 + i] = END;
	d.len = nondet_size();
	ASSUME(d.len >= FIXED && d.len <= FIXED + AREA);
}

/* memcpy() of the parts of an option: where they are read and written is checked. */
void *copied(void *to, const void *from, size_t len)
{
	CLAIM("the option is in its area", len == 0 ||
	      ((const uint8_t *)from >= d.in + FIXED && (const uint8_t *)from + len <= d.in + d.len) ||
	      ((const uint8_t *)from >= d.in + 44 && (const uint8_t *)from + len <= d.in + 108) ||
	      ((const uint8_t *)from >= d.in + 108 && (const uint8_t *)from + len <= d.in + 236));
	CLAIM("it is put behind its first part", to == d.value + collected);
	CLAIM("there is room for it", collected + len <= sizeof(d.value));
	collected += len;
	return to;
}

/* prove: unwind 130 find_option.0:10 find_option.1:4 replace memcpy:copied seconds 10 */
void prove_option(void)
{
	unsigned overload = nondet_uint32();
	enum option option = nondet_uint8();
	int len;

	any_message();
	ASSUME(overload <= 3 && option != PAD && option != END);
	len = find_option(&d, option, overload);
	CLAIM("its length is that of all parts", len == (int)collected || len == -2 ||
	      (len == -1 && !collected));
	if (len >= 0)
		REACHED("an option");
	if (len == -1)
		REACHED("no option");
	if (len == -2)
		REACHED("an option that is too long");
}

/* find_option(), with any value. */
int any_option(struct dhcp *d, enum option option, unsigned overload)
{
	int len = nondet_int();

	(void)option, (void)overload;
	ASSUME(len >= -2 && len <= 10);
	any_bytes(d->value, 10);
	return len;
}

/* prove: unwind 12 replace find_option:any_option seconds 5 */
void prove_routes(void)
{
	bool some;
	unsigned i = nondet_uint32();

	d.vif = &vif;
	d.parsed.address = nondet_uint32();
	some = read_routes(&d, ROUTES, 0);
	CLAIM("routes have room", d.parsed.routes.count <= ROUTES_MAX);
	CLAIM("no routes, or some", some || d.parsed.routes.count == 0);
	ASSUME(i < d.parsed.routes.count);
	CLAIM("a route has a prefix", d.parsed.routes.route[i].bits <= 32 &&
	      !(d.parsed.routes.route[i].to & ~route_mask(d.parsed.routes.route[i].bits)));
	CLAIM("a gateway is a host", !d.parsed.routes.route[i].gateway ||
	      route_is_host(d.parsed.routes.route[i].gateway));
	REACHED("a route");
}

/* prove: unwind 12 replace find_option:any_option seconds 5 */
void prove_numbers(void)
{
	d.vif = &vif;
	any_bytes(d.in + 16, 4);
	d.request_time = nondet_uint64();
	ASSUME(d.request_time < 1ull << 62);
	if (read_address(&d, 0)) {
		CLAIM("an address of a host, in a subnet", route_is_host(d.parsed.address) &&
		      d.parsed.bits >= 1 && d.parsed.bits <= 32);
		REACHED("an address");
	}
	read_servers(&d, 0);
	CLAIM("DNS servers have room", d.parsed.dns_count <= SERVERS);
	read_router(&d, 0);
	CLAIM("a router", d.parsed.routes.count <= 1);
	if (read_times(&d, 0)) {
		CLAIM("T1, T2 and the end are in this order, and are later", d.parsed.t1 <= d.parsed.t2 &&
		      d.parsed.t2 <= d.parsed.expires && (d.parsed.t1 >= d.request_time));
		REACHED("a lease");
		if (d.parsed.t1 != NEVER)
			REACHED("a lease that ends");
	}
}
