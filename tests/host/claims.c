/* SPDX-License-Identifier: ISC */
/* Runs claims: with many seeds, each from a fresh start, and searches for leaks. */
#include "tests/host/inside.h"

#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/log.h"
#include "kernel/gnttab.h"
#include "kernel/hold.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "kernel/timer.h"

#include <sanitizer/lsan_interface.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 100			/* seconds of CPU time for one claim */
#define LONGEST (5 * PATIENCE)		/* seconds for one claim, on a machine with other work */

bool host_verbose;
void (*host_down)(void);

static const char *program = "";
static const char *claim_text = "";
static uint64_t seed;
static struct {
	bool booted;
	unsigned ports, grants, threads;
	size_t pages;
} baseline;

/* ---- the guest's static variables */

/*
 * The build renames .data and .bss of everything but this platform, and the linker
 * gives us their bounds.
 */
#define WEAK __attribute__((weak))
extern char __start_guest_data[] WEAK, __stop_guest_data[] WEAK;
extern char __start_guest_bss[] WEAK, __stop_guest_bss[] WEAK;

static char *saved_data, *saved_bss;

/* Not memcpy(): the memory between two variables must not be accessed. */
static void copy(char *to, const char *from, size_t n)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static char *save(const char *start, const char *end)
{
	size_t size = end - start;
	char *saved = malloc(size + 1);

	if (!saved)
		host_fail("out of memory");
	copy(saved, start, size);
	return saved;
}

void host_snapshot(void)
{
	free(saved_data);
	free(saved_bss);
	saved_data = save(__start_guest_data, __stop_guest_data);
	saved_bss = save(__start_guest_bss, __stop_guest_bss);
}

void host_restore(void)
{
	if (!saved_data) {
		host_snapshot();
		return;
	}
	copy(__start_guest_data, saved_data, __stop_guest_data - __start_guest_data);
	copy(__start_guest_bss, saved_bss, __stop_guest_bss - __start_guest_bss);
}

/* ---- reports */

