/* SPDX-License-Identifier: ISC */
/*
 * The control methods of the network: org.xenolith.net1. The reply of Get() is small: it
 * only counts connections.  Connections() lists them, in several replies; connections may
 * change in between.
 */
#include "control/command.h"
#include "kernel/log.h"
#include "net/config.h"
#include "net/netif.h"
#include "net/sendbuf.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>
#include <lwip/udp.h>

#include <errno.h>

#define LIST_BYTES (COMMAND_MAX - 2048)

/* ---- addresses as text (RFC 5952) */

static const char *address(const ip_addr_t *ip, char *to, size_t size)
{
	ipaddr_ntoa_r(ip, to, size);
	for (char *p = to; *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p += 'a' - 'A';
	return to;
}

static void put_address(struct json *j, const ip_addr_t *ip, unsigned bits)
{
	char text[64], all[72];

	address(ip, text, sizeof(text));
	format(all, sizeof(all), "%s/%u", text, bits);
	json_string(j, NULL, all);
}

static void put_addresses(struct json *j, const struct netif *n)
{
	json_open(j, "addresses", '[');
	if (!ip4_addr_isany(netif_ip4_addr(n)))
		put_address(j, netif_ip_addr4(n),
			    __builtin_popcount(ip4_addr_get_u32(netif_ip4_netmask(n))));
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(n, i)))
			put_address(j, netif_ip_addr6(n, i), config_prefix6(n, i));
	json_close(j, ']');
}

/* ---- devices */

static void put_direction(struct json *j, const struct netfront_stats *s, bool tx)
{
	json_open(j, tx ? "tx" : "rx", '{');
	json_number(j, "slots", tx ? s->tx_slots_max : s->rx_slots_max);
	json_number(j, "used", tx ? s->tx_slots_max - s->tx_free : s->rx_posted);
	json_number(j, "most", tx ? s->tx_most : s->rx_most);
	json_number(j, "frames", tx ? s->tx_frames : s->rx_frames);
	json_number(j, "bytes", tx ? s->tx_bytes : s->rx_bytes);
	json_number(j, "errors", tx ? s->tx_errors : s->rx_errors);
	if (tx) {
		json_number(j, "full", s->tx_full);
		json_number(j, "copied_bytes", s->tx_copied);
	} else {
		json_number(j, "dropped", s->rx_dropped);
		json_number(j, "held", s->rx_held);
	}
	json_number(j, "notified", tx ? s->tx_notified : s->rx_notified);
	json_close(j, '}');
}

static void put_link(struct json *j, const struct vif *l)
{
	char name[16], mac[20], gateway[64];
	struct netfront_stats s;
	const uint8_t *m = l->info.mac;

	netfront_stats(l->device, &s);
	format(name, sizeof(name), "vif%u", l->id);
	format(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
	       m[5]);
	json_open(j, NULL, '{');
	json_string(j, "name", name);
	json_bool(j, "up", l->info.up);
	json_string(j, "mac", mac);
	json_number(j, "mtu", l->netif.mtu);
	put_addresses(j, &l->netif);
	if (!ip4_addr_isany(netif_ip4_gw(&l->netif)))
		json_string(j, "gateway",
			    address(netif_ip_gw4(&l->netif), gateway, sizeof(gateway)));
	put_direction(j, &s, true);
	put_direction(j, &s, false);
	json_number(j, "events", s.events);
	json_open(j, "queue", '{');
	json_number(j, "slots", SEND_QUEUE);
	json_number(j, "used", l->tail - l->head);
	json_close(j, '}');
	json_close(j, '}');
}

/* ---- connections */

static const char *const states[] = {
	[CLOSED] = "closed", [LISTEN] = "listen", [SYN_SENT] = "syn-sent",
	[SYN_RCVD] = "syn-received", [ESTABLISHED] = "established", [FIN_WAIT_1] = "fin-wait-1",
	[FIN_WAIT_2] = "fin-wait-2", [CLOSE_WAIT] = "close-wait", [CLOSING] = "closing",
	[LAST_ACK] = "last-ack", [TIME_WAIT] = "time-wait",
};

