/* SPDX-License-Identifier: ISC */
/* A network that does not reply to connect(), or with ICMP errors. */
#ifndef TESTS_UNIT_NET_CONNECT_H
#define TESTS_UNIT_NET_CONNECT_H

#include "kernel/param.h"
#include "net/dns_servers.h"
#include "net/icmp.h"
#include "net/net.h"
#include "net/netif.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"

#include <lwip/dns.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#include <errno.h>

#define US 0x0a000002u			/* 10.0.0.2 */
#define PEER 0x0a000001u
#define SECOND NSEC_PER_SEC

static bool deaf;			/* to ARP and neighbour solicitations */
static unsigned solicitations, hears;	/* hears: replies from this number on */
static uint8_t asked[16];		/* by the last one */
static uint64_t syns[20];
static unsigned nsyns;
static uint8_t last[2000];		/* of TCP and UDP, from the IP header on */
static size_t last_len;

static inline void take_arp(const uint8_t *p)
{
	uint8_t a[ARP_LEN];

	if (get(p + 20, 2) != 1 || get(p + 38, 4) != PEER || deaf)
		return;
	arp_answer(a, p, peer_mac);
	vif_deliver(a, ARP_LEN, &(struct offload){ 0 }, 4096);
}

static inline void send6(uint8_t *p, const uint8_t *from, const uint8_t *to, size_t len)
{
	ip6_header(p, 58, from, to, len);
	put(p + 56, 0, 2);
	put(p + 56, ~plain(p + 54, len, plain(p + 22, 32, 58 + len)), 2);
	vif_deliver(p, 54 + len, &(struct offload){ 0 }, 4096);
}

static inline void take_solicitation(const uint8_t *p, size_t len)
{
	uint8_t a[54 + 32] = { [54] = 136, [58] = 0x60, [78] = 2, 1 };
	static const uint8_t none[16];

	if (!memcmp(p + 22, none, 16))	/* for an address that is not used yet */
		return;
	assert(len == 86 && p[21] == 255 && p[78] == 1 && p[79] == 1);
	assert(!memcmp(p + 80, our_mac, 6));
	assert(plain(p + 54, 32, plain(p + 22, 32, 58 + 32)) == 0xffff);
	memcpy(asked, p + 62, 16);
	if (++solicitations < hears || deaf)
		return;
	memcpy(a + 62, p + 62, 16);
	memcpy(a + 80, peer_mac, 6);
	send6(a, p + 62, p + 22, 32);
}

static inline void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (get(p + 12, 2) == 0x0806)
		take_arp(p);
	if (get(p + 12, 2) == 0x86dd && p[20] == 58 && p[54] == 135)
		take_solicitation(p, len);
	if (get(p + 12, 2) == 0x86dd && (p[20] == 6 || p[20] == 17)) {
		last_len = len - 14;
		memcpy(last, p + 14, last_len);
		if (p[20] == 6 && p[67] == 2 && nsyns < 20)
			syns[nsyns++] = clock_now();
	}
	if (get(p + 12, 2) != 0x0800)
		return;
	last_len = len - 14;
	memcpy(last, p + 14, last_len);
	if (p[23] == 6 && p[47] == 2 && nsyns < 20)
		syns[nsyns++] = clock_now();
}

static inline void set_up(const char *options)
{
	vif.info = (struct netfront_info){ .up = true, .mtu = 1500 };
	vif.wire = wire;
	vif_boot(options);
}

/* Quotes the last packet of the guest; sum: 0, or bits that make the checksum wrong. */
static inline void send_icmp(uint8_t type, uint8_t code, size_t quoted, uint16_t sum)
{
	size_t len = 8 + quoted;
	uint8_t *p = vif_alloc(200);

	ip4_header(p, 1, 0x0a000063, US, len);	/* from any router */
	memset(p + 34, 0, 8);
	p[34] = type;
	p[35] = code;
	memcpy(p + 42, last, quoted);
	put(p + 36, (uint16_t)~plain(p + 34, len, 0) ^ sum, 2);
	vif_deliver(p, 34 + len, &(struct offload){ 0 }, 4096);
	free(p);
	thread_sleep(clock_now() + SECOND / 10);
}

static uint64_t ended;
static int told;
static bool was_hard;

static inline void failed(void *arg, err_t err)
{
	(void)arg;
	assert(err == ERR_ABRT);
	ended = clock_now();
}

static inline void tcp_told(struct tcp_pcb *pcb, int error, bool hard)
{
	told = error;
	was_hard = hard;
	if (pcb->state == SYN_SENT)
		tcp_abandon(pcb, 0);
}

#endif
