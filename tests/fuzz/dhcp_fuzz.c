/* SPDX-License-Identifier: ISC */
/*
 * DHCP servers that send anything: the guest does not fail, does not accept an invalid
 * address, and does not send a flood.  The input is a list of replies to the guest's last
 * message, with message type, times and options, and of pauses.
 */
#include "tests/fuzz/net_direct.h"

static struct {
	uint8_t asked[700];
	size_t len;
	unsigned discovers;
	uint64_t began;
} seen;

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (get(p + 12, 2) != 0x0800 || p[23] != 17 || get(p + 36, 2) != 67 || len > 700)
		return;
	memcpy(seen.asked, p, len);
	seen.len = len;
	seen.discovers += p[42 + 242] == 1;
	/* The closest that backoff() allows. */
	assert(seen.discovers <= 2 + (clock_now() - seen.began) / (3 * NSEC_PER_SEC));
}

static void answer(void)
{
	static uint8_t p[1600];
	uint8_t *at = p + 42 + 240;
	uint8_t how = byte();
	size_t len;

	if (!seen.len)
		return;
	memset(p, 0, sizeof(p));
	memset(p, 0xff, 6);
	p[11] = 2;
	memcpy(p + 12, "\10\0\105\0\0\0\0\1\0\0\100\21\0\0\12\0\0\1\377\377\377\377\0\103\0\104", 26);
	memcpy(p + 42, seen.asked + 42, 240);
	p[42] = 2;
	put(p + 54, 0, 4);
	put(p + 58, how & 1 ? 0x0a000000 | byte() : get(p + 70, 4) ^ (uint32_t)byte() << 24, 4);
	for (unsigned i = 0; how & 2 && i < 192; i++)
		p[86 + i] = byte();
	if (how & 4)
		p[46 + (byte() & 3)] ^= byte();
	if (!(how & 8)) {
		memcpy(at, "\65\1\2\66\4\12\0\0\1\63\4\0\0\0\0", 15);
		at[2] = byte() % 10;
		at[13] = how & 16 ? byte() : 0;
		at[14] = byte();
		at += 15;
	}
	for (unsigned n = byte() * (how & 32 ? 5 : 1); n--;)
		*at++ = byte();
	*at++ = how & 64 ? 0 : 255;
	len = at - p - (how & 128 ? byte() % 60 : 0);
	put(p + 16, len - 14, 2);
	put(p + 24, ~plain(p + 14, 20, 0), 2);
	put(p + 38, len - 34, 2);
	vif_deliver(p, len, &(struct offload){ .csum_valid = true }, 4096);
}

static void check(void)
{
	uint32_t a = lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(&vifs->netif)));
	uint32_t m = lwip_ntohl(ip4_addr_get_u32(netif_ip4_netmask(&vifs->netif)));

	assert(!a || (a >> 24 && a >> 24 != 127 && a >> 24 < 224));
	assert(!a || (m && !(~m & (~m + 1))));
	assert(vifs->routes.count <= ROUTES_MAX);
}

static void run(void)
{
	vif.info = (struct netfront_info){ .up = true, .mtu = 1500,
					   .mac = { 0, 0x16, 0x3e, 0, 0, 1 } };
	vif.wire = wire;
	seen.began = clock_now();
	direct_up("ip6=off hostname=fuzz");
	while (input_left) {
		uint8_t what = byte();

		if (what < 200)
			answer();
		else if (what < 210)
			vif_carrier(what & 1);
		else if (what < 220)
			host_advance((1ull << (what - 210)) * 8 * NSEC_PER_SEC);
		else
			pass(1ull << (what - 220));
		pass(NSEC_PER_MSEC);
		check();
	}
	vif_carrier(true);
	pass(NSEC_PER_SEC);
	direct_down();
}
