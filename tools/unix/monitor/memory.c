/* SPDX-License-Identifier: ISC */
/*
 * The guest's page tables, which the guest reads and this file writes, and the mappings of the
 * process, which follow them.
 *
 * A page is writable if its entry is, and is marked as written: else the first write must be seen,
 * to set the mark as a CPU does.  Only the image's text and the hypercall page are ever executable,
 * whatever the entries say, and these are mapped once.
 */
#include "monitor/monitor.h"

#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PTE_PRESENT 1ul
#define PTE_WRITE 2ul
#define PTE_ACCESSED 0x20ul
#define PTE_DIRTY 0x40ul
#define PTE_NX (1ul << 63)
#define PTE_FRAME 0x000ffffffffff000ul
#define LEVEL_MASK 7ul
#define FAULT_WRITE 2u

/* The guest maps a granule when it uses memory there: faster than a fault for each page. */
#define POPULATE (16 * PAGE)

static const struct domain *d;
static bool running;
/* For each frame that is a page table: the first address that it maps, and its level; else 0. */
static uint64_t *tables;

/* Changes that are not made yet: frames `frame` on at [from, to), or nothing there (prot < 0). */
static struct {
	uint64_t from, to, frame;
	int prot;
} run;

static long map_run(void)
{
	uint64_t size = run.to - run.from;
	long rc;

	if (!size)
		return 0;
	if (run.prot < 0)
		rc = monitor_syscall(SYS_munmap, run.from, size, 0, 0, 0, 0);
	else
		rc = monitor_syscall(
			SYS_mmap, run.from, size, run.prot,
			MAP_SHARED | MAP_FIXED |
				(running && size >= POPULATE ? MAP_POPULATE : 0),
			d->memory, run.frame * PAGE);
	run.to = run.from;
	return rc < 0 && rc > -4096 ? rc : 0;
}

static bool is_text(uint64_t address)
{
	return (address >= d->text_start && address < d->text_end) ||
	       address == d->hypercall_page;
}

static int prot_of(uint64_t address, uint64_t entry)
{
	if (!(entry & PTE_PRESENT))
		return -1;
	if (entry & PTE_WRITE)
		return entry & PTE_DIRTY ? PROT_READ | PROT_WRITE : PROT_READ;
	return !(entry & PTE_NX) && is_text(address) ? PROT_READ | PROT_EXEC : PROT_READ;
}

/* An entry of the lowest level has changed. */
static long change(uint64_t address, uint64_t old, uint64_t new)
{
	int prot = prot_of(address, new);
	uint64_t frame = (new &PTE_FRAME) / PAGE;
	long rc = 0;

	if (prot == prot_of(address, old) &&
	    (prot < 0 || frame == (old & PTE_FRAME) / PAGE))
		return 0;
	if (prot >= 0 && frame >= d->all_frames)
		return -EINVAL;
	if (run.to != run.from &&
	    (address != run.to || prot != run.prot ||
	     (prot >= 0 && frame != run.frame + (run.to - run.from) / PAGE)))
		rc = map_run();
	if (run.to == run.from) {
		run.from = address;
		run.frame = frame;
		run.prot = prot;
	}
	run.to = address + PAGE;
	return rc;
}

static uint64_t *table(uint8_t *ram, uint64_t frame)
{
	return (uint64_t *)(ram + frame * PAGE);
}

/* The entry of the lowest level for an address, or NULL. */
static uint64_t *lookup(uint8_t *ram, uint64_t address)
{
	uint64_t frame = d->top_table, *entry;

	for (int level = 4;; level--) {
		if (frame >= d->frames)
			return NULL;
		entry = &table(ram, frame)[address >> (3 + 9 * level) & (PTES - 1)];
		if (level == 1)
			return entry;
		if (!(*entry & PTE_PRESENT))
			return NULL;
		frame = (*entry & PTE_FRAME) / PAGE;
	}
}

/* The table of the lowest level for addresses from this one on is no table any more. */
static long drop(uint8_t *ram, uint64_t frame, uint64_t address)
{
	long rc = 0;

	if (frame >= d->frames)
		return -EINVAL;
	for (uint64_t i = 0; i < PTES && !rc; i++)
		rc = change(address + i * PAGE, table(ram, frame)[i], 0);
	tables[frame] = 0;
	return rc;
}

