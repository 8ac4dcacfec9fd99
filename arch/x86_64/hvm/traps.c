/* SPDX-License-Identifier: ISC */
/*
 * The CPU's tables: the entries of faults, the NMI and events, and their stacks.
 *
 * The double fault has its own stack.  So if a stack has run into its guard page, where a
 * page fault's frame cannot be pushed, there is a report.  The NMI has its own stack,
 * too, since it may come anywhere.  Below each of these is a guard page.
 */
#include "arch/x86_64/hvm/hvm.h"
#include "arch/x86_64/hvm/segments.h"
#include "arch/x86_64/x86_64.h"

#define STACK_PAGES 4
#define NMI 2
#define DOUBLE_FAULT 8

#define PRESENT_GATE 0x8e00u		/* interrupt gate, ring 0 */
#define PRESENT_TASK 0x0089u		/* 64-bit TSS, available */

struct gate {				/* SDM 3, figure 6-8 */
	uint16_t offset_low, segment, flags, offset_middle;
	uint32_t offset_high, reserved;
};

struct task {				/* SDM 3, figure 8-11 */
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

struct pointer {
	uint16_t limit;
	uintptr_t base;
} __attribute__((packed));

/* In entry.S: the vectors, and their entries of 16 bytes each. */
extern const uint8_t hvm_vectors[], hvm_vectors_end[];
extern const char hvm_trap_entries[];
#define ENTRY_SIZE 16
void hvm_nmi_entry(void), hvm_upcall_entry(void);

extern uint64_t hvm_segments[];

static struct gate gates[UPCALL_VECTOR + INTERRUPTS];
static struct task task = { .io_map = sizeof(task) };

static unsigned stack_of(unsigned vector)
{
	return vector == NMI ? 1 : vector == DOUBLE_FAULT ? 2 : 0;
}

/* Returns the end of a new stack. */
static uintptr_t new_stack(void)
{
	uintptr_t guard = (uintptr_t)hvm_early_pages(1 + STACK_PAGES);

	hvm_remap(guard, 0);
	return guard + (1 + STACK_PAGES) * PAGE_SIZE;
}

static void load_task(void)
{
	uintptr_t base = (uintptr_t)&task;
	uint64_t *segment = &hvm_segments[TASK_SEGMENT / 8];

	for (int i = 0; i < 2; i++)
		task.ist[i] = new_stack();
	segment[0] = (sizeof(task) - 1) | (base & 0xffffff) << 16 | (uint64_t)PRESENT_TASK << 40 |
		     (base >> 24 & 0xff) << 56;
	segment[1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(TASK_SEGMENT));
}

/* The image lies below 4 GiB. */
static void set_gate(unsigned vector, uintptr_t entry)
{
	gates[vector] = (struct gate){
		.offset_low = entry, .offset_middle = entry >> 16,
		.segment = CODE_SEGMENT, .flags = PRESENT_GATE | stack_of(vector),
	};
}

void hvm_traps_init(void)
{
	struct pointer table = { .limit = sizeof(gates) - 1, .base = (uintptr_t)gates };

	load_task();
	for (unsigned i = 0; hvm_vectors + i < hvm_vectors_end; i++)
		set_gate(hvm_vectors[i], (uintptr_t)hvm_trap_entries + i * ENTRY_SIZE);
	set_gate(NMI, (uintptr_t)hvm_nmi_entry);
	for (unsigned i = 0; i < INTERRUPTS; i++)
		set_gate(UPCALL_VECTOR + i, (uintptr_t)hvm_upcall_entry);
	__asm__ volatile("lidt %0" : : "m"(table));
}
