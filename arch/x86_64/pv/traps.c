/* SPDX-License-Identifier: ISC */
/* Where Xen calls us: the trap table, the event callback, the NMI's. */
#include "arch/x86_64/hypercall.h"
#include "arch/x86_64/pv/pv.h"
#include "kernel/log.h"

#include <xen/callback.h>
#include <xen/nmi.h>

extern const struct trap_info pv_traps[];
void nmi_entry(void), upcall_entry(void), failsafe_entry(void);

void pv_traps_init(void)
{
	struct callback_register nmi_callback = {
		.type = CALLBACKTYPE_nmi, .address = (unsigned long)nmi_entry,
	};
	long rc = hypercall1(__HYPERVISOR_set_trap_table, pv_traps);

	if (rc)
		panic("Xen refuses the trap table: %d", (int)rc);
	hypercall3(__HYPERVISOR_set_callbacks, upcall_entry, failsafe_entry, 0);
	hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &nmi_callback);
}
