/* SPDX-License-Identifier: ISC */
/*
 * drivers/netfront_tx.c: frames of all sizes, data in lent memory, and how often the backend is
 * notified.
 */
#include "tests/unit/netfront_user.h"

static void all_sizes_in_any_pieces(void)
{
	up();
	for (int i = 0; i < 60; i++)
		send_any();
	drain();
	assert(netback.frames == 60);
	down();
}

static void edges_of_sizes(void)
{
	struct offload o = { .csum_blank = true };
	struct piece two[] = { { plain, 65535 }, { plain, 1 } };
	struct piece huge[] = { { plain, SIZE_MAX }, { plain, 100 } };

	up();
	assert(send_flat(plain, 13) == -EINVAL && send_pieces(two, 0, NULL) == -EINVAL);
	assert(send_pieces(two, 2, NULL) == -EMSGSIZE);
	assert(netfront_send(device, huge, 2, NULL, is_done, NULL) == -EMSGSIZE);
	assert(send_flat(plain, 14) == 0 && send_flat(plain, 65535) == 0);
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
	assert(send_pieces(two, 1, &o) == -EINVAL);	/* of 0 bytes: Linux would disconnect */
	o.gso_size = 1000;
	o.gso_type = 3;
	assert(send_pieces(two, 1, &o) == -EINVAL);
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
	o.csum_blank = false;
	assert(send_pieces(two, 1, &o) == -EINVAL);
	o.csum_blank = true;
	assert(send_pieces(two, 1, &o) == 0);
	drain();
	down();
}

static void what_the_backend_cannot(void)
{
	struct piece piece = { plain, 2000 }, large = { plain, 5000 };
	struct offload o = { .csum_blank = true };

	boot();
	netback.no_sg = host_chance(2);
	netback.no_gso4 = host_chance(2);
	netback.no_gso6 = host_chance(2);
	netback.no_csum4 = host_chance(2);
	netback.no_csum6 = host_chance(2);
	netback_attach();
	open_device();
	assert(info.csum_ipv4 == !netback.no_csum4 && info.csum_ipv6 == !netback.no_csum6);
	assert(info.gso_tcpv4 == !(netback.no_gso4 || netback.no_csum4 || netback.no_sg));
	assert(info.gso_tcpv6 == !(netback.no_gso6 || netback.no_csum6 || netback.no_sg));
	assert(send_pieces(&large, 1, NULL) == (netback.no_sg ? -EMSGSIZE : 0));
	assert(send_pieces(&piece, 1, &o) ==
	       (info.csum_ipv4 || info.csum_ipv6 ? 0 : -EINVAL));
	o.gso_size = 1000;
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
	assert(send_pieces(&piece, 1, &o) == (info.gso_tcpv4 ? 0 : -EINVAL));
	o.gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
	assert(send_pieces(&piece, 1, &o) == (info.gso_tcpv6 ? 0 : -EINVAL));
	drain();
	down();
}

/* With any configured MTU, a frame of the reported MTU can be sent. */
static void the_mtu_can_be_sent(void)
{
	static const char *const mtus[] = { "68", "1500", "4078", "4079", "4096", "9000",
					    "65517" };
	unsigned which = host_below(HOST_COUNT(mtus)), mtu = atoi(mtus[which]);

	boot();
	netback.no_sg = host_chance(3) == 0;
	if (host_chance(2))
		netback.mtu = mtus[which];
	else
		netback.front_mtu = mtus[which];
	netback_attach();
	open_device();
	assert(info.mtu == (netback.no_sg && mtu > 4078 ? 4078 : mtu));
	assert(send_flat(plain, info.mtu + 14) == 0);
	drain();
	down();
}

/* Headers, and data as from a sender: only the headers are copied. */
static void lent_memory_goes_in_place(void)
{
	struct piece pieces[3], whole;
	struct netfront_stats s;

	up();
	pieces[0] = (struct piece){ plain, 66 };
	pieces[1] = (struct piece){ lent + 1000, 20000 };
	pieces[2] = (struct piece){ lent + 40000, 5000 };
	whole = (struct piece){ lent + 100, 1514 };
	assert(send_pieces(pieces, 3, NULL) == 0);
	netfront_stats(device, &s);
	assert(s.tx_copied == 128 && s.tx_slots == 1 + 6 + 2);
	assert(!sent[0].done);
	assert(send_pieces(&whole, 1, NULL) == 0);
	netfront_stats(device, &s);
	assert(s.tx_copied == 128 && s.tx_slots == 1 + 6 + 2 + 1);
	assert(send_flat(lent, 300) == 0);	/* not worth it */
	netfront_stats(device, &s);
	assert(s.tx_copied == 428 && sent[2].done);
	drain();
	down();
}

/* While the connection ends, and until it has ended, the backend processes its frames. */
static void done_when_the_backend_has_let_go(void)
{
	up();
	netback.silent = true;
	assert(send_flat(lent, 60000) == 0);
	netfront_push(device);
	assert(wait_until_deadline(&news, clock_now() + SECOND, narrived == 1));
	assert(ndone == 0 && netback.unanswered);
	netback.slow_to_close = true;
	netback_detach();
	assert(wait_until_deadline(&news, clock_now() + SECOND, !info.up));
	pause(host_below(2000000));
	assert(ndone == 0);
	netback.slow_to_close = false;
	assert(wait_until_deadline(&news, clock_now() + 2 * SECOND, ndone == 1));
	assert(netback.mapped == 0);
	netback.silent = false;
	down();
}

