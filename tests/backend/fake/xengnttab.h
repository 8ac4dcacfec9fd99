/* SPDX-License-Identifier: ISC */
/* The functions of Xen's library that backend/dom0 uses (../fake_xen.c). */
#ifndef XENGNTTAB_H
#define XENGNTTAB_H

#include <stdint.h>

typedef struct xengnttab_handle xengnttab_handle;

xengnttab_handle *xengnttab_open(void *logger, unsigned flags);
void *xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t n, uint32_t domid, uint32_t *refs,
				      int prot);
int xengnttab_unmap(xengnttab_handle *h, void *addr, uint32_t n);

#endif
