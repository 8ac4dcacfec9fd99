/* SPDX-License-Identifier: ISC */
/*
 * kernel/arch.h in a process.
 *
 * A context is a pthread, and exactly one pthread runs at a time, so the guest's
 * scheduler alone decides which one, while sanitizers and debuggers see ordinary
 * threads.  Since creating a pthread is slow, it serves one context after another.
 *
 * The guest's stack pages are allocated and guarded as on Xen, so that out-of-memory
 * errors and leaked threads look the same; the C code uses the stack of the pthread.
 *
 * Over 500 lines: it implements one header.
 */
#include "tests/host/inside.h"

#include "kernel/page.h"
#include "kernel/sched.h"

#include <assert.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK (512 * PAGE_SIZE)		/* what one page table maps */

struct shared_info arch_shared_info;
struct boot_info boot_info;

struct worker {
	pthread_t pthread;
	sem_t baton;
	jmp_buf top;
	struct arch_context *context;	/* the context that it serves, or NULL */
	struct worker *next;		/* the list of all contexts */
	bool stop;
};

struct arch_context {
	struct worker *worker;
	void (*main)(void *);
	void *arg;
	char *base;			/* guard page and stack, of page_alloc() */
	size_t size;
};

static struct worker *workers;
static struct worker main_worker;	/* the pthread that runs claims */
static struct arch_context main_flow = { .worker = &main_worker };
static struct arch_context *running = &main_flow;
static sem_t parked;
static bool leaving;

static uint64_t now;

/* ---- contexts */

static void wait_for_baton(struct worker *w)
{
	while (sem_wait(&w->baton))
		;
	if (w->stop) {
		w->stop = false;
		_longjmp(w->top, 1);
	}
	if (w == &main_worker && leaving) {
		leaving = false;
		host_down();
	}
}

static void *serve(void *arg)
{
	struct worker *w = arg;

	_setjmp(w->top);
	w->context = NULL;
	sem_post(&parked);
	wait_for_baton(w);
	w->context->main(w->context->arg);
	host_fail("a context's main returned");
}

static struct worker *worker_get(void)
{
	pthread_attr_t attr;
	struct worker *w;

