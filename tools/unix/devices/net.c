/* SPDX-License-Identifier: ISC */
/*
 * The network device: a backend of xen/io/netif.h.  Frames have at most 1514 bytes and complete
 * checksums; the guest makes both, since neither libslirp nor a plain TAP device would.
 */
#include "devices/net.h"
#include "devices/xenbus.h"

#include <stdlib.h>
#include <string.h>
#include <xen/io/netif.h>

#define WAITING 512u /* frames for which the guest has no memory yet */

static struct {
	struct device device;
	unsigned port;
	grant_ref_t tx_ref, rx_ref;
	netif_tx_sring_t *txs;
	netif_rx_sring_t *rxs;
	netif_tx_back_ring_t tx;
	netif_rx_back_ring_t rx;
	struct carrier carrier;
	uint8_t mac[6];
	bool broken;
} net;

static bool wanted;
static const char *tap;
static struct {
	char host[64];
	unsigned local, guest;
} forwards[64];
static unsigned nforwards;

static struct {
	uint16_t len;
	uint8_t data[FRAME_MAX];
} waiting[WAITING];
static unsigned first_waiting, nwaiting;

/* ---- the command line */

/* [ADDRESS:]LOCALPORT:GUESTPORT */
void net_forward(const char *word)
{
	const char *colon = strrchr(word, ':'), *local = word;
	unsigned long a, b;
	char *end;

	if (nforwards == sizeof(forwards) / sizeof(*forwards))
		die(2, "too many forwarded ports");
	strcpy(forwards[nforwards].host, "127.0.0.1");
	for (const char *p = word; colon && p < colon; p++)
		if (*p == ':')
			local = p + 1;
	if (local != word) {
		size_t n = local - word - 1;

		if (n >= sizeof(forwards[0].host))
			die(2, "-p %s: expected [ADDRESS:]LOCALPORT:GUESTPORT", word);
		memcpy(forwards[nforwards].host, word, n);
		forwards[nforwards].host[n] = 0;
	}
	a = strtoul(local, &end, 10);
	b = colon ? strtoul(colon + 1, NULL, 10) : 0;
	if (!colon || end != colon || !a || a > 65535 || !b || b > 65535 ||
	    colon[1 + strspn(colon + 1, "0123456789")])
		die(2, "-p %s: expected [ADDRESS:]LOCALPORT:GUESTPORT", word);
	forwards[nforwards].local = a;
	forwards[nforwards++].guest = b;
	wanted = true;
}

void net_add(const char *word)
{
	char *rest = strdup(word), *part;

	if (!strcmp(word, "no") || !strcmp(word, "off") || !strcmp(word, "none"))
		return;
	wanted = true;
	while ((part = strsep(&rest, ","))) {
		if (!strncmp(part, "tap=", 4) && part[4])
			tap = part + 4;
		else if (!strncmp(part, "forward=", 8))
			net_forward(part + 8);
		else if (strchr(part, ':'))
			net_forward(part);
		else if (*part && strcmp(part, "yes") && strcmp(part, "on"))
			die(2,
			    "--net %s: expected yes, no, tap=NAME or LOCALPORT:GUESTPORT",
			    word);
	}
}

/* ---- from the guest */

static void respond_tx(const netif_tx_request_t *r, int status)
{
	netif_tx_response_t *p = RING_GET_RESPONSE(&net.tx, net.tx.rsp_prod_pvt++);

	p->id = r->id;
	p->status = status;
}

static bool transmit(const netif_tx_request_t *r)
{
	uint8_t frame[FRAME_MAX];
	const uint8_t *page;

	/* Frames of several slots and extras were not offered. */
	if (r->flags & (NETTXF_more_data | NETTXF_extra_info) || r->size < 14 ||
	    r->size > sizeof(frame) || r->offset > PAGE - r->size)
		return false;
	page = grant_begin(r->gref, false);
	if (!page)
		return false;
	memcpy(frame, page + r->offset, r->size);
	grant_end(r->gref, false);
	net.carrier.send(frame, r->size);
	return true;
}

/* Returns false if the ring is broken. */
static bool take_frames(void)
{
	int more, notify, done = 0;

	do {
		RING_IDX prod = net.txs->req_prod;

		xen_rmb();
		if (RING_REQUEST_PROD_OVERFLOW(&net.tx, prod))
			return false;
		for (; net.tx.req_cons != prod; done++) {
			netif_tx_request_t r;

			memcpy(&r, RING_GET_REQUEST(&net.tx, net.tx.req_cons++),
			       sizeof(r));
			__asm__ volatile("" : : : "memory");
			respond_tx(&r, transmit(&r) ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
		}
		RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&net.tx, notify);
		if (notify)
			port_notify(net.port);
		RING_FINAL_CHECK_FOR_REQUESTS(&net.tx, more);
	} while (more && done < AT_ONCE);
	if (more)
		port_again(net.port);
	return true;
}

/* ---- to the guest */

