/* SPDX-License-Identifier: ISC */
#include "tests/host/vchanpeer.h"
#include "tests/host/host.h"
#include "tests/host/xenstored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/libxenvchan.h>

#define PEER 0
#define MAX_PAGES 513
#define ANY (1u << 22)

struct vchanpeer vchanpeer;

static const char *path;
static bool is_server;
static struct vchan_interface *page;
static uint8_t *pages[MAX_PAGES];	/* of the left ring, then of the right */
static grant_ref_t refs[MAX_PAGES], page_ref;
static unsigned nleft, nright, left_order, right_order;
static evtchn_port_t port;
static bool acting, scribbled, asleep;

uint8_t vchanpeer_byte(unsigned session, bool from_peer, uint64_t at)
{
	return (at * 2654435761u >> 7) ^ at ^ session * 37 ^ from_peer * 0x55;
}

static struct ring_shared *sending(void)
{
	return is_server ? &page->right : &page->left;
}

static struct ring_shared *receiving(void)
{
	return is_server ? &page->left : &page->right;
}

static uint8_t *place(bool left, uint32_t index)
{
	unsigned order = left ? left_order : right_order;
	uint32_t at = index & ((1u << order) - 1);

	if (order < 12)
		return (uint8_t *)page + (1u << order) + at;
	return pages[(left ? 0 : nleft) + at / PAGE_SIZE] + at % PAGE_SIZE;
}

static uint8_t *their_requests(void)
{
	return is_server ? &page->srv_notify : &page->cli_notify;
}

static void request(uint8_t bit)
{
	__sync_fetch_and_or(is_server ? &page->cli_notify : &page->srv_notify, bit);
}

static void moved(uint8_t bit)
{
	if (__sync_fetch_and_and(their_requests(), (uint8_t)~bit) & bit)
		host_notify(port);
}

static uint32_t size_of(bool left)
{
	return 1u << (left ? left_order : right_order);
}

/* Checks the guest's indexes, which must be valid too. */
static uint32_t room(void)
{
	uint32_t used = sending()->prod - sending()->cons;

	if (used > size_of(!is_server) && !scribbled)
		host_fail("vchan: the guest's cons is %u, our prod %u", sending()->cons,
			  sending()->prod);
	return used > size_of(!is_server) ? 0 : size_of(!is_server) - used;
}

static uint32_t waiting(void)
{
	uint32_t n = receiving()->prod - receiving()->cons;

	if (n > size_of(is_server) && !scribbled)
		host_fail("vchan: the guest's prod is %u, our cons %u", receiving()->prod,
			  receiving()->cons);
	return n > size_of(is_server) ? 0 : n;
}

static bool send_some(void)
{
	uint64_t left = vchanpeer.to_send - vchanpeer.sent;
	uint32_t n = room();

	if (left == 0)
		return false;
	if (n == 0) {
		request(VCHAN_NOTIFY_READ);
		n = room();
	}
	if (n == 0)
		return false;
	n = 1 + host_below(n < left ? n : left);
	for (uint32_t i = 0; i < n; i++)
		*place(!is_server, sending()->prod + i) =
			vchanpeer_byte(vchanpeer.session, true, vchanpeer.sent + i);
	__sync_synchronize();
	sending()->prod += n;
	vchanpeer.sent += n;
	moved(VCHAN_NOTIFY_WRITE);
	return true;
}

static bool receive_some(void)
{
	uint32_t n = waiting();

	if (n == 0) {
		request(VCHAN_NOTIFY_WRITE);
		n = waiting();
	}
	if (n == 0)
		return false;
	n = 1 + host_below(n);
	for (uint32_t i = 0; i < n; i++)
		if (*place(is_server, receiving()->cons + i) !=
			    vchanpeer_byte(vchanpeer.session, false, vchanpeer.received + i) &&
		    !scribbled && !vchanpeer.careless)
			host_fail("vchan: session %u: byte %llu is wrong", vchanpeer.session,
				  (unsigned long long)vchanpeer.received + i);
	__sync_synchronize();
	receiving()->cons += n;
	vchanpeer.received += n;
	moved(VCHAN_NOTIFY_READ);
	return true;
}

static void scribble(void)
{
	uint8_t *bytes = (uint8_t *)page;
	unsigned n = 1 + host_below(4);

	scribbled = true;
	if (vchanpeer.nosy) {
		if (host_chance(2))
			sending()->prod = sending()->cons + host_random();
		else
			receiving()->cons = receiving()->prod - host_random();
		return;
	}
	while (n--)
		bytes[host_below(host_chance(2) ? 32 : PAGE_SIZE)] = host_random();
}

/* ---- the client */

static uint32_t number(const char *key)
{
	char name[300];
	const char *value;

	snprintf(name, sizeof(name), "%s/%s", path, key);
	value = store_read(name);
	return value ? strtoul(value, NULL, 10) : 0;
}

static void leave(void)
{
	page->cli_live = 0;
	host_notify(port);
	host_close(port);
	for (unsigned i = 0; i < nleft + nright; i++)
		host_unmap(PEER, refs[i], true);
	host_unmap(PEER, page_ref, true);
	vchanpeer.connected = false;
}

