/* SPDX-License-Identifier: ISC */
/*
 * The part of boot that is common to all guest types, and functions of kernel/arch.h that only
 * call `platform`.
 */
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/sched.h"

const struct platform *platform;
struct boot_info boot_info;
uintptr_t __stack_chk_guard;

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
	kernel_enter();
	panic("stack smashed");
}

/*
 * A word of RDRAND, if a second one differs: some CPUs always return the same word.  It takes less
 * time than starting the generator of random numbers, which many programs never need.
 */
static uint64_t canary(void)
{
	uint64_t word, other;

	return arch_random(&word) && arch_random(&other) && word != other ? word : random_word();
}

__attribute__((no_stack_protector)) void arch_init(void)
{
	cpu_init();
	__stack_chk_guard = canary() & ~0xfful;		/* a NUL stops string functions */
}

/*
 * Called after an upcall that woke other threads.  Saves the FPU of the interrupted
 * thread while they run.
 */
void preempt(void)
{
	char area[fpu_size() + 64];
	void *aligned = (void *)(((uintptr_t)area + 63) & ~63ul);

	fpu_save(aligned);
	sched_preempt();
	fpu_restore(aligned);
}

void arch_idle(uint64_t deadline)
{
	(void)deadline;		/* the scheduler has set the timer */
	platform->block();
}

void arch_attach(void)
{
	platform->attach();
}

int arch_suspend(void)
{
	return platform->suspend();
}

int xen_grant_setup(unsigned n, unsigned long *frames)
{
	return platform->grant_setup(n, frames);
}