static void put_counts(struct json *j)
{
	unsigned established = 0, others = 0, listening = 0, waiting = 0, sockets = 0;

	for (const struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next) {
		established += p->state == ESTABLISHED;
		others += p->state != ESTABLISHED;
	}
	for (const struct tcp_pcb_listen *p = tcp_listen_pcbs.listen_pcbs; p; p = p->next)
		listening++;
	for (const struct tcp_pcb *p = tcp_tw_pcbs; p; p = p->next)
		waiting++;
	for (const struct udp_pcb *p = udp_pcbs; p; p = p->next)
		sockets++;
	json_open(j, "connections", '{');
	json_number(j, "established", established);
	json_number(j, "opening_or_closing", others);
	json_number(j, "listening", listening);
	json_number(j, "time_wait", waiting);
	json_number(j, "udp", sockets);
	json_close(j, '}');
}

struct listing {
	struct json *j;
	int64_t from, at, next;
};

/* Returns false if it is not listed; else its object is open. */
static bool begin(struct listing *l)
{
	int64_t n = l->at++;

	if (n < l->from || l->next >= 0)
		return false;
	if (l->j->len > LIST_BYTES) {
		l->next = n;
		return false;
	}
	json_open(l->j, NULL, '{');
	return true;
}

static void put_end(struct json *j, const char *key, const ip_addr_t *ip, uint16_t port)
{
	char text[64], all[80];

	address(ip, text, sizeof(text));
	if (IP_IS_ANY_TYPE_VAL(*ip))
		format(text, sizeof(text), "*");
	format(all, sizeof(all), IP_IS_V6(ip) && !IP_IS_ANY_TYPE_VAL(*ip) ? "[%s]:%u" : "%s:%u",
	       text, port);
	json_string(j, key, all);
}

static void put_tcp(struct listing *l, const struct tcp_pcb *p)
{
	if (!begin(l))
		return;
	json_string(l->j, "protocol", "tcp");
	put_end(l->j, "local", &p->local_ip, p->local_port);
	put_end(l->j, "remote", &p->remote_ip, p->remote_port);
	json_string(l->j, "state", states[p->state]);
	json_number(l->j, "unacked", (uint32_t)(p->snd_nxt - p->lastack));
	json_number(l->j, "unsent", (uint32_t)(p->snd_lbb - p->snd_nxt));
	json_number(l->j, "window", p->snd_wnd);
	json_number(l->j, "congestion_window", p->cwnd);
	json_number(l->j, "retransmissions", p->nrtx);
	json_close(l->j, '}');
}

static void put_listener(struct listing *l, const struct tcp_pcb_listen *p)
{
	if (!begin(l))
		return;
	json_string(l->j, "protocol", "tcp");
	put_end(l->j, "local", &p->local_ip, p->local_port);
	json_string(l->j, "state", states[LISTEN]);
	json_close(l->j, '}');
}

static void put_udp(struct listing *l, const struct udp_pcb *p)
{
	if (!begin(l))
		return;
	json_string(l->j, "protocol", "udp");
	put_end(l->j, "local", &p->local_ip, p->local_port);
	if (p->flags & UDP_FLAGS_CONNECTED)
		put_end(l->j, "remote", &p->remote_ip, p->remote_port);
	json_close(l->j, '}');
}