/* As libxenvchan_client_init(): the port first. */
static bool join(void)
{
	page_ref = number("ring-ref");
	port = host_connect(PEER, number("event-channel"));
	if (!page_ref || !port) {
		if (port)
			host_close(port);
		return false;
	}
	page = host_map(PEER, page_ref, true);
	if (!page)
		host_fail("vchan: ring-ref %u cannot be mapped", page_ref);
	left_order = page->left_order;
	right_order = page->right_order;
	if (left_order < 10 || left_order > 20 || right_order < 10 || right_order > 20)
		host_fail("vchan: orders %u, %u", left_order, right_order);
	nleft = left_order < 12 ? 0 : 1u << (left_order - 12);
	nright = right_order < 12 ? 0 : 1u << (right_order - 12);
	for (unsigned i = 0; i < nleft + nright; i++) {
		refs[i] = page->grants[i];
		pages[i] = host_map(PEER, refs[i], true);
		if (!pages[i])
			host_fail("vchan: grant %u cannot be mapped", refs[i]);
	}
	scribbled = asleep = false;
	vchanpeer.session++;
	vchanpeer.sent = vchanpeer.received = 0;
	vchanpeer.connected = true;
	vchanpeer.wants = false;
	page->cli_live = 1;
	page->srv_notify = VCHAN_NOTIFY_WRITE;
	host_notify(port);
	return true;
}

static bool finished(void)
{
	if (vchanpeer.stays)
		return false;
	return vchanpeer.sent == vchanpeer.to_send &&
	       vchanpeer.received >= vchanpeer.to_receive;
}

static bool client_step(void)
{
	bool any;

	if (!vchanpeer.connected)
		return vchanpeer.wants && join();
	/* It does nothing while it sleeps without an event. */
	if (asleep && !host_rung(port) && !finished())
		return false;
	if (vchanpeer.scribbles && host_chance(vchanpeer.scribbles))
		scribble();
	if (page->srv_live != 1 && waiting() == 0) {
		if (vchanpeer.vanishes || vchanpeer.scribbles || finished()) {
			leave();
			return true;
		}
		vchanpeer.refused++;
		vchanpeer.wants = true;
		leave();
		return true;
	}
	if (finished() || (vchanpeer.vanishes && host_chance(20))) {
		leave();
		return true;
	}
	any = send_some();
	any |= receive_some();
	if (!any && vchanpeer.vanishes)
		leave();
	asleep = !any && !vchanpeer.scribbles;
	return any || (vchanpeer.scribbles && host_chance(2));
}

/* ---- both */

static bool step(void *arg)
{
	bool any = false;

	(void)arg;
	if (!is_server)
		return client_step();
	if (!page || page->cli_live != 1)
		return false;
	host_rung(port);
	if (vchanpeer.scribbles && host_chance(vchanpeer.scribbles))
		scribble(), any = true;
	any |= send_some();
	any |= receive_some();
	return any;
}

static void begin(const char *where, bool server)
{
	path = where;
	is_server = server;
	if (!acting)
		host_actor("vchanpeer", step, NULL);
	acting = true;
}

void vchanpeer_client(const char *where)
{
	begin(where, false);
}

/* ---- the server */

void vchanpeer_server(const char *where, const struct vchanpeer_offer *offer)
{
	char name[300], value[16];

	left_order = offer->left_order;
	right_order = offer->right_order;
	nleft = left_order < 12 ? 0 : 1u << (left_order - 12);
	nright = right_order < 12 ? 0 : 1u << (right_order - 12);
	page = host_page();
	page_ref = host_grant(PEER, page, false);
	page->left.prod = page->left.cons = host_chance(2) ? -host_below(5000) : host_random();
	page->right.prod = page->right.cons = host_chance(2) ? -host_below(5000) : host_random();
	page->left_order = offer->wrong_orders ? host_below(40) : left_order;
	page->right_order = offer->wrong_orders ? page->left_order < 12 ? page->left_order : 30 :
			    right_order;
	page->cli_live = 2;
	page->srv_live = 1;
	page->cli_notify = VCHAN_NOTIFY_WRITE;
	for (unsigned i = 0; i < nleft + nright; i++) {
		pages[i] = host_page();
		refs[i] = host_grant(PEER, pages[i], false);
		page->grants[i] = refs[i];
	}
	if (offer->bad_ref)
		page->grants[host_below(nleft + nright)] = ANY;
	port = offer->no_port ? 0 : host_listen(PEER);
	vchanpeer.session = 1;
	vchanpeer.sent = vchanpeer.received = 0;
	sprintf(name, "%s/ring-ref", where);
	sprintf(value, "%u", page_ref);
	store_write(name, value);
	sprintf(name, "%s/event-channel", where);
	sprintf(value, "%u", port ? port : 4000);
	store_write(name, value);
	begin(where, true);
}

void vchanpeer_server_close(void)
{
	page->srv_live = 0;
	host_notify(port);
	host_close(port);
}

bool vchanpeer_server_has_client(void)
{
	return page->cli_live == 1;
}
