/* SPDX-License-Identifier: ISC */
/*
 * What we are told: the command line by the loader (xen/arch-x86/hvm/start_info.h), the rest
 * by Xen.  For the former, physical memory below 1 GiB is mapped as it is.
 */
#include "arch/x86_64/arch.h"
#include "arch/x86_64/hvm/hvm.h"
#include "arch/x86_64/hypercall.h"
#include "kernel/log.h"

#include <string.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#define READABLE (1ull << 30)
#define ENTRIES 128			/* of Xen's memory map (E820MAX) */

struct entry {				/* as the BIOS call 0xe820 has them */
	uint64_t start, size;
	uint32_t type;
} __attribute__((packed));

static const void *at(uint64_t physical, uint64_t size)
{
	if (!physical || physical >= READABLE || size > READABLE - physical)
		panic("no start_info at %lx", physical);
	return (const void *)physical;
}

void hvm_copy_command_line(uint32_t physical)
{
	const struct hvm_start_info *info = at(physical, sizeof(*info));
	const char *line;

	if (info->magic != XEN_HVM_START_MAGIC_VALUE)
		panic("no start_info at %lx", (unsigned long)physical);
	if (!info->cmdline_paddr)
		return;
	line = at(info->cmdline_paddr, sizeof(boot_info.command_line));
	for (size_t n = 0; n < sizeof(boot_info.command_line) - 1 && line[n]; n++)
		boot_info.command_line[n] = line[n];
}

static unsigned add(struct range ranges[RANGES], unsigned n, uint64_t start, uint64_t end)
{
	start = (start + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	end &= ~(PAGE_SIZE - 1);
	if (start < end && n < RANGES)
		ranges[n++] = (struct range){ .start = start, .size = end - start };
	return n;
}

/*
 * First where the image lies, from its beginning on, then what is higher; last what is
 * lower, without page 0.
 */
unsigned hvm_memory_map(struct range ranges[RANGES])
{
	static struct entry map[ENTRIES];
	struct xen_memory_map op = { .nr_entries = ENTRIES };
	uint64_t image = (uintptr_t)image_physical;
	unsigned n = 0;
	long rc;

	set_xen_guest_handle(op.buffer, map);
	rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_memory_map, &op);
	if (rc)
		panic("no memory map: %d", (int)rc);
	for (int pass = 0; pass < 3; pass++)
		for (const struct entry *e = map; e < map + op.nr_entries; e++) {
			uint64_t start = e->start, end = e->start + e->size;

			if (e->type != XEN_HVM_MEMMAP_TYPE_RAM)
				continue;
			if (pass == 0 && start <= image && end > image)
				n = add(ranges, n, image, end);
			if (pass == 1 && start > image)
				n = add(ranges, n, start, end);
			if (pass == 2 && start < image)
				n = add(ranges, n, start ? start : PAGE_SIZE,
					end < image ? end : image);
		}
	if (!n || ranges[0].start != image)
		panic("no memory at %lx", image);
	return n;
}

uint64_t hvm_param(unsigned index)
{
	struct xen_hvm_param op = { .domid = DOMID_SELF, .index = index };

	return hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &op) ? 0 : op.value;
}

int hvm_set_param(unsigned index, uint64_t value)
{
	struct xen_hvm_param op = { .domid = DOMID_SELF, .index = index, .value = value };

	return hypercall2(__HYPERVISOR_hvm_op, HVMOP_set_param, &op);
}
