/* SPDX-License-Identifier: ISC */
/*
 * The hypercalls that are used, one typed function each.  They return 0 or -errno from
 * Xen, and do not sleep.
 *
 * arch/x86_64/hypercall.c calls Xen; tests/host/xen.c is a small hypervisor.  Other code
 * does not know how Xen is called.  All exist since Xen 3.4 unless marked; an older or
 * stricter Xen returns -ENOSYS, which callers handle.
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
/* SHUTDOWN_*; returns only on failure, or from SHUTDOWN_suspend (arch_suspend()). */
int xen_sched_shutdown(unsigned reason);

/*
 * Sets watchdog *id to fire in timeout seconds.  If *id is 0 it makes a new one; timeout
 * 0 disables it.  Since Xen 4.0.
 */
int xen_sched_watchdog(uint32_t *id, uint32_t timeout);

/* One VIRQ_TIMER when system time reaches the deadline (ns); 0: none. */
int xen_set_timer(uint64_t deadline);

/*
 * Stops the VIRQ_TIMER of 100 Hz with which a PV guest begins; an error if there is none.
 */
int xen_stop_periodic_timer(void);

/* From now on Xen writes here how long the vcpu ran and waited. */
struct vcpu_register_runstate_memory_area;
int xen_register_runstate(const struct vcpu_register_runstate_memory_area *area);

/*
 * Extends the grant table to at least n frames, and returns their frame numbers; -ENOMEM
 * and others beyond the limit.
 */
int xen_grant_setup(unsigned n, unsigned long *frames);
int xen_grant_max_frames(unsigned *max);

/*
 * Map, or unmap, a batch of grants of other domains.  If they return 0, check each status
 * (GNTST_*; negative is failure).
 */
int xen_grant_map(struct gnttab_map_grant_ref *ops, unsigned n);
int xen_grant_unmap(struct gnttab_unmap_grant_ref *ops, unsigned n);

int xen_version(unsigned *major, unsigned *minor, char extra[16]);

/* The domain's UUID (XENVER_guest_handle); zeroes if Xen does not tell it. */
void xen_domain_handle(uint8_t handle[16]);

/*
 * Output without a console: to Xen's own log, if Xen permits it, and to a PC's serial
 * line.
 */
int xen_console_write(const char *text, size_t len);

#endif
