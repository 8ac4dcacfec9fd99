/* SPDX-License-Identifier: ISC */
/*
 * The connection of a network device, and its thread.
 *
 * While it is connected, a thread waits for both directions, and calls the user's
 * functions.  Only one queue is used: several let several processors work at once, but a
 * guest has one, and a second queue would double the pages.
 */
#include "drivers/netfront_internal.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

#define MTU 1500u
#define MTU_MIN 68u			/* RFC 791 */
#define MTU_MAX (FRAME_MAX - HEADER - 4)
#define MTU_OF_A_SLOT (PAGE_SIZE - HEADER - 4)

/* ---- the thread */

static void changed(struct netfront *n)
{
	n->info.up = n->connected && n->carrier;
	if (n->open)
		n->user->changed(n->arg);
}

static bool is_current(const struct netfront *n)
{
	return n->worker == current;
}

/*
 * Reads the carrier (xen/io/netif.h, "Link state"); sleeps.  The watch has an event at
 * the beginning.  Returns false if xenstore is lost: then the watch is pending for ever,
 * and the device ends.
 */
static bool update_carrier(struct netfront *n, struct xs_watch *watch)
{
	uint64_t carrier;
	bool up;
	int rc;

	while ((rc = xs_watch_wait(watch, 0, NULL)) == 0)
		;
	if (rc == -EIO)
		return false;
	if (xs_read_number(NULL, watch->path, 0, 1, &carrier))
		carrier = 1;
	up = carrier;
	if (!is_current(n) || up == n->carrier)
		return true;
	n->carrier = up;
	frontend_log(&n->fe, LOG_INFO, "the carrier is %s", up ? "on" : "off");
	changed(n);
	return true;
}

/* Handles some responses and frames.  Returns whether there may be more. */
static bool process(struct netfront *n)
{
	bool more;

	tx_take_responses(n);
	more = rx_poll(n);
	if (n->open && tx_has_room(n))
		n->user->room(n->arg);
	if (n->open)
		n->user->received(n->arg);
	return more;
}

/* Asks for events before the last check, so that none is missed. */
static bool prepare_to_sleep(struct netfront *n)
{
	bool signalled = evtchn_take(&n->tx_event), rx, tx;

	if (n->split)
		signalled |= evtchn_take(&n->rx_event);
	n->stats.events += signalled;
	rx = rx_may_sleep(n);
	tx = tx_may_sleep(n);
	return rx && tx;
}

static uint64_t deadline(struct netfront *n)
{
	uint64_t tx = tx_deadline(n), rx = rx_deadline(n);

	return tx < rx ? tx : rx;
}

static void worker(void *arg)
{
	struct netfront *n = arg;
	struct xs_watch watch;
	char path[sizeof(n->fe.backend) + 16];
	bool watched, in_time;

	if (!is_current(n))
		return;
	format(path, sizeof(path), "%s/carrier", n->fe.backend);
	watched = xs_watch(&watch, path, &n->work) == 0;
	while (is_current(n)) {
		if (process(n)) {
			thread_yield();		/* under a flood, applications get their share */
			continue;
		}
		if (watched && is_current(n) && xs_watch_pending(&watch) &&
		    !update_carrier(n, &watch))
			break;
		in_time = wait_until_deadline(&n->work, deadline(n),
					      !is_current(n) || !prepare_to_sleep(n) ||
						      (watched && xs_watch_pending(&watch)));
		if (!in_time && is_current(n))
			tx_late(n);
	}
	if (watched)
		xs_unwatch(&watch);
}

/* ---- connection */

