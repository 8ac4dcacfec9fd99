/* SPDX-License-Identifier: ISC */
/*
 * Page tables under PV: ours to read, Xen's to write.
 *
 * All memory has one place: frame f of the domain (whatever machine frame that is) at
 * image_start + f * 4096.  The builder maps the image and a few MiB; the rest is mapped
 * in granules of 256 KiB when first handed out.
 *
 * A page becomes a page table by being mapped read-only first: Xen refuses any other.
 * Tables are always mapped, so that we can read them.
 */
#include "arch/x86_64/arch.h"
#include "arch/x86_64/hypercall.h"
#include "arch/x86_64/pv/pv.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>

#define PRESENT 1ul
#define WRITE 2ul
#define USER 4ul
#define ACCESSED 0x20ul
#define DIRTY 0x40ul
#define NX (1ul << 63)
#define FRAME 0x000ffffffffff000ul

#define TABLE (PRESENT | WRITE | USER | ACCESSED)
#define RO (PRESENT | USER | ACCESSED)
#define RW (RO | WRITE | DIRTY)

#define CHUNK (512 * PAGE_SIZE)		/* what one page table maps */
#define GRANULE (64 * PAGE_SIZE)	/* what is mapped at a time */

const unsigned long *pv_p2m;

static uint64_t *top_table;
static unsigned long nr_pages;
static uint64_t nx;			/* NX, where the CPU has it */

/* Mapped pages to make page tables of, for when there is nothing mapped to take. */
static void *reserve[8];
static unsigned reserved;

static uintptr_t base(void)
{
	return (uintptr_t)image_start;
}

static unsigned long frame_of(uintptr_t address)
{
	return (address - base()) / PAGE_SIZE;
}

static uint64_t machine(uintptr_t address)
{
	return (uint64_t)pv_p2m[frame_of(address)] * PAGE_SIZE + address % PAGE_SIZE;
}

void *pv_machine_to_virt(unsigned long mfn)
{
	return (void *)(base() + machine_to_phys_mapping[mfn] * PAGE_SIZE);
}

unsigned long arch_frame(const void *page)
{
	return pv_p2m[frame_of((uintptr_t)page)];
}

/* A few dozen updates at a time: Xen lets itself be preempted in between anyway. */
static struct mmu_update batch[128];
static unsigned batched;

static void flush(void)
{
	unsigned done;
	long rc;

	if (!batched)
		return;
	rc = hypercall4(__HYPERVISOR_mmu_update, batch, batched, &done, DOMID_SELF);
	if (rc)
		panic("Xen refuses a page table update: %d", (int)rc);
	batched = 0;
}

static void set_entry(uint64_t *entry, uint64_t value)
{
	batch[batched++] = (struct mmu_update){
		.ptr = machine((uintptr_t)entry) | MMU_NORMAL_PT_UPDATE, .val = value,
	};
	if (batched == sizeof(batch) / sizeof(*batch))
		flush();
}

static void remap(uintptr_t address, uint64_t value)
{
	long rc = hypercall3(__HYPERVISOR_update_va_mapping, address, value, UVMF_INVLPG);

	if (rc)
		panic("Xen refuses to map %lx: %d", address, (int)rc);
}

void pv_remap(void *page, uint64_t machine_address)
{
	remap((uintptr_t)page, machine_address | RW | nx);
}

void arch_guard(void *page)
{
	remap((uintptr_t)page, 0);
}

void arch_unguard(void *page)
{
	remap((uintptr_t)page, machine((uintptr_t)page) | RW | nx);
}

/* The entry for address in a table of this level (1 to 4); NULL: there is no table. */
static uint64_t *find(uintptr_t address, int level)
{
	uint64_t *table = top_table, *entry;

	for (int l = 4;; l--) {
		entry = &table[address >> (3 + 9 * l) & 511];
		if (l == level)
			return entry;
		if (!(*entry & PRESENT))
			return NULL;
		table = pv_machine_to_virt((*entry & FRAME) / PAGE_SIZE);
	}
}

