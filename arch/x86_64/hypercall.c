/* SPDX-License-Identifier: ISC */
/* kernel/hypercall.h by the hypercall page, for PV and HVM. */
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/platform.h"
#include "kernel/hypercall.h"

#include <errno.h>
#include <string.h>
#include <xen/vcpu.h>
#include <xen/version.h>

static int evtchn_op(int cmd, void *arg)
{
	return hypercall2(__HYPERVISOR_event_channel_op, cmd, arg);
}

int xen_evtchn_alloc(domid_t remote, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = remote };
	int rc = evtchn_op(EVTCHNOP_alloc_unbound, &op);

	*port = op.port;
	return rc;
}

int xen_evtchn_bind(domid_t remote, evtchn_port_t remote_port, evtchn_port_t *port)
{
	struct evtchn_bind_interdomain op = {
		.remote_dom = remote, .remote_port = remote_port,
	};
	int rc = evtchn_op(EVTCHNOP_bind_interdomain, &op);

	*port = op.local_port;
	return rc;
}

int xen_evtchn_bind_virq(unsigned virq, evtchn_port_t *port)
{
	struct evtchn_bind_virq op = { .virq = virq, .vcpu = 0 };
	int rc = evtchn_op(EVTCHNOP_bind_virq, &op);

	*port = op.port;
	return rc;
}

int xen_evtchn_send(evtchn_port_t port)
{
	struct evtchn_send op = { .port = port };

	return evtchn_op(EVTCHNOP_send, &op);
}

int xen_evtchn_close(evtchn_port_t port)
{
	struct evtchn_close op = { .port = port };

	return evtchn_op(EVTCHNOP_close, &op);
}

int xen_sched_yield(void)
{
	return hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

int xen_sched_shutdown(unsigned reason)
{
	struct sched_shutdown op = { .reason = reason };

	return hypercall2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &op);
}

int xen_sched_watchdog(uint32_t *id, uint32_t timeout)
{
	struct sched_watchdog op = { .id = *id, .timeout = timeout };
	int rc = hypercall2(__HYPERVISOR_sched_op, SCHEDOP_watchdog, &op);

	if (rc < 0)
		return rc;
	if (*id == 0)
		*id = rc;	/* a new one's number is returned */
	return 0;
}

int xen_set_timer(uint64_t deadline)
{
	return hypercall1(__HYPERVISOR_set_timer_op, deadline);
}

int xen_stop_periodic_timer(void)
{
	return hypercall3(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, NULL);
}

int xen_register_runstate(const struct vcpu_register_runstate_memory_area *area)
{
	return hypercall3(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, area);
}

static int grant_op(unsigned cmd, void *ops, unsigned n)
{
	return hypercall3(__HYPERVISOR_grant_table_op, cmd, ops, n);
}

int xen_grant_map(struct gnttab_map_grant_ref *ops, unsigned n)
{
	return grant_op(GNTTABOP_map_grant_ref, ops, n);
}

int xen_grant_unmap(struct gnttab_unmap_grant_ref *ops, unsigned n)
{
	return grant_op(GNTTABOP_unmap_grant_ref, ops, n);
}

int xen_grant_max_frames(unsigned *max)
{
	struct gnttab_query_size op = { .dom = DOMID_SELF };
	int rc = grant_op(GNTTABOP_query_size, &op, 1);

	if (rc)
		return rc;
	if (op.status != GNTST_okay)
		return -EIO;
	*max = op.max_nr_frames;
	return 0;
}

int xen_version(unsigned *major, unsigned *minor, char extra[16])
{
	xen_extraversion_t text = "";
	long version = hypercall2(__HYPERVISOR_xen_version, XENVER_version, 0);

	if (version < 0)
		return version;
	hypercall2(__HYPERVISOR_xen_version, XENVER_extraversion, text);
	*major = version >> 16;
	*minor = version & 0xffff;
	memcpy(extra, text, sizeof(text));
	extra[15] = 0;
	return 0;
}

void xen_domain_handle(uint8_t handle[16])
{
	memset(handle, 0, 16);
	hypercall2(__HYPERVISOR_xen_version, XENVER_guest_handle, handle);
}

int xen_console_write(const char *text, size_t len)
{
	if (platform->serial_write)
		platform->serial_write(text, len);
	return hypercall3(__HYPERVISOR_console_io, CONSOLEIO_write, len, text);
}
