/* SPDX-License-Identifier: ISC */
/* The frames of the grant table, which PV gets by their machine numbers. */
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/pv/pv.h"

#include <errno.h>

int pv_grant_setup(unsigned n, unsigned long *frames)
{
	struct gnttab_setup_table op = { .dom = DOMID_SELF, .nr_frames = n };
	int rc;

	set_xen_guest_handle(op.frame_list, frames);
	rc = hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &op, 1);
	if (rc)
		return rc;
	return op.status == GNTST_okay ? 0 : -ENOMEM;
}
