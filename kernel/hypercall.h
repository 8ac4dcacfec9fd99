/* SPDX-License-Identifier: ISC */
/*
 * The hypercalls we use, one typed function each: 0 or -errno from Xen.
 *
 * arch/x86_64/hypercall.c traps into Xen; tests/host/xen.c is a small hypervisor.
 * Nothing else in the tree knows how Xen is reached.  All are of Xen 3.4's age
 * unless marked; an older or stricter Xen answers -ENOSYS, which is normal.
 */
#ifndef KERNEL_HYPERCALL_H
#define KERNEL_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/sched.h>

int xen_evtchn_alloc(domid_t remote, evtchn_port_t *port);
int xen_evtchn_bind(domid_t remote, evtchn_port_t remote_port, evtchn_port_t *port);
int xen_evtchn_bind_virq(unsigned virq, evtchn_port_t *port);
int xen_evtchn_send(evtchn_port_t port);
int xen_evtchn_close(evtchn_port_t port);

int xen_sched_yield(void);
int xen_sched_shutdown(unsigned reason);	/* SHUTDOWN_*; returns only on failure */

/*
 * (Re)arm watchdog *id to fire in timeout seconds; *id 0 makes a new one; timeout
 * 0 disarms it.  Since Xen 4.0.
 */
int xen_sched_watchdog(uint32_t *id, uint32_t timeout);

/* One shot of VIRQ_TIMER when system time reaches deadline (ns); 0: none. */
int xen_set_timer(uint64_t deadline);

/* The 100 Hz of VIRQ_TIMER that a PV guest begins with; where there are none, an error. */
int xen_stop_periodic_timer(void);

/* Where Xen writes, from now on, how long the vcpu ran and waited. */
struct vcpu_register_runstate_memory_area;
int xen_register_runstate(const struct vcpu_register_runstate_memory_area *area);

/* Have the table at least n frames: their frame numbers.  -ENOMEM and such beyond. */
int xen_grant_setup(unsigned n, unsigned long *frames);
int xen_grant_max_frames(unsigned *max);

/*
 * Map, unmap a batch of foreign grants.  0: look at each status (GNTST_*, negative
 * is failure).
 */
int xen_grant_map(struct gnttab_map_grant_ref *ops, unsigned n);
int xen_grant_unmap(struct gnttab_unmap_grant_ref *ops, unsigned n);

int xen_version(unsigned *major, unsigned *minor, char extra[16]);

/* The domain's UUID (XENVER_guest_handle); zeroes where Xen does not say. */
void xen_domain_handle(uint8_t handle[16]);

/* Where there is no console: Xen's own log, if it lets us, and a PC's serial line. */
int xen_console_write(const char *text, size_t len);

#endif