/* Hook a fresh table of the level below into the entry of `address` at this level. */
static int add_table(uintptr_t address, int level)
{
	uint64_t *entry = find(address, level);
	void *page;

	if (*entry & PRESENT)
		return 0;
	if (!reserved)
		return -ENOMEM;
	page = reserve[--reserved];
	memset(page, 0, PAGE_SIZE);
	remap((uintptr_t)page, machine((uintptr_t)page) | RO | nx);
	set_entry(entry, machine((uintptr_t)page) | TABLE);
	flush();
	return 0;
}

static int map_granule(uintptr_t granule)
{
	uintptr_t end = granule + GRANULE;
	uint64_t *entry;

	for (int level = 4; level > 1; level--)
		if (add_table(granule, level))
			return -ENOMEM;
	if (end > base() + nr_pages * PAGE_SIZE)
		end = base() + nr_pages * PAGE_SIZE;
	entry = find(granule, 1);
	for (uintptr_t at = granule; at < end; at += PAGE_SIZE)
		set_entry(entry++, machine(at) | RW | nx);
	flush();
	return 0;
}

static bool mapped(uintptr_t address, int lowest_level)
{
	for (int level = 4; level >= lowest_level; level--)
		if (!(*find(address, level) & PRESENT))
			return false;
	return true;
}

/* Mapped as data: the builder leaves everything executable. */
static bool ready(uintptr_t address)
{
	return mapped(address, 1) && (*find(address, 2) & nx || *find(address, 1) & nx || !nx);
}

/*
 * Three tables are the most that one chunk can want, and the reserve is filled up
 * after each: its pages come from chunks that are mapped by then.
 */
static void fill_reserve(void)
{
	static bool filling;		/* page_alloc() comes back here */

	if (filling)
		return;
	filling = true;
	while (reserved < sizeof(reserve) / sizeof(*reserve)) {
		void *page = page_alloc(1);

		if (!page)
			break;
		reserve[reserved++] = page;
	}
	filling = false;
}

/*
 * A granule is mapped, or what the builder mapped is made data, as a whole: so one page
 * tells of all that were never handed out.
 */
int arch_map(uintptr_t start, size_t size)
{
	uintptr_t granule = start - (start - base()) % GRANULE;

	for (; granule < start + size; granule += GRANULE) {
		if (ready(granule > start ? granule : start))
			continue;
		if (map_granule(granule))
			return -ENOMEM;
		fill_reserve();
	}
	return 0;
}

/*
 * Foreign pages take the place of pages of ours, which stay allocated meanwhile: a
 * few, and no page tables to make.
 */
void *arch_map_frames(const unsigned long *frames, unsigned n)
{
	char *pages = page_alloc(n);

	for (unsigned i = 0; pages && i < n; i++)
		pv_remap(pages + i * PAGE_SIZE, (uint64_t)frames[i] * PAGE_SIZE);
	return pages;
}

void *arch_reserve(unsigned n)
{
	char *pages = page_alloc(n);

	for (unsigned i = 0; pages && i < n; i++)
		arch_guard(pages + i * PAGE_SIZE);
	return pages;
}

void arch_unreserve(void *where, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		arch_unguard((char *)where + i * PAGE_SIZE);
	page_free(where, n);
}

uint64_t arch_map_where(void *where)
{
	return (uintptr_t)where;
}

static uintptr_t max(uintptr_t a, uintptr_t b)
{
	return a > b ? a : b;
}

static uintptr_t min(uintptr_t a, uintptr_t b)
{
	return a < b ? a : b;
}

static void protect(uintptr_t from, uintptr_t to, uint64_t flags)
{
	for (uintptr_t at = from & ~(PAGE_SIZE - 1); at < to; at += PAGE_SIZE)
		set_entry(find(at, 1), machine(at) | flags);
}

/*
 * The image as its segments say, and what the builder put behind it.  What is free then
 * waits for arch_map() in the image's last chunk; the chunks behind are made data as a
 * whole.
 */
