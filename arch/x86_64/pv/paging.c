/* SPDX-License-Identifier: ISC */
/*
 * Page tables under PV, which the guest reads and Xen writes.  Frame f of the domain,
 * whatever its machine frame is, is mapped at image_start + f * 4096.
 *
 * A page is first mapped read-only, then it can become a page table: Xen refuses others.
 */
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/pv/pv.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/log.h"

#include <string.h>

#define PER_PAGE (PAGE_SIZE / sizeof(unsigned long))
#define LISTS_MAX 64u			/* of a GiB each; larger domains cannot be saved */

static unsigned long *p2m;		/* the machine frame of each frame of the domain */

/* The reverse.  The tender of a process (tools/unix) finds this variable by a note, and sets it. */
const unsigned long *pv_m2p = machine_to_phys_mapping;
static unsigned long nr_pages;
static unsigned long (*lists)[PER_PAGE];	/* pv_publish_frames() */

static uintptr_t base(void)
{
	return (uintptr_t)image_start;
}

unsigned long pv_frame(unsigned long own)
{
	return p2m[own];
}

void pv_set_frame(uintptr_t page, unsigned long frame)
{
	p2m[(page - base()) / PAGE_SIZE] = frame;
}

uint64_t pv_physical(uintptr_t address)
{
	return pv_frame((address - base()) / PAGE_SIZE) * PAGE_SIZE + address % PAGE_SIZE;
}

/* How many pages have n numbers. */
static unsigned long pages_of(unsigned long n)
{
	return (n + PER_PAGE - 1) / PER_PAGE;
}

static unsigned long machine_frame(const void *page)
{
	return pv_physical((uintptr_t)page) / PAGE_SIZE;
}

/* arch-x86/xen.h, struct arch_shared_info: a page of frames of pages of frames of p2m. */
void pv_publish_frames(void)
{
	struct arch_shared_info *shared = &arch_shared_info.arch;
	unsigned long leaves = pages_of(nr_pages);

	if (!lists)
		return;
	for (unsigned long i = 0; i < leaves; i++)
		lists[1 + i / PER_PAGE][i % PER_PAGE] = machine_frame(p2m + i * PER_PAGE);
	for (unsigned long i = 0; i < pages_of(leaves); i++)
		lists[0][i] = machine_frame(lists[1 + i]);
	shared->max_pfn = nr_pages;
	shared->pfn_to_mfn_frame_list_list = machine_frame(lists);
}

void *pv_virtual(uint64_t physical)
{
	return (void *)(base() + pv_m2p[physical / PAGE_SIZE] * PAGE_SIZE);
}

/* Updates are sent together; Xen can be preempted in between. */
static struct mmu_update batch[128];
static unsigned batched;

void pv_flush(void)
{
	unsigned done;
	long rc;

	if (!batched)
		return;
	rc = hypercall4(__HYPERVISOR_mmu_update, batch, batched, &done, DOMID_SELF);
	if (rc)
		panic("Xen refuses a page table update (error %d)", (int)rc);
	batched = 0;
}

void pv_set_entry(uint64_t *entry, uint64_t value)
{
	batch[batched++] = (struct mmu_update){
		.ptr = pv_physical((uintptr_t)entry) | MMU_NORMAL_PT_UPDATE, .val = value,
	};
	if (batched == sizeof(batch) / sizeof(*batch))
		pv_flush();
}

void pv_remap(uintptr_t page, uint64_t entry)
{
	long rc = hypercall3(__HYPERVISOR_update_va_mapping, page, entry, UVMF_INVLPG);

	if (rc)
		panic("Xen refuses to map %lx (error %d)", page, (int)rc);
}

void pv_make_table(uintptr_t page)
{
	pv_remap(page, pv_physical(page) | PTE_RO | pte_nx);
}

/* Xen writes the page table's entry for a foreign page, and requires it to be empty. */
uint64_t pv_foreign_entry(uintptr_t page)
{
	(void)page;
	return 0;
}

uint64_t pv_foreign_where(uintptr_t page)
{
	return page;
}

static uintptr_t max(uintptr_t a, uintptr_t b)
{
	return a > b ? a : b;
}

