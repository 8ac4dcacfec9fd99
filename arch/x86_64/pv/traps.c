/* SPDX-License-Identifier: ISC */
/* The entries that Xen calls: the trap table, the event callback, the NMI's callback. */
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/pv/pv.h"
#include "kernel/log.h"

#include <xen/callback.h>
#include <xen/nmi.h>

#define BREAKPOINT 3
#define OVERFLOW 4
#define TRAPS 32
#define MASK 4			/* masks upcalls at the entry; iret restores the mask */

/* In entry.S: the vectors, and their entries of 16 bytes each. */
extern const uint8_t pv_vectors[], pv_vectors_end[];
extern const char pv_trap_entries[];
#define ENTRY_SIZE 16
void pv_nmi_entry(void), pv_upcall_entry(void), pv_failsafe_entry(void);

static void set_traps(void)
{
	static struct trap_info table[TRAPS + 1];	/* ends with zeroes */
	long rc;

	for (unsigned i = 0; pv_vectors + i < pv_vectors_end; i++) {
		unsigned vector = pv_vectors[i];

		table[i] = (struct trap_info){
			.vector = vector,
			.flags = MASK | (vector == BREAKPOINT || vector == OVERFLOW ? 3 : 0),
			.cs = FLAT_KERNEL_CS,
			.address = (uintptr_t)pv_trap_entries + i * ENTRY_SIZE,
		};
	}
	rc = hypercall1(__HYPERVISOR_set_trap_table, table);
	if (rc)
		panic("Xen refuses the trap table (error %d)", (int)rc);
}

void pv_traps_init(void)
{
	struct callback_register nmi_callback = {
		.type = CALLBACKTYPE_nmi, .address = (unsigned long)pv_nmi_entry,
	};

	set_traps();
	hypercall3(__HYPERVISOR_set_callbacks, pv_upcall_entry, pv_failsafe_entry, 0);
	hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &nmi_callback);
}
