/* SPDX-License-Identifier: ISC */
/* The functions of Xen's library that backend/dom0 uses (../fake_xen.c). */
#ifndef XENEVTCHN_H
#define XENEVTCHN_H

#include <stdint.h>

typedef struct xenevtchn_handle xenevtchn_handle;
typedef uint32_t evtchn_port_t;
typedef int xenevtchn_port_or_error_t;

xenevtchn_handle *xenevtchn_open(void *logger, unsigned flags);
int xenevtchn_close(xenevtchn_handle *h);
int xenevtchn_fd(xenevtchn_handle *h);
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
						      evtchn_port_t port);
int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port);
xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h);
int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port);

#endif