static int offer(struct frontend *fe)
{
	struct netfront *n = (struct netfront *)fe;
	uint64_t copies, split;
	int rc;

	rc = frontend_read_number(fe, "feature-rx-copy", 0, 1, 0, &copies);
	if (!rc && !copies)
		rc = frontend_fail(fe, "the backend lacks feature-rx-copy, which is required");
	if (!rc)
		rc = frontend_read_number(fe, "feature-split-event-channels", 0, 1, 0, &split);
	if (rc)
		return rc;
	n->split = split;
	rc = tx_offer(n);
	if (!rc)
		rc = rx_offer(n);
	if (!rc)
		rc = frontend_event(fe, &n->tx_event,
				    split ? "event-channel-tx" : "event-channel");
	if (!rc && split)
		rc = frontend_event(fe, &n->rx_event, "event-channel-rx");
	n->tx_event.wakes = n->rx_event.wakes = &n->work;
	if (!rc)
		rc = frontend_write(fe, "request-rx-copy", "1");
	if (!rc)
		rc = frontend_write(fe, "feature-rx-notify", "1");
	if (!rc)
		rc = frontend_write(fe, "feature-sg", "1");
	if (!rc)
		rc = frontend_write(fe, "feature-gso-tcpv4", "1");
	if (!rc)
		rc = frontend_write(fe, "feature-gso-tcpv6", "1");
	if (!rc)
		rc = frontend_write(fe, "feature-ipv6-csum-offload", "1");
	return rc;
}

static unsigned hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* aa:bb:cc:dd:ee:ff, not a group address. */
static bool parse_mac(const char *text, size_t len, uint8_t mac[6])
{
	if (len != 17)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		unsigned high = hex(text[0]), low = hex(text[1]);

		if (high > 15 || low > 15 || (i < 5 && text[2] != ':'))
			return false;
		mac[i] = high << 4 | low;
	}
	return !(mac[0] & 1);
}

static int read_mac(struct netfront *n)
{
	char path[sizeof(n->fe.node) + 8], *text;
	ssize_t len;
	bool good;

	format(path, sizeof(path), "%s/mac", n->fe.node);
	len = xs_read(NULL, path, &text);
	if (len == -ENOENT)
		return frontend_fail(&n->fe, "no MAC address in xenstore");
	if (len < 0)
		return len;
	good = parse_mac(text, len, n->info.mac);
	free(text);
	return good ? 0 : frontend_fail(&n->fe, "invalid MAC address in xenstore");
}

/* At the path that xen/io/netif.h defines, or at that which libxl writes, too. */
static int read_mtu(struct netfront *n)
{
	char path[sizeof(n->fe.node) + 8];
	uint64_t mtu;
	int rc;

	format(path, sizeof(path), "%s/mtu", n->fe.node);
	rc = xs_read_number(NULL, path, MTU_MIN, MTU_MAX, &mtu);
	if (rc == -ENOENT)
		rc = frontend_read_number(&n->fe, "mtu", MTU_MIN, MTU_MAX, MTU, &mtu);
	else if (rc == -EPROTO)
		rc = frontend_fail(&n->fe, "invalid MTU in xenstore");
	if (!rc)
		n->info.mtu = mtu;
	return rc;
}

static int read_features(struct netfront *n)
{
	struct frontend *fe = &n->fe;
	uint64_t sg, no_csum4, csum6, gso4, gso6;
	int rc;

	rc = frontend_read_number(fe, "feature-sg", 0, 1, 0, &sg);
	if (!rc)
		rc = frontend_read_number(fe, "feature-no-csum-offload", 0, 1, 0, &no_csum4);
	if (!rc)
		rc = frontend_read_number(fe, "feature-ipv6-csum-offload", 0, 1, 0, &csum6);
	if (!rc)
		rc = frontend_read_number(fe, "feature-gso-tcpv4", 0, 1, 0, &gso4);
	if (!rc)
		rc = frontend_read_number(fe, "feature-gso-tcpv6", 0, 1, 0, &gso6);
	if (rc)
		return rc;
	n->sg = sg;
	/*
	 * Without scatter-gather a frame has one slot.  The layer above must know it:
	 * otherwise it sends and announces (TCP's MSS) frames that cannot be sent.
	 */
	if (!sg && n->info.mtu > MTU_OF_A_SLOT) {
		frontend_log(fe, LOG_WARNING,
			     "the backend lacks feature-sg: the MTU is %u instead of %u",
			     (unsigned)MTU_OF_A_SLOT, n->info.mtu);
		n->info.mtu = MTU_OF_A_SLOT;
	}
	n->info.csum_ipv4 = !no_csum4;
	n->info.csum_ipv6 = csum6;
	n->info.gso_tcpv4 = sg && gso4 && !no_csum4;
	n->info.gso_tcpv6 = sg && gso6 && csum6;
	return 0;
}