static int connections(struct command *c)
{
	struct listing l = { .j = c->reply, .next = -1 };

	if (command_integer(c, "from", 0, UINT32_MAX, &l.from) < 0)
		return -EINVAL;
	json_open(c->reply, "connections", '[');
	for (const struct tcp_pcb_listen *p = tcp_listen_pcbs.listen_pcbs; p; p = p->next)
		put_listener(&l, p);
	for (const struct udp_pcb *p = udp_pcbs; p; p = p->next)
		put_udp(&l, p);
	for (const struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		put_tcp(&l, p);
	for (const struct tcp_pcb *p = tcp_tw_pcbs; p; p = p->next)
		put_tcp(&l, p);
	json_close(c->reply, ']');
	json_number(c->reply, "total", l.at);
	if (l.next >= 0)
		json_number(c->reply, "next", l.next);
	return 0;
}

/* ---- statistics */

static void stats(struct json *j, const char *key)
{
	struct net_stats n;

	net_stats(&n);
	json_open(j, key, '{');
	if (config_name())
		json_string(j, "host", config_name());
	json_open(j, "devices", '[');
	for (const struct vif *l = vifs; l; l = l->next)
		put_link(j, l);
	json_close(j, ']');
	put_counts(j);
	json_open(j, "dropped", '{');
	json_number(j, "received", n.rx_dropped);	/* no memory, or too long */
	json_number(j, "send_queue_full", n.tx_refused);
	json_number(j, "send_errors", n.tx_errors);
	json_number(j, "ip", lwip_stats.ip.drop + lwip_stats.ip6.drop);
	json_number(j, "tcp", lwip_stats.tcp.drop);
	json_number(j, "udp", lwip_stats.udp.drop);
	json_number(j, "bad_checksum", lwip_stats.ip.chkerr + lwip_stats.tcp.chkerr +
				       lwip_stats.udp.chkerr + lwip_stats.icmp.chkerr);
	json_close(j, '}');
	json_open(j, "tcp_sent", '{');
	json_number(j, "segments", n.tx_segments);
	json_number(j, "frames", n.tx_frames);
	json_number(j, "joined", n.tx_joined);
	json_close(j, '}');
	json_open(j, "send_pages", '{');
	json_number(j, "total", n.lent_pages);
	json_number(j, "used", n.lent_used);
	json_close(j, '}');
	json_number(j, "received_copied", n.rx_copied);
	json_number(j, "received_merged", n.rx_merged);
	json_number(j, "wakes", n.ticks);
	json_close(j, '}');
}

static const struct method methods[] = {
	{ "Connections", COMMAND_READS, connections },
	{ NULL, 0, NULL },
};

void net_methods_add(void)
{
	static struct interface net = {
		.name = "org.xenolith.net1",
		.description =
		"# Devices, with the use of their rings (tx: slots that wait for the backend; rx:\n"
		"# pages that wait for frames); counts of dropped packets and of connections.\n"
		"# `full`: how often the ring was full; `queue`: packets that wait for slots; `held`:\n"
		"# pages with unread data; `send_pages`: pages of unacknowledged data.  If there are\n"
		"# too many connections for a reply, `next` is the value of `from` for the next call.\n"
		"interface org.xenolith.net1\n"
		"type Use (slots: int, used: int)\n"
		"type Direction (slots: int, used: int, most: int, frames: int, bytes: int,\n"
		"  errors: int, full: ?int, copied_bytes: ?int, dropped: ?int, held: ?int,\n"
		"  notified: int)\n"
		"type Device (name: string, up: bool, mac: string, mtu: int, addresses: []string,\n"
		"  gateway: ?string, tx: Direction, rx: Direction, events: int, queue: Use)\n"
		"type Counts (established: int, opening_or_closing: int, listening: int,\n"
		"  time_wait: int, udp: int)\n"
		"type Connection (protocol: (tcp, udp), local: string, remote: ?string,\n"
		"  state: ?string, unacked: ?int, unsent: ?int, window: ?int,\n"
		"  congestion_window: ?int, retransmissions: ?int)\n"
		"type Net (devices: []Device, connections: Counts, dropped: [string]int,\n"
		"  tcp_sent: [string]int, send_pages: (total: int, used: int),\n"
		"  received_copied: int, received_merged: int, wakes: int)\n"
		"method Get() -> (net: Net)\n"
		"method Connections(from: ?int) -> (connections: []Connection, total: int,\n"
		"  next: ?int)\n",
		.methods = methods, .key = "net", .stats = stats,
	};

	command_add(&net);
}
