/* SPDX-License-Identifier: ISC */
/*
 * A vif as a netif of lwIP: its MTU, checksum offload and carrier.
 *
 * netif_rx.c receives, netif_tx.c sends.
 */
#include "net/netif.h"

#include "drivers/netfront.h"
#include "kernel/log.h"
#include "net/config.h"
#include "net/lwip/hooks.h"
#include "net/nd6_solicit.h"
#include "net/netif_internal.h"

#include <lwip/igmp.h>
#include <lwip/nd6.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>
#include <netif/ethernet.h>

#include <stdlib.h>
#include <string.h>

#define VIFS_MAX 128	/* lwIP has 255 numbers, and would search for ever for another one */
#define IP6_LEAST 1280			/* minimum MTU: RFC 8200, 5 */

struct vif *vifs;
struct net_stats net_counts;

/* ---- checksums and MTUs */

/*
 * If the backend completes checksums, lwIP need not compute TCP's. It must for a segment
 * that will be fragmented, because the path of a connection or the link has got a smaller
 * MTU.
 */
static bool narrow_path;		/* some destination's path MTU is below a link's */

static void choose_sums(struct vif *l, bool narrow)
{
	if (l->info.csum_ipv4 && l->info.csum_ipv6 && !l->narrowed && !narrow)
		l->netif.chksum_flags &= ~NETIF_CHECKSUM_GEN_TCP;
	else
		l->netif.chksum_flags |= NETIF_CHECKSUM_GEN_TCP;
}

/* A small path MTU concerns only connections to that destination. */
void net_choose_sums(const struct tcp_pcb *pcb)
{
	if (!narrow_path || !pcb)
		return;
	for (struct vif *l = vifs; l; l = l->next)
		choose_sums(l, IP_IS_V6(&pcb->remote_ip) &&
			    nd6_get_destination_mtu(ip_2_ip6(&pcb->remote_ip), &l->netif) <
				    l->netif.mtu6);
}

/*
 * With a path MTU of 48 lwIP would send empty fragments without end. net/icmp.c drops a
 * "packet too big" below the minimum; the upper limit changes with the link.
 */
void vif_check_path_mtu(void)
{
	uint16_t most = IP6_LEAST, least = UINT16_MAX;
	bool narrow = false;

	for (const struct vif *l = vifs; l; l = l->next) {
		most = l->netif.mtu6 > most ? l->netif.mtu6 : most;
		least = l->netif.mtu6 < least ? l->netif.mtu6 : least;
	}
	for (unsigned i = 0; i < LWIP_ND6_NUM_DESTINATIONS; i++) {
		u16_t *mtu = &destination_cache[i].pmtu;

		if (*mtu)
			*mtu = *mtu < IP6_LEAST ? IP6_LEAST : *mtu > most ? most : *mtu;
		narrow |= *mtu && *mtu < least;
	}
	if (narrow != narrow_path) {
		narrow_path = narrow;
		for (struct vif *l = vifs; l; l = l->next)
			choose_sums(l, false);
	}
}

void vif_mtu(struct vif *l)
{
	/* The default, until the device is connected */
	uint32_t mtu = l->info.mtu ? l->info.mtu : 1500;

	mtu = mtu < 65521 ? mtu : 65521;
	if (l->dhcp_mtu && l->dhcp_mtu < mtu)
		mtu = l->dhcp_mtu;
	l->narrowed |= tcp_active_pcbs && mtu < l->netif.mtu;
	/* A router's MTU option stays valid (RFC 4861, 6.3.4). */
	if (l->netif.mtu6 == l->netif.mtu || mtu < l->netif.mtu6)
		l->netif.mtu6 = mtu;
	l->netif.mtu = mtu;
	choose_sums(l, false);
}

/* ---- the device itself */

static void read_info(struct vif *l)
{
	struct netif *netif = &l->netif;

	netfront_info(l->device, &l->info);
	memcpy(netif->hwaddr, l->info.mac, sizeof(l->info.mac));
	/* Until checksum offload is known, lwIP computes and checks all checksums. */
	netif->chksum_flags = NETIF_CHECKSUM_ENABLE_ALL;
	vif_mtu(l);
}

static void changed(void *user)
{
	struct vif *l = user;

	if (!l->device)	/* called by netfront_open(); vif_open() reads the information */
		return;
	read_info(l);
	l->full = false;
	if (l->info.up && !netif_is_link_up(&l->netif)) {
		netif_set_link_up(&l->netif);
		config_link_up(l);
		vif_resume();
	} else if (!l->info.up && netif_is_link_up(&l->netif)) {
		netif_set_link_down(&l->netif);
		l->netif.mtu6 = l->netif.mtu;
		config_link_down(l);
		vif_clear_queue(l);
	}
	net_push();
}

static const struct netfront_user user = {
	.receive = vif_receive, .received = vif_received, .room = vif_room,
	.changed = changed,
};

static err_t set_up(struct netif *netif)
{
	struct vif *l = netif->state;

	netif->name[0] = 'x';
	netif->name[1] = 'n';
	netif->output = route_output;
	netif->output_ip6 = nd6_solicit_output;
	netif->linkoutput = vif_enqueue;
	netif->hwaddr_len = sizeof(l->info.mac);
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
		       NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
	return ERR_OK;
}

struct vif *vif_open(unsigned id)
{
	struct vif *l, **end = &vifs;

	for (unsigned n = 0; *end; end = &(*end)->next)
		if (++n == VIFS_MAX) {
			log_error("vif%u: not used: at most %u vifs are supported", id, n);
			return NULL;
		}
	l = calloc(1, sizeof(*l));
	if (l)
		l->queue = calloc(SEND_QUEUE, sizeof(*l->queue));
	if (!l || !l->queue || !netif_add_noaddr(&l->netif, l, set_up, ethernet_input)) {
		if (l)
			free(l->queue);
		free(l);
		return NULL;
	}
	l->id = id;
	/*
	 * lwIP does not report that it had no memory for the all-systems group, but
	 * asserts it later.
	 */
	l->device = netif_igmp_data(&l->netif) ? netfront_open(id, &user, l) : NULL;
	if (!l->device) {
		netif_remove(&l->netif);
		free(l->queue);
		free(l);
		return NULL;
	}
	while (*end)
		end = &(*end)->next;
	*end = l;
	read_info(l);
	config_start(l);
	if (l->info.up) {
		netif_set_link_up(&l->netif);
		config_link_up(l);
	}
	return l;
}