static void used_by(unsigned domid, bool in_place)
{
	struct netfront_stats before, after;

	netback.domid = domid;
	netback_attach();
	if (!device)
		open_device();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	assert(info.no_lent == !in_place);
	for (unsigned i = 0; i < LENT_PAGES; i++)
		assert((device->tx.lent[i].ref != 0) == in_place);
	netfront_stats(device, &before);
	assert(send_flat(lent, 20000) == 0);
	netfront_stats(device, &after);
	assert(after.tx_copied - before.tx_copied == (in_place ? 0 : 20000));
	drain();
	detach();
}

/*
 * Data that was sent through one domain stays in lent memory: no other domain
 * may read it.
 */
static void lent_memory_is_for_one_domain(void)
{
	unsigned first = host_below(2) * 7;

	boot();
	used_by(first, true);
	used_by(3, false);
	used_by(4, false);
	used_by(first, true);
	down();
}

/* A file that all want: Xen does not map one page for 128 frames at once. */
static void one_page_for_many_frames(void)
{
	struct piece pieces[] = { { plain, 66 }, { NULL, 1448 } };
	struct netfront_stats s;

	any_memory = true;
	up();
	netback.silent = true;
	for (int i = 0; i < 120; i++) {
		pieces[1].data = lent + i * 20;
		assert(send_pieces(pieces, 2, NULL) == 0);
		netfront_push(device);
	}
	while (narrived != nsent)
		pause(1000);
	netfront_stats(device, &s);
	assert(s.tx_copied > 128 * 120 && s.tx_copied < 300 * 120);
	netback.silent = false;
	drain();
	assert(send_pieces(pieces, 2, NULL) == 0);
	netfront_stats(device, &s);
	assert(device->tx.lent[0].uses == 1);
	drain();
	down();
}

/* done() is called in time although nothing else happens, but only after the response. */
static void done_in_time(void)
{
	uint64_t start;

	up();
	netback.silent = true;
	assert(send_flat(lent, 10000) == 0);
	netfront_push(device);
	pause(1000 * (1 + host_below(50)));
	assert(narrived == 1 && ndone == 0);
	netback.silent = false;
	start = clock_now();
	assert(wait_until_deadline(&news, start + SECOND, ndone == 1));
	assert(clock_now() - start < 50 * NSEC_PER_MSEC);
	down();
}

static void errors_are_counted(void)
{
	struct netfront_stats s;

	up();
	netback.fails = true;
	for (int i = 0; i < 40; i++)
		send_any();
	drain();
	pause(20000);
	send_any();
	drain();
	netfront_stats(device, &s);
	assert(s.tx_errors && s.tx_frames == 41);
	down();
}

/* Data in lent memory without a grant is copied. */
static void few_grants(void)
{
	grant_ref_t refs[8192];
	unsigned n = 0, leave;
	int ref;

	boot();
	host.grant_frames = 2;
	while ((ref = gnttab_grant(0, lent, true)) >= 0)
		refs[n++] = ref;
	for (leave = 2 + 256 + 256 + 20 + host_below(80); leave; leave--)
		gnttab_revoke(refs[--n]);
	netback_attach();
	open_device();
	for (int i = 0; i < 30; i++)
		send_any();
	drain();
	detach();
	while (n)
		gnttab_revoke(refs[--n]);
	down();
}

/* ---- how often the backend is notified */

static void tells_only_when_asked(void)
{
	struct netfront_stats s;
	unsigned sends;

	up();
	pause(10000);
	sends = host_xen.sends;
	for (int i = 0; i < 10; i++)
		assert(send_flat(plain, 60) == 0);
	assert(host_xen.sends == sends);
	netfront_push(device);
	netfront_push(device);
	assert(host_xen.sends <= sends + 1);
	drain();
	netfront_stats(device, &s);
	assert(s.tx_notified <= 1 && s.rx_notified <= 1);
	down();
}

/* Copied frames do not need an early response. */
static void no_events_for_copies(void)
{
	struct netfront_stats a, b;

	up();
	pause(10000);
	netfront_stats(device, &a);
	for (int i = 0; i < 50; i++) {
		assert(send_flat(plain, 1 + 13 + host_below(400)) == 0);
		netfront_push(device);
		pause(host_below(2000));
	}
	drain();
	netfront_stats(device, &b);
	assert(b.events == a.events);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "frames of all sizes, in any pieces, arrive complete and in order",
		  all_sizes_in_any_pieces, 60 },
		{ "frames that no backend accepts are refused", edges_of_sizes, 5 },
		{ "a frame of the MTU can be sent", the_mtu_can_be_sent, 30 },
		{ "lent memory is granted to one domain",
		  lent_memory_is_for_one_domain, 10 },
		{ "done() is called when the backend has unmapped the pages",
		  done_when_the_backend_has_let_go, 10 },
		{ "offloads that the backend lacks are refused",
		  what_the_backend_cannot, 20 },
		{ "data in lent memory is sent without a copy",
		  lent_memory_goes_in_place, 10 },
		{ "a page of many frames is mapped as often as Xen allows",
		  one_page_for_many_frames, 5 },
		{ "done() is called in time, though nothing else happens", done_in_time, 20 },
		{ "errors are counted", errors_are_counted, 10 },
		{ "without grants for all lent memory the rest is copied", few_grants, 10 },
		{ "the backend is notified only when it requested this",
		  tells_only_when_asked, 10 },
		{ "copied frames cost no events", no_events_for_copies, 10 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