static int start_device(struct frontend *fe)
{
	struct netfront *n = (struct netfront *)fe;
	char name[16];
	int rc = read_mac(n);

	if (!rc)
		rc = read_mtu(n);
	if (!rc)
		rc = read_features(n);
	if (rc)
		return rc;
	tx_start(n);
	rc = rx_start(n);
	if (rc)
		return rc;
	format(name, sizeof(name), "net-%u", fe->id);
	n->worker = thread_start(name, THREAD_KERNEL, STACK_KERNEL, worker, n, NULL);
	if (!n->worker)
		return -ENOMEM;
	frontend_log(fe, LOG_INFO, "%02x:%02x:%02x:%02x:%02x:%02x, mtu %u%s%s%s%s%s%s",
		     n->info.mac[0], n->info.mac[1], n->info.mac[2], n->info.mac[3],
		     n->info.mac[4], n->info.mac[5], n->info.mtu,
		     n->sg ? ", sg" : "", n->info.csum_ipv4 ? ", csum4" : "",
		     n->info.csum_ipv6 ? ", csum6" : "", n->info.gso_tcpv4 ? ", gso4" : "",
		     n->info.gso_tcpv6 ? ", gso6" : "", n->split ? ", split events" : "");
	n->carrier = true;
	n->connected = true;
	changed(n);
	return 0;
}

static void stop(struct frontend *fe)
{
	struct netfront *n = (struct netfront *)fe;
	bool was = n->connected, sender_waited = n->tx.sender_waits;

	n->connected = false;
	n->worker = NULL;
	wake(&n->work);
	rx_stop(n);
	tx_stop(n);
	n->tx.sender_waits = false;
	if (was)
		changed(n);
	if (sender_waited && n->open)
		n->user->room(n->arg);	/* a waiting sender retries, and gets -ENETDOWN */
}

static const struct frontend_driver driver = {
	.kind = "vif",
	.size = sizeof(struct netfront),
	.publish_as = XenbusStateConnected,
	.offer = offer,
	.start = start_device,
	.stop = stop,
};

/* ---- public calls */

struct netfront *netfront_open(unsigned id, const struct netfront_user *user, void *arg)
{
	struct netfront *n = (struct netfront *)frontend_get(&driver, id);

	if (!n || n->open)
		return NULL;
	n->user = user;
	n->arg = arg;
	n->open = true;
	return n;
}

int64_t netfront_next(unsigned id)
{
	struct frontend *fe = frontend_next(&driver, id);

	return fe ? (int64_t)fe->id : -ENODEV;
}

void netfront_wait_change(unsigned *seen)
{
	frontend_wait_change(&driver, seen);
}

void netfront_info(const struct netfront *n, struct netfront_info *info)
{
	*info = n->info;
}

void netfront_stats(const struct netfront *n, struct netfront_stats *stats)
{
	const struct ring *tx = &n->tx.ring, *rx = &n->rx.ring;

	*stats = n->stats;
	stats->tx_slots_max = tx->nslots;
	stats->tx_free = tx->nslots - (tx->produced - tx->consumed);
	stats->tx_most = tx->most;
	stats->rx_most = rx->most;
	stats->rx_slots_max = n->rx.nslots;
	stats->rx_posted = rx->produced - rx->consumed;
	stats->rx_held = n->rx.held;
}