static bool give(const uint8_t *frame, size_t len)
{
	netif_rx_request_t r;
	netif_rx_response_t *p;
	uint8_t *page;
	int status = NETIF_RSP_ERROR;

	xen_rmb();
	if (net.rxs->req_prod == net.rx.req_cons ||
	    RING_REQUEST_PROD_OVERFLOW(&net.rx, net.rxs->req_prod))
		return false;
	memcpy(&r, RING_GET_REQUEST(&net.rx, net.rx.req_cons++), sizeof(r));
	__asm__ volatile("" : : : "memory");
	page = grant_begin(r.gref, true);
	if (page) {
		memcpy(page, frame, len);
		grant_end(r.gref, true);
		status = len;
	}
	p = RING_GET_RESPONSE(&net.rx, net.rx.rsp_prod_pvt++);
	p->id = r.id;
	p->offset = 0;
	p->flags = net.carrier.checked ? NETRXF_data_validated : 0;
	p->status = status;
	return true;
}

static void give_waiting(void)
{
	bool any = false;
	int notify;

	while (nwaiting &&
	       give(waiting[first_waiting].data, waiting[first_waiting].len)) {
		first_waiting = (first_waiting + 1) % WAITING;
		nwaiting--;
		any = true;
	}
	if (!any)
		return;
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&net.rx, notify);
	if (notify)
		port_notify(net.port);
	if (nwaiting)
		net.rxs->req_event = net.rx.req_cons + 1;
}

bool net_may_receive(void)
{
	return net.rxs && nwaiting < WAITING / 2;
}

void net_receive(const uint8_t *frame, size_t len)
{
	unsigned i = (first_waiting + nwaiting) % WAITING;

	if (!net.rxs || nwaiting == WAITING || len > FRAME_MAX)
		return;
	memcpy(waiting[i].data, frame, len);
	waiting[i].len = len;
	nwaiting++;
}

/* Frames are handed over together, before the tender sleeps. */
static void before_sleep(struct source *s)
{
	(void)s;
	if (net.rxs && nwaiting) {
		net.rxs->req_event = net.rx.req_cons + 1;
		xen_mb();
		give_waiting();
	}
}

static void serve(void *arg)
{
	(void)arg;
	if (!net.txs || net.broken)
		return;
	net.broken = !take_frames();
	if (net.broken)
		warn("network: the guest's ring is broken");
	give_waiting();
}

/* ---- connection */

static void disconnect(struct device *d)
{
	(void)d;
	port_unbind(net.port);
	if (net.txs)
		unmap_grants(net.txs, &net.tx_ref, 1);
	if (net.rxs)
		unmap_grants(net.rxs, &net.rx_ref, 1);
	net.txs = NULL;
	net.rxs = NULL;
	nwaiting = 0;
}

static bool connect(struct device *d)
{
	net.port = store_number(d->front, "event-channel", 0);
	net.txs = device_ring(d, "tx-ring-ref", &net.tx_ref, 1, false);
	net.rxs = device_ring(d, "rx-ring-ref", &net.rx_ref, 1, false);
	if (!net.txs || !net.rxs || store_number(d->front, "request-rx-copy", 0) != 1 ||
	    !port_bind(net.port, serve, NULL)) {
		net.port = PORTS;
		if (net.txs)
			unmap_grants(net.txs, &net.tx_ref, 1);
		if (net.rxs)
			unmap_grants(net.rxs, &net.rx_ref, 1);
		net.txs = NULL;
		net.rxs = NULL;
		return false;
	}
	BACK_RING_INIT(&net.tx, net.txs, PAGE);
	BACK_RING_INIT(&net.rx, net.rxs, PAGE);
	net.broken = false;
	port_notify(net.port);
	return true;
}

void net_start(void)
{
	static struct source sleep = { .fd = -1, .prepare = before_sleep };
	char path[128];

	if (!wanted)
		return;
	if (tap && nforwards)
		die(2, "--net tap=%s: ports are forwarded only without it", tap);
	net.mac[0] = 0x00, net.mac[1] = 0x16, net.mac[2] = 0x3e;
	memcpy(net.mac + 3, domain.uuid, 3);
	net.device = (struct device){ .kind = "vif",
				      .connect = connect,
				      .disconnect = disconnect };
	device_add(&net.device);
	snprintf(path, sizeof(path), "%s/mac", net.device.front);
	store_set(path, "%02x:%02x:%02x:%02x:%02x:%02x", net.mac[0], net.mac[1],
		  net.mac[2], net.mac[3], net.mac[4], net.mac[5]);
	device_set(&net.device, "feature-rx-copy", "1");
	device_set(&net.device, "feature-rx-notify", "1");
	device_set(&net.device, "feature-no-csum-offload", "1");
	source_add(&sleep);
	net.carrier = tap ? tap_open(tap) : slirp_open(net.mac);
	for (unsigned i = 0; i < nforwards; i++)
		slirp_forward(forwards[i].host, forwards[i].local, forwards[i].guest,
			      net.mac);
}
