/* SPDX-License-Identifier: ISC */
/*
 * The memory map and Xen's parameters.  entry.S has copied the command line, and under
 * HVM the BIOS's memory map.
 */
#include "arch/x86_64/hvm/hvm.h"
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/log.h"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#define RAM 1

struct entry {				/* as the BIOS call 0xe820 has them */
	uint64_t start, size;
	uint32_t type;
} __attribute__((packed));

struct map {
	const char *first, *end;
	size_t stride;
};

/*
 * Returns the map that GRUB has from the BIOS, each entry after its size; or else Xen's.
 * Xen before 4.7 refuses its map to HVM guests, and its map never has what hvmloader
 * moved away from devices.
 */
static struct map get_map(void)
{
	struct xen_memory_map op = { .nr_entries = (hvm_map_end - hvm_map) / sizeof(struct entry) };
	long rc;

	if (hvm_map_size)
		return (struct map){
			.first = hvm_map + sizeof(uint32_t), .end = hvm_map + hvm_map_size,
			.stride = sizeof(uint32_t) + sizeof(struct entry),
		};
	set_xen_guest_handle(op.buffer, hvm_map);
	rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_memory_map, &op);
	if (rc)
		panic("cannot read the memory map (error %d)", (int)rc);
	return (struct map){
		.first = hvm_map, .end = hvm_map + op.nr_entries * sizeof(struct entry),
		.stride = sizeof(struct entry),
	};
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
 * If memory= is below maxmem=, Xen's map has all of maxmem=. Xen allocates pages when
 * they are accessed, and ends the domain if there are none left (populate on demand). So
 * no more memory is used than there is.  Xen's count also has pages that the map does not
 * have: its special pages and the firmware's (18 under PVH, 95 under HVM, of Xen 4.17),
 * and a video card's memory under HVM.
 */
#define UNLISTED 128
#define VIDEO_RAM (16ul << 20)

static unsigned limit(struct range ranges[RANGES], unsigned n)
{
	domid_t self = DOMID_SELF;
	long pages = hypercall2(__HYPERVISOR_memory_op, XENMEM_current_reservation, &self);
	uint64_t left = (uint64_t)pages * PAGE_SIZE, listed = 0, unlisted = UNLISTED * PAGE_SIZE;

	for (unsigned i = 0; i < n; i++)
		listed += ranges[i].size;
	if (pages <= 0 || left >= listed)
		return n;
	if (hvm_map_size)
		unlisted += VIDEO_RAM;
	left -= unlisted < left / 2 ? unlisted : left / 2 & -PAGE_SIZE;
	for (unsigned i = 0; i < n; i++) {
		if (ranges[i].size > left)
			ranges[i].size = left;
		left -= ranges[i].size;
	}
	while (n > 1 && !ranges[n - 1].size)
		n--;
	return n;
}

/*
 * First the range of the image, from its beginning on; then higher ones; last the lower
 * ones, without page 0.
 */
unsigned hvm_memory_map(struct range ranges[RANGES])
{
	const struct map map = get_map();
	uint64_t image = (uintptr_t)image_physical;
	unsigned n = 0;

	for (int pass = 0; pass < 3; pass++)
		for (const char *at = map.first; at < map.end; at += map.stride) {
			const struct entry *e = (const void *)at;
			uint64_t start = e->start, end = e->start + e->size;

			if (e->type != RAM)
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
		panic("the image at physical address %lx is not in RAM", image);
	return limit(ranges, n);
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
