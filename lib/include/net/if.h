/* SPDX-License-Identifier: ISC */
/* Names of network interfaces (POSIX.1-2017, <net/if.h>). */
#ifndef XENOLITH_NET_IF_H
#define XENOLITH_NET_IF_H

#ifdef __cplusplus
extern "C" {
#endif

#define IF_NAMESIZE	16
#define IFNAMSIZ	IF_NAMESIZE

struct if_nameindex {
	unsigned if_index;
	char *if_name;
};

unsigned if_nametoindex(const char *name);
char *if_indextoname(unsigned index, char *name);
struct if_nameindex *if_nameindex(void);
void if_freenameindex(struct if_nameindex *list);

#ifdef __cplusplus
}
#endif

#endif