void host_trace(const char *fmt, ...)
{
	va_list args;

	if (!host_verbose)
		return;
	fprintf(stderr, "%llu %-10s ", (unsigned long long)host_now(), current->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

static void print_thread(const struct thread *t, void *arg)
{
	(void)arg;
	fprintf(stderr, "  %3u %-12s %-6s ", t->id, t->name,
		t->kind == THREAD_KERNEL ? "kernel" : "app");
	if (t->runnable)
		fputs(t == current ? "runs" : "runnable", stderr);
	else
		fprintf(stderr, "waits in %s", t->waits ? t->waits : "?");
	if (!t->runnable && t->sooner)
		fprintf(stderr, " until %llu", (unsigned long long)t->deadline);
	fputc('\n', stderr);
}

static void print_port(const struct evtchn *e, void *arg)
{
	uint64_t pending = arch_shared_info.evtchn_pending[e->port / 64] >> e->port % 64;

	(void)arg;
	fprintf(stderr, "  port %u %s: rang %llu times%s%s%s\n", e->port, e->name,
		(unsigned long long)e->count, e->signalled ? ", signalled" : "",
		e->masked ? ", masked" : "", pending & 1 ? ", pending" : "");
}

static void report(void)
{
	static bool reporting;
	const char *text = host_console();
	size_t len = strlen(text);

	if (reporting)
		return;
	reporting = true;
	host_enter_outside();
	fprintf(stderr, "\n  claim: %s\n  again: %s -k '%s' -s %llu -v\n",
		claim_text, program, claim_text, (unsigned long long)seed);
	if (baseline.booted) {
		fprintf(stderr, "  threads, at %llu:\n", (unsigned long long)clock_now());
		thread_list(print_thread, NULL);
		evtchn_list(print_port, NULL);
	}
	if (len && !host_verbose)
		fprintf(stderr, "  console:\n%s\n", text + (len > 4000 ? len - 4000 : 0));
}

_Noreturn void host_fail(const char *fmt, ...)
{
	va_list args;

	fputs("\nhost: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void on_abort(int signal)
{
	if (signal == SIGPROF)
		fprintf(stderr, "\nhost: no end after %d s of CPU time\n", PATIENCE);
	if (signal == SIGALRM)
		fprintf(stderr, "\nhost: no end after %d s\n", LONGEST);
	report();
	_exit(1);
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	/*
	 * Threads leave functions without returning; this file searches for
	 * leaks instead.
	 */
	return "abort_on_error=1:handle_abort=0:detect_stack_use_after_return=0:"
	       "leak_check_at_exit=0:allocator_may_return_null=1:quarantine_size_mb=16";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

/* ---- one run */

extern int gnttab_init(void) WEAK;	/* if the test has grants */
extern void gnttab_stats(struct gnttab_stats *stats) WEAK;

/* Without the pages of page tables and grants, which are never freed. */
static size_t pages_used(void)
{
	struct gnttab_stats grants = { .frames = 0 };
	struct page_stats stats;

	page_stats(&stats);
	if (gnttab_stats)
		gnttab_stats(&grants);
	return stats.used - host_page_tables() - grants.frames;
}

static uint64_t tick(const struct regs *where, bool idle)
{
	(void)where;
	(void)idle;
	return clock_now() + host_below(2 * NSEC_PER_MSEC);
}

void host_boot(void)
{
	page_init();
	clock_attach();
	evtchn_attach();
	sched_init("main", THREAD_APP);
	if (timer_attach())
		host_fail("timer_attach");
	hold_attach();
	hold_init();
	if (gnttab_init && gnttab_init())
		host_fail("gnttab_init");
	if (host.profiled)
		sched_profile(tick, clock_now());
	host_count_grants();
	baseline.ports = host_xen.ports;
	baseline.grants = host_xen.grants;
	baseline.threads = thread_count();
	baseline.pages = pages_used();
	baseline.booted = true;
}

static void look_for_leaks(void)
{
	host_enter_outside();
	host_count_grants();
	if (thread_count() != baseline.threads)
		host_fail("leaked threads: %u", thread_count() - baseline.threads);
	if (host_xen.ports != baseline.ports)
		host_fail("leaked ports: %u", host_xen.ports - baseline.ports);
	if (host_xen.grants != baseline.grants)
		host_fail("leaked grants: %u", host_xen.grants - baseline.grants);
	if (host_xen.mapped)
		host_fail("leaked foreign mappings: %u", host_xen.mapped);
	if (pages_used() != baseline.pages)
		host_fail("leaked pages: %zd", (ssize_t)(pages_used() - baseline.pages));
	if (current->depth != 1 || arch_shared_info.vcpu_info[0].evtchn_upcall_mask == host.profiled)
		host_fail("ended at depth %u of the kernel, not 1", current->depth);
	host_leave_outside();
}

void host_run(uint64_t with_seed, void (*test)(void))
{
	seed = with_seed;
	host_restore();
	host_down = NULL;
	host_world_reset(seed);
	host_arch_reset();
	host_xen_reset();
	memset(&baseline, 0, sizeof(baseline));
	test();
	if (!host_on_main_flow())
		host_fail("the test ended on another thread than it began on");
	if (baseline.booted && host_xen.shutdown < 0)
		look_for_leaks();
	host_stop_threads();
}

static jmp_buf before_shutdown;

static void went_down(void)
{
	_longjmp(before_shutdown, 1);
}

int host_until_shutdown(void (*guest)(void))
{
	host_down = went_down;
	if (!_setjmp(before_shutdown))
		guest();
	host_down = NULL;
	return host_xen.shutdown;
}

/* ---- many of them */

static struct {
	const char *claim;
	uint64_t seed;
	unsigned times;
} option = { .times = 1 };

/* The minimum number of seeds of a claim, if only a share of them is run. */
#define LEAST_SEEDS 5

static uint64_t seeds_of(const struct host_claim *claim)
{
	const char *word = getenv("HOST_SHARE");
	unsigned long share = word ? strtoul(word, NULL, 10) : 1;
	uint64_t n = claim->seeds / (share ? share : 1);

	if (n < LEAST_SEEDS)
		n = claim->seeds < LEAST_SEEDS ? claim->seeds : LEAST_SEEDS;
	return option.seed ? 1 : n * option.times;
}

static void run_claim(const struct host_claim *claim, uint64_t first)
{
	uint64_t n = seeds_of(claim);
	struct sigaction action = { .sa_handler = on_abort };

	sigaction(SIGABRT, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &(struct itimerval){ .it_value.tv_sec = PATIENCE }, NULL);
	alarm(LONGEST);
	claim_text = claim->text;
	for (uint64_t i = 0; i < n; i++) {
		host_run(first + i, claim->test);
		/* The memory of later ones is lost with the pointers to it. */
		if (i == 0 && __lsan_do_recoverable_leak_check())
			host_fail("leaked memory of malloc()");
	}
	fflush(NULL);
	_exit(0);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static bool claim_holds(const struct host_claim *claim, uint64_t first)
{
	double start = seconds();
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid == 0)
		run_claim(claim, first);
	waitpid(pid, &status, 0);
	printf("%s %s", status ? "FAILED" : "ok    ", claim->text);
	if (claim->seeds > 1 && !option.seed)
		printf(" (%llu seeds from %llu, %.1f s)", (unsigned long long)seeds_of(claim),
		       (unsigned long long)first, seconds() - start);
	putchar('\n');
	fflush(stdout);
	return status == 0;
}

int host_main(int argc, char **argv, const struct host_claim *claims, size_t n)
{
	const char *fixed = getenv("HOST_SEED");
	uint64_t first = fixed ? strtoull(fixed, NULL, 0) : (uint64_t)time(NULL) * 100000;
	bool all_hold = true;
	int opt;

	program = argv[0];
	while ((opt = getopt(argc, argv, "k:s:x:v")) != -1) {
		if (opt == 'k')
			option.claim = optarg;
		else if (opt == 's')
			option.seed = strtoull(optarg, NULL, 0);
		else if (opt == 'x')
			option.times = strtoul(optarg, NULL, 0);
		else if (opt == 'v')
			host_verbose = true;
		else
			return 2;
	}
	if (option.seed)
		first = option.seed;
	for (size_t i = 0; i < n; i++)
		if (!option.claim || strstr(claims[i].text, option.claim))
			all_hold &= claim_holds(&claims[i], first);
	return all_hold ? 0 : 1;
}
