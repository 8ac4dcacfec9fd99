/* SPDX-License-Identifier: ISC */
/*
 * drivers/netfront.c and netfront_rx.c: receiving, backends that violate the protocol, and
 * connections that end.
 */
#include "tests/unit/netfront_user.h"

/* ---- receive */

static void frames_come_whole(void)
{
	up();
	netback.crumbs = host_chance(2);
	frame_most = host_chance(2) ? 65535 : 2000;
	netback.next = next_frame;
	stop_at = 100;
	assert(wait_until_deadline(&news, clock_now() + 10 * SECOND, got == stop_at));
	assert(netback.delivered == stop_at && receiveds);
	down();
}

static unsigned flawless(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < made; i++)
		n += expected[i].flaw == FLAW_NONE;
	return n;
}

static void flawed_frames_are_dropped(void)
{
	struct netfront_stats s;

	up();
	netback.crumbs = host_chance(2);
	any_flaw = true;
	frame_most = host_chance(2) ? 65535 : 2000;
	netback.next = next_frame;
	stop_at = 100;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	netfront_stats(device, &s);
	assert(s.rx_frames == flawless() && s.rx_frames + s.rx_errors == made);
	assert(s.rx_posted == s.rx_slots_max && s.rx_held == 0);
	down();
}

/* The backend cannot access a received page after the guest has taken it back. */
static void try_to_write(struct rx_page *frame)
{
	for (struct rx_page *p = frame; p; p = p->next)
		for (grant_ref_t ref = 1; ref < 2048; ref++) {
			uint8_t *page = host_map(0, ref, true);

			if (!page)
				continue;
			assert(page != (uint8_t *)((uintptr_t)p->data & -PAGE_SIZE));
			host_unmap(0, ref, true);
		}
}

static void what_is_received_is_ours(void)
{
	up();
	and_then = try_to_write;
	netback.next = next_frame;
	stop_at = 10;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	down();
}


static void ignore(struct rx_page *frame)
{
	(void)frame;
	got = made;
}

/* A user that gives nothing back gets no more at some point, and the ring stays full. */
static void a_user_that_keeps_all(void)
{
	struct netfront_stats s;
	struct page_stats memory;

	host_set_memory(8 << 20);
	up();
	page_stats(&memory);
	keeps = true;
	and_then = ignore;
	netback.next = next_frame;
	frame_least = 60000;
	frame_most = 65535;
	stop_at = 200;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	netfront_stats(device, &s);
	assert(s.rx_dropped && s.rx_frames + s.rx_dropped == stop_at && !s.rx_errors);
	assert(s.rx_held > memory.total / 8 && s.rx_held <= memory.total / 4);
	assert(s.rx_posted >= 32);
	netfront_free(keep);
	keep = NULL;
	keeps = false;
	stop_at = 220;
	while (netback.delivered < stop_at)
		pause(1000);
	pause(10000);
	netfront_stats(device, &s);
	assert(s.rx_frames + s.rx_dropped == stop_at && s.rx_held == 0);
	assert(s.rx_posted == s.rx_slots_max);
	down();
}

static void held_pages_outlive_the_connection(void)
{
	up();
	keeps = true;
	netback.next = next_frame;
	stop_at = 20;
	assert(wait_until_deadline(&news, clock_now() + SECOND, got == stop_at));
	if (host_chance(2)) {
		netback_restart();
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up));
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
		stop_at = 40;
		assert(wait_until_deadline(&news, clock_now() + SECOND, got == stop_at));
	}
	down();
}

/* ---- backends that violate the protocol */

static bool enough;

static void traffic(void *arg)
{
	(void)arg;
	while (!enough) {
		unsigned before = rooms;
		struct piece pieces[70];
		int rc = netfront_send(device, pieces, any_pieces(pieces, 6, 14 + host_below(2000)),
				       NULL, (void (*)(void *))wake, &news);

		netfront_push(device);
		if (rc == -EAGAIN)
			wait_until_deadline(&news, clock_now() + SECOND,
					    rooms != before || enough);
		else
			pause(1000);
	}
}

static void attach_again_and_use(void)
{
	netback.next = NULL;
	netback.lie = NETLIE_NONE;
	netback.scribbles = netback.silent = netback.keeps = netback.keeps_rx = false;
	netback_let_go();
	if (!netback_detached())
		detach();
	netback_let_go();
	netback_attach();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	and_then = NULL;
	netback.got = arrived;
	narrived = ndone = nsent;
	send_any();
	drain();
	made = got = 0;
	stop_at = 10;
	any_flaw = false;
	netback.next = next_frame;
	assert(wait_until_deadline(&news, clock_now() + SECOND, got == stop_at));
}

