/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/dump.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"

static struct dump *dumps, **last = &dumps;

static const char *state(const struct thread *t)
{
	if (t == current)
		return "running";
	if (t->runnable)
		return t->depth ? "ready" : "preempted";
	return "waits";
}

static void print_thread(const struct thread *t, void *arg)
{
	uint64_t now = clock_now();
	size_t size = 0, used = 0;

	(void)arg;
	arch_context_stack(t->context, &size, &used);
	print("  %4u %-15s %-6s %-9s %9llu ms  stack %zu of %zu", t->id, t->name,
	      t->kind == THREAD_KERNEL ? "kernel" : "app", state(t),
	      (unsigned long long)(t->cpu_time / NSEC_PER_MSEC), used, size);
	if (t->waits)
		print("  in %s", t->waits);
	if (t->waits && t->deadline != NEVER)
		print(", %lld ms left", t->deadline > now ?
		      (long long)((t->deadline - now) / NSEC_PER_MSEC) : 0ll);
	print("\n");
}

void dump_threads(void)
{
	print("threads: %u; switches %llu, preemptions %llu, upcalls %llu, idled %llu, turns %llu\n",
	      thread_count(), (unsigned long long)sched_stats.switches,
	      (unsigned long long)sched_stats.preemptions,
	      (unsigned long long)sched_stats.upcalls,
	      (unsigned long long)sched_stats.idles,
	      (unsigned long long)sched_stats.turns);
	thread_list(print_thread, NULL);
}

void dump_memory(void)
{
	struct page_stats p;
	struct gnttab_stats g;

	page_stats(&p);
	gnttab_stats(&g);
	print("memory: %zu KiB, of them heap %zu, pages %zu, free %zu\n", p.total * 4,
	      p.heap * 4, p.used * 4, p.free * 4);
	print("grants: %u used, %u free, %u in quarantine; %u of %u frames; %u mapped\n",
	      g.used, g.free, g.quarantined, g.frames, g.max_frames, g.mapped);
}

static void print_port(const struct evtchn *e, void *arg)
{
	(void)arg;
	print("  %4u %-15s signalled %llu times%s%s%s\n", e->port, e->name,
	      (unsigned long long)e->count, e->signalled ? ", not handled" : "",
	      e->masked ? ", masked" : "", e->waiters.first ? ", has a waiting thread" : "");
}

void dump_ports(void)
{
	print("ports:\n");
	evtchn_list(print_port, NULL);
}

void dump_state(void)
{
	dump_threads();
	dump_ports();
	dump_memory();
	for (const struct dump *d = dumps; d; d = d->next)
		d->report();
}

void dump_add(struct dump *dump)
{
	dump->next = NULL;
	*last = dump;
	last = &dump->next;
}
