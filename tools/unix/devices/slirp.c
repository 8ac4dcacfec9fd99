/* SPDX-License-Identifier: ISC */
/*
 * A network without privileges: libslirp, which makes sockets of this process from the guest's
 * connections.  It has DHCP, router advertisements, DNS, and a gateway that is this machine:
 *
 *	IPv4	guest 10.0.2.15, gateway 10.0.2.2, DNS 10.0.2.3
 *	IPv6	guest fd00::/64 by its MAC address, gateway fd00::2, DNS fd00::3
 *
 * The library is opened only for a guest with a network, since it and what it needs take time to
 * load.
 */
#include "devices/net.h"
#include "tender.h"

#if __has_include(<slirp/libslirp.h>)

#include <arpa/inet.h>
#include <dlfcn.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libslirp.so.0"
#define FDS_MAX 900

static struct {
	__typeof__(&slirp_new) new;
	__typeof__(&slirp_input) input;
	__typeof__(&slirp_pollfds_fill) fill;
	__typeof__(&slirp_pollfds_poll) poll;
	__typeof__(&slirp_add_hostfwd) forward;
	__typeof__(&slirp_add_hostxfwd) xforward;
} lib;

static Slirp *slirp;
static struct source main_source;
static int slots[FDS_MAX], nslots;

/* ---- what the library calls */

static ssize_t send_packet(const void *frame, size_t len, void *opaque)
{
	(void)opaque;
	net_receive(frame, len);
	return len;
}

static void guest_error(const char *message, void *opaque)
{
	(void)opaque;
	warn("network: %s", message);
}

static int64_t clock_ns(void *opaque)
{
	(void)opaque;
	return now_ns();
}

struct timer {
	struct source source;
	SlirpTimerCb call;
	void *arg;
};

static void due(struct source *s)
{
	struct timer *t = s->arg;

	t->call(t->arg);
}

static void *timer_new(SlirpTimerCb call, void *arg, void *opaque)
{
	struct timer *t = calloc(1, sizeof(*t));

	(void)opaque;
	if (!t)
		die(1, "out of memory");
	*t = (struct timer){ .source = { .fd = -1, .due = due, .arg = t },
			     .call = call,
			     .arg = arg };
	source_add(&t->source);
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct timer *t = timer;

	(void)opaque;
	source_remove(&t->source);
	free(t);
}

static void timer_mod(void *timer, int64_t ms, void *opaque)
{
	struct timer *t = timer;

	(void)opaque;
	t->source.at = ms > 0 ? ms * 1000000 : 1;
}

static void no_fd(int fd, void *opaque)
{
	(void)fd, (void)opaque;
}

static void notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = no_fd,
	.unregister_poll_fd = no_fd,
	.notify = notify,
};

/* ---- its descriptors */

static int add_poll(int fd, int events, void *opaque)
{
	short e = (events & SLIRP_POLL_IN ? POLLIN : 0) |
		  (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
		  (events & SLIRP_POLL_PRI ? POLLPRI : 0);

	(void)opaque;
	if (nslots == FDS_MAX)
		return -1;
	slots[nslots] = loop_add(fd, e);
	return nslots++;
}

static int revents(int slot, void *opaque)
{
	short r = slot < 0 ? 0 : loop_revents(slots[slot]);

	(void)opaque;
	return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (r & POLLPRI ? SLIRP_POLL_PRI : 0) | (r & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void never(struct source *s)
{
	(void)s;
}

static void fill(struct source *s)
{
	uint32_t ms = UINT32_MAX;

	nslots = 0;
	lib.fill(slirp, &ms, add_poll, NULL);
	s->at = ms == UINT32_MAX ? 0 : now_ns() + ms * 1000000ull;
}

static void after(struct source *s)
{
	(void)s;
	lib.poll(slirp, 0, revents, NULL);
}

static void send_frame(const uint8_t *frame, size_t len)
{
	lib.input(slirp, frame, len);
}

static void open_library(void)
{
	void *l = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!l)
		die(1, "a network without tap= needs %s; type: apt-get install libslirp0",
		    LIBRARY);
	lib.new = dlsym(l, "slirp_new");
	lib.input = dlsym(l, "slirp_input");
	lib.fill = dlsym(l, "slirp_pollfds_fill");
	lib.poll = dlsym(l, "slirp_pollfds_poll");
	lib.forward = dlsym(l, "slirp_add_hostfwd");
	lib.xforward = dlsym(l, "slirp_add_hostxfwd");
	if (!lib.new || !lib.input || !lib.fill || !lib.poll || !lib.forward ||
	    !lib.xforward)
		die(1, "%s is too old", LIBRARY);
}

struct carrier slirp_open(const uint8_t mac[6])
{
	SlirpConfig c = {
		.version = 1,
		.in_enabled = true,
		.in6_enabled = true,
		.vprefix_len = 64,
		.vhostname = "xenolith",
	};

	(void)mac;
	open_library();
	inet_pton(AF_INET, "10.0.2.0", &c.vnetwork);
	inet_pton(AF_INET, "255.255.255.0", &c.vnetmask);
	inet_pton(AF_INET, "10.0.2.2", &c.vhost);
	inet_pton(AF_INET, "10.0.2.15", &c.vdhcp_start);
	inet_pton(AF_INET, "10.0.2.3", &c.vnameserver);
	inet_pton(AF_INET6, "fd00::", &c.vprefix_addr6);
	inet_pton(AF_INET6, "fd00::2", &c.vhost6);
	inet_pton(AF_INET6, "fd00::3", &c.vnameserver6);
	slirp = lib.new(&c, &callbacks, NULL);
	if (!slirp)
		die(1, "libslirp does not start");
	main_source = (struct source){
		.fd = -1, .prepare = fill, .after = after, .due = never
	};
	source_add(&main_source);
	return (struct carrier){ .send = send_frame, .checked = true };
}

/* The address that the guest makes of the prefix and its MAC address (RFC 4291, appendix A). */
static struct sockaddr_in6 guest_address6(unsigned port, const uint8_t mac[6])
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	uint8_t *p = a.sin6_addr.s6_addr;

	p[0] = 0xfd;
	memcpy(p + 8, mac, 3);
	p[8] ^= 2;
	p[11] = 0xff;
	p[12] = 0xfe;
	memcpy(p + 13, mac + 3, 3);
	return a;
}

void slirp_forward(const char *host, unsigned port, unsigned guest_port,
		   const uint8_t mac[6])
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_port = htons(port) },
			    to;
	struct in_addr any = { 0 }, address;
	int rc = -1;

	if (inet_pton(AF_INET, host, &address) == 1) {
		rc = lib.forward(slirp, 0, address, port, any, guest_port);
	} else if (inet_pton(AF_INET6, host, &from.sin6_addr) == 1) {
		to = guest_address6(guest_port, mac);
		rc = lib.xforward(slirp, (void *)&from, sizeof(from), (void *)&to,
				  sizeof(to), SLIRP_HOSTFWD_V6ONLY);
	} else {
		die(2, "-p %s:%u:%u: not an address", host, port, guest_port);
	}
	if (rc)
		die(1, "port %u of %s is not available on this machine", port, host);
}

#else

struct carrier slirp_open(const uint8_t mac[6])
{
	(void)mac;
	die(1,
	    "a network without tap= needs libslirp; type: apt-get install libslirp-dev, and build "
	    "again");
}

void slirp_forward(const char *host, unsigned port, unsigned guest_port,
		   const uint8_t mac[6])
{
	(void)host, (void)port, (void)guest_port, (void)mac;
}

#endif