static void under_traffic(void)
{
	up();
	netback.got = NULL;
	netback.next = next_frame;
	stop_at = 2000;
	frame_most = 9000;
	and_then = ignore;
	keeps = false;
	for (uintptr_t i = 0; i < 2; i++)
		start_thread(traffic, i);
	pause(host_below(3000));
}

static bool lost(void)
{
	return strstr(host_console(), "disabled until it is attached again");
}

static void who_lies_loses_the_device(void)
{
	under_traffic();
	stop_at = made + 100;
	netback.lie = 1 + host_below(NETLIES - 1);
	if (!wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up))
		host_fail("lie %u was believed", netback.lie);
	enough = true;
	wait_for_threads();
	assert(lost());
	assert(send_flat(plain, 60) == -ENETDOWN);
	attach_again_and_use();
	down();
}

static void a_scribbler_is_survived(void)
{
	under_traffic();
	netback.scribbles = true;
	pause(100000 + host_below(1000000));
	enough = true;
	wake(&news);
	wait_for_threads();
	netback.scribbles = false;
	attach_again_and_use();
	down();
}

static unsigned quarantined(void)
{
	struct gnttab_stats s;

	gnttab_stats(&s);
	return s.quarantined;
}

/* With the first received page that it keeps: so it gets no second one. */
static void a_page_that_is_kept(void)
{
	up();
	netback.keeps_rx = true;
	and_then = try_to_write;
	frame_most = host_chance(2) ? 60 : 65535;
	netback.next = next_frame;
	stop_at = 1u << 30;
	while (!lost()) {
		made = got = 0;
		pause(1000);
		assert(quarantined() <= 1);
	}
	assert(strstr(host_console(), "is still mapped"));
	attach_again_and_use();
	pause(60000000);
	assert(quarantined() == 0);
	down();
}

static void who_keeps_pages_loses_the_device(void)
{
	up();
	netback.silent = true;
	assert(send_flat(lent, 60000) == 0 && send_flat(plain, 600) == 0);
	netfront_push(device);
	assert(wait_until_deadline(&news, clock_now() + SECOND, narrived == 2));
	netback.keeps = true;
	netback_restart();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up));
	while (!lost())
		pause(1000);
	pause(host_below(3000000));
	assert(ndone == 1);		/* of the other it has lent pages, and can send them */
	netback_let_go();
	assert(wait_until_deadline(&news, clock_now() + 3 * SECOND, ndone == 2));
	attach_again_and_use();
	pause(60000000);
	down();
}

static void parameters_that_make_no_sense(void)
{
	static const char *const macs[] = {
		"", "00:16:3e:01:02", "00:16:3e:01:02:0", "00:16:3e:01:02:03:", "0016.3e01.0203",
		"01:16:3e:01:02:03", "00:16:3e:01:02:0g", "ff:ff:ff:ff:ff:ff",
	};
	static const char *const mtus[] = { "", "0", "67", "-1", "65536", "1e3", "1500 " };

	boot();
	switch (host_below(4)) {
	case 0:
		netback.mac = macs[host_below(HOST_COUNT(macs))];
		break;
	case 1:
		netback.mtu = mtus[host_below(HOST_COUNT(mtus))];
		break;
	case 2:
		netback.front_mtu = mtus[host_below(HOST_COUNT(mtus))];
		break;
	case 3:
		netback.rx_copy = "0";
	}
	netback_attach();
	device = netfront_open(0, &user, &news);
	assert(device);
	while (!lost())
		pause(1000);
	netfront_info(device, &info);
	assert(!info.up);
	netback.mac = netback.mtu = netback.front_mtu = netback.rx_copy = NULL;
	attach_again_and_use();
	down();
}

/* ---- attaching and detaching */

static void end_traffic(void)
{
	enough = true;
	wake(&news);
	wait_for_threads();
	attach_again_and_use();
	down();
}

static void what_is_known_of_the_device(void)
{
	boot();
	if (host_chance(2))
		netback.mtu = "9000";
	else
		netback.front_mtu = "9000";
	assert(netfront_next(0) == -ENODEV && !netfront_open(0, &user, &news));
	netback_attach();
	while (netfront_next(0) == -ENODEV)
		pause(1000);
	assert(netfront_next(0) == 0 && netfront_next(1) == -ENODEV);
	open_device();
	assert(!netfront_open(0, &user, &news));	/* it is somebody's */
	assert(info.mtu == 9000 && memcmp(info.mac, "\0\x16\x3e\1\2\3", 6) == 0);
	down();
}

