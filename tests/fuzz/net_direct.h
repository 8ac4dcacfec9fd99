/* SPDX-License-Identifier: ISC */
/*
 * For fuzzers of net/: everything runs in one thread, so an input takes a fraction of a
 * millisecond.
 *
 * The guest boots once.  Before each input its static variables are reset to their values
 * after booting, so the result does not depend on earlier inputs.  The threads of
 * net/net.c and of the device do not exist: pass() does the work of the first, settle()
 * that of the second.  tests/unit has them as threads.
 *
 * A fuzzer defines run(), which calls direct_up() and direct_down() and takes bytes from
 * `input`.  Memory that is allocated in between and not freed at the end is a leak.
 */
#ifndef TESTS_FUZZ_NET_DIRECT_H
#define TESTS_FUZZ_NET_DIRECT_H

#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "tests/host/inside.h"

#define thread_start(name, kind, stack, main, ...) ((void)(main), current)
#include "net/net.c"
#include "tests/unit/net_vif.h"
#undef thread_start

#include "tests/unit/net_bytes.h"

#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#include <sanitizer/allocator_interface.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>

#define MEMORY (16u << 20)
#define BOOTED_AT (1000ull * NSEC_PER_SEC)
#define LIVE_MOST 65536
/* struct joined of net/netif_tx.c, which keeps those that are unused. */
#define JOINED_SIZE ((2 * 8 + 64 * 8 + GSO_HEADERS_MAX + 7) / 8 * 8)

#include "net/gso.h"

static const uint8_t *input HOST_KEEP;
static size_t input_left HOST_KEEP;

static void run(void);

static uint8_t byte(void)
{
	if (!input_left)
		return 0;
	input_left--;
	return *input++;
}

/* Sequence numbers and acknowledgments at the edges of what a connection accepts. */
static inline void numbers_of(const struct tcp_pcb *c, uint32_t seq[5], uint32_t ack[5])
{
	const struct tcp_seg *early = c->ooseq;

	seq[0] = seq[1] = c->rcv_nxt;
	seq[2] = c->rcv_nxt + c->rcv_wnd;
	seq[3] = early ? early->tcphdr->seqno : c->rcv_nxt - 1;
	while (early && early->next)
		early = early->next;
	seq[4] = early ? early->tcphdr->seqno + early->len : c->rcv_nxt + 1500;
	ack[0] = ack[1] = c->snd_nxt;
	ack[2] = c->lastack;
	ack[3] = c->snd_lbb;
	ack[4] = c->unacked ? lwip_ntohl(c->unacked->tcphdr->seqno) + c->unacked->len : c->snd_nxt;
}

/* ---- allocated memory */

static struct {
	bool on;
	unsigned n;
	struct {
		const volatile void *p;
		bool early;		/* by net_init() */
	} block[LIVE_MOST];
} live HOST_KEEP;

static void allocated(const volatile void *p, size_t size)
{
	(void)size;
	if (!live.on || !p)
		return;
	if (live.n == LIVE_MOST)
		host_fail("more than %u pieces of memory", LIVE_MOST);
	live.block[live.n].early = false;
	live.block[live.n++].p = p;
}

static void freed(const volatile void *p)
{
	if (!live.on || !p)
		return;
	for (unsigned i = live.n; i--;) {
		if (live.block[i].p != p)
			continue;
		live.block[i] = live.block[--live.n];
		return;
	}
}

static void look_for_leaks(void)
{
	live.on = false;
	while (live.n) {
		void *p = (void *)live.block[--live.n].p;

		if (!live.block[live.n].early &&
		    __sanitizer_get_allocated_size(p) != JOINED_SIZE) {
			__asan_describe_address(p);
			host_fail("leaked memory: %zu bytes", __sanitizer_get_allocated_size(p));
		}
		free(p);
	}
}

/* ---- the device and time */

static bool device_stuck;		/* it takes no frames */

static void settle(void)
{
	do {
		for (unsigned n = 8; n && vif.first && !device_stuck; n--)
			vif_take();
		vif_receive();
		if (vif.owed && vif.inflight < vif.room) {
			vif.owed = false;
			vif.user->room(vif.arg);
		}
		vif.user->received(vif.arg);
	} while (vif.in || (vif.first && !device_stuck));
}

static void pass(uint64_t ns)
{
	uint64_t end = clock_now() + ns, next, now;

	settle();
	while ((now = clock_now()) < end) {
		next = timers_next();
		if (looped() && next > now + LOOP_PAUSE)
			next = now + LOOP_PAUSE;
		next = next < end ? next : end;
		if (next > now)
			host_advance(next - now);
		timers_run();
		push();
		settle();
	}
}

/* ---- beginning and end */

/* options: a command line; vif.info is set. */
static void direct_up(const char *options)
{
	static char line[200];

	strcpy(line, options);
	assert(param_init(line) == 0);
	assert(net_init() == 0);
	for (unsigned i = 0; i < live.n; i++)
		live.block[i].early = true;
	settle();
}

/* Ends all state of lwIP, as its own timers would in the end. */
static void direct_down(void)
{
	struct net_stats s;

	host.malloc_fails = 0;
	device_stuck = false;
	while (tcp_listen_pcbs.pcbs)
		tcp_close(tcp_listen_pcbs.pcbs);
	while (tcp_bound_pcbs)
		tcp_abort(tcp_bound_pcbs);
	while (tcp_active_pcbs)
		tcp_abort(tcp_active_pcbs);
	while (tcp_tw_pcbs)
		tcp_abort(tcp_tw_pcbs);
	for (unsigned n = 0; looped(); n++) {
		assert(n < 10000);
		push();
	}
	settle();
	for (unsigned n = 0; n < 70; n++) {
		ip_reass_tmr();
		ip6_reass_tmr();
	}
	settle();
	netif_remove(&vifs->netif);
	settle();
	while (vif.first)
		vif_take();
	net_stats(&s);
	if (!s.tx_queued && !s.lent_used && !vif.pages && !rx_memory_bytes())
		return;
	look_for_leaks();		/* with the caller in its report */
	host_fail("at the end: %u packets queued, %u lent pages used, %lu pages and %zu bytes "
		  "of what was received", s.tx_queued, s.lent_used, vif.pages, rx_memory_bytes());
}

static void __attribute__((noreturn)) panicked(void)
{
	fputs(host_console(), stderr);
	abort();
}

static void boot(void)
{
	struct page_stats pages;

	host.accesses = 0;
	host.profiled = false;
	host_set_memory(MEMORY);
	host_boot();
	panic_end = panicked;
	page_stats(&pages);
	sendbuf_init(pages.total * PAGE_SIZE);
	host_snapshot();
	host_xen.shutdown = 0;		/* allocated memory stays allocated */
}

/* At the end of the process all of it is still reachable. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool booted HOST_KEEP;

	if (!booted) {
		host_run(1, boot);
		if (!__sanitizer_install_malloc_and_free_hooks(allocated, freed))
			host_fail("no hooks for malloc()");
		booted = true;
	}
	host_restore();
	host_world_reset(1);
	host.accesses = 0;
	host.profiled = false;
	host.steps = 0;			/* without a limit: libFuzzer has -timeout */
	host_set_time(BOOTED_AT + (1ull << 53));
	host_console_clear();
	input = data;
	input_left = size;
	live.on = true;
	run();
	look_for_leaks();
	return 0;
}

#endif