static uintptr_t min(uintptr_t a, uintptr_t b)
{
	return a < b ? a : b;
}

/*
 * Protects the image by its segments, and what the builder put behind it up to `free`.  The
 * builder maps more, all of it writable and executable: from the next granule on, nothing is mapped
 * until arch_map().
 */
static void protect_all(const struct start_info *info, uintptr_t free, uintptr_t mapped_end)
{
	uintptr_t tables_end = info->pt_base + info->nr_pt_frames * PAGE_SIZE;
	uintptr_t chunks = (uintptr_t)image_end + CHUNK - 1;

	chunks -= (chunks - base()) % CHUNK;
	free += GRANULE - 1 - (free - base() + GRANULE - 1) % GRANULE;
	for (uintptr_t at = chunks; at < mapped_end; at += CHUNK)
		pv_set_entry(pte_lookup(at, 2), at < free ? *pte_lookup(at, 2) | pte_nx : 0);
	for (uintptr_t at = free; at < mapped_end && (at - base()) % CHUNK; at += PAGE_SIZE)
		pv_set_entry(pte_lookup(at, 1), 0);
	mapped_end = min(mapped_end, min(chunks, free));

	paging_protect_image();
	paging_protect((uintptr_t)image_end, min(info->pt_base, mapped_end), PTE_RW | pte_nx);
	paging_protect(info->pt_base, min(tables_end, mapped_end), PTE_RO | pte_nx);
	paging_protect(tables_end, mapped_end, PTE_RW | pte_nx);
	pv_flush();
	/* Entries of pages in use were changed: the TLB must be flushed. */
	struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_LOCAL };
	hypercall4(__HYPERVISOR_mmuext_op, &op, 1, NULL, DOMID_SELF);
}

static uintptr_t end_of_frame(unsigned long mfn)
{
	return (uintptr_t)pv_virtual(mfn * PAGE_SIZE) + PAGE_SIZE;
}

/* The end of what the builder put behind the image (xen/xen.h, start_info). */
static uintptr_t builder_end(const struct start_info *info, uintptr_t builder_stack)
{
	uintptr_t end = (uintptr_t)image_end;

	end = max(end, (uintptr_t)(info + 1));
	end = max(end, info->pt_base + info->nr_pt_frames * PAGE_SIZE);
	if (info->mfn_list >= base())
		end = max(end, info->mfn_list + info->nr_pages * sizeof(*p2m));
	if (info->mod_start && !(info->flags & SIF_MOD_START_PFN))
		end = max(end, info->mod_start + info->mod_len);
	if (builder_stack >= base() && builder_stack < base() + nr_pages * PAGE_SIZE)
		end = max(end, builder_stack);
	if (info->store_evtchn)
		end = max(end, end_of_frame(info->store_mfn));
	if (!(info->flags & SIF_INITDOMAIN) && info->console.domU.mfn)
		end = max(end, end_of_frame(info->console.domU.mfn));
	return (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

void pv_paging_init(const struct start_info *info, uintptr_t builder_stack)
{
	uintptr_t free, lists_end, mapped_end;

	p2m = (unsigned long *)info->mfn_list;
	nr_pages = info->nr_pages;
	paging_init((uint64_t *)info->pt_base);

	free = builder_end(info, builder_stack);
	boot_info.memory_end = base() + nr_pages * PAGE_SIZE;
	mapped_end = base();
	while (mapped_end < boot_info.memory_end && pte_present(mapped_end, 2))
		mapped_end += CHUNK;
	if (mapped_end > boot_info.memory_end)
		mapped_end = boot_info.memory_end;
	lists_end = free + (1 + pages_of(pages_of(nr_pages))) * PAGE_SIZE;
	if (lists_end - free > (1 + LISTS_MAX) * PAGE_SIZE)
		lists_end = free;
	protect_all(info, lists_end + RESERVE * PAGE_SIZE, mapped_end);

	/*
	 * The builder leaves at least 512 KiB mapped and free, unless there is no more.
	 */
	if (lists_end > free)
		lists = memset((void *)free, 0, lists_end - free);
	paging_set_free(lists_end, mapped_end);
}