	for (w = workers; w && w->context; w = w->next)
		;
	if (w)
		return w;
	w = __real_calloc(1, sizeof(*w));
	sem_init(&w->baton, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	if (pthread_create(&w->pthread, &attr, serve, w))
		host_fail("no pthread to be had");
	pthread_attr_destroy(&attr);
	while (sem_wait(&parked))
		;
	w->next = workers;
	workers = w;
	return w;
}

/* Returns to the top of serve(), from wherever the thread waits. */
static void worker_stop(struct worker *w)
{
	w->stop = true;
	sem_post(&w->baton);
	while (sem_wait(&parked))
		;
}

struct arch_context *arch_context_new(void (*main)(void *), void *arg, size_t stack_size)
{
	size_t size = (stack_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	struct arch_context *c;
	char *base;

	if (!main)
		return &main_flow;
	base = size < stack_size ? NULL : page_alloc(1 + size / PAGE_SIZE);
	if (!base)
		return NULL;
	arch_guard(base);
	/* As on Xen it lies at the stack's top, so it ends with the stack. */
	c = (struct arch_context *)(base + PAGE_SIZE + size) - 1;
	*c = (struct arch_context){
		.worker = worker_get(), .main = main, .arg = arg,
		.base = base, .size = size,
	};
	c->worker->context = c;
	return c;
}

void arch_context_free(struct arch_context *c)
{
	char *base = c->base;
	size_t size = c->size;

	if (c == &main_flow)
		return;
	if (c == running)
		host_fail("the running context is freed");
	worker_stop(c->worker);
	memset(c, 0x5a, sizeof(*c));
	arch_unguard(base);
	page_free(base, 1 + size / PAGE_SIZE);
}

bool host_in_kernel(void)
{
	return arch_shared_info.vcpu_info[0].evtchn_upcall_mask || current->depth;
}

static void expect_masked(const char *who)
{
	if (!arch_shared_info.vcpu_info[0].evtchn_upcall_mask)
		host_fail("%s with upcalls unmasked", who);
}

void arch_switch(struct arch_context *from, struct arch_context *to)
{
	if (!host_in_kernel())
		host_fail("arch_switch() with upcalls unmasked");
	if (from != running)
		host_fail("arch_switch() from a context that does not run");
	host_step();
	host_trace("runs");
	running = to;
	sem_post(&to->worker->baton);
	wait_for_baton(from->worker);
}

void arch_set_tls(uintptr_t tls)
{
	(void)tls;		/* the pthreads have their own */
}

void arch_context_stack(const struct arch_context *c, size_t *size, size_t *used)
{
	*size = c == &main_flow ? 64 * 1024 : c->size;
	*used = *size / 4;	/* not measured on the host */
}

bool host_on_main_flow(void)
{
	return running == &main_flow;
}

_Noreturn void host_leave_to_main(void)
{
	struct arch_context *from = running;

	if (host_on_main_flow())
		host_down();
	leaving = true;
	running = &main_flow;
	sem_post(&main_worker.baton);
	wait_for_baton(from->worker);	/* until host_stop_threads() */
	abort();
}

void host_stop_threads(void)
{
	assert(host_on_main_flow());
	for (struct worker *w = workers; w; w = w->next)
		if (w->context)
			worker_stop(w);
}

unsigned arch_choose(unsigned n)
{
	return n > 1 && !host.fifo ? host_below(n) : 0;
}

/* ---- time */

uint64_t host_now(void)
{
	return now;
}

void host_advance(uint64_t ns)
{
	now += ns;
	host_timers();
}

void host_set_time(uint64_t ns)
{
	now = ns;
}

uint64_t arch_clock(void)
{
	host_advance(1 + host_below(300));
	return now - (host.clock_back ? host_below(host.clock_back) : 0);
}

bool arch_cycles_trap;

uint64_t arch_cycles(void)
{
	assert(!arch_cycles_trap);	/* the kernel must not read it if reading traps */
	return now;
}

uint64_t arch_cycles_ns(uint64_t cycles)
{
	return cycles;
}

static bool event_pending(void)
{
	struct vcpu_info *vcpu = &arch_shared_info.vcpu_info[0];

	return __atomic_load_n(&vcpu->evtchn_upcall_pending, __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&vcpu->evtchn_pending_sel, __ATOMIC_SEQ_CST);
}

/*
 * All threads sleep, so it is the others' move, or time's.  They are given most turns:
 * a peer may be slow, but not for as long as the guest would wait for a dead one.
 */
void arch_idle(uint64_t deadline)
{
	uint64_t next;

	expect_masked("arch_idle()");
	for (;;) {
		host_count_step();
		host_advance(1 + host_below(1000));
		if (event_pending() || (deadline && now >= deadline) || host_chance(64))
			return;
		next = host_next_timer(deadline);
		if (next && host_chance(8)) {
			uint64_t step = 1 + host_below(1000 * 1000);

			host_advance(next > now && step > next - now ? next - now : step);
		} else if (!host_actors_step()) {
			if (!next)
				host_fail("deadlock: all sleep, and nothing is to come");
			if (next > now)
				host_advance(next - now);
			if (host_chance(4))
				host_advance(host_below(100000));
		}
	}
}

/* ---- memory */

static size_t page_tables;
static bool chunk_mapped[HOST_GUEST_MAX / CHUNK];

int host_memory_file(void)
{
	static int file = -1;
	size_t size = HOST_END - HOST_BASE;
	void *at = (void *)HOST_BASE;

	if (file >= 0)
		return file;
	file = memfd_create("guest", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, size) ||
	    mmap(at, size, PROT_NONE, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0) != at) {
		perror("memory for the guest");
		exit(1);
	}
	return file;
}

static void protect(uintptr_t start, size_t size, int how)
{
	if (mprotect((void *)start, size, how))
		host_fail("mprotect: %s", strerror(errno));
}

static void expect_guest_memory(const char *who, uintptr_t start, size_t size)
{
	if (start % PAGE_SIZE || start < boot_info.memory_start || start + size < start ||
	    start + size > boot_info.memory_end)
		host_fail("%s outside of memory: %lx, %zx bytes", who, start, size);
}

void host_set_memory(size_t bytes)
{
	boot_info.memory_end = boot_info.memory_start + bytes;
}

/* As on Xen, each 2 MiB that are mapped for the first time cost a page for the table. */
static void page_table_for(uintptr_t chunk)
{
	if (chunk_mapped[chunk])
		return;
	chunk_mapped[chunk] = true;
	if (page_alloc(1))
		page_tables++;
}

/* Given memory cannot be accessed; only such memory can be taken. */
static bool given[HOST_GUEST_MAX / ARCH_GRANULE];

static bool *given_at(uintptr_t at)
{
	return &given[(at - HOST_BASE) / ARCH_GRANULE];
}

void arch_give(uintptr_t start, size_t size)
{
	expect_guest_memory("arch_give()", start, size);
	if (start % ARCH_GRANULE || size % ARCH_GRANULE)
		host_fail("arch_give() of a part of a granule");
	protect(start, size, PROT_NONE);
	for (uintptr_t at = start; at < start + size; at += ARCH_GRANULE) {
		if (*given_at(at))
			host_fail("arch_give() of what was given");
		*given_at(at) = true;
	}
}

/* Xen cannot give a granule that it has given: it would give other memory in its place. */
int arch_take(uintptr_t granule)
{
	if (host.map_fails && host_chance(host.map_fails))
		return -ENOMEM;
	if (!*given_at(granule))
		host_fail("arch_take() of what was not given");
	*given_at(granule) = false;
	return 0;
}

int arch_map(uintptr_t start, size_t size)
{
	size_t some = size < 16 * PAGE_SIZE ? size : 16 * PAGE_SIZE;

	expect_guest_memory("arch_map()", start, size);
	for (uintptr_t at = start & -ARCH_GRANULE; at < start + size; at += ARCH_GRANULE)
		if (*given_at(at))
			host_fail("arch_map() of memory that Xen has");
	if (host.map_fails && host_chance(host.map_fails))
		return -ENOMEM;
	protect(start, size, PROT_READ | PROT_WRITE);
	memset((void *)start, 0xa5, some);	/* new pages need not be zero */
	for (uintptr_t at = start; at < start + size; at += PAGE_SIZE)
		page_table_for((at - HOST_BASE) / CHUNK);
	return 0;
}

size_t host_page_tables(void)
{
	return page_tables;
}

void arch_guard(void *page)
{
	expect_guest_memory("arch_guard()", (uintptr_t)page, PAGE_SIZE);
	protect((uintptr_t)page, PAGE_SIZE, PROT_NONE);
}

void arch_make_readonly(void *page)
{
	expect_guest_memory("arch_make_readonly()", (uintptr_t)page, PAGE_SIZE);
	protect((uintptr_t)page, PAGE_SIZE, PROT_READ);
}

void arch_unguard(void *page)
{
	expect_guest_memory("arch_unguard()", (uintptr_t)page, PAGE_SIZE);
	protect((uintptr_t)page, PAGE_SIZE, PROT_READ | PROT_WRITE);
}

/* Guest memory and the image itself, which is linked below 4 GiB for this. */
unsigned long arch_frame(const void *page)
{
	extern char __executable_start[], end[];
	uintptr_t at = (uintptr_t)page;

	if (at % PAGE_SIZE)
		host_fail("arch_frame() of half a page: %p", page);
	if (!(at >= boot_info.memory_start && at < boot_info.memory_end) &&
	    !(at >= (uintptr_t)__executable_start && at < (uintptr_t)end))
		host_fail("arch_frame() of an address that is not a page of the guest: %p", page);
	return at / PAGE_SIZE;
}

void *arch_map_frames(const unsigned long *frames, unsigned n)
{
	uintptr_t at = frames[0] * PAGE_SIZE;

	if (host.map_fails && host_chance(host.map_fails))
		return NULL;
	for (unsigned i = 0; i < n; i++)
		if (frames[i] * PAGE_SIZE != at + i * PAGE_SIZE || at < HOST_FRAMES_BASE)
			host_fail("arch_map_frames() of frames that Xen did not give");
	return (void *)at;
}

void arch_map_frame(void *where, unsigned long frame)
{
	if ((uintptr_t)where != frame * PAGE_SIZE)
		host_fail("arch_map_frame() at another address than before");
}

void arch_hide_frame(void *where)
{
	(void)where;
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

void arch_empty(void *page)
{
	arch_guard(page);
}

uint64_t arch_map_where(void *where)
{
	return (uintptr_t)where;
}

bool host_touchable(const void *address)
{
	static int ends[2] = { -1, -1 };
	char byte;

	if (ends[0] < 0 && pipe(ends))
		host_fail("pipe: %s", strerror(errno));
	if (write(ends[1], address, 1) != 1)
		return false;
	if (read(ends[0], &byte, 1) != 1)
		host_fail("pipe: %s", strerror(errno));
	return true;
}

/* ---- the rest */

void arch_attach(void)
{
	if (!host.restores)
		host_fail("arch_attach(): this machine attaches by itself");
}

int arch_suspend(void)
{
	expect_masked("arch_suspend()");
	host_actors_step();
	if (host.restores)
		host_xen_restored();
	return !host.restores;
}

void arch_backtrace(void (*visit)(uintptr_t pc))
{
	void *pc[40];
	int n = backtrace(pc, HOST_COUNT(pc));

	for (int i = 1; i < n; i++)
		visit((uintptr_t)pc[i]);
}

/* The interrupted address, and a random number of callers. */
unsigned arch_callers(const struct regs *where, uintptr_t *pcs, unsigned n,
		      struct arch_call *top)
{
	unsigned depth = 1 + host_below(n);

	*top = (struct arch_call){ 0, 0 };
	pcs[0] = where ? where->pc : (uintptr_t)__builtin_return_address(0);
	for (unsigned i = 1; i < depth; i++)
		pcs[i] = pcs[0] + i;
	return depth;
}

bool arch_random(uint64_t *bits)
{
	*bits = host.rdrand == RDRAND ? host_random() :
		host.rdrand == RDRAND_STUCK ? 0x5555 : arch_clock();
	return host.rdrand != RDRAND_NONE;
}

void host_arch_reset(void)
{
	static _Alignas(PAGE_SIZE) char console_page[PAGE_SIZE], xenstore_page[PAGE_SIZE];
	size_t size = HOST_END - HOST_BASE;
	int file = host_memory_file();

	sem_init(&main_worker.baton, 0, 0);
	running = &main_flow;
	leaving = false;
	now = 1000 * 1000ull + host_random() % (1ull << 52);	/* an uptime of about 50 days */

	/* Maps the whole range again, empty, whatever was mapped there. */
	mmap((void *)HOST_BASE, size, PROT_NONE, MAP_SHARED | MAP_FIXED, file, 0);
	if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size))
		host_fail("fallocate: %s", strerror(errno));
	memset(chunk_mapped, 0, sizeof(chunk_mapped));
	memset(given, 0, sizeof(given));
	page_tables = 0;

	memset(&arch_shared_info, 0, sizeof(arch_shared_info));
	arch_shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	arch_shared_info.wc_version = 2;
	arch_shared_info.wc_sec = 1780000000;
	arch_shared_info.wc_nsec = host_below(1000000000);

	memset(console_page, 0, sizeof(console_page));
	memset(xenstore_page, 0, sizeof(xenstore_page));
	boot_info = (struct boot_info){
		.memory_start = HOST_BASE,
		.memory_end = HOST_BASE + (64ul << 20),
		.console_ring = console_page,
		.xenstore_ring = xenstore_page,
	};
}