static long update(uint8_t *ram, uint64_t where, uint64_t value)
{
	uint64_t frame = where / PAGE, index = where % PAGE / 8, level, address, old;
	uint64_t *entry;

	if (frame >= d->frames || !(level = tables[frame] & LEVEL_MASK))
		return -EINVAL;
	entry = &table(ram, frame)[index];
	address = (tables[frame] & ~LEVEL_MASK) + (index << (3 + 9 * level));
	old = *entry;
	*entry = value;
	if (level == 1)
		return change(address, old, value);
	if (level == 2 && old & PTE_PRESENT && !(value & PTE_PRESENT))
		return drop(ram, (old & PTE_FRAME) / PAGE, address);
	if (value & PTE_PRESENT && (value & PTE_FRAME) / PAGE < d->frames)
		tables[(value & PTE_FRAME) / PAGE] = address | (level - 1);
	return 0;
}

long monitor_update(uint8_t *ram, const struct mmu_update *ops, unsigned n,
		    uint64_t domid)
{
	long rc = domid == DOMID_SELF ? 0 : -EPERM, last;

	for (unsigned i = 0; i < n && !rc; i++)
		rc = ops[i].ptr & 3 ? -ENOSYS : update(ram, ops[i].ptr, ops[i].val);
	last = map_run();
	return rc ? rc : last;
}

long monitor_remap(uint8_t *ram, uint64_t address, uint64_t value)
{
	uint64_t *entry = lookup(ram, address), old;
	long rc, last;

	if (!entry)
		return -EINVAL;
	old = *entry;
	*entry = value;
	rc = change(address & ~(PAGE - 1), old, value);
	last = map_run();
	return rc ? rc : last;
}

bool monitor_writable(uint8_t *ram, uint64_t address)
{
	const uint64_t *entry = lookup(ram, address);

	return entry &&
	       prot_of(address & ~(PAGE - 1), *entry) == (PROT_READ | PROT_WRITE);
}

bool monitor_dirty(uint8_t *ram, uint64_t address, uint64_t code)
{
	uint64_t *entry = code & FAULT_WRITE ? lookup(ram, address) : NULL;

	if (!entry || !(*entry & PTE_PRESENT) || !(*entry & PTE_WRITE) ||
	    *entry & PTE_DIRTY)
		return false;
	return !monitor_remap(ram, address, *entry | PTE_DIRTY | PTE_ACCESSED);
}

const uint8_t *monitor_instruction(uint8_t *ram, uint64_t address, unsigned n)
{
	(void)ram;
	return address >= d->text_start && address + n <= d->text_end ?
		       (const uint8_t *)address :
		       NULL;
}

/* Notes the tables that the builder made, below this one. */
static void note_tables(uint64_t frame, uint64_t address, unsigned level)
{
	const uint64_t *t = table(d->ram, frame);

	tables[frame] = address | level;
	for (uint64_t i = 0; level > 1 && i < PTES; i++)
		if (t[i] & PTE_PRESENT)
			note_tables((t[i] & PTE_FRAME) / PAGE,
				    address + (i << (3 + 9 * level)), level - 1);
}

static bool failed(long rc)
{
	return rc < 0 && rc > -4096;
}

/*
 * The text is a copy, in memory that has no file: perf takes its names from a list then
 * (perf_map.c).  With a debugger in the guest, which writes to text at another address, it is the
 * guest's own memory.
 */
static long copy_text(void)
{
	uint64_t size = d->text_end - d->text_start;
	const uint64_t *from = (const uint64_t *)(d->ram + (d->text_start - d->base));
	volatile uint64_t *to = (volatile uint64_t *)d->text_start;
	long rc = monitor_syscall(SYS_mmap, d->text_start, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (failed(rc))
		return rc;
	for (uint64_t i = 0; i < size / 8; i++)
		to[i] = from[i];
	return monitor_syscall(SYS_mprotect, d->text_start, size, PROT_READ | PROT_EXEC,
			       0, 0, 0);
}

int monitor_map(const struct domain *domain)
{
	long rc;

	d = domain;
	for (unsigned i = 0; i < d->nforeign; i++)
		monitor_syscall(SYS_munmap, d->foreign[i].start,
				d->foreign[i].end - d->foreign[i].start, 0, 0, 0, 0);
	rc = monitor_syscall(SYS_mmap, 0, d->frames * 8, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (failed(rc))
		return rc;
	tables = (uint64_t *)rc;
	rc = monitor_syscall(
		SYS_mmap, d->base, d->frames * PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (failed(rc) || (uint64_t)rc != d->base)
		return -EEXIST;
	note_tables(d->top_table, 0, 4);
	rc = 0;
	for (uint64_t at = d->base; at < d->mapped_end && !rc; at += PAGE)
		rc = change(at, 0, *lookup(d->ram, at));
	if (!rc)
		rc = map_run();
	running = true;
	return rc || d->text_shared ? rc : copy_text();
}
