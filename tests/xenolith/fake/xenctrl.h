/* SPDX-License-Identifier: ISC */
/* The functions of Xen's library that tools/xenolith uses; domain 5 runs (fake.c). */
#ifndef XENCTRL_H
#define XENCTRL_H

#include <stdint.h>

#define XEN_DOMINF_dying 1
#define XEN_DOMINF_hvm_guest 2
#define XEN_DOMINF_shutdown 4
#define XEN_DOMINF_paused 8
#define XEN_DOMINF_shutdownmask 255
#define XEN_DOMINF_shutdownshift 16
#define SHUTDOWN_suspend 2
#define XEN_SYSCTL_PHYSCAP_shadow 16

typedef struct xc_interface xc_interface;
typedef struct {
	uint32_t domain, flags;
	uint8_t handle[16];
	uint64_t cpu_time;
} xc_domaininfo_t;
typedef struct {
	uint32_t capabilities;
} xc_physinfo_t;

xc_interface *xc_interface_open(void *logger, void *build_logger, unsigned flags);
int xc_domain_getinfolist(xc_interface *xc, uint32_t first, unsigned most, xc_domaininfo_t *info);
int xc_physinfo(xc_interface *xc, xc_physinfo_t *info);
int xc_domain_unpause(xc_interface *xc, uint32_t domain);
void *xc_map_foreign_range(xc_interface *xc, uint32_t domain, int size, int prot, unsigned long frame);

#endif