static void protect_image(const struct start_info *info, uintptr_t free, uintptr_t mapped_end)
{
	uintptr_t tables_end = info->pt_base + info->nr_pt_frames * PAGE_SIZE;
	uintptr_t chunks = (uintptr_t)image_end + CHUNK - 1;

	chunks -= (chunks - base()) % CHUNK;
	for (uintptr_t at = chunks; at < mapped_end; at += CHUNK)
		set_entry(find(at, 2), *find(at, 2) | nx);
	free += GRANULE - 1 - (free - base() + GRANULE - 1) % GRANULE;
	mapped_end = min(mapped_end, min(chunks, free));

	protect((uintptr_t)image_start, (uintptr_t)text_end, RO);
	protect((uintptr_t)rodata_start, (uintptr_t)rodata_end, RO | nx);
	protect((uintptr_t)data_start, (uintptr_t)boot_stack_guard, RW | nx);
	set_entry(find((uintptr_t)boot_stack_guard, 1), 0);
	protect((uintptr_t)boot_stack, (uintptr_t)hypercall_page, RW | nx);
	protect((uintptr_t)hypercall_page, (uintptr_t)image_end, RO);
	protect((uintptr_t)image_end, min(info->pt_base, mapped_end), RW | nx);
	protect(info->pt_base, min(tables_end, mapped_end), RO | nx);
	protect(tables_end, mapped_end, RW | nx);
	flush();
	/* Entries of pages in use were changed under the TLB's eyes. */
	struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_LOCAL };
	hypercall4(__HYPERVISOR_mmuext_op, &op, 1, NULL, DOMID_SELF);
}

/* Where the things end that the builder put behind the image (xen/xen.h, start_info). */
static uintptr_t builder_end(const struct start_info *info, uintptr_t builder_stack)
{
	uintptr_t end = (uintptr_t)image_end;

	end = max(end, (uintptr_t)(info + 1));
	end = max(end, info->pt_base + info->nr_pt_frames * PAGE_SIZE);
	if (info->mfn_list >= base())
		end = max(end, info->mfn_list + info->nr_pages * sizeof(*pv_p2m));
	if (info->mod_start && !(info->flags & SIF_MOD_START_PFN))
		end = max(end, info->mod_start + info->mod_len);
	if (builder_stack >= base() && builder_stack < base() + nr_pages * PAGE_SIZE)
		end = max(end, builder_stack);
	if (info->store_evtchn)
		end = max(end, (uintptr_t)pv_machine_to_virt(info->store_mfn) + PAGE_SIZE);
	if (!(info->flags & SIF_INITDOMAIN) && info->console.domU.mfn)
		end = max(end, (uintptr_t)pv_machine_to_virt(info->console.domU.mfn) + PAGE_SIZE);
	return (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

void pv_memory_init(const struct start_info *info, uintptr_t builder_stack)
{
	uintptr_t free, mapped_end;
	uint32_t r[4];

	pv_p2m = (const unsigned long *)info->mfn_list;
	nr_pages = info->nr_pages;
	top_table = (uint64_t *)info->pt_base;
	cpuid(0x80000001, 0, r);
	nx = r[3] & (1u << 20) ? NX : 0;

	free = builder_end(info, builder_stack);
	boot_info.memory_end = base() + nr_pages * PAGE_SIZE;
	mapped_end = base();
	while (mapped_end < boot_info.memory_end && mapped(mapped_end, 2))
		mapped_end += CHUNK;
	if (mapped_end > boot_info.memory_end)
		mapped_end = boot_info.memory_end;
	protect_image(info, free + sizeof(reserve) / sizeof(*reserve) * PAGE_SIZE, mapped_end);

	/* The builder leaves at least 512 KiB mapped and free, unless there is no more. */
	while (reserved < sizeof(reserve) / sizeof(*reserve) && free < mapped_end) {
		reserve[reserved++] = (void *)free;
		free += PAGE_SIZE;
	}
	boot_info.memory_start = free;
}
