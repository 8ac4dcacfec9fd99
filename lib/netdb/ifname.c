/* SPDX-License-Identifier: ISC */
/* Names of network interfaces (POSIX.1-2017, <net/if.h>), which are lwIP's. */
#include "kernel/sched.h"
#include "net/net.h"

#include <errno.h>
#include <lwip/netif.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

unsigned if_nametoindex(const char *name)
{
	unsigned index = 0;

	kernel_enter();
	if (!net_init())
		index = netif_name_to_index(name);
	kernel_leave();
	if (!index)
		errno = ENODEV;
	return index;
}

char *if_indextoname(unsigned index, char *name)
{
	char *found = NULL;

	kernel_enter();
	if (!net_init() && index && index <= UINT8_MAX)
		found = netif_index_to_name(index, name);
	kernel_leave();
	if (!found)
		errno = ENXIO;
	return found;
}

struct if_nameindex *if_nameindex(void)
{
	struct if_nameindex *list = NULL;
	struct netif *netif;
	size_t count = 0, n = 0;

	kernel_enter();
	if (!net_init()) {
		NETIF_FOREACH(netif)
			count++;
		list = calloc(count + 1, sizeof(*list) + NETIF_NAMESIZE);
	}
	if (list)
		NETIF_FOREACH(netif) {
			char *names = (char *)(list + count + 1);

			list[n].if_index = netif_get_index(netif);
			list[n].if_name = netif_index_to_name(list[n].if_index,
							      names + n * NETIF_NAMESIZE);
			n++;
		}
	kernel_leave();
	if (!list)
		errno = ENOBUFS;
	return list;
}

void if_freenameindex(struct if_nameindex *list)
{
	free(list);
}
