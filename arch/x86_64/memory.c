/* SPDX-License-Identifier: ISC */
/* Memory that is given back to Xen, and taken again (xen/memory.h): granules, by frame numbers. */
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"

#include <errno.h>
#include <string.h>
#include <xen/memory.h>

#define FRAMES (ARCH_GRANULE / PAGE_SIZE)

/* Decreases or increases the memory of the domain by these frames.  Returns how many. */
static unsigned long change(int op, xen_pfn_t *frames, unsigned long n)
{
	struct xen_memory_reservation r = { .nr_extents = n, .domid = DOMID_SELF };
	long done;

	set_xen_guest_handle(r.extent_start, frames);
	done = hypercall2(__HYPERVISOR_memory_op, op, &r);
	return done < 0 ? 0 : done;
}

/* The domain's own number of a page, whether Xen has the page or not. */
static xen_pfn_t number(uintptr_t page)
{
	return platform->set_frame ? (page - (uintptr_t)image_start) / PAGE_SIZE : arch_frame((void *)page);
}

static void note(uintptr_t page, xen_pfn_t frame)
{
	if (platform->set_frame)
		platform->set_frame(page, frame);
}

/*
 * A page that is mapped may not leave the domain.  Xen gives it to any domain with the contents that
 * it has (free_domheap_pages() of Xen's page_alloc.c).
 */
static void clear_and_unmap(uintptr_t granule)
{
	if (!pte_present(granule, 2))
		return;
	for (uintptr_t at = granule; at < granule + ARCH_GRANULE; at += PAGE_SIZE)
		if (pte_present(at, 1)) {
			memset((void *)at, 0, PAGE_SIZE);
			platform->set_entry(pte_lookup(at, 1), 0);
		}
	platform->flush();
}

void arch_give(uintptr_t start, size_t size)
{
	xen_pfn_t frames[FRAMES];

	for (uintptr_t at = start; at < start + size; at += ARCH_GRANULE) {
		clear_and_unmap(at);
		for (unsigned i = 0; i < FRAMES; i++)
			frames[i] = arch_frame((void *)(at + i * PAGE_SIZE));
		for (unsigned i = change(XENMEM_decrease_reservation, frames, FRAMES); i-- > 0;)
			note(at + i * PAGE_SIZE, NO_FRAME);
	}
}

/* Takes a granule, or nothing of it. */
int arch_take(uintptr_t granule)
{
	xen_pfn_t frames[FRAMES];
	uintptr_t pages[FRAMES];
	unsigned long done, n = 0;

	for (uintptr_t at = granule; at < granule + ARCH_GRANULE; at += PAGE_SIZE) {
		if (platform->set_frame && platform->physical(at) != NO_FRAME * PAGE_SIZE)
			continue;	/* Xen did not take this one */
		pages[n] = at;
		frames[n++] = number(at);
	}
	done = change(XENMEM_populate_physmap, frames, n);
	if (done < n) {
		change(XENMEM_decrease_reservation, frames, done);
		return -ENOMEM;
	}
	while (n-- > 0)
		note(pages[n], frames[n]);
	return 0;
}