static void the_carrier_changes(void)
{
	boot();
	netback.carrier = host_chance(2) ? "1" : NULL;
	netback_attach();
	open_device();
	for (int i = 0; i < 3; i++) {
		netback_carrier(false);
		assert(wait_until_deadline(&news, clock_now() + SECOND, !info.up));
		netback_carrier(true);
		assert(wait_until_deadline(&news, clock_now() + SECOND, info.up));
	}
	assert(send_flat(plain, 60) == 0);
	drain();
	down();
}

static void a_backend_that_restarts(void)
{
	under_traffic();
	for (int i = 0; i < 3; i++) {
		unsigned before = netback.connections;

		pause(host_below(3000));
		netback_restart();
		while (netback.connections == before)
			pause(1000);
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	}
	end_traffic();
}

static void detached_and_attached(void)
{
	under_traffic();
	for (int i = 0; i < 3; i++) {
		pause(host_below(3000));
		if (host_chance(2)) {
			netback_vanish();
			assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, !info.up));
			while (netfront_next(0) != -ENODEV)
				pause(1000);
		} else {
			detach();
		}
		netback_attach();
		assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, info.up));
	}
	end_traffic();
}

/* A sender that waits for space is notified when the connection ends. */
static void the_end_wakes_who_waits(void)
{
	up();
	netback.silent = true;
	while (send_flat(host_chance(2) ? plain : lent, 4000) == 0)
		;
	netfront_push(device);
	pause(20000);
	assert(rooms == 0);
	narrived = nsent;
	netback.got = NULL;
	netback_vanish();
	assert(wait_until_deadline(&news, clock_now() + 20 * SECOND, rooms));
	assert(send_flat(plain, 60) == -ENETDOWN);
	assert(wait_until_deadline(&news, clock_now() + 2 * SECOND, ndone == nsent));
	down();
}

/* It is found later, and works. */
static void a_device_that_comes_without_memory(void)
{
	boot();
	assert(netfront_next(0) == -ENODEV);
	host.malloc_fails = host_below(20);
	host.map_fails = host_below(4);
	netback_attach();
	pause(host_below(3000000));
	host.malloc_fails = host.map_fails = 0;
	while (netfront_next(0) == -ENODEV)
		pause(1000);
	open_device();
	assert(send_flat(plain, 60) == 0);
	drain();
	down();
}

/* The device ends with it, and no thread loops. */
static void xenstore_is_lost(void)
{
	up();
	pause(host_below(3000));
	store_end(host_chance(2) ? STORE_TOO_LONG : STORE_GIVES_UP);
	assert(wait_until_deadline(&news, clock_now() + SECOND, !info.up));
	netback_vanish();
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "received frames are complete", frames_come_whole, 40 },
		{ "only invalid frames are dropped", flawed_frames_are_dropped, 60 },
		{ "the backend cannot access received data",
		  what_is_received_is_ours, 5 },
		{ "a received page that the backend keeps mapped is not used",
		  a_page_that_is_kept, 10 },
		{ "a user that keeps all pages does not empty the ring",
		  a_user_that_keeps_all, 5 },
		{ "pages that the user keeps outlive the connection",
		  held_pages_outlive_the_connection, 10 },
		{ "a backend that violates the protocol loses the device",
		  who_lies_loses_the_device, 40 },
		{ "a backend that overwrites shared memory does no harm",
		  a_scribbler_is_survived, 20 },
		{ "a backend that keeps pages mapped loses the device",
		  who_keeps_pages_loses_the_device, 10 },
		{ "invalid parameters of the backend are refused",
		  parameters_that_make_no_sense, 30 },
		{ "the information about a device is correct",
		  what_is_known_of_the_device, 5 },
		{ "the carrier changes", the_carrier_changes, 10 },
		{ "the device reconnects to a backend that restarts",
		  a_backend_that_restarts, 20 },
		{ "a device is detached and attached again, under load",
		  detached_and_attached, 20 },
		{ "a waiting sender is notified when the connection ends",
		  the_end_wakes_who_waits, 10 },
		{ "a device that is attached while memory is short is found later",
		  a_device_that_comes_without_memory, 20 },
		{ "a device ends when xenstore is lost", xenstore_is_lost, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
