/* SPDX-License-Identifier: ISC */
/*
 * Registers of threads that do not run, and memory that is checked before it is accessed
 * (kernel/debug.h).
 *
 * The registers of an interrupted thread are on its stack: among the frames that led to
 * switch_stack() is that of trap() or preempt(), and above it are the registers that the
 * entry code saved.  If there are several, the outermost is the application's: the others
 * are of interrupted entry code.
 */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/debug.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>

#define ARITHMETIC 0xcd5u		/* CF PF AF ZF SF DF OF */
#define FLAGS_ASLEEP 0x202u		/* interrupts enabled, and a bit that is always 1 */

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15, RIP,
       RFLAGS, CS, SS };

static char *window;			/* the address by which a page of text is written */

/* ---- registers */

static bool is_entry(uintptr_t back)
{
	return back == (uintptr_t)pv_trapped || back == (uintptr_t)pv_preempted ||
	       back == (uintptr_t)hvm_trapped || back == (uintptr_t)hvm_preempted;
}

struct regs *debug_frame(const struct thread *t)
{
	struct regs saved, *found = NULL;
	uintptr_t rbp, frame, pc;

	context_registers(t->context, &saved);
	frame = rbp = saved.rbp;
	for (; next_frame(t->context, &rbp, &pc); frame = rbp)
		if (is_entry(pc) && context_holds(t->context, frame + 16, sizeof(*found)))
			found = (struct regs *)(frame + 16);
	return found;
}

static void pack(const struct regs *r, uint64_t v[DEBUG_REGISTERS])
{
	const uint64_t values[DEBUG_REGISTERS] = {
		r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8, r->r9,
		r->r10, r->r11, r->r12, r->r13, r->r14, r->r15, r->rip, r->rflags, r->cs,
		r->ss,
	};

	memcpy(v, values, sizeof(values));
}

void debug_registers(const struct thread *t, uint64_t values[DEBUG_REGISTERS])
{
	const struct regs *r = debug_frame(t);
	struct regs saved;

	if (!r) {
		context_registers(t->context, &saved);
		saved.rflags = FLAGS_ASLEEP;
		r = &saved;
	}
	pack(r, values);
}

int debug_set_registers(struct thread *t, const uint64_t v[DEBUG_REGISTERS])
{
	struct regs *r = debug_frame(t);
	uint64_t old[DEBUG_REGISTERS];

	debug_registers(t, old);
	if (!r)
		return memcmp(old, v, sizeof(old)) ? -EBUSY : 0;
	if (v[RIP] != old[RIP] &&
	    (v[RIP] < (uintptr_t)library_text || v[RIP] >= (uintptr_t)text_end))
		return -EINVAL;
	if (v[RSP] != old[RSP] && !context_holds(t->context, v[RSP], 8))
		return -EINVAL;
	r->rax = v[RAX], r->rbx = v[RBX], r->rcx = v[RCX], r->rdx = v[RDX];
	r->rsi = v[RSI], r->rdi = v[RDI], r->rbp = v[RBP], r->rsp = v[RSP];
	r->r8 = v[R8], r->r9 = v[R9], r->r10 = v[R10], r->r11 = v[R11];
	r->r12 = v[R12], r->r13 = v[R13], r->r14 = v[R14], r->r15 = v[R15];
	r->rip = v[RIP];
	r->rflags = (r->rflags & ~(uint64_t)ARITHMETIC) | (v[RFLAGS] & ARITHMETIC);
	return 0;
}

/* ---- memory: it has one place (paging.h), and only this is accessed */

static bool readable(uintptr_t address)
{
	return address >= (uintptr_t)image_start && address < boot_info.memory_end &&
	       pte_present(address, 1);
}

static bool is_data(uintptr_t address)
{
	return readable(address) && *pte_lookup(address, 1) & PTE_WRITE;
}

/*
 * Memory that is read-only only by the linker script: page tables under PV can be written
 * by Xen only.
 */
static bool is_image(uintptr_t address)
{
	return (address >= (uintptr_t)image_start && address < (uintptr_t)text_end) ||
	       (address >= (uintptr_t)rodata_start && address < (uintptr_t)rodata_end);
}

/* How many of len bytes from address on are on its page. */
static size_t on_page(uintptr_t address, size_t len)
{
	size_t left = PAGE_SIZE - address % PAGE_SIZE;

	return len < left ? len : left;
}

size_t debug_read(uintptr_t address, void *to, size_t len)
{
	size_t done = 0;

	while (done < len && readable(address + done)) {
		size_t n = on_page(address + done, len - done);

		memcpy((char *)to + done, (const void *)(address + done), n);
		done += n;
	}
	return done;
}

int debug_init(void)
{
	if (window)
		return 0;
	window = page_alloc(1);
	if (!window)
		return -ENOMEM;
	arch_guard(window);
	return 0;
}

/* Text stays executable and read-only: its page has a second address meanwhile. */
static char *open_window(uintptr_t address)
{
	platform->remap((uintptr_t)window,
			platform->physical(address & ~(PAGE_SIZE - 1)) | PTE_RW | pte_nx);
	return window + address % PAGE_SIZE;
}

static void close_window(void)
{
	arch_guard(window);
}

uint8_t debug_exchange(uintptr_t address, uint8_t byte)
{
	char *at = open_window(address);
	uint8_t was = *at;

	*at = byte;
	close_window();
	return was;
}

int debug_write(uintptr_t address, const void *from, size_t len)
{
	const char *p = from;

	for (size_t at = 0; at < len; at += on_page(address + at, len - at))
		if (!is_image(address + at) && !is_data(address + at))
			return -EFAULT;
	while (len) {
		size_t n = on_page(address, len);
		bool image = is_image(address);

		memcpy(image ? open_window(address) : (char *)address, p, n);
		if (image)
			close_window();
		address += n;
		p += n;
		len -= n;
	}
	return 0;
}
